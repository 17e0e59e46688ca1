"""What is written into an .ics, read back with icalendar."""

from __future__ import annotations

import unicodedata
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from icalendar import Calendar, Component, Event

from rsvpd.itip.ics.writing import write
from rsvpd.itip.model import (
    Attendee,
    CuType,
    Meeting,
    MeetingStatus,
    Method,
    PartStat,
    Recurrence,
    Role,
)

ZURICH = ZoneInfo("Europe/Zurich")
NOW = datetime(2026, 11, 24, 9, 30, 15, tzinfo=ZURICH)
MEETING = Meeting(
    uid="1@example.org",
    organizer="ann@example.org",
    organizer_name="Ann Example",
    start=datetime(2026, 12, 3, 14, tzinfo=ZURICH),
    end=datetime(2026, 12, 3, 15, tzinfo=ZURICH),
    summary="Budget",
    zone="Europe/Zurich",
)
BEAT = Attendee("beat@example.org", "Beat Müller")
ATTENDEE = (
    'ATTENDEE;CN="Beat Müller";CUTYPE=INDIVIDUAL;ROLE=REQ-PARTICIPANT;'
    "PARTSTAT=NEEDS-ACTION;RSVP=TRUE:mailto:beat@example.org"
)

clean = st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Zl", "Zp"])
lines = st.text(clean, max_size=200)
prose = st.text(clean | st.just("\n"), max_size=400)
anything = st.text(st.characters(), max_size=200)


def written(meeting: Meeting = MEETING, *attendees: Attendee, method: Method = Method.REQUEST) -> bytes:
    return write(
        meeting,
        method,
        attendees=attendees or (BEAT,),
        stamped_at=NOW,
        created_at=NOW - timedelta(days=2),
        modified_at=NOW - timedelta(days=1),
    )


def unfolded(octets: bytes) -> list[str]:
    return octets.replace(b"\r\n ", b"").decode().split("\r\n")


def event(octets: bytes) -> Event:
    found = Calendar.from_ical(octets).events
    assert len(found) == 1
    assert not found[0].errors
    return found[0]


def zones(octets: bytes) -> list[Component]:
    return list(Calendar.from_ical(octets).walk("VTIMEZONE"))


def test_an_invitation_has_every_property_a_request_needs() -> None:
    rows = unfolded(written())
    for row in (
        "METHOD:REQUEST",
        "VERSION:2.0",
        "CALSCALE:GREGORIAN",
        "UID:1@example.org",
        "SEQUENCE:0",
        "DTSTAMP:20261124T083015Z",
        "CREATED:20261122T083015Z",
        "LAST-MODIFIED:20261123T083015Z",
        "DTSTART;TZID=Europe/Zurich:20261203T140000",
        "DTEND;TZID=Europe/Zurich:20261203T150000",
        "SUMMARY:Budget",
        "STATUS:CONFIRMED",
        "TRANSP:OPAQUE",
        'ORGANIZER;CN="Ann Example":mailto:ann@example.org',
        ATTENDEE,
    ):
        assert rows.count(row) == 1, row
    assert any(row.startswith("PRODID:-//rsvpd//rsvpd ") for row in rows)


@pytest.mark.parametrize("method", [Method.REQUEST, Method.CANCEL, Method.ADD])
def test_the_method_is_said_once(method: Method) -> None:
    rows = unfolded(written(method=method))
    assert [row for row in rows if row.startswith("METHOD")] == [f"METHOD:{method}"]


def test_a_cancellation_cancels_whatever_the_meeting_says() -> None:
    tentative = replace(MEETING, status=MeetingStatus.TENTATIVE)
    assert "STATUS:CANCELLED" in unfolded(written(tentative, method=Method.CANCEL))
    assert "STATUS:TENTATIVE" in unfolded(written(tentative))


