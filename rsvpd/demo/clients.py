"""How four calendar clients write an answer down: Google, Microsoft 365, iOS and Thunderbird.

Each function turns the invitation a client was sent and what its owner says
into the mail that client would send (RFC 6047), oddities included: Google's
foreign Sender and second copy, Microsoft's missing ORGANIZER and Windows time
zones, soft breaks across the folds of iOS, Thunderbird's constant subject.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime, formataddr, make_msgid
from typing import TypeAlias
from zoneinfo import ZoneInfo

from rsvpd.demo.invitation import Invitation
from rsvpd.demo.wire import alternative, content, entity, escape, multipart, part, word


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What somebody answers: `decided_at` is the tap on the button, `sent_at` the mail's Date."""

    name: str
    address: str
    partstat: str
    decided_at: datetime
    sent_at: datetime
    comment: str = ""
    guests: int = 0
    language: str = "en"

    @property
    def author(self) -> str:
        """The From header."""
        return formataddr((self.name, self.address))

    @property
    def stamp(self) -> str:
        """DTSTAMP (RFC 5545 3.8.7.2)."""
        return _utc(self.decided_at)


Client: TypeAlias = Callable[[Invitation, Reply], bytes]


def google(invitation: Invitation, reply: Reply) -> bytes:
    """Google Calendar: two equal copies, Auto-Submitted, the comment inside ATTENDEE, times in UTC."""
    ics = content(_google_lines(invitation, reply))
    said = f"{reply.name} has replied to this invitation.\r\n{reply.comment}\r\n".encode()
    encoding = "7bit" if ics.isascii() else "quoted-printable"
    body = multipart(
        "000000000000c9f2a1063b",
        alternative(
            "000000000000c9f29e063b",
            part('text/plain; charset="UTF-8"; format=flowed; delsp=yes', "base64", said),
            part('text/html; charset="UTF-8"', "quoted-printable", b"<p>" + said + b"</p>\r\n"),
            part("text/calendar; charset=UTF-8; method=REPLY", encoding, ics),
        ),
        part(
            'application/ics; name="invite.ics"',
            "base64",
            ics,
            'Content-Disposition: attachment; filename="invite.ics"',
        ),
    )
    verb = {"ACCEPTED": "Accepted", "DECLINED": "Declined"}.get(reply.partstat, "Tentatively Accepted")
    title = (
        f"{verb}: {invitation.summary} @ {invitation.start:%a %d %b %Y %H:%M (%Z)} ({invitation.organizer})"
    )
    headers = [
        f"Reply-To: {reply.author}",
        "Sender: Google Calendar <calendar-notification@google.example>",
        "Auto-Submitted: auto-generated",
        *_headers(invitation, reply, title),
        'Content-Type: multipart/mixed; boundary="000000000000c9f2a1063b"',
    ]
    return entity(headers, body)


def _google_lines(invitation: Invitation, reply: Reply) -> list[str]:
    who = f";CUTYPE=INDIVIDUAL;ROLE=REQ-PARTICIPANT;PARTSTAT={reply.partstat};CN={reply.name}"
    comment = f';X-RESPONSE-COMMENT="{reply.comment}"' if reply.comment else ""
    return [
        *("BEGIN:VCALENDAR", "PRODID:-//Google Inc//Google Calendar 70.9054//EN", "VERSION:2.0"),
        *("CALSCALE:GREGORIAN", "METHOD:REPLY", "BEGIN:VEVENT"),
        f"DTSTART:{_utc(invitation.start)}",
        f"DTEND:{_utc(invitation.end)}",
        f"DTSTAMP:{reply.stamp}",
        invitation.lines["ORGANIZER"],
        f"UID:{invitation.uid}",
        f"ATTENDEE{who};X-NUM-GUESTS={reply.guests}{comment}:mailto:{reply.address}",
        "X-MICROSOFT-CDO-OWNERAPPTID:-1240817923",
        f"LAST-MODIFIED:{reply.stamp}",
        f"LOCATION:{invitation.value('LOCATION')}",
        f"SEQUENCE:{invitation.sequence}",
        "STATUS:CONFIRMED",
        f"SUMMARY:{invitation.value('SUMMARY')}",
        "TRANSP:OPAQUE",
        # An alarm has an ATTENDEE of its own, who has answered nothing.
        *("BEGIN:VALARM", "ACTION:EMAIL", "DESCRIPTION:This is an event reminder"),
        *("SUMMARY:Alarm notification", f"ATTENDEE:mailto:{reply.address}", "TRIGGER:-P0DT0H30M0S"),
        *("END:VALARM", "END:VEVENT", "END:VCALENDAR"),
    ]


