"""Calendars that break readers and still say one thing; each is the clean reply with one defect."""

from __future__ import annotations

import re
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
    when,
)
from builders.text import Row, content

X500 = "/o=Example/ou=Exchange Administrative Group (FYDIBOHF23SPDLT)/cn=Recipients/cn=alice"


def clean(facts: Facts) -> bytes:
    """A reply as RFC 5546 wants it."""
    return _calendar([*_before(facts), _attendee(facts), *_after(facts)], facts)


def method_twice(facts: Facts) -> bytes:
    """METHOD stands twice in the calendar."""
    row = f"METHOD:{facts.method}\r\n".encode()
    return clean(facts).replace(row, row + row)


def blank_lines(facts: Facts) -> bytes:
    """Blank lines inside the VEVENT."""
    return clean(facts).replace(b"\r\nSUMMARY", b"\r\n\r\nSUMMARY").replace(b"\r\nUID", b"\r\n\r\nUID")


def quoted_printable_residue(facts: Facts) -> bytes:
    """A relay dropped the transfer encoding header and left its =3D and soft breaks inside."""
    data = clean(facts).replace(b"=", b"=3D")
    return data.replace(b"PARTSTAT", b"PART=\r\nSTAT")


def bare_newlines(facts: Facts) -> bytes:
    """LF alone ends the lines."""
    return clean(facts).replace(b"\r\n", b"\n")


def mailto_upper(facts: Facts) -> bytes:
    """MAILTO: in upper case, and the address too."""
    return _rewritten(facts, f"MAILTO:{facts.attendee.address.upper()}")


def mailto_missing(facts: Facts) -> bytes:
    """An address without mailto:."""
    return _rewritten(facts, facts.attendee.address)


def mailto_quoted(facts: Facts) -> bytes:
    """The whole value in quotes."""
    return _rewritten(facts, f'"mailto:{facts.attendee.address}"')


def mailto_bracketed(facts: Facts) -> bytes:
    """The address in angle brackets behind mailto:."""
    return _rewritten(facts, f"mailto:<{facts.attendee.address}>")


def mailto_local_quoted(facts: Facts) -> bytes:
    """A local part in quotes that needs none."""
    local, _, domain = facts.attendee.address.rpartition("@")
    return _rewritten(facts, f'mailto:"{local}"@{domain}')


def idn_other_form(facts: Facts) -> bytes:
    """The domain in the other form: A-labels become U-labels and the other way round."""
    local, _, domain = facts.attendee.address.rpartition("@")
    ascii_form = domain.encode("idna").decode()
    other = domain.encode().decode("idna") if ascii_form == domain else ascii_form
    return _rewritten(facts, f"mailto:{local}@{other}")


def x500_with_email(facts: Facts) -> bytes:
    """Exchange inside its own organisation: an X.500 name as value, the mail address in EMAIL=."""
    return _rewritten(facts, f"EX:{X500}", f"EMAIL={facts.attendee.address}")


def x500_alone(facts: Facts) -> bytes:
    """An X.500 name and nothing else: counts as no ATTENDEE, so the sender answered."""
    return _rewritten(facts, f"EX:{X500}")


def urn_with_email(facts: Facts) -> bytes:
    """Calendar Server: a urn:uuid: as value, the mail address in EMAIL=."""
    urn = "urn:uuid:7d2f6b9c-0a4e-4a57-8d1f-2f9b3c1e5a60"
    return _rewritten(facts, urn, f"EMAIL={facts.attendee.address}")


def nomail(facts: Facts) -> bytes:
    """Apple: invalid:nomail as value, so the sender answered."""
    return _rewritten(facts, "invalid:nomail")


def alarm_with_attendee(facts: Facts) -> bytes:
    """A VALARM before the ATTENDEE, with an ATTENDEE and a UID of its own."""
    alarm: list[Row] = [
        "BEGIN:VALARM",
        "ACTION:EMAIL",
        "UID:9F8E1D34-0000-4B5C-8F0A-AAAAAAAAAAAA",
        "DESCRIPTION:Reminder",
        "SUMMARY:Alarm notification",
        "ATTENDEE;PARTSTAT=DELEGATED:mailto:somebody.else@example.net",
        "TRIGGER:-PT30M",
        "END:VALARM",
    ]
    return _calendar([*_before(facts), *alarm, _attendee(facts), *_after(facts)], facts)


def timezone_after(facts: Facts) -> bytes:
    """The VTIMEZONE behind the VEVENT that uses it."""
    rows = [*_before(facts), _attendee(facts), *_after(facts)]
    return content([*_head(facts), *rows, *vtimezone(facts, facts.zone), "END:VCALENDAR"])


def several_calendars(facts: Facts) -> bytes:
    """A stream of two VCALENDARs, the first a foreign PUBLISH."""
    foreign = replace(facts, uid="another@example.net", method="PUBLISH", partstat="DELEGATED")
    return clean(foreign) + clean(facts)


def colon_in_cn(facts: Facts) -> bytes:
    """A CN with a colon and a semicolon that nobody quoted."""
    bad = f"CN={facts.attendee.name}: sales; EMEA"
    row = attendee(facts, bad, f"PARTSTAT={facts.partstat}")
    return _calendar([*_before(facts), row, *_after(facts)], facts)


