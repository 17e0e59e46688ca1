"""Reading never raises, whatever the bytes are; and what is cut off says nothing else than before."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builders import CLIENTS, Facts, Party
from builders.odd import NOT_ANSWERS, ODDITIES, SILENT
from builders.odd_ics import clean
from rsvpd.itip import mime
from rsvpd.itip.ics import reading as ics_reading
from rsvpd.itip.ics.meetings import read_meetings
from rsvpd.itip.model import Method, PartStat
from rsvpd.itip.reading import read_again, read_mail

FACTS = Facts(
    comment="Zoë: später",
    recurrence_id=datetime(2026, 12, 10, 13, 0, tzinfo=UTC),
    others=(Party("bob@example.net", "Bob"),),
    in_reply_to="r1@example.org",
)
MAILS = [build(FACTS) for build in {**CLIENTS, **ODDITIES, **NOT_ANSWERS, **SILENT}.values()]
SERIES = (
    clean(replace(FACTS, method="REQUEST"))
    .replace(b"SUMMARY", b"RRULE:FREQ=WEEKLY\r\nEXDATE;TZID=Europe/Zurich:20261210T140000\r\nSUMMARY")
    .replace(b"METHOD:REQUEST\r\n", b"")
)


@dataclass(frozen=True)
class Wound:
    """One mutation; places are fractions of the length."""

    kind: str
    at: float
    size: int
    to: float
    byte: int

    def inflicted(self, data: bytes) -> bytes:
        start, other = int(self.at * len(data)), int(self.to * len(data))
        piece = data[start : start + self.size]
        match self.kind:
            case "delete":
                return data[:start] + data[start + self.size :]
            case "duplicate":
                return data[:other] + piece + data[other:]
            case "insert":
                return data[:start] + bytes([self.byte]) * min(self.size, 8) + data[start:]
            case "truncate":
                return data[:start]
            case _:
                return data[:start] + bytes(b ^ self.byte for b in piece[:4]) + data[start + 4 :]


SHARE = st.floats(0, 1, exclude_max=True)
WOUNDS = st.lists(
    st.builds(
        Wound,
        st.sampled_from(("delete", "duplicate", "insert", "flip", "truncate")),
        SHARE,
        st.integers(1, 200),
        SHARE,
        st.integers(0, 255),
    ),
    min_size=1,
    max_size=6,
)


def wounded(data: bytes, wounds: list[Wound]) -> bytes:
    for wound in wounds:
        data = wound.inflicted(data)
    return data


def read_everything(raw: bytes) -> None:
    read = read_mail(raw)
    for item in read.items:
        again = read_again(item.source, item.raw, item.note, read.envelope)
        assert again.problem is not None or again.component == item.component


@settings(max_examples=400)
@given(st.sampled_from(MAILS), WOUNDS)
def test_reading_never_raises_on_wounded_mails(raw: bytes, wounds: list[Wound]) -> None:
    read_everything(wounded(raw, wounds))


@settings(max_examples=150)
@given(st.sampled_from([*MAILS, clean(FACTS), SERIES]), WOUNDS)
def test_calendars_never_raise_when_wounded(raw: bytes, wounds: list[Wound]) -> None:
    for part in mime.read(raw).calendars:
        ics_reading.read(wounded(part.data, wounds), part.charset, part.method)
    read_meetings(wounded(SERIES, wounds))


@given(st.binary(max_size=600))
def test_reading_never_raises_on_any_bytes(raw: bytes) -> None:
    read_everything(raw)
    ics_reading.read(raw)
    read_meetings(raw)
    head = b"From: alice@example.com\r\nContent-Type: "
    read_everything(head + b"text/calendar\r\n\r\nBEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\n" + raw)
    read_everything(head + raw)


VALUES = st.sampled_from(
    [
        b"ATTENDEE;%s:%s", b"RECURRENCE-ID;%s:%s", b"DTSTAMP;%s:%s", b"DTSTART;%s:%s", b"SEQUENCE;%s:%s",
        b"DTEND;%s:%s", b"DURATION;%s:%s", b"RDATE;%s:%s", b"EXDATE;%s:%s", b"RRULE;%s:%s", b"METHOD;%s:%s",
        b"BEGIN:VTIMEZONE\r\nTZID;%s:%s\r\nBEGIN:STANDARD\r\nDTSTART:19700101T000000\r\nEND:STANDARD\r\nEND:VTIMEZONE",
    ]
)  # fmt: skip
ODD = st.sampled_from(
    [
        b"TZID=Europe/Zurich", b"TZID=/x/Europe/Zurich", b"TZID=..", b"TZID=/", b"TZID=Nowhere", b"VALUE=DATE",
        b"PARTSTAT=ACCEPTED", b"X-PROPOSED=00010101T000000Z/99991231T235959Z", b"DELEGATED-TO=x", b"EMAIL=a@b.c",
        b"X-NUM-GUESTS=99999999999", b"RANGE=THISANDFUTURE", b"X=", b"TZID=\xc3",
    ]
)  # fmt: skip
TIMES = st.sampled_from(
    [
        b"00010101T000000", b"00010101T000000Z", b"99991231T235959", b"99991231", b"20261310T250000", b"20261203T140060Z",
        b"P99999W", b"-P1D", b"PT", b"99999999999", b"-1", b"FREQ=DAILY", b"x", b"", b"20261203T140000Z/PT1H,20261204",
        b"mailto:alice@example.com", b"20261203T1400", b"\xff",
    ]
)  # fmt: skip


@settings(max_examples=300)
@given(st.lists(st.tuples(VALUES, ODD, TIMES), max_size=8))
def test_awkward_values_never_raise(rows: list[tuple[bytes, bytes, bytes]]) -> None:
    inner = [template % (parameter, value) for template, parameter, value in rows]
    around = [b"BEGIN:VCALENDAR", b"METHOD:REPLY", b"BEGIN:VEVENT", b"UID:x", b"DTSTART:20261203T140000Z"]
    data = b"\r\n".join([*around, *inner, b"END:VEVENT", b"END:VCALENDAR", b""])
    ics_reading.read(data)
    read_meetings(data)
    read_meetings(data.replace(b"DTSTART:2026", b"SUMMARY:2026"))


@pytest.mark.parametrize("client", ["google", "microsoft365", "exchange2007_tnef", "cyrus", "sogo"])
def test_a_mail_cut_off_anywhere_says_nothing_else(client: str) -> None:
    raw = CLIENTS[client](FACTS)
    for end in range(0, len(raw), 1 if len(raw) < 2500 else 2):
        for item in read_mail(raw[:end]).items:
            if item.component is None:
                continue
            assert item.component.method in {Method.REPLY, None}
            assert {user.partstat for user in item.component.attendees} <= {PartStat.ACCEPTED, None}
            assert FACTS.uid.startswith(item.component.uid)