_MICROSOFT_WORDS = {
    "en": {"ACCEPTED": "Accepted", "DECLINED": "Declined", "TENTATIVE": "Tentative"},
    "de": {"ACCEPTED": "Zugesagt", "DECLINED": "Abgelehnt", "TENTATIVE": "Mit Vorbehalt"},
}
_MICROSOFT_ZONE = "W. Europe Standard Time"
_SAME_ZONE = ZoneInfo("Europe/Zurich")


def microsoft(invitation: Invitation, reply: Reply) -> bytes:
    """Microsoft 365: no ORGANIZER, a Windows TZID, a COMMENT that is often only a newline, all in base64."""
    title = f"{_MICROSOFT_WORDS[reply.language][reply.partstat]}: {invitation.summary}"
    said = reply.comment.encode("iso-8859-1", "replace") + b"\r\n"
    boundary = "_000_AM0PR04MB4567F2C1D5A7E1B8AM0PR04MB4567eurp_"
    body = multipart(
        boundary,
        part('text/plain; charset="iso-8859-1"', "quoted-printable", said),
        part('text/html; charset="iso-8859-1"', "quoted-printable", b"<p>" + said + b"</p>\r\n"),
        part(
            'text/calendar; charset="utf-8"; method=REPLY',
            "base64",
            content(_microsoft_lines(invitation, reply, title)),
        ),
    )
    headers = [
        *_headers(invitation, reply, title),
        f"In-Reply-To: {invitation.message_id}",
        f"Thread-Topic: {word(invitation.summary)}",
        f"Content-Language: {reply.language}",
        "X-MS-Has-Attach:",
        f'Content-Type: multipart/alternative;\r\n\tboundary="{boundary}"',
    ]
    return entity(headers, body)


def _microsoft_lines(invitation: Invitation, reply: Reply, title: str) -> list[str]:
    return [
        *("BEGIN:VCALENDAR", "METHOD:REPLY", "PRODID:Microsoft Exchange Server 2010", "VERSION:2.0"),
        *("BEGIN:VTIMEZONE", f"TZID:{_MICROSOFT_ZONE}"),
        *("BEGIN:STANDARD", "DTSTART:16010101T030000", "TZOFFSETFROM:+0200", "TZOFFSETTO:+0100"),
        *("RRULE:FREQ=YEARLY;INTERVAL=1;BYDAY=-1SU;BYMONTH=10", "END:STANDARD"),
        *("BEGIN:DAYLIGHT", "DTSTART:16010101T020000", "TZOFFSETFROM:+0100", "TZOFFSETTO:+0200"),
        *("RRULE:FREQ=YEARLY;INTERVAL=1;BYDAY=-1SU;BYMONTH=3", "END:DAYLIGHT"),
        *("END:VTIMEZONE", "BEGIN:VEVENT"),
        f"ATTENDEE;PARTSTAT={reply.partstat};CN={reply.name}:mailto:{reply.address}",
        f"COMMENT;LANGUAGE={reply.language}:{escape(reply.comment)}\\n",
        f"UID:{invitation.uid}",
        f"SUMMARY;LANGUAGE={reply.language}:{escape(title)}",
        f"DTSTART;TZID={_MICROSOFT_ZONE}:{invitation.start.astimezone(_SAME_ZONE):%Y%m%dT%H%M%S}",
        f"DTEND;TZID={_MICROSOFT_ZONE}:{invitation.end.astimezone(_SAME_ZONE):%Y%m%dT%H%M%S}",
        *("CLASS:PUBLIC", "PRIORITY:5", f"DTSTAMP:{reply.stamp}", "TRANSP:OPAQUE", "STATUS:CONFIRMED"),
        f"SEQUENCE:{invitation.sequence}",
        f"LOCATION;LANGUAGE={reply.language}:{invitation.value('LOCATION')}",
        f"X-MICROSOFT-CDO-APPT-SEQUENCE:{invitation.sequence}",
        "X-MICROSOFT-CDO-OWNERAPPTID:0",
        "X-MICROSOFT-CDO-BUSYSTATUS:BUSY",
        "X-MICROSOFT-CDO-ALLDAYEVENT:FALSE",
        "X-MICROSOFT-DISALLOW-COUNTER:FALSE",
        *("END:VEVENT", "END:VCALENDAR"),
    ]


_IOS_WORDS = {
    "en": {"ACCEPTED": "Accepted:", "DECLINED": "Declined:", "TENTATIVE": "Tentative:"},
    # French typography: a no-break space before the colon.
    "fr": {"ACCEPTED": "Accepté\u00a0:", "DECLINED": "Refusé\u00a0:", "TENTATIVE": "Peut-être\u00a0:"},
}