def test_a_room_that_has_answered_and_need_not_is_written_so() -> None:
    room = Attendee(
        "room@example.org",
        role=Role.NON_PARTICIPANT,
        cutype=CuType.ROOM,
        rsvp=False,
        partstat=PartStat.ACCEPTED,
    )
    assert (
        "ATTENDEE;CN=room@example.org;CUTYPE=ROOM;ROLE=NON-PARTICIPANT;"
        "PARTSTAT=ACCEPTED;RSVP=FALSE:mailto:room@example.org"
    ) in unfolded(written(MEETING, room))


@pytest.mark.parametrize(
    ("start", "zone", "row"),
    [
        (
            datetime(2026, 12, 3, 13, tzinfo=UTC),
            "Europe/Zurich",
            "DTSTART;TZID=Europe/Zurich:20261203T140000",
        ),
        (datetime(2026, 12, 3, 14, tzinfo=ZURICH), "UTC", "DTSTART:20261203T130000Z"),
        (datetime(2026, 12, 3, 14, tzinfo=ZURICH), "Etc/UTC", "DTSTART:20261203T130000Z"),
        (datetime(2026, 12, 3, 14, tzinfo=ZURICH), None, "DTSTART:20261203T130000Z"),
        (datetime(2026, 12, 3, 14, tzinfo=ZURICH), "W. Europe Standard Time", "DTSTART:20261203T130000Z"),
        (datetime(2026, 12, 3, 14), "Europe/Zurich", "DTSTART:20261203T140000"),  # noqa: DTZ001
        (date(2026, 12, 3), "Europe/Zurich", "DTSTART;VALUE=DATE:20261203"),
        (date(2026, 12, 3), None, "DTSTART;VALUE=DATE:20261203"),
    ],
)
def test_a_start_is_written_in_its_form(start: date, zone: str | None, row: str) -> None:
    octets = written(replace(MEETING, start=start, end=start + timedelta(days=1), zone=zone))
    assert row in unfolded(octets)
    assert bool(zones(octets)) == ("TZID" in row)


@pytest.mark.parametrize(
    ("zone", "rules"),
    [
        ("Europe/Zurich", {"FREQ=YEARLY;BYDAY=-1SU;BYMONTH=3", "FREQ=YEARLY;BYDAY=-1SU;BYMONTH=10"}),
        ("America/New_York", {"FREQ=YEARLY;BYDAY=2SU;BYMONTH=3", "FREQ=YEARLY;BYDAY=1SU;BYMONTH=11"}),
        ("Asia/Tokyo", set()),
        ("Africa/Casablanca", set()),
    ],
)
def test_the_rules_of_a_zone_are_those_outlook_understands(zone: str, rules: set[str]) -> None:
    (timezone,) = zones(written(replace(MEETING, zone=zone)))
    rows = timezone.to_ical().decode().split("\r\n")
    assert {row.removeprefix("RRULE:") for row in rows if row.startswith("RRULE:")} == rules


@pytest.mark.parametrize(
    "zone",
    [
        "Europe/Zurich",
        "Europe/Dublin",
        "America/New_York",
        "America/Santiago",
        "Asia/Jerusalem",
        "Asia/Kolkata",
        "Africa/Casablanca",
        "Australia/Lord_Howe",
    ],
)
def test_the_vtimezone_gives_the_offsets_of_the_zone(zone: str) -> None:
    (timezone,) = zones(written(replace(MEETING, zone=zone)))
    read = timezone.to_tz(lookup_tzid=False)  # type: ignore[attr-defined]
    for day in range(0, 365 * 4, 5):
        local = datetime(2026, 1, 1, 12) + timedelta(days=day)  # noqa: DTZ001
        assert local.replace(tzinfo=read).utcoffset() == local.replace(tzinfo=ZoneInfo(zone)).utcoffset()


@pytest.mark.parametrize(
    "rules",
    [(), ("RRULE:FREQ=DAILY",), ("RRULE:FREQ=DAILY;UNTIL=99991231T000000Z",), ("RRULE:FREQ=YEARLY;COUNT=9",)],
)
@pytest.mark.parametrize("zone", ["Europe/Zurich", "Africa/Casablanca"])
def test_a_vtimezone_stays_small_however_long_the_series(rules: tuple[str, ...], zone: str) -> None:
    octets = written(replace(MEETING, zone=zone, recurrence=Recurrence(rules)))
    assert len(octets) < 3500


