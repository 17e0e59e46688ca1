"""When a reminder rule has somebody due: no clock, no store."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from letterbox import MEETING, SERIES, occurrence, with_override
from rsvpd.itip.model import Override, PartStat
from rsvpd.itip.reminding import Quiet, Rule, Standing, Turn, next_date, turn

ZURICH = ZoneInfo("Europe/Zurich")
START = datetime(2026, 12, 3, 13, tzinfo=UTC)
INVITED = datetime(2026, 11, 2, 9, 30, tzinfo=UTC)
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
BEFORE = Rule("before", frozenset({PartStat.NEEDS_ACTION}), before_start=2 * DAY)
AFTER = replace(BEFORE, name="after", before_start=None, after_invitation=3 * DAY)
DAILY = replace(AFTER, every=DAY, at_most=3)


def at(rule: Rule, now: datetime, served: int = 0, zone: ZoneInfo = ZURICH) -> Turn | None:
    return turn(rule, start=START, invited_at=INVITED, zone=zone, now=now, served=served)


def due(rule: Rule, now: datetime, served: int = 0, zone: ZoneInfo = ZURICH) -> int | None:
    found = at(rule, now, served, zone)
    return found.number if found and found.standing is Standing.DUE else None


def test_so_long_before_the_start() -> None:
    assert at(BEFORE, START - 3 * DAY) == Turn(1, START - 2 * DAY, Standing.LATER)
    assert due(BEFORE, START - 2 * DAY) == 1
    assert due(BEFORE, START - HOUR) == 1
    assert at(BEFORE, START - HOUR, served=1) is None


def test_so_long_after_the_invitation() -> None:
    assert due(AFTER, INVITED + 3 * DAY - HOUR) is None
    assert due(AFTER, INVITED + 3 * DAY) == 1
    assert at(AFTER, INVITED + 4 * DAY, served=1) is None


def test_again_and_again() -> None:
    assert due(DAILY, INVITED + 4 * DAY, served=1) == 2
    assert due(DAILY, INVITED + 5 * DAY, served=2) == 3
    assert at(DAILY, INVITED + 6 * DAY, served=3) is None


def test_without_a_bound_until_the_start() -> None:
    rule = replace(DAILY, at_most=None)
    assert due(rule, START - HOUR, served=28) == 29
    assert at(rule, START - HOUR, served=29) is None


def test_what_was_missed_is_made_up_once() -> None:
    assert due(DAILY, INVITED + 20 * DAY) == 3
    assert at(DAILY, INVITED + 20 * DAY, served=3) is None


def test_nothing_once_it_has_begun() -> None:
    assert at(BEFORE, START) is None
    assert at(DAILY, START + DAY) is None


def test_whoever_is_invited_late_is_not_reminded_of_what_was_before() -> None:
    invited = START - HOUR
    assert (
        turn(BEFORE, start=START, invited_at=invited, zone=ZURICH, now=invited + timedelta(minutes=1)) is None
    )


def test_at_a_local_time_of_day() -> None:
    rule = replace(BEFORE, at=time(9))
    assert at(rule, INVITED) == Turn(1, datetime(2026, 12, 1, 8, tzinfo=UTC), Standing.LATER)
    tokyo = at(rule, INVITED, zone=ZoneInfo("Asia/Tokyo"))
    assert tokyo is not None
    assert tokyo.at == datetime(2026, 12, 1, 0, tzinfo=UTC)


def test_the_time_of_day_stays_when_the_clocks_change() -> None:
    rule = replace(AFTER, after_invitation=DAY, at=time(9), every=DAY, at_most=None)
    invited = datetime(2026, 10, 23, 12, tzinfo=UTC)
    moments: list[datetime] = []
    now, served = invited, 0
    while len(moments) < 4:
        now += HOUR
        found = turn(rule, start=START, invited_at=invited, zone=ZURICH, now=now, served=served)
        if found and found.standing is Standing.DUE:
            served = found.number
            moments.append(now)
    assert [moment.astimezone(ZURICH).hour for moment in moments] == [9] * 4
    assert [moment.hour for moment in moments] == [7, 8, 8, 8]


@pytest.mark.parametrize(
    ("quiet", "standing"),
    [
        (Quiet(time(13), time(15)), Standing.QUIET),
        (Quiet(time(15), time(13)), Standing.DUE),
        (Quiet(time(22), time(14, 1)), Standing.QUIET),
        (Quiet(time(22), time(14)), Standing.DUE),
    ],
)
def test_quiet_hours_are_those_of_the_zone(quiet: Quiet, standing: Standing) -> None:
    found = at(replace(BEFORE, quiet=quiet), START - 2 * DAY)  # 14:00 in Zurich
    assert found == Turn(1, START - 2 * DAY, standing)


@given(
    st.sampled_from([BEFORE, AFTER, DAILY, replace(DAILY, at_most=None), replace(DAILY, at=time(9))]),
    st.lists(st.integers(0, 45 * 24 * 60), min_size=1, max_size=60).map(sorted),
    st.integers(-60, 50 * 24),
)
def test_no_moment_is_ever_served_twice(rule: Rule, looks: list[int], invited: int) -> None:
    """However irregular the looks, and whenever they were invited."""
    invited_at, served = INVITED + timedelta(hours=invited), 0
    numbers = []
    for minutes in looks:
        now = INVITED + timedelta(minutes=minutes)
        if now < invited_at:
            continue
        found = turn(rule, start=START, invited_at=invited_at, zone=ZURICH, now=now, served=served)
        if found is None or found.standing is not Standing.DUE:
            continue
        assert invited_at < found.at <= now < START
        assert (
            turn(rule, start=START, invited_at=invited_at, zone=ZURICH, now=now, served=found.number) != found
        )
        served = found.number
        numbers.append(served)
    assert numbers == sorted(set(numbers))
    assert len(numbers) <= (rule.at_most or 99 if rule.every else 1)


def test_the_next_date_of_a_meeting_is_its_only_one() -> None:
    found = next_date(MEETING, START - DAY, ZURICH)
    assert found is not None
    assert (found.starts_at, found.occurrence) == (START, None)
    assert next_date(MEETING, START, ZURICH) is None


def test_the_next_date_of_a_series_passes_over_what_is_off() -> None:
    off = with_override(Override(occurrence(10), cancelled=True), meeting=SERIES)
    found = next_date(off, START, ZURICH)
    assert found is not None
    assert (found.starts_at, found.occurrence) == (START + 14 * DAY, occurrence(17))


def test_a_date_that_was_moved_is_when_it_was_moved_to() -> None:
    moved = with_override(Override(occurrence(10), start=START + 8 * DAY, end=START + 8 * DAY + HOUR))
    found = next_date(moved, START, ZURICH)
    assert found is not None
    assert (found.starts_at, found.occurrence) == (START + 8 * DAY, occurrence(10))
