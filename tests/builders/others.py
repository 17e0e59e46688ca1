"""Android, Thunderbird, KDE, Cyrus and Fastmail, Lotus Notes."""

from __future__ import annotations

from dataclasses import replace

from builders.facts import Facts
from builders.ical import (
    attendee,
    escape,
    occurrence,
    organizer,
    quote,
    sequence,
    stamp,
    text,
    times,
    vtimezone,
)
from builders.text import Row, content, entity, envelope, leaf, multipart, nested, qp

_MIXED = "Boundary_(ID_qyG4ZdjoAsiZ+Jo19dCbWQ)"
_ALTERNATIVE = "Boundary_(ID_ryU4ZdJoASiZ+Jo21dCbwA)"
_LOTUS_SUFFIX = "-Lotus_Notes_Generated"
_WORDS = {"ACCEPTED": "Accepted", "DECLINED": "Declined", "TENTATIVE": "Tentative"}


def android(facts: Facts) -> bytes:
    """Android's e-mail app: base64 without a charset although UTF-8, folds with a TAB."""
    boundary = f"--_com.android.email_{int(facts.token[:12], 16)}"
    said = f"{facts.comment or ''}\r\n".encode()
    body = multipart(
        boundary,
        leaf("text/plain; charset=utf-8", "base64", said),
        leaf(f"text/calendar; method={facts.method}", "base64", android_ics(facts)),
    )
    headers = envelope(facts, _titled(facts), f'Content-Type: multipart/alternative; boundary="{boundary}"')
    return entity(headers, body)


def android_ics(facts: Facts) -> bytes:
    """The calendar of Android: MAILTO:, the comment or signature in DESCRIPTION."""
    head = ["BEGIN:VCALENDAR", f"METHOD:{facts.method}", "PRODID:AndroidEmail", "VERSION:2.0"]
    name = f"CN={quote(facts.attendee.name)}"
    rows: list[Row] = [
        f"BEGIN:{facts.component}",
        f"UID:{facts.uid}",
        f"DTSTAMP:{stamp(facts.dtstamp)}",
        *times(facts),
        occurrence(facts),
        f"SUMMARY:{escape(facts.summary)}",
        text("DESCRIPTION", facts.comment or "Sent from my phone"),
        attendee(facts, f"PARTSTAT={facts.partstat}", name, scheme="MAILTO:"),
        organizer(facts.organizer, "MAILTO:"),
        sequence(facts),
        "CLASS:PUBLIC",
        f"END:{facts.component}",
    ]
    return content([*head, *rows, "END:VCALENDAR"], indent="\t")


def thunderbird(facts: Facts) -> bytes:
    """Thunderbird: the same boundaries in every mail, the same subject for yes and no."""
    ics = thunderbird_ics(facts)
    plain = f"{facts.attendee.name} has answered your event invitation.\r\n".encode()
    body = multipart(
        _MIXED,
        nested(
            "alternative",
            _ALTERNATIVE,
            leaf("text/plain; charset=UTF-8", "8bit", plain),
            leaf(f"text/calendar; method={facts.method}; charset=UTF-8", "8bit", ics),
        ),
        leaf(
            "application/ics; name=invite.ics",
            "8bit",
            ics,
            "Content-Disposition: attachment; filename=invite.ics",
        ),
    )
    headers = envelope(
        facts,
        f"Event Invitation Reply: {facts.summary}",
        "User-Agent: Mozilla Thunderbird",
        f'Content-Type: multipart/mixed; boundary="{_MIXED}"',
    )
    return entity(headers, body)


def thunderbird_ics(facts: Facts) -> bytes:
    """The calendar of Thunderbird, with EMAIL= beside the address."""
    head = ["BEGIN:VCALENDAR", "PRODID:-//Mozilla.org/NONSGML Mozilla Calendar V1.1//EN"]
    head += ["VERSION:2.0", f"METHOD:{facts.method}"]
    who = attendee(
        facts,
        f"CN={quote(facts.attendee.name)}",
        f"PARTSTAT={facts.partstat}",
        "ROLE=REQ-PARTICIPANT",
        f"EMAIL={facts.attendee.address}",
    )
    rows: list[Row] = [
        *vtimezone(facts, facts.zone),
        f"BEGIN:{facts.component}",
        f"CREATED:{stamp(facts.invited_at)}",
        f"LAST-MODIFIED:{stamp(facts.dtstamp)}",
        f"DTSTAMP:{stamp(facts.dtstamp)}",
        f"UID:{facts.uid}",
        f"SUMMARY:{escape(facts.summary)}",
        occurrence(facts, facts.zone),
        organizer(facts.organizer),
        who,
        *times(facts, facts.zone),
        sequence(facts),
        text("COMMENT", facts.comment),
        f"END:{facts.component}",
    ]
    return content([*head, *rows, "END:VCALENDAR"])


