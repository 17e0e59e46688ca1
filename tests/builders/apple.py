"""Apple: iOS Mail and Calendar, macOS Mail with iCal 3."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from builders.facts import Facts
from builders.ical import (
    attendee,
    escape,
    occurrence,
    organizer,
    sequence,
    stamp,
    text,
    times,
    vtimezone,
    when,
)
from builders.text import Row, content, entity, envelope, leaf, multipart, nested

NO_BREAK_SPACE = "\u00a0"
_WORDS = {
    "en": {"ACCEPTED": "Accepted", "DECLINED": "Declined", "TENTATIVE": "Tentative"},
    "fr": {"ACCEPTED": "Accepté", "DECLINED": "Refusé", "TENTATIVE": "Peut-être"},
}
_LATER = timedelta(minutes=7)


def ios(facts: Facts) -> bytes:
    """iOS: quoted-printable soft breaks across folds, a DTSTAMP minutes before the Date header.

    In French the subject has a no-break space before its colon.
    """
    sent = replace(facts, sent_at=facts.sent_at or facts.dtstamp + _LATER)
    boundary = f"Apple-Mail-{facts.token[:8].upper()}-{facts.token[8:12].upper()}"
    colon = f"{NO_BREAK_SPACE}:" if facts.language == "fr" else ":"
    words = _WORDS.get(facts.language, _WORDS["en"])
    verb = words.get(facts.partstat, facts.partstat.title())
    body = multipart(
        boundary,
        leaf("text/plain;\r\n\tcharset=utf-8", "quoted-printable", b"\r\n\r\n"),
        leaf(
            f"text/calendar;\r\n\tcharset=utf-8;\r\n\tname=meeting.ics;\r\n\tmethod={facts.method}",
            "quoted-printable",
            ios_ics(facts),
        ),
    )
    headers = envelope(
        sent,
        f"{verb}{colon} {facts.summary}",
        "X-Mailer: iPhone Mail (20H115)",
        f"Content-Type: multipart/alternative;\r\n\tboundary={boundary}",
    )
    return entity(headers, body)


def ios_ics(facts: Facts) -> bytes:
    """The calendar of iOS: a private comment, a proposal as a parameter of ATTENDEE in a REPLY."""
    head = ["BEGIN:VCALENDAR", "CALSCALE:GREGORIAN", f"METHOD:{facts.method}"]
    head += ["PRODID:-//Apple Inc.//iPhone OS 16.6//EN", "VERSION:2.0"]
    rows: list[Row] = [
        *vtimezone(facts, facts.zone),
        f"BEGIN:{facts.component}",
        _ios_attendee(facts),
        *times(facts, facts.zone),
        f"DTSTAMP:{stamp(facts.dtstamp)}",
        organizer(facts.organizer),
        occurrence(facts, facts.zone),
        sequence(facts),
        f"SUMMARY:{escape(facts.summary)}",
        f"UID:{facts.uid}",
        text("X-CALENDARSERVER-PRIVATE-COMMENT", facts.comment),
        f"END:{facts.component}",
    ]
    return content([*head, *rows, "END:VCALENDAR"])


def _ios_attendee(facts: Facts) -> str:
    proposed = []
    if facts.proposed_start is not None and facts.method == "REPLY":
        _, _, at = when("", facts.proposed_start).rpartition(":")
        proposed = [f"TO-ALL-PROPOSED-NEW-TIME={at}"]
    return attendee(
        facts,
        f'CN="{facts.attendee.name}"',
        "CUTYPE=INDIVIDUAL",
        f"PARTSTAT={facts.partstat}",
        "ROLE=REQ-PARTICIPANT",
        *proposed,
    )


def macos(facts: Facts) -> bytes:
    """Mail with iCal 3 on macOS: the calendar is an attachment between two html parts, no method, no charset.

    To and ORGANIZER are the address that the invitation came from, plus-addressed or not.
    """
    outer, inner = (f"Apple-Mail-{n}--{int(facts.token[:8], 16)}" for n in (3, 4))
    html = f"<html><body>{facts.comment or ''}</body></html>".encode()
    calendar = leaf(
        'text/calendar;\r\n\tx-unix-mode=0644;\r\n\tname="iCal-20261123-112542.ics"',
        "quoted-printable",
        macos_ics(facts),
        "Content-Disposition: attachment;\r\n\tfilename=iCal-20261123-112542.ics",
    )
    page = "text/html;\r\n\tcharset=UTF-8"
    body = multipart(
        outer,
        leaf(
            "text/plain;\r\n\tcharset=UTF-8",
            "quoted-printable",
            f"{facts.comment or ''}\r\n".encode(),
        ),
        nested(
            "mixed",
            inner,
            leaf(page, "quoted-printable", html),
            calendar,
            leaf(page, "quoted-printable", b"<html><body><br></body></html>"),
        ),
    )
    headers = envelope(
        facts,
        f"Event {facts.partstat.lower()}: {facts.summary}",
        "X-Mailer: Apple Mail (2.929.2)",
        f"Content-Type: multipart/alternative;\r\n\tboundary={outer}",
    )
    return entity(headers, body)


def macos_ics(facts: Facts) -> bytes:
    """The calendar of iCal 3."""
    head = ["BEGIN:VCALENDAR", "VERSION:2.0", f"METHOD:{facts.method}"]
    head += ["PRODID:-//Apple Inc.//iCal 3.0//EN", "CALSCALE:GREGORIAN"]
    name = f'CN="{facts.attendee.name}"'
    rows: list[Row] = [
        *vtimezone(facts, facts.zone),
        f"BEGIN:{facts.component}",
        organizer(facts.recipient),
        attendee(facts, name, "CUTYPE=INDIVIDUAL", f"PARTSTAT={facts.partstat}"),
        *times(facts, facts.zone),
        occurrence(facts, facts.zone),
        f"DTSTAMP:{stamp(facts.dtstamp)}",
        sequence(facts),
        f"SUMMARY:{escape(facts.summary)}",
        f"UID:{facts.uid}",
        f"END:{facts.component}",
    ]
    return content([*head, *rows, "END:VCALENDAR"])