@pytest.mark.parametrize(
    "line",
    [
        "RRULE:FREQ=WEEKLY;COUNT=5;BYDAY=MO,WE",
        "RRULE:FREQ=MONTHLY;UNTIL=20271231T130000Z;BYDAY=-1FR",
        "RDATE;TZID=Europe/Zurich:20261210T140000,20261217T140000",
        "RDATE;VALUE=DATE:20261210",
        "EXDATE;TZID=Europe/Zurich:20261210T140000",
        "EXDATE;TZID=Customized Time Zone:20261210T140000",
    ],
)
def test_a_recurrence_line_is_written_as_it_was(line: str) -> None:
    assert line in unfolded(written(replace(MEETING, recurrence=Recurrence((line,)))))


@pytest.mark.parametrize(
    "line", ["RRULE:FREQ=SOMETIMES", "ATTENDEE:mailto:eve@example.org", "no line at all"]
)
def test_anything_else_is_no_recurrence_line(line: str) -> None:
    with pytest.raises(ValueError, match="cannot be"):
        written(replace(MEETING, recurrence=Recurrence((line,))))


@pytest.mark.parametrize(
    ("address", "uri"),
    [
        ("o'brien+x@example.org", "mailto:o'brien+x@example.org"),
        ("jörg@example.org", "mailto:j%C3%B6rg@example.org"),
        ("a%b?c&d#e@example.org", "mailto:a%25b%3Fc%26d%23e@example.org"),
    ],
)
def test_an_address_becomes_a_mailto_uri(address: str, uri: str) -> None:
    assert str(event(written(MEETING, Attendee(address)))["ATTENDEE"]) == uri


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("Müller, Beat", "Müller, Beat"),
        ("Sales; EMEA: north", "Sales; EMEA: north"),
        ('Robert "Bob" Tables', "Robert 'Bob' Tables"),
        ("DOMAIN\\ann", "DOMAIN/ann"),
        ("Eve\r\nATTENDEE:mailto:eve@example.org", "Eve ATTENDEE:mailto:eve@example.org"),
        ("Bell\x07", "Bell"),
    ],
)
def test_a_name_stays_one_parameter(name: str, shown: str) -> None:
    assert event(written(MEETING, Attendee("x@example.org", name)))["ATTENDEE"].params["CN"] == shown


@pytest.mark.parametrize("text", [r"C:\Notes", r"C:\new", "a;b,c:d", "one\ntwo", '"', r"\\", "\\\n"])
def test_text_survives_its_escapes(text: str) -> None:
    assert str(event(written(replace(MEETING, description=text)))["DESCRIPTION"]) == text


@given(summary=lines, description=prose, location=lines, name=lines, uid=st.text(clean, min_size=1))
def test_what_is_written_reads_back(
    summary: str, description: str, location: str, name: str, uid: str
) -> None:
    meeting = replace(MEETING, uid=uid, summary=summary, description=description, location=location)
    read = event(written(meeting, Attendee("x@example.org", name)))
    assert str(read["UID"]) == uid
    assert str(read["SUMMARY"]) == summary
    assert str(read.get("DESCRIPTION", "")) == description
    assert str(read.get("LOCATION", "")) == location
    shown = " ".join(name.replace('"', "'").replace("\\", "/").split()) or "x@example.org"
    assert read["ATTENDEE"].params["CN"] == shown


@given(summary=anything, description=anything, name=anything)
def test_no_text_breaks_a_line_a_character_or_the_calendar(summary: str, description: str, name: str) -> None:
    meeting = replace(MEETING, summary=summary, description=description, organizer_name=name)
    octets = written(meeting, Attendee("x@example.org", name))
    assert octets.endswith(b"END:VCALENDAR\r\n")
    for line in octets.split(b"\r\n"):
        assert len(line) <= 75
        assert not any(unicodedata.category(c) == "Cc" and c != "\t" for c in line.decode())
    assert len(event(octets)) == len(event(written(replace(MEETING, description=description))))
