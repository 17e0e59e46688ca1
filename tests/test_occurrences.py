"""Which occurrence of a series a RECURRENCE-ID names (RFC 5545 3.8.4.4, 3.8.5)."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest

from cases import (
    ZURICH,
    at,
    cancelled,
    local,
    meeting,
    moved,
    occurrence,
    rules,
    series,
    with_overrides,
)
from rsvpd.itip import occurrences
from rsvpd.itip.model import Meeting, Occurrence, Override, Recurrence, When
from rsvpd.itip.occurrences import NoOccurrence

WEEKLY = series()
DAYS = rules(meeting(zone=None), ["RRULE:FREQ=WEEKLY"], date(2026, 12, 3))
FLOATING = rules(meeting(zone=None), ["RRULE:FREQ=WEEKLY"], datetime(2026, 12, 3, 14, 0))  # noqa: DTZ001
SECOND = occurrence("2026-12-10 13:00")
NEW_YORK = ZoneInfo("America/New_York")
NOT_IN_SERIES = NoOccurrence.NOT_IN_SERIES
DELETED = NoOccurrence.DELETED
TOO_MUCH = NoOccurrence.TOO_MUCH_WORK
Found = Occurrence | NoOccurrence

NAMES: dict[str, When] = {
    "UTC": at("2026-12-10 13:00"),
    "the zone of the series": local("2026-12-10 14:00"),
    "another zone": datetime(2026, 12, 10, 8, 0, tzinfo=NEW_YORK),
    "an offset": datetime(2026, 12, 10, 18, 30, tzinfo=timezone(timedelta(hours=5, minutes=30))),
    "floating": datetime(2026, 12, 10, 14, 0),  # noqa: DTZ001
    "the day": date(2026, 12, 10),
}


@pytest.mark.parametrize("name", NAMES)
def test_an_occurrence_by_any_of_its_names(name: str) -> None:
    assert occurrences.resolve(WEEKLY, NAMES[name]) == SECOND


@pytest.mark.parametrize("name", [n for n in NAMES if n != "the day"])
def test_the_name_to_compare_with_is_one(name: str) -> None:
    assert occurrences.canonical(WEEKLY, NAMES[name]) == SECOND


NOT_THERE: dict[str, tuple[Meeting, When]] = {
    "an hour late": (WEEKLY, at("2026-12-10 14:00")),
    "another day": (WEEKLY, at("2026-12-11 13:00")),
    "another day, as a day": (WEEKLY, date(2026, 12, 11)),
    "before the first": (WEEKLY, at("2026-11-26 13:00")),
    "the local time taken for UTC": (WEEKLY, at("2026-12-10 14:00")),
    "the midnight of a day that has one at another time": (WEEKLY, local("2026-12-10 00:00")),
    "a second late": (WEEKLY, at("2026-12-10 13:00:01")),
    "another day of whole days": (DAYS, date(2026, 12, 11)),
    "the end of time": (WEEKLY, datetime(9999, 12, 31, 23, 59, tzinfo=UTC)),
    "the beginning of time": (WEEKLY, datetime(1, 1, 1, tzinfo=UTC)),
    "the last day there is": (DAYS, date.max),
    "the first day there is": (DAYS, date.min),
}


@pytest.mark.parametrize("name", NOT_THERE)
def test_what_the_series_does_not_have(name: str) -> None:
    one, asked = NOT_THERE[name]
    assert occurrences.resolve(one, asked) is NOT_IN_SERIES


@pytest.mark.parametrize("zone", ["Europe/Zurich", "America/New_York", "Pacific/Kiritimati"])
@pytest.mark.parametrize("asked", [datetime.min, datetime.max, date.min, date.max])  # noqa: DTZ901
@pytest.mark.parametrize("aware", [True, False])
def test_the_ends_of_time_can_be_named_everywhere(zone: str, asked: When, *, aware: bool) -> None:
    one = series(zone=zone)
    if isinstance(asked, datetime) and aware:
        asked = asked.replace(tzinfo=timezone(timedelta(hours=11 if asked.year == 1 else -11)))
    assert isinstance(occurrences.canonical(one, asked), Occurrence)
    assert isinstance(occurrences.resolve(one, asked), NoOccurrence)


def test_a_meeting_that_does_not_recur_has_no_occurrences() -> None:
    assert occurrences.resolve(meeting(), at("2026-12-03 13:00")) is NoOccurrence.DOES_NOT_RECUR
    assert occurrences.following(meeting(), SECOND, 5) == ()


DAY_NAMES: dict[str, When] = {
    "the day": date(2026, 12, 10),
    "its midnight": datetime(2026, 12, 10),  # noqa: DTZ001
    "its midnight in UTC": at("2026-12-10 00:00"),
    "its midnight in a zone": datetime(2026, 12, 10, tzinfo=NEW_YORK),
}


@pytest.mark.parametrize("name", DAY_NAMES)
def test_a_day_of_whole_days_by_any_of_its_names(name: str) -> None:
    """Outlook names a day by its midnight."""
    found = occurrences.resolve(DAYS, DAY_NAMES[name])
    assert found == Occurrence(date(2026, 12, 10))
    assert isinstance(found, Occurrence)
    assert not isinstance(found.at, datetime)


def test_a_floating_series_is_named_by_its_local_time() -> None:
    for asked in (datetime(2026, 12, 10, 14, 0), at("2026-12-10 14:00"), date(2026, 12, 10)):  # noqa: DTZ001
        assert occurrences.resolve(FLOATING, asked) == occurrence("2026-12-10 14:00")


def test_a_series_in_utc() -> None:
    one = rules(meeting(zone=None), ["RRULE:FREQ=WEEKLY"], at("2026-12-03 13:00"))
    assert occurrences.resolve(one, local("2026-12-10 14:00")) == SECOND


def test_a_series_in_a_zone_that_has_no_name() -> None:
    start = datetime(2026, 12, 3, 17, 30, tzinfo=timezone(timedelta(hours=4, minutes=30)))
    one = rules(meeting(zone=None), ["RRULE:FREQ=WEEKLY"], start)
    assert occurrences.resolve(one, at("2026-12-10 13:00")) == SECOND


LINES: dict[str, tuple[tuple[str, ...], dict[str, bool]]] = {
    "COUNT": (("RRULE:FREQ=WEEKLY;COUNT=2",), {"2026-12-10 13:00": True, "2026-12-17 13:00": False}),
    "COUNT in lower case": (
        ("RRULE:freq=weekly;count=2",),
        {"2026-12-10 13:00": True, "2026-12-17 13:00": False},
    ),
    "COUNT before FREQ": (
        ("RRULE:COUNT=2;FREQ=WEEKLY",),
        {"2026-12-10 13:00": True, "2026-12-17 13:00": False},
    ),
    "UNTIL, local": (
        ("RRULE:FREQ=WEEKLY;UNTIL=20261210T140000",),
        {"2026-12-10 13:00": True, "2026-12-17 13:00": False},
    ),
    "UNTIL, local, a second too early": (
        ("RRULE:FREQ=WEEKLY;UNTIL=20261210T135959",),
        {"2026-12-10 13:00": False},
    ),
    "UNTIL, UTC": (
        ("RRULE:FREQ=WEEKLY;UNTIL=20261210T130000Z",),
        {"2026-12-10 13:00": True, "2026-12-17 13:00": False},
    ),
    "UNTIL, UTC, a second too early": (
        ("RRULE:FREQ=WEEKLY;UNTIL=20261210T125959Z",),
        {"2026-12-10 13:00": False},
    ),
    "UNTIL, a day": (
        ("RRULE:FREQ=WEEKLY;UNTIL=20261210",),
        {"2026-12-10 13:00": True, "2026-12-17 13:00": False},
    ),
    "UNTIL before the start": (
        ("RRULE:FREQ=WEEKLY;UNTIL=20200101T000000Z",),
        {"2026-12-03 13:00": True, "2026-12-10 13:00": False},
    ),
    "INTERVAL": (("RRULE:FREQ=WEEKLY;INTERVAL=2",), {"2026-12-10 13:00": False, "2026-12-17 13:00": True}),
    "several days a week": (
        ("RRULE:FREQ=WEEKLY;BYDAY=TH,FR",),
        {"2026-12-04 13:00": True, "2026-12-05 13:00": False, "2026-12-10 13:00": True},
    ),
    "the first Thursday of a month": (
        ("RRULE:FREQ=MONTHLY;BYDAY=1TH",),
        {"2026-12-10 13:00": False, "2027-01-07 13:00": True, "2027-02-04 13:00": True},
    ),
    "the last weekday of a month": (
        ("RRULE:FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1",),
        {"2026-12-31 13:00": True, "2027-01-29 13:00": True, "2027-01-31 13:00": False},
    ),
    "the last day of a month": (
        ("RRULE:FREQ=MONTHLY;BYMONTHDAY=-1",),
        {"2027-02-28 13:00": True, "2027-02-27 13:00": False},
    ),
    "the 31st, where there is one": (
        ("RRULE:FREQ=MONTHLY;BYMONTHDAY=31",),
        {"2026-12-31 13:00": True, "2027-02-28 13:00": False, "2027-03-31 12:00": True},
    ),
    "every year": (("RRULE:FREQ=YEARLY",), {"2027-12-03 13:00": True, "2027-11-03 13:00": False}),
    "the fourth Thursday of November": (
        ("RRULE:FREQ=YEARLY;BYMONTH=11;BYDAY=4TH",),
        {"2027-11-25 13:00": True, "2027-11-18 13:00": False},
    ),
    "29 February": (
        ("RRULE:FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29",),
        {"2028-02-29 13:00": True, "2027-02-28 13:00": False},
    ),
    "RDATE": (
        ("RDATE:20261225T130000Z",),
        {"2026-12-03 13:00": True, "2026-12-25 13:00": True, "2026-12-10 13:00": False},
    ),
    "RDATE, floating": (("RDATE:20261225T140000",), {"2026-12-25 13:00": True}),
    "RDATE beside RRULE": (
        ("RRULE:FREQ=WEEKLY", "RDATE:20261225T130000Z"),
        {"2026-12-10 13:00": True, "2026-12-25 13:00": True},
    ),
    "two RRULEs": (
        ("RRULE:FREQ=WEEKLY", "RRULE:FREQ=WEEKLY;BYDAY=MO"),
        {"2026-12-07 13:00": True, "2026-12-10 13:00": True, "2026-12-08 13:00": False},
    ),
    "no rule left": ((), {"2026-12-03 13:00": True, "2026-12-10 13:00": False}),
    "every hour": (
        ("RRULE:FREQ=HOURLY;INTERVAL=6",),
        {"2026-12-03 19:00": True, "2026-12-04 01:00": True, "2026-12-04 02:00": False},
    ),
}


@pytest.mark.parametrize("which", LINES)
def test_rules(which: str) -> None:
    lines, expected = LINES[which]
    one = rules(meeting(), lines)
    found = {text: occurrences.resolve(one, at(text)) for text in expected}
    assert found == {text: occurrence(text) if there else NOT_IN_SERIES for text, there in expected.items()}


EXCLUDED: dict[str, tuple[Meeting, When]] = {
    "EXDATE in UTC": (
        rules(meeting(), ["RRULE:FREQ=WEEKLY", "EXDATE:20261210T130000Z"]),
        at("2026-12-10 13:00"),
    ),
    "EXDATE, floating": (
        rules(meeting(), ["RRULE:FREQ=WEEKLY", "EXDATE:20261210T140000"]),
        at("2026-12-10 13:00"),
    ),
    "EXDATE of a day": (
        rules(meeting(zone=None), ["RRULE:FREQ=WEEKLY", "EXDATE:20261210"], date(2026, 12, 3)),
        date(2026, 12, 10),
    ),
    "EXDATE of the first": (
        rules(meeting(), ["RRULE:FREQ=WEEKLY", "EXDATE:20261203T130000Z"]),
        at("2026-12-03 13:00"),
    ),
    "EXDATE of an RDATE": (
        rules(meeting(), ["RDATE:20261225T130000Z", "EXDATE:20261225T130000Z"]),
        at("2026-12-25 13:00"),
    ),
    "EXDATE, asked by the day": (
        rules(meeting(), ["RRULE:FREQ=WEEKLY", "EXDATE:20261210T130000Z"]),
        date(2026, 12, 10),
    ),
    "cancelled": (with_overrides(WEEKLY, cancelled("2026-12-10 13:00")), local("2026-12-10 14:00")),
    "cancelled, asked by the day": (
        with_overrides(WEEKLY, cancelled("2026-12-10 13:00")),
        date(2026, 12, 10),
    ),
    "a cancelled day": (with_overrides(DAYS, cancelled("2026-12-10")), date(2026, 12, 10)),
    "cancelled, floating": (
        with_overrides(WEEKLY, Override(Occurrence(datetime(2026, 12, 10, 14, 0)), cancelled=True)),  # noqa: DTZ001
        at("2026-12-10 13:00"),
    ),
}


@pytest.mark.parametrize("which", EXCLUDED)
def test_what_was_deleted_or_cancelled(which: str) -> None:
    one, asked = EXCLUDED[which]
    assert occurrences.resolve(one, asked) is DELETED


def test_a_date_that_no_rule_has_is_not_deleted_by_excluding_it() -> None:
    one = rules(meeting(), ["RRULE:FREQ=WEEKLY", "EXDATE:20261211T130000Z"])
    assert occurrences.resolve(one, at("2026-12-11 13:00")) is NOT_IN_SERIES


MOVED = with_overrides(WEEKLY, moved("2026-12-10 13:00", "2026-12-11 09:00"))


def test_a_moved_occurrence_keeps_its_name() -> None:
    assert occurrences.resolve(MOVED, at("2026-12-10 13:00")) == SECOND
    assert occurrences.resolve(MOVED, date(2026, 12, 10)) == SECOND
    assert occurrences.resolve(MOVED, at("2026-12-11 09:00")) is NOT_IN_SERIES


def test_an_override_of_an_occurrence_that_no_rule_has() -> None:
    one = with_overrides(WEEKLY, moved("2026-12-11 13:00", "2026-12-12 13:00"))
    assert occurrences.resolve(one, at("2026-12-11 13:00")) == occurrence("2026-12-11 13:00")


def test_overrides_are_all_that_is_known_of_a_series() -> None:
    one = meeting(recurrence=Recurrence((), (moved("2026-12-10 13:00", "2026-12-11 13:00"),)))
    assert occurrences.resolve(one, at("2026-12-10 13:00")) == SECOND
    assert occurrences.resolve(one, at("2026-12-17 13:00")) is NOT_IN_SERIES


DAILY = rules(meeting(), ["RRULE:FREQ=DAILY"], local("2027-03-20 02:30"))

CLOCKS: dict[str, tuple[When, Found]] = {
    "the day before summer time": (at("2027-03-27 01:30"), occurrence("2027-03-27 01:30")),
    "the day after": (at("2027-03-29 00:30"), occurrence("2027-03-29 00:30")),
    "in the hour that is left out, as local time": (
        local("2027-03-28 02:30"),
        occurrence("2027-03-28 01:30"),
    ),
    "in the hour that is left out, as UTC": (at("2027-03-28 01:30"), occurrence("2027-03-28 01:30")),
    "in the hour that comes twice, the first time": (at("2027-10-31 00:30"), occurrence("2027-10-31 00:30")),
    "in the hour that comes twice, as local time": (
        local("2027-10-31 02:30"),
        occurrence("2027-10-31 00:30"),
    ),
    "in the hour that comes twice, the second time": (at("2027-10-31 01:30"), NOT_IN_SERIES),
    "the winter after": (at("2027-11-01 01:30"), occurrence("2027-11-01 01:30")),
    "an hour off in winter": (at("2027-11-01 00:30"), NOT_IN_SERIES),
}


@pytest.mark.parametrize("which", CLOCKS)
def test_when_the_clocks_change(which: str) -> None:
    asked, expected = CLOCKS[which]
    assert occurrences.resolve(DAILY, asked) == expected


def test_a_local_series_keeps_its_local_time() -> None:
    for month in range(1, 13):
        moment = datetime(2027, month, 15, 14, 0, tzinfo=ZURICH)
        one = rules(meeting(), ["RRULE:FREQ=DAILY"])
        assert occurrences.resolve(one, moment.astimezone(UTC)) == Occurrence(moment.astimezone(UTC))


def keys(one: Meeting, first: str, limit: int) -> list[str]:
    return [o.key[:10] for o in occurrences.following(one, occurrence(first), limit)]


def test_this_and_later_ones() -> None:
    assert keys(WEEKLY, "2026-12-10 13:00", 3) == ["2026-12-10", "2026-12-17", "2026-12-24"]
    assert keys(DAYS, "2026-12-10", 2) == ["2026-12-10", "2026-12-17"]
    assert keys(series(rule="FREQ=WEEKLY;COUNT=3"), "2026-12-10 13:00", 9) == ["2026-12-10", "2026-12-17"]


def test_later_ones_that_were_cancelled_are_left_out() -> None:
    one = with_overrides(WEEKLY, cancelled("2026-12-17 13:00"), moved("2026-12-24 13:00", "2026-12-25 13:00"))
    assert keys(one, "2026-12-10 13:00", 3) == ["2026-12-10", "2026-12-24", "2026-12-31"]
    one = rules(meeting(), ["RRULE:FREQ=WEEKLY", "EXDATE:20261217T130000Z"])
    assert keys(one, "2026-12-10 13:00", 2) == ["2026-12-10", "2026-12-24"]


def test_later_ones_of_a_series_that_cannot_be_followed() -> None:
    assert keys(series(rule="FREQ=NEVER"), "2026-12-10 13:00", 5) == ["2026-12-10"]


def test_occurrences_are_written_and_read_as_keys() -> None:
    for one in (SECOND, Occurrence(date(2026, 12, 10))):
        assert Occurrence.from_key(one.key) == one
    assert SECOND.key == "2026-12-10T13:00:00+00:00"