def ios(invitation: Invitation, reply: Reply) -> bytes:
    """iOS: soft breaks that fall across the folds of iCalendar, a DTSTAMP before the Date header."""
    boundary = "Apple-Mail-0B6F2E0D-7C1A-4C33"
    body = multipart(
        boundary,
        part("text/plain;\r\n\tcharset=utf-8", "quoted-printable", b"\r\n"),
        part(
            "text/calendar;\r\n\tcharset=utf-8;\r\n\tname=meeting.ics;\r\n\tmethod=REPLY",
            "quoted-printable",
            content(_ios_lines(invitation, reply)),
        ),
    )
    headers = [
        *_headers(invitation, reply, f"{_IOS_WORDS[reply.language][reply.partstat]} {invitation.summary}"),
        "X-Mailer: iPhone Mail (22F76)",
        f"Content-Type: multipart/alternative;\r\n\tboundary={boundary}",
    ]
    return entity(headers, body)


def _ios_lines(invitation: Invitation, reply: Reply) -> list[str]:
    who = f';CN="{reply.name}";CUTYPE=INDIVIDUAL;PARTSTAT={reply.partstat}'
    private = f"X-CALENDARSERVER-PRIVATE-COMMENT:{escape(reply.comment)}"
    return [
        *("BEGIN:VCALENDAR", "CALSCALE:GREGORIAN", "METHOD:REPLY"),
        *("PRODID:-//Apple Inc.//iPhone OS 18.5//EN", "VERSION:2.0"),
        *invitation.zone,
        "BEGIN:VEVENT",
        f"ATTENDEE{who};ROLE=REQ-PARTICIPANT:mailto:{reply.address}",
        invitation.lines["DTEND"],
        f"DTSTAMP:{reply.stamp}",
        invitation.lines["DTSTART"],
        invitation.lines["ORGANIZER"],
        f"SEQUENCE:{invitation.sequence}",
        f"SUMMARY:{invitation.value('SUMMARY')}",
        f"UID:{invitation.uid}",
        *([private] if reply.comment else []),
        *("END:VEVENT", "END:VCALENDAR"),
    ]


def thunderbird(invitation: Invitation, reply: Reply) -> bytes:
    """Thunderbird: 8bit, an attached copy, the same boundaries and subject whatever the answer."""
    ics = content(_thunderbird_lines(invitation, reply))
    outer, inner = "Boundary_(ID_qyG4ZdjoAsiZ+Jo19dCbWQ)", "Boundary_(ID_ryU4ZdJoASiZ+Jo21dCbwA)"
    said = f"{reply.name} has answered your event invitation.\r\n".encode()
    body = multipart(
        outer,
        alternative(
            inner,
            part("text/plain; charset=UTF-8", "8bit", said),
            part("text/calendar; method=REPLY; charset=UTF-8", "8bit", ics),
        ),
        part(
            "application/ics; name=invite.ics",
            "8bit",
            ics,
            "Content-Disposition: attachment; filename=invite.ics",
        ),
    )
    headers = [
        *_headers(invitation, reply, f"Event Invitation Reply: {invitation.summary}"),
        "User-Agent: Mozilla Thunderbird",
        f'Content-Type: multipart/mixed; boundary="{outer}"',
    ]
    return entity(headers, body)


def _thunderbird_lines(invitation: Invitation, reply: Reply) -> list[str]:
    who = f";CN={reply.name};PARTSTAT={reply.partstat};ROLE=REQ-PARTICIPANT"
    return [
        *("BEGIN:VCALENDAR", "PRODID:-//Mozilla.org/NONSGML Mozilla Calendar V1.1//EN"),
        *("VERSION:2.0", "METHOD:REPLY"),
        *invitation.zone,
        "BEGIN:VEVENT",
        f"LAST-MODIFIED:{reply.stamp}",
        f"DTSTAMP:{reply.stamp}",
        f"UID:{invitation.uid}",
        f"SUMMARY:{invitation.value('SUMMARY')}",
        invitation.lines["ORGANIZER"],
        f"ATTENDEE{who};EMAIL={reply.address}:mailto:{reply.address}",
        invitation.lines["DTSTART"],
        invitation.lines["DTEND"],
        f"SEQUENCE:{invitation.sequence}",
        *([f"COMMENT:{escape(reply.comment)}"] if reply.comment else []),
        *("END:VEVENT", "END:VCALENDAR"),
    ]


def _headers(invitation: Invitation, reply: Reply, title: str) -> list[str]:
    domain = reply.address.rpartition("@")[2]
    return [
        f"From: {reply.author}",
        f"To: {invitation.organizer}",
        f"Subject: {word(title)}",
        f"Date: {format_datetime(reply.sent_at)}",
        f"Message-ID: {make_msgid(domain=domain)}",
        "MIME-Version: 1.0",
    ]


def _utc(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y%m%dT%H%M%SZ}"
