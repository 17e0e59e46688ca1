"""Who is invited, and what they answer when.

A dozen people with four kinds of calendar. They know nothing but the mails
they get: an invitation arrives, they read it, and after a moment they answer
by SMTP. One changes her mind, one forwards the invitation to somebody who was
not asked, one answers a state of a meeting that is no longer the current one.
"""

from __future__ import annotations

import contextlib
import heapq
import queue
import random
import smtplib
import threading
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime, formataddr, make_msgid
from types import MappingProxyType
from typing import Self

from rsvpd.demo import clients
from rsvpd.demo.clients import Client, Reply
from rsvpd.demo.invitation import Invitation, read_invitation
from rsvpd.demo.wire import entity, multipart, part, word
from rsvpd.demo.world import HOST, Delivered

BOARD_UID = "20260907T081500Z-board@harbour.example"
"""The meeting that another calendar has invited to and moved once."""

_FIRST = (0.3, 4.0)
_LATER = (1.5, 2.5)
_TICK = 0.05
_SMTP_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Turn:
    """One answer of somebody."""

    partstat: str
    comment: str = ""
    guests: int = 0


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody with a mailbox and a calendar.

    says: the answers to the dinner, one after the other
    forwards_to: the address that gets the invitation from them
    """

    name: str
    address: str
    client: Client
    says: tuple[Turn, ...]
    language: str = "en"
    forwards_to: str = ""


YES, MAYBE, NO = Turn("ACCEPTED"), Turn("TENTATIVE"), Turn("DECLINED")

UNINVITED = Person("Zoë Castellan", "zoe.castellan@example.net", clients.google, (YES,))

INVITED = (
    Person("Amara Okafor", "amara@example.com", clients.google, (Turn("ACCEPTED", guests=2),)),
    Person("Björn Lindqvist", "bjorn.lindqvist@fjord.example", clients.microsoft, (YES,)),
    Person(
        "Chiara Rossi",
        "chiara@example.net",
        clients.ios,
        (YES,),
        forwards_to=UNINVITED.address,
    ),
    Person("Daniel Mbeki", "daniel.mbeki@example.org", clients.thunderbird, (NO,)),
    Person("Élodie Martin", "elodie@example.net", clients.ios, (MAYBE,), language="fr"),
    Person(
        "Farid Haddad",
        "farid@example.com",
        clients.google,
        (Turn("ACCEPTED", "I will bring a cello"),),
    ),
    Person("Grace Kim", "grace.kim@fjord.example", clients.microsoft, (MAYBE, YES)),
    Person("Hana Sato", "hana@example.com", clients.google, (YES,)),
    Person("Isak Berg", "isak@example.org", clients.thunderbird, (YES,)),
    Person(
        "Jonas Weber",
        "jonas.weber@fjord.example",
        clients.microsoft,
        (Turn("DECLINED", "In den Ferien, leider"),),
        language="de",
    ),
    Person("Kavya Nair", "kavya@example.net", clients.ios, (YES,)),
    Person("Luis Ortega", "luis.ortega@example.org", clients.thunderbird, (MAYBE,)),
)

_BY_ADDRESS = {person.address: person for person in (*INVITED, UNINVITED)}

# Isak's computer has not yet seen that the board meeting was moved, so he answers SEQUENCE 1.
_BOARD: Mapping[tuple[str, int], Turn] = MappingProxyType(
    {("isak@example.org", 1): YES, ("bjorn.lindqvist@fjord.example", 2): YES}
)
BOARD_MEMBERS = tuple(_BY_ADDRESS[address] for address, _ in _BOARD)


def expected_answers() -> dict[str, str]:
    """The PARTSTAT of every attendee of the dinner once all have answered, by address."""
    return {person.address: person.says[-1].partstat for person in INVITED}


def expected_outcomes() -> Counter[str]:
    """How many ledger rows of each outcome all these answers make."""
    answers = sum(len(person.says) for person in INVITED)
    board_answers = len(_BOARD) - 1
    return Counter(applied=answers + board_answers, outdated=1, held=1)


class Attendees:
    """Everybody with a mailbox, answering in a thread of their own; a context manager.

    arrivals: the mails that come in for them
    smtp_port: where they hand in theirs
    pace: how slow they are; 1 is a moment for each answer, 0 none
    """

    def __init__(self, arrivals: queue.SimpleQueue[Delivered], smtp_port: int, *, pace: float = 1.0) -> None:
        """Prepare them; they look at their mail once entered."""
        self._arrivals = arrivals
        self._smtp_port = smtp_port
        self._pace = pace
        self._agenda: list[_Intention] = []
        self._leaving = threading.Event()
        self._thread = threading.Thread(target=self._live, name="attendees", daemon=True)

    def __enter__(self) -> Self:
        """Let them look at their mail."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Send everybody home; what they still wanted to say stays unsaid."""
        self._leaving.set()
        self._thread.join()

    def _live(self) -> None:
        while not self._leaving.is_set():
            with contextlib.suppress(queue.Empty):
                self._read(self._arrivals.get(timeout=_TICK))
            while self._agenda and self._agenda[0].due <= time.monotonic():
                self._answer(heapq.heappop(self._agenda))

    def _read(self, mail: Delivered) -> None:
        person = _BY_ADDRESS.get(mail.recipient.casefold())
        invitation = read_invitation(mail.content)
        if person is None or invitation is None:
            return
        if person.forwards_to and invitation.uid != BOARD_UID:
            self._send(person, person.forwards_to, _forwarded(person, mail.content, invitation))
        # The same people are equally quick each time.
        chance = random.Random(f"{person.address} {invitation.summary}")  # noqa: S311 - no secret
        due, arrived_at = time.monotonic(), datetime.now(UTC)
        for turn, limits in zip(_turns(person, invitation), (_FIRST, _LATER), strict=False):
            due += self._pace * chance.uniform(*limits)
            heapq.heappush(self._agenda, _Intention(due, person, turn, invitation, arrived_at))

    def _answer(self, intention: _Intention) -> None:
        person, turn = intention.person, intention.turn
        now = datetime.now(UTC)
        reply = Reply(
            name=person.name,
            address=person.address,
            partstat=turn.partstat,
            # On a phone the tap is one moment, the mail that goes out a later one.
            decided_at=intention.arrived_at if person.client is clients.ios else now,
            sent_at=now,
            comment=turn.comment,
            guests=turn.guests,
            language=person.language,
        )
        self._send(person, intention.invitation.organizer, person.client(intention.invitation, reply))

    def _send(self, person: Person, recipient: str, mail: bytes) -> None:
        with smtplib.SMTP(HOST, self._smtp_port, local_hostname="localhost", timeout=_SMTP_SECONDS) as smtp:
            smtp.sendmail(person.address, [recipient], mail, mail_options=["BODY=8BITMIME"])


