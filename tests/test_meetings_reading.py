"""An .ics whose invitations somebody else sent, taken as it is."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from rsvpd.itip import occurrences
from rsvpd.itip.ics.meetings import Imported, read_meetings
from rsvpd.itip.ics.reading import Unreadable
from rsvpd.itip.model import Attendee, CuType, Meeting, MeetingStatus, Occurrence, PartStat, Recurrence, Role

CAPTURES = Path(__file__).parent / "captures"
ZURICH = ZoneInfo("Europe/Zurich")
START = "DTSTART;TZID=Europe/Zurich:20261203T140000"


def vevent(*rows: str, uid: str = "u1") -> list[str]:
    return ["BEGIN:VEVENT", f"UID:{uid}", *rows, "END:VEVENT"]


def calendar(*rows: str) -> bytes:
    return "\r\n".join(["BEGIN:VCALENDAR", *rows, "END:VCALENDAR", ""]).encode()


def all_of(data: bytes) -> tuple[Imported, ...]:
    found = read_meetings(data)
    assert not isinstance(found, Unreadable), found
    return found


def only(*rows: str) -> Meeting:
    (one,) = all_of(calendar(*rows))
    return one.meeting


def event(*rows: str) -> Meeting:
    return only(*vevent(*rows))


def test_a_whole_meeting() -> None:
    (one,) = all_of(
        calendar(
            *vevent(
                START,
                "DTEND;TZID=Europe/Zurich:20261203T150000",
                "DTSTAMP:20261120T080000Z",
                "SEQUENCE:2",
                "SUMMARY: Budget\\, review ",
                "DESCRIPTION:Bring\\nnumbers",
                "LOCATION:Room 4",
                "ORGANIZER;CN=Orga:mailto:Events@example.org",
                "ATTENDEE;CN=Alice;ROLE=CHAIR;CUTYPE=ROOM;RSVP=TRUE;PARTSTAT=ACCEPTED:mailto:Alice@example.com",
                'ATTENDEE;DELEGATED-FROM="mailto:alice@example.com":mailto:bob@example.net',
                "ATTENDEE:mailto:bob@example.net",
                "ATTENDEE:urn:uuid:1",
            )
        )
    )
    assert one.written_at == datetime(2026, 11, 20, 8, 0, tzinfo=UTC)
    assert one.meeting == Meeting(
        uid="u1",
        organizer="events@example.org",
        organizer_name="Orga",
        start=datetime(2026, 12, 3, 14, 0, tzinfo=ZURICH),
        end=datetime(2026, 12, 3, 15, 0, tzinfo=ZURICH),
        zone="Europe/Zurich",
        summary="Budget, review",
        description="Bring\nnumbers",
        location="Room 4",
        sequence=2,
        attendees=(
            Attendee(
                "alice@example.com",
                name="Alice",
                role=Role.CHAIR,
                cutype=CuType.ROOM,
                rsvp=True,
                partstat=PartStat.ACCEPTED,
            ),
            Attendee("bob@example.net", rsvp=False, delegated_from="alice@example.com"),
        ),
    )


ENDS: dict[tuple[str, ...], timedelta] = {
    ("DTSTART:20261203T130000Z", "DTEND:20261203T140000Z"): timedelta(hours=1),
    ("DTSTART:20261203T130000Z", "DURATION:PT2H"): timedelta(hours=2),
    ("DTSTART:20261203T130000Z",): timedelta(),
    ("DTSTART;VALUE=DATE:20261203",): timedelta(days=1),
    ("DTSTART;VALUE=DATE:20261203", "DURATION:P3D"): timedelta(days=3),
}


@pytest.mark.parametrize("rows", ENDS)
def test_when_it_ends(rows: tuple[str, ...]) -> None:
    one = event(*rows)
    assert one.end == one.start + ENDS[rows]


@pytest.mark.parametrize("start", ["DTSTART:99991231T230000Z", "DTSTART;VALUE=DATE:99991231"])
def test_an_end_after_the_end_of_time(start: str) -> None:
    assert isinstance(read_meetings(calendar(*vevent(start, "DURATION:P2D"))), tuple | Unreadable)
    assert isinstance(read_meetings(calendar(*vevent(start))), tuple | Unreadable)


ZONES: dict[str, str | None] = {
    START: "Europe/Zurich",
    "DTSTART;TZID=W. Europe Standard Time:20261203T140000": "Europe/Berlin",
    "DTSTART:20261203T130000Z": None,
    "DTSTART:20261203T130000": None,
    "DTSTART;VALUE=DATE:20261203": None,
    "DTSTART;TZID=UTC:20261203T130000": None,
    "DTSTART;TZID=Nowhere:20261203T130000": None,
}


@pytest.mark.parametrize("row", ZONES)
def test_the_zone(row: str) -> None:
    assert event(row).zone == ZONES[row]


STATUSES: dict[tuple[str, ...], MeetingStatus] = {
    (): MeetingStatus.CONFIRMED,
    ("STATUS:CONFIRMED",): MeetingStatus.CONFIRMED,
    ("STATUS:tentative",): MeetingStatus.TENTATIVE,
    ("STATUS:CANCELLED",): MeetingStatus.CANCELLED,
    ("STATUS:X",): MeetingStatus.CONFIRMED,
}


@pytest.mark.parametrize("rows", STATUSES)
def test_the_status(rows: tuple[str, ...]) -> None:
    assert event(START, *rows).status is STATUSES[rows]
    assert only("METHOD:cancel", *vevent(START, *rows)).status is MeetingStatus.CANCELLED


def test_recurrence_lines_need_no_zone_to_be_read() -> None:
    one = event(
        START,
        "RRULE:FREQ=WEEKLY;COUNT=4",
        "EXDATE;TZID=Europe/Zurich:20261210T140000,20261217T140000",
        "RDATE;VALUE=DATE:20261225",
        "RDATE;VALUE=PERIOD:20261228T130000Z/PT1H",
        "EXDATE:20261224T140000",
        "EXDATE:nonsense",
    )
    assert one.recurrence == Recurrence(
        (
            "RRULE:FREQ=WEEKLY;COUNT=4",
            "EXDATE:20261210T130000Z",
            "EXDATE:20261217T130000Z",
            "RDATE:20261225",
            "RDATE:20261228T130000Z",
            "EXDATE:20261224T140000",
        )
    )


def test_overrides() -> None:
    one = only(
        *vevent("RECURRENCE-ID;TZID=Europe/Zurich:20261210T140000", "DTSTART:20261211T090000Z"),
        *vevent(START, "RRULE:FREQ=WEEKLY"),
        *vevent("RECURRENCE-ID:20261217T130000Z", "STATUS:CANCELLED"),
        *vevent("RECURRENCE-ID:nonsense", START),
        *vevent("RECURRENCE-ID:20261224T140000", START),
    )
    assert one.recurrence is not None
    assert [(o.occurrence, o.cancelled, o.start) for o in one.recurrence.overrides] == [
        (
            Occurrence(datetime(2026, 12, 10, 13, 0, tzinfo=UTC)),
            False,
            datetime(2026, 12, 11, 9, 0, tzinfo=UTC),
        ),
        (Occurrence(datetime(2026, 12, 17, 13, 0, tzinfo=UTC)), True, None),
        (
            Occurrence(datetime(2026, 12, 24, 14, 0)),  # noqa: DTZ001  floating
            False,
            datetime(2026, 12, 3, 14, 0, tzinfo=ZURICH),
        ),
    ]


def test_only_one_occurrence_of_a_series_was_given() -> None:
    one = event("RECURRENCE-ID:20261210T130000Z", "DTSTART:20261210T130000Z", "SUMMARY:One")
    found = occurrences.resolve(one, datetime(2026, 12, 10, 14, 0, tzinfo=ZURICH))
    assert found == Occurrence(datetime(2026, 12, 10, 13, 0, tzinfo=UTC))
    assert one.summary == "One"


def test_meetings_by_uid() -> None:
    found = all_of(
        calendar(*vevent(START, uid="b"), *vevent(START, uid="a")) + calendar(*vevent(START, uid="c"))
    )
    assert [one.meeting.uid for one in found] == ["b", "a", "c"]


def test_a_meeting_without_much() -> None:
    one = event(START)
    assert (one.organizer, one.organizer_name, one.summary, one.sequence) == ("", None, "", 0)
    assert (one.recurrence, one.attendees, one.all_day) == (None, (), False)
    assert event("DTSTART;VALUE=DATE:20261203").start == date(2026, 12, 3)
    assert event(START, "ORGANIZER:urn:x").organizer == ""


UNREADABLE = {
    "nothing": (b"", "no VEVENT"),
    "a todo": (calendar("BEGIN:VTODO", "UID:x", "END:VTODO"), "no VEVENT"),
    "no UID": (calendar("BEGIN:VEVENT", START, "END:VEVENT"), "no UID"),
    "no DTSTART": (calendar(*vevent("SUMMARY:x")), "u1 has no DTSTART"),
    "no DTSTART in the second": (calendar(*vevent(START), *vevent(uid="u2")), "u2 has no DTSTART"),
}


@pytest.mark.parametrize("which", UNREADABLE)
def test_what_is_no_meeting_says_why(which: str) -> None:
    data, why = UNREADABLE[which]
    found = read_meetings(data)
    assert isinstance(found, Unreadable)
    assert why in found.why


@pytest.mark.parametrize(
    "row", ["RDATE;TZID=Europe/Zurich:00010101T000000", "EXDATE;TZID=America/New_York:99991231T235959"]
)
def test_a_date_at_the_end_of_time_does_not_break_a_series(row: str) -> None:
    one = event(START, "RRULE:FREQ=WEEKLY", row)
    assert occurrences.resolve(one, datetime(2026, 12, 10, 13, 0, tzinfo=UTC)) == Occurrence(
        datetime(2026, 12, 10, 13, 0, tzinfo=UTC)
    )


def test_a_year_of_less_than_four_digits_does_not_break_a_series() -> None:
    one = event(START, "RRULE:FREQ=WEEKLY", "EXDATE:00010102T000000Z", "RDATE;VALUE=DATE:00010103")
    assert occurrences.resolve(one, datetime(2026, 12, 10, 13, 0, tzinfo=UTC)) == Occurrence(
        datetime(2026, 12, 10, 13, 0, tzinfo=UTC)
    )


def test_a_zone_that_only_the_calendar_defines() -> None:
    zone = ["BEGIN:VTIMEZONE", "TZID:Ours", "BEGIN:STANDARD", "DTSTART:19700101T000000", "TZOFFSETFROM:+0430"]
    one = only(
        *zone,
        "TZOFFSETTO:+0430",
        "END:STANDARD",
        "END:VTIMEZONE",
        *vevent("DTSTART;TZID=Ours:20261203T140000"),
    )
    assert one.zone is None
    assert one.start == datetime(2026, 12, 3, 14, 0, tzinfo=timezone(timedelta(hours=4, minutes=30)))


@pytest.mark.parametrize("invitation", sorted(p.name for p in CAPTURES.glob("*.invite.ics")))
def test_invitations_of_real_servers(invitation: str) -> None:
    (one,) = all_of((CAPTURES / invitation).read_bytes())
    assert one.meeting.attendees
    assert one.meeting.organizer
    assert one.written_at is not None