def kde(facts: Facts) -> bytes:
    """KDE: UTC, the comment in DESCRIPTION, a lower-case quoted method; also VTODO and VJOURNAL."""
    boundary = f"nextPart{int(facts.token[:8], 16)}.{facts.token[8:18]}"
    content_type = f'text/calendar; name="cal.ics"; method="{facts.method.lower()}"; charset="utf-8"'
    body = multipart(
        boundary,
        leaf('text/plain; charset="us-ascii"', "7bit", b"\r\n"),
        leaf(content_type, "quoted-printable", kde_ics(facts), "Content-Disposition: attachment"),
        preamble="This is a multi-part message in MIME format.\r\n\r\n",
    )
    headers = envelope(
        facts,
        f"Answer: {facts.summary}",
        "User-Agent: KMail/5.22.3",
        f'Content-Type: multipart/mixed; boundary="{boundary}"',
    )
    return entity(headers, body)


def kde_ics(facts: Facts) -> bytes:
    """The calendar of KDE: a bare DELEGATED-TO; a COUNTER lists `others` before the one who answers."""
    head = ["BEGIN:VCALENDAR", "PRODID:-//K Desktop Environment//NONSGML libkcal 4.3//EN"]
    head += ["VERSION:2.0", "X-KDE-ICAL-IMPLEMENTATION-VERSION:1.0", f"METHOD:{facts.method}"]
    others = facts.others if facts.method == "COUNTER" else ()
    rows: list[Row] = [
        f"BEGIN:{facts.component}",
        organizer(facts.organizer),
        f"DTSTAMP:{stamp(facts.dtstamp)}",
        *(f"ATTENDEE;CN={quote(o.name)};RSVP=TRUE;PARTSTAT=NEEDS-ACTION:mailto:{o.address}" for o in others),
        _kde_attendee(facts),
        f"UID:{facts.uid}",
        sequence(facts),
        f"SUMMARY:{escape(facts.summary)}",
        text("DESCRIPTION", facts.comment),
        *times(facts),
        occurrence(facts),
        f"END:{facts.component}",
    ]
    return content([*head, *rows, "END:VCALENDAR"])


def _kde_attendee(facts: Facts) -> str:
    delegated = f"DELEGATED-TO={facts.delegated_to}"
    return attendee(
        replace(facts, delegated_to=None),
        f"CN={quote(facts.attendee.name)}",
        "RSVP=FALSE",
        f"PARTSTAT={facts.partstat}",
        "ROLE=REQ-PARTICIPANT",
        *([delegated] if facts.delegated_to else []),
    )


def cyrus(facts: Facts, *more: Facts) -> bytes:
    """Cyrus and Fastmail: the calendar is the whole mail; one VEVENT for each occurrence in `more` too."""
    headers = envelope(
        facts,
        f"RSVP: {facts.summary}",
        "Auto-Submitted: auto-generated",
        f"Content-Type: text/calendar; charset=utf-8; method={facts.method}; component={facts.component}",
        "Content-Transfer-Encoding: quoted-printable",
    )
    return entity(headers, qp(cyrus_ics(facts, *more)))


def cyrus_mixed(facts: Facts, *more: Facts) -> bytes:
    """Cyrus 3.6 as a distribution ships it: mixed with plain, html and a copy named RSVP.ics."""
    outer, inner = (f"example=_21152=_{int(facts.token[:8], 16)}_{kind}" for kind in "MA")
    ics = cyrus_ics(facts, *more)
    said = f"RSVP       : {facts.partstat}\r\n".encode()
    content_type = f"text/calendar; charset=utf-8; method={facts.method}; component={facts.component} "
    body = multipart(
        outer,
        nested(
            "alternative",
            inner,
            leaf("text/plain; charset=utf-8", "quoted-printable", said),
            leaf("text/html; charset=utf-8", None, b"<html><body>RSVP</body></html>\r\n"),
            leaf(content_type, "quoted-printable", ics),
        ),
        leaf('application/ics; charset=utf-8; name="RSVP.ics"', "base64", ics),
        preamble="This is a message with multiple parts in MIME format.\r\n\r\n",
    )
    headers = envelope(
        facts,
        f"RSVP: {facts.summary}",
        "Auto-Submitted: auto-generated",
        f'Content-Type: multipart/mixed;\r\n\tboundary="{outer}"',
    )
    return entity(headers, body)


