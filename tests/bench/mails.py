"""What the mailboxes are full of: answers to a few large meetings or many small ones, and other mail.

Each mail has the header that two relays and two signatures leave, as a mail of
the world has; so a reply of Google is about 6 kB.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from builders import CLIENTS, Facts, Party, google

ORGANIZER = Party("events@example.org", "Orga Nizer")
CROWD = 1_000
"""Attendees of a large meeting."""
TEAM = 25
"""Attendees of a small one."""
START = (datetime.now(UTC) + timedelta(days=40)).replace(minute=0, second=0, microsecond=0)
ANSWERED_AT = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=2)
_STATUSES = ("ACCEPTED", "DECLINED", "TENTATIVE", "ACCEPTED")
_BUILDERS = tuple(CLIENTS.values())


@dataclass(frozen=True)
class Backlog:
    """A mailbox to be made: how many mails, how many of ten are replies, of which clients, to how large meetings."""

    name: str
    mails: int
    replies_of_ten: int = 10
    mixed: bool = False

    @property
    def people(self) -> int:
        """Attendees of each meeting."""
        return TEAM if self.mixed else CROWD

    @property
    def replies(self) -> int:
        """How many of its mails are replies."""
        return sum(self._is_reply(number) for number in range(self.mails))

    def _is_reply(self, number: int) -> bool:
        return number % 10 < self.replies_of_ten

    def invitations(self) -> Iterator[bytes]:
        """The .ics of every meeting that is answered."""
        for number in range(0, self.mails, self.people):
            yield invitation(meeting_uid(number // self.people), self.people, first=number)

    def __iter__(self) -> Iterator[bytes]:
        """The mails in order."""
        for number in range(self.mails):
            if self._is_reply(number):
                builder = _BUILDERS[number % len(_BUILDERS)] if self.mixed else google
                yield reply(number, meeting_uid(number // self.people), builder)
            else:
                yield other(number)


def meeting_uid(number: int) -> str:
    """The UID of a meeting."""
    return f"{hashlib.sha256(str(number).encode()).hexdigest()[:26]}@rsvpd.example.org"


def person(number: int) -> Party:
    """The attendee that answers with that mail."""
    return Party(f"attendee{number}@example{number % 97}.net", f"Att Endee {number}")


def invitation(uid: str, people: int, first: int = 0) -> bytes:
    """The .ics of a meeting with so many attendees."""
    attendees = (person(number) for number in range(first, first + people))
    lines = [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//bench//EN",
        "BEGIN:VEVENT",
        f"UID:{uid}",
        f"DTSTAMP:{ANSWERED_AT - timedelta(days=3):%Y%m%dT%H%M%SZ}",
        "SEQUENCE:0",
        "SUMMARY:Budget review",
        f"DTSTART:{START:%Y%m%dT%H%M%SZ}",
        f"DTEND:{START + timedelta(hours=1):%Y%m%dT%H%M%SZ}",
        f"ORGANIZER:mailto:{ORGANIZER.address}",
        *(f'ATTENDEE;CN="{p.name}";RSVP=TRUE:mailto:{p.address}' for p in attendees),
        "END:VEVENT",
        "END:VCALENDAR",
        "",
    ]
    return "\r\n".join(lines).encode()


def facts(number: int, uid: str) -> Facts:
    """What the attendee of that number answers."""
    return Facts(
        uid=uid,
        attendee=person(number),
        organizer=ORGANIZER,
        partstat=_STATUSES[number % len(_STATUSES)],
        start=START,
        end=START + timedelta(hours=1),
        dtstamp=ANSWERED_AT + timedelta(seconds=number % 3600),
        invited_at=ANSWERED_AT - timedelta(days=3),
        comment="Running late, please start without me" if number % 5 == 0 else None,
    )


def reply(number: int, uid: str, builder: Callable[[Facts], bytes] = google) -> bytes:
    """The mail of that number, as delivered."""
    return _as_delivered(builder(facts(number, uid)), number)


def other(number: int) -> bytes:
    """A mail that answers nothing of ours: every third one answers some mail."""
    paragraph = f"<p>News of the day {number}: nothing happened, and we wrote about it.</p>\r\n"
    answers = f"In-Reply-To: <thread-{number}@lists.example>\r\n" if number % 3 == 0 else ""
    return _as_delivered(
        (
            f"From: Newsletter <news{number % 50}@lists.example>\r\nTo: {ORGANIZER.address}\r\n"
            f"Subject: =?utf-8?q?Neues_vom_Tage_=E2=80=94_{number}?=\r\n{answers}"
            f"Date: {ANSWERED_AT:%a, %d %b %Y %H:%M:%S +0000}\r\nMessage-ID: <news-{number}@lists.example>\r\n"
            'MIME-Version: 1.0\r\nContent-Type: multipart/alternative; boundary="b1"\r\n\r\n'
            f"--b1\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nNews of the day {number}\r\n"
            f"--b1\r\nContent-Type: text/html; charset=utf-8\r\n\r\n{paragraph * 40}\r\n--b1--\r\n"
        ).encode(),
        number,
    )


def _as_delivered(raw: bytes, number: int) -> bytes:
    seed = hashlib.sha256(str(number).encode()).digest()
    signature = base64.b64encode(seed * 8).decode()
    folded = "\r\n        ".join(signature[i : i + 64] for i in range(0, len(signature), 64))
    received = "".join(
        f"Received: from relay{n}.example.net (relay{n}.example.net. [192.0.2.{number % 250}])\r\n"
        f"        by mx{n}.example.org with ESMTPS id {seed.hex()[:20]}\r\n"
        "        (version=TLS1_3 cipher=TLS_AES_256_GCM_SHA384 bits=256/256);\r\n"
        f"        {ANSWERED_AT:%a, %d %b %Y %H:%M:%S +0000}\r\n"
        for n in (2, 1)
    )
    signatures = "".join(
        f"{name}: v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.net; s=20230601;\r\n"
        f"        h=cc:to:from:subject:date:message-id:mime-version; bh={seed.hex()};\r\n"
        f"        b={folded}\r\n"
        for name in ("DKIM-Signature", "X-Google-DKIM-Signature")
    )
    return f"Return-Path: <bounce-{number}@example.net>\r\n{received}{signatures}".encode() + raw