@dataclass(frozen=True, slots=True, order=True)
class _Intention:
    """An answer that somebody will give at `due` (time.monotonic)."""

    due: float
    person: Person = field(compare=False)
    turn: Turn = field(compare=False)
    invitation: Invitation = field(compare=False)
    arrived_at: datetime = field(compare=False)


def _turns(person: Person, invitation: Invitation) -> Sequence[Turn]:
    if invitation.uid != BOARD_UID:
        return person.says
    turn = _BOARD.get((person.address, invitation.sequence))
    return () if turn is None else (turn,)


def _forwarded(person: Person, mail: bytes, invitation: Invitation) -> bytes:
    """The invitation, whole, inside a mail to a friend."""
    headers = [
        f"From: {formataddr((person.name, person.address))}",
        f"To: {person.forwards_to}",
        f"Subject: {word(f'Fwd: {invitation.summary}')}",
        f"Date: {format_datetime(datetime.now(UTC))}",
        f"Message-ID: {make_msgid(domain=person.address.rpartition('@')[2])}",
        "MIME-Version: 1.0",
        'Content-Type: multipart/mixed; boundary="Apple-Mail-5D1F3C2A-9E07"',
    ]
    body = multipart(
        "Apple-Mail-5D1F3C2A-9E07",
        part("text/plain; charset=us-ascii", "7bit", b"You have to come to this!\r\n"),
        part("message/rfc822", "8bit", mail),
    )
    return entity(headers, body)