def cyrus_ics(facts: Facts, *more: Facts) -> bytes:
    """The calendar of Cyrus: only the answered overrides, without a master."""
    head = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//CyrusIMAP.org/Cyrus 3.6.1//EN"]
    head += [f"METHOD:{facts.method}", "CALSCALE:GREGORIAN"]
    events = b"".join(_cyrus_event(one) for one in (facts, *more))
    return content([*head, *vtimezone(facts, facts.zone)]) + events + content(["END:VCALENDAR"])


def _cyrus_event(facts: Facts) -> bytes:
    before: list[Row] = [
        f"BEGIN:{facts.component}",
        f"UID:{facts.uid}",
        f"DTSTAMP:{stamp(facts.dtstamp)}",
        sequence(facts),
        occurrence(facts, facts.zone),
        *times(facts, facts.zone),
        f"SUMMARY:{escape(facts.summary)}",
        organizer(facts.organizer),
    ]
    after: list[Row] = [text("COMMENT", facts.comment), "STATUS:CONFIRMED", f"END:{facts.component}"]
    return content(before) + _cyrus_attendee(facts) + content(after)


def _cyrus_attendee(facts: Facts) -> bytes:
    """The fold falls right before the value of PARTSTAT."""
    who = attendee(
        facts,
        f"X-SEQUENCE={facts.sequence or 0}",
        f"X-DTSTAMP={stamp(facts.dtstamp)}",
        f"CN={quote(facts.attendee.name)}",
        "PARTSTAT=",
    )
    name, _, value = who.partition("PARTSTAT=")
    return content([f"{name}PARTSTAT="]) + b" " + content([f"{facts.partstat}{value}"], width=74)


def lotus_notes(facts: Facts) -> bytes:
    """Lotus Notes: its own PRODID and X-LOTUS properties, a hierarchical CN."""
    boundary = f"=_alternative {facts.token[:16].upper()}"
    body = multipart(
        boundary,
        leaf('text/plain; charset="US-ASCII"', "7bit", b"\r\n"),
        leaf(
            f'text/calendar; method={facts.method}; charset="UTF-8"',
            "quoted-printable",
            lotus_notes_ics(facts),
        ),
    )
    headers = envelope(
        facts,
        _titled(facts),
        "X-Mailer: Lotus Domino Web Server Release 8.5.3",
        f'Content-Type: multipart/alternative; boundary="{boundary}"',
    )
    return entity(headers, body)


def lotus_notes_generated(facts: Facts) -> bytes:
    """A gateway of Lotus Notes, which appends its suffix to the UID."""
    return lotus_notes(replace(facts, uid=facts.uid + _LOTUS_SUFFIX))


def lotus_notes_ics(facts: Facts) -> bytes:
    """The calendar of Lotus Notes."""
    head = ["BEGIN:VCALENDAR", "X-LOTUS-CHARSET:UTF-8", "VERSION:2.0"]
    head += ["PRODID:-//Lotus Development Corporation//NONSGML Notes 8.5.3//EN_C"]
    name = f'CN="{facts.attendee.name}/Example"'
    rows: list[Row] = [
        f"METHOD:{facts.method}",
        f"BEGIN:{facts.component}",
        *times(facts),
        occurrence(facts),
        f"DTSTAMP:{stamp(facts.dtstamp)}",
        sequence(facts),
        attendee(facts, "ROLE=REQ-PARTICIPANT", f"PARTSTAT={facts.partstat}", name, "RSVP=FALSE"),
        text("COMMENT", facts.comment),
        organizer(facts.organizer),
        f"SUMMARY:{escape(_titled(facts))}",
        f"UID:{facts.uid}",
        f"X-LOTUS-UPDATE-SEQ:{(facts.sequence or 0) + 1}",
        "X-LOTUS-NOTESVERSION:2",
        f"END:{facts.component}",
    ]
    return content([*head, *rows, "END:VCALENDAR"])


def _titled(facts: Facts) -> str:
    return f"{_WORDS.get(facts.partstat, facts.partstat.title())}: {facts.summary}"