def bad_fold(facts: Facts) -> bytes:
    """The continuation of ATTENDEE does not begin with a blank."""
    return clean(facts).replace(b";PARTSTAT=", b"\r\n;PARTSTAT=")


def bad_wrap(facts: Facts) -> bytes:
    """A relay broke the line inside the address and put no blank."""
    address = facts.attendee.address.encode()
    return clean(facts).replace(address, address[:-4] + b"\r\n" + address[-4:])


def fold_inside_character(facts: Facts) -> bytes:
    """A fold between the octets of one character, as RFC 2445 allowed."""
    name = f'CN="{facts.attendee.name} Ünal"'
    row = attendee(facts, name, f"PARTSTAT={facts.partstat}")
    data = _calendar([*_before(facts), row, *_after(facts)], facts)
    return data.replace("Ü".encode(), b"\xc3\r\n \x9c")


def nul(facts: Facts) -> bytes:
    """NUL octets in the CN and behind the calendar."""
    return clean(facts).replace(b"CN=", b"CN=\0") + b"\0\0\0"


def byte_order_mark(facts: Facts) -> bytes:
    """A UTF-8 byte order mark in front."""
    return b"\xef\xbb\xbf" + clean(facts)


def proposal_in_reply(facts: Facts) -> bytes:
    """A proposed time hidden in a REPLY, as a parameter of ATTENDEE; set `proposed_start`."""
    proposed = facts.proposed_start or facts.start
    value = when("", proposed).rpartition(":")[2]
    row = attendee(facts, f"PARTSTAT={facts.partstat}", f"TO-ALL-PROPOSED-NEW-TIME={value}")
    return _calendar([*_before(facts), row, *_after(facts)], facts)


def sequence_in_cdo(facts: Facts) -> bytes:
    """SEQUENCE says 0, the real one is in X-MICROSOFT-CDO-APPT-SEQUENCE."""
    zero = replace(facts, sequence=0)
    real = f"X-MICROSOFT-CDO-APPT-SEQUENCE:{facts.sequence or 0}"
    return _calendar([*_before(zero), real, _attendee(zero), *_after(zero)], zero)


def partstat_lower(facts: Facts) -> bytes:
    """The value of PARTSTAT in lower case and quoted."""
    row = attendee(facts, f'PARTSTAT="{facts.partstat.lower()}"', f"CN={quote(facts.attendee.name)}")
    return _calendar([*_before(facts), row, *_after(facts)], facts)


def names_lower(facts: Facts) -> bytes:
    """Names of components and properties in lower case."""
    return re.sub(rb"(?m)^[A-Z-]+(?=[:;])", lambda name: name[0].lower(), clean(facts))


def without_attendee(facts: Facts) -> bytes:
    """No ATTENDEE, so no PARTSTAT either."""
    return _calendar([*_before(facts), *_after(facts)], facts)


def without_partstat(facts: Facts) -> bytes:
    """An ATTENDEE that says nothing."""
    return _calendar([*_before(facts), attendee(facts), *_after(facts)], facts)


def everybody_listed(facts: Facts) -> bytes:
    """A client that echoes the whole list of attendees; set `others`."""
    rest = (
        f"ATTENDEE;PARTSTAT=NEEDS-ACTION;CN={quote(other.name)}:mailto:{other.address}"
        for other in facts.others
    )
    return _calendar([*_before(facts), *rest, _attendee(facts), *_after(facts)], facts)


def refresh(facts: Facts) -> bytes:
    """A REFRESH as RFC 5546 3.2.6 wants it: no PARTSTAT, no times."""
    rows = [f"UID:{facts.uid}", f"DTSTAMP:{stamp(facts.dtstamp)}", attendee(facts)]
    body = [f"BEGIN:{facts.component}", *rows, organizer(facts.organizer), f"END:{facts.component}"]
    return content([*_head(replace(facts, method="REFRESH")), *body, "END:VCALENDAR"])


def _rewritten(facts: Facts, value: str, *parameters: str) -> bytes:
    given = [f"PARTSTAT={facts.partstat}", f"CN={quote(facts.attendee.name)}", *parameters]
    row = f"ATTENDEE;{';'.join(given)}:{value}"
    return _calendar([*_before(facts), row, *_after(facts)], facts)


def _head(facts: Facts) -> list[Row]:
    return ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Example//Client 1//EN", f"METHOD:{facts.method}"]


def _calendar(rows: list[Row], facts: Facts) -> bytes:
    return content([*_head(facts), *vtimezone(facts, facts.zone), *rows, "END:VCALENDAR"])


def _attendee(facts: Facts) -> str:
    return attendee(facts, f"PARTSTAT={facts.partstat}", f"CN={quote(facts.attendee.name)}")


def _before(facts: Facts) -> list[Row]:
    return [
        f"BEGIN:{facts.component}",
        f"DTSTAMP:{stamp(facts.dtstamp)}",
        *times(facts, facts.zone),
        occurrence(facts, facts.zone),
        organizer(facts.organizer),
    ]


def _after(facts: Facts) -> list[Row]:
    return [
        f"UID:{facts.uid}",
        sequence(facts),
        text("COMMENT", facts.comment),
        f"SUMMARY:{escape(facts.summary)}",
        f"END:{facts.component}",
    ]
