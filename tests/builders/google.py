"""Google Calendar."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from builders.facts import Facts
from builders.ical import (
    attendee,
    escape,
    occurrence,
    organizer,
    quote,
    sequence,
    stamp,
    times,
)
from builders.text import Row, ascii_or, content, date_header, entity, leaf, mailbox, multipart, nested, word

SENDER = "Google Calendar <calendar-notification@google.example>"
_WORDS = {"ACCEPTED": "Accepted", "DECLINED": "Declined", "TENTATIVE": "Tentatively Accepted"}


def google(facts: Facts) -> bytes:
    """Google Calendar: two equal copies, a foreign Sender, Auto-Submitted, the comment inside ATTENDEE.

    The calendar part is 7bit where it can be; otherwise it looks as after a relay, quoted-printable.
    """
    ics = google_ics(facts)
    calendar = leaf(
        f"text/calendar; charset=UTF-8; method={facts.method}",
        ascii_or(ics, "7bit", "quoted-printable"),
        ics,
    )
    outer, inner = (f"00000000000{facts.token[i : i + 17]}" for i in (0, 17))
    body = multipart(
        outer,
        nested("alternative", inner, *_bodies(facts), calendar),
        leaf(
            'application/ics; name="invite.ics"',
            "base64",
            ics,
            'Content-Disposition: attachment; filename="invite.ics"',
        ),
    )
    return entity([*_headers(facts), f'Content-Type: multipart/mixed; boundary="{outer}"'], body)


def google_ics(facts: Facts) -> bytes:
    """The calendar of Google: UTC times, echoed X-MICROSOFT-CDO-*, a VALARM with an own ATTENDEE."""
    head = ["BEGIN:VCALENDAR", "PRODID:-//Google Inc//Google Calendar 70.9054//EN"]
    head += ["VERSION:2.0", "CALSCALE:GREGORIAN", f"METHOD:{facts.method}"]
    return content([*head, *_component(facts), "END:VCALENDAR"])


def _component(facts: Facts) -> list[Row]:
    zone = facts.zone if facts.recurrence_id else None
    return [
        f"BEGIN:{facts.component}",
        *times(facts, zone),
        f"DTSTAMP:{stamp(facts.dtstamp)}",
        organizer(facts.organizer),
        f"UID:{facts.uid}",
        _attendee(facts),
        "X-MICROSOFT-CDO-OWNERAPPTID:-1240817923",
        "X-MICROSOFT-CDO-BUSYSTATUS:TENTATIVE",
        occurrence(facts, zone),
        f"CREATED:{stamp(facts.invited_at)}",
        f"LAST-MODIFIED:{stamp(facts.dtstamp)}",
        f"LOCATION:{escape(facts.location)}",
        sequence(facts),
        "STATUS:CONFIRMED",
        f"SUMMARY:{escape(facts.summary)}",
        "TRANSP:OPAQUE",
        *_alarm(facts),
        f"END:{facts.component}",
    ]


def _attendee(facts: Facts) -> str:
    comment = (facts.comment or "").replace('"', "'").replace("\n", " ")
    return attendee(
        facts,
        "CUTYPE=INDIVIDUAL",
        "ROLE=REQ-PARTICIPANT",
        f"PARTSTAT={facts.partstat}",
        f"CN={quote(facts.attendee.name)}",
        f"X-NUM-GUESTS={facts.guests or 0}",
        *([f'X-RESPONSE-COMMENT="{comment}"'] if facts.comment else []),
    )


def _alarm(facts: Facts) -> list[Row]:
    return [
        "BEGIN:VALARM",
        "ACTION:EMAIL",
        "DESCRIPTION:This is an event reminder",
        "SUMMARY:Alarm notification",
        f"ATTENDEE:mailto:{facts.organizer.address}",
        "TRIGGER:-P0DT0H30M0S",
        "END:VALARM",
    ]


def _headers(facts: Facts) -> list[Row]:
    verb = _WORDS.get(facts.partstat, "Updated")
    subject = f"{verb}: {facts.summary} @ {_span(facts)} ({facts.organizer.address})"
    reply_to = facts.in_reply_to
    return [
        "MIME-Version: 1.0",
        f"Reply-To: {mailbox(facts.author)}",
        f"Sender: {SENDER}",
        "Auto-Submitted: auto-generated",
        f"Message-ID: <calendar-{facts.message_id_at('google.example')}>"
        if facts.message_id is None
        else f"Message-ID: <{facts.message_id}>",
        f"In-Reply-To: <{reply_to}>" if reply_to else None,
        date_header(facts.written_at),
        f"Subject: {word(subject)}",
        f"From: {mailbox(facts.author)}",
        f"To: {mailbox(facts.recipient)}",
    ]


def _span(facts: Facts) -> str:
    if not isinstance(facts.start, datetime):
        return f"{facts.start:%a %b %d, %Y}"
    local = facts.start.astimezone(ZoneInfo(facts.zone or "UTC"))
    return f"{local:%a %b %d, %Y %H:%M (%Z)}"


def _bodies(facts: Facts) -> tuple[bytes, bytes]:
    said = f"{facts.attendee.name} has replied to this invitation.\r\n\r\n{facts.summary}\r\n"
    said += f"{facts.comment}\r\n" if facts.comment else ""
    html = f"<html><body><p>{said}</p></body></html>\r\n".encode()
    return (
        leaf('text/plain; charset="UTF-8"; format=flowed; delsp=yes', "base64", said.encode()),
        leaf('text/html; charset="UTF-8"', "quoted-printable", html),
    )
