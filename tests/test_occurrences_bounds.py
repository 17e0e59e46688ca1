"""Recurrence rules that never end, never match or make no sense; and all others against dateutil."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta
from unittest import mock

import pytest
from dateutil import rrule as dateutil_rrule
from dateutil.rrule import rrulestr
from hypothesis import given, settings
from hypothesis import strategies as st

from cases import at, local, meeting, occurrence, rules, series
from rsvpd.itip import occurrences
from rsvpd.itip.model import Meeting, Occurrence
from rsvpd.itip.occurrences import MAX_STEPS, NoOccurrence

NOT_IN_SERIES = NoOccurrence.NOT_IN_SERIES
TOO_MUCH = NoOccurrence.TOO_MUCH_WORK

NONSENSE = (
    "",
    "x",
    "FREQ=NEVER",
    "FREQ=",
    "INTERVAL=1",
    "FREQ=DAILY;INTERVAL=0",
    "FREQ=DAILY;INTERVAL=00",
    "FREQ=DAILY;INTERVAL=-1",
    "FREQ=DAILY;INTERVAL=x",
    "FREQ=DAILY;BYDAY=XX",
    "FREQ=DAILY;BYDAY=",
    "FREQ=DAILY;BYMONTHDAY=x",
    "FREQ=DAILY;UNTIL=20261399",
    "FREQ=DAILY;UNTIL=20261231T250000Z",
    "FREQ=DAILY;RSCALE=HEBREW",
    "FREQ=DAILY;BYSETPOS=0;BYDAY=MO",
    "FREQ=DAILY;INTERVAL=" + "9" * 5000,
)


@pytest.mark.parametrize("rule", NONSENSE)
def test_a_rule_that_makes_no_sense_is_past_the_limit(rule: str) -> None:
    assert occurrences.resolve(series(rule=rule), at("2026-12-10 13:00")) is TOO_MUCH


COUNTS = ("99999999999999999999", "9" * 5000)


@pytest.mark.parametrize("count", COUNTS)
def test_a_huge_count_is_no_bound(count: str) -> None:
    one = series(rule=f"FREQ=WEEKLY;COUNT={count}")
    assert occurrences.resolve(one, at("2026-12-10 13:00")) in {occurrence("2026-12-10 13:00"), TOO_MUCH}


FOUR_YEARS = at("2030-12-05 13:00")


def test_a_rule_that_repeats_too_often_is_past_the_limit() -> None:
    """It has that second, but nobody counts so far: to say that the series lacks it would be false."""
    assert occurrences.resolve(series(rule="FREQ=SECONDLY"), FOUR_YEARS) is TOO_MUCH
    assert occurrences.resolve(series(rule="FREQ=MINUTELY"), FOUR_YEARS) is TOO_MUCH


def test_the_limit_itself_can_be_reached() -> None:
    one = series(rule="FREQ=SECONDLY")
    near = local("2026-12-03 14:00") + timedelta(seconds=MAX_STEPS - 10)
    assert isinstance(occurrences.resolve(one, near), Occurrence)


@pytest.mark.parametrize("freq", ["SECONDLY", "MINUTELY", "HOURLY"])
def test_fine_rules_with_conditions_are_not_followed(freq: str) -> None:
    """Dateutil would step through every second to the end of time."""
    one = series(rule=f"FREQ={freq};BYMONTH=2;BYMONTHDAY=30")
    assert occurrences.resolve(one, FOUR_YEARS) is TOO_MUCH


@pytest.fixture
def steps() -> Iterator[list[int]]:
    """How many sets of days dateutil looked at."""
    taken = [0]
    inside = dateutil_rrule._iterinfo

    def counted(name: str) -> mock._patch[object]:
        real = getattr(inside, name)

        def step(*arguments: object) -> object:
            taken[0] += 1
            return real(*arguments)

        return mock.patch.object(inside, name, step)

    with counted("ddayset"), counted("wdayset"), counted("mdayset"), counted("ydayset"):
        yield taken


NEVER = (
    "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30",
    "FREQ=DAILY;BYMONTH=13",
    "FREQ=WEEKLY;BYMONTH=2;BYMONTHDAY=31",
    "FREQ=MONTHLY;BYMONTHDAY=32",
    "FREQ=MONTHLY;BYYEARDAY=366;BYMONTH=1",
    "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30",
    "FREQ=YEARLY;BYWEEKNO=54",
    "FREQ=DAILY;BYHOUR=1;BYSETPOS=366",
    "FREQ=DAILY;INTERVAL=999999999",
)


@pytest.mark.parametrize("rule", NEVER)
def test_a_rule_that_never_matches_is_not_followed_without_end(rule: str, steps: list[int]) -> None:
    assert occurrences.resolve(series(rule=rule), FOUR_YEARS) in {NOT_IN_SERIES, TOO_MUCH}
    assert steps[0] <= MAX_STEPS


def test_a_series_of_more_rules_than_anybody_means_is_past_the_limit() -> None:
    few, many = (rules(meeting(), ["RRULE:FREQ=WEEKLY"] * number) for number in (10, 11))
    assert occurrences.resolve(few, at("2026-12-10 13:00")) == occurrence("2026-12-10 13:00")
    assert occurrences.resolve(many, at("2026-12-10 13:00")) is TOO_MUCH


FAR: dict[str, tuple[str, str, str]] = {
    "every year since 1990": ("FREQ=YEARLY", "1990-12-03 14:00", "2026-12-03 13:00"),
    "every month since 1990": ("FREQ=MONTHLY", "1990-12-03 14:00", "2026-12-03 13:00"),
    "every week since 1995": ("FREQ=WEEKLY", "1995-11-30 14:00", "2026-12-03 13:00"),
}


@pytest.mark.parametrize("which", FAR)
def test_an_old_series_goes_on(which: str) -> None:
    rule, start, asked = FAR[which]
    one = rules(meeting(), [f"RRULE:{rule}"], local(start))
    assert occurrences.resolve(one, at(asked)) == occurrence(asked)


@pytest.mark.parametrize("start", [datetime(9999, 12, 1, 14, 0), datetime(1, 1, 1, 14, 0)])  # noqa: DTZ001
def test_a_series_at_the_end_of_time(start: datetime) -> None:
    one = replace(rules(series(zone=None), ["RRULE:FREQ=DAILY"], start), end=start)
    found = occurrences.resolve(one, start + timedelta(days=1))
    assert isinstance(found, Occurrence | NoOccurrence)
    assert isinstance(occurrences.following(one, Occurrence(start), 100), tuple)


WEEKDAYS = st.lists(
    st.sampled_from(["MO", "TU", "WE", "TH", "FR", "SA", "SU"]), min_size=1, max_size=3, unique=True
)


@st.composite
def recurrence_rules(draw: st.DrawFn) -> str:
    """A rule that somebody could mean."""
    freq = draw(st.sampled_from(("DAILY", "WEEKLY", "MONTHLY", "YEARLY")))
    parts = [f"FREQ={freq}"]
    if draw(st.booleans()):
        parts.append(f"INTERVAL={draw(st.integers(1, 4))}")
    match draw(st.integers(0, 4)):
        case 0:
            parts.append("BYDAY=" + ",".join(draw(WEEKDAYS)))
        case 1 if freq in {"MONTHLY", "YEARLY"}:
            parts.append(f"BYMONTHDAY={draw(st.integers(1, 31) | st.integers(-5, -1))}")
        case 2 if freq in {"MONTHLY", "YEARLY"}:
            parts += ["BYDAY=" + ",".join(draw(WEEKDAYS)), f"BYSETPOS={draw(st.sampled_from((1, 2, -1)))}"]
        case 3 if freq == "YEARLY":
            parts.append(f"BYMONTH={draw(st.integers(1, 12))}")
        case 4:
            parts.append("WKST=SU")
    match draw(st.integers(0, 2)):
        case 0:
            parts.append(f"COUNT={draw(st.integers(1, 20))}")
        case 1:
            parts.append(f"UNTIL={draw(st.dates(date(2026, 12, 3), date(2028, 6, 1))):%Y%m%d}T235959")
    return ";".join(parts)


def expanded(one: Meeting, rule: str, until: datetime) -> set[datetime]:
    """The slow and obvious way: every local start up to `until`."""
    assert isinstance(one.start, datetime)
    start = one.start.replace(tzinfo=None)
    return {start, *rrulestr(rule, dtstart=start).between(start, until, inc=True)}


@settings(max_examples=150)
@given(recurrence_rules(), st.datetimes(datetime(2026, 12, 1), datetime(2027, 12, 31)))  # noqa: DTZ001
def test_every_rule_has_what_dateutil_has(rule: str, asked: datetime) -> None:
    one = series(rule=rule)
    asked = asked.replace(hour=14, minute=0, second=0, microsecond=0)
    everything = expanded(one, rule, datetime(2028, 1, 1))  # noqa: DTZ001
    for moment in (asked, min(everything, key=lambda at_: abs(at_ - asked))):
        found = occurrences.resolve(one, moment)
        assert isinstance(found, Occurrence) is (moment in everything), (rule, moment)
        assert (occurrences.resolve(one, moment.date()) == found) or moment not in everything


@settings(max_examples=100)
@given(recurrence_rules(), st.integers(0, 10), st.integers(1, 10))
def test_later_ones_are_what_dateutil_has_later(rule: str, position: int, limit: int) -> None:
    one = series(rule=rule)
    everything = sorted(expanded(one, rule, datetime(2040, 1, 1)))  # noqa: DTZ001
    first = everything[min(position, len(everything) - 1)]
    found = occurrences.following(one, occurrences.canonical(one, first), limit)
    later = [occurrences.canonical(one, moment) for moment in everything if moment >= first][:limit]
    assert [o for o in found if o.key < "2040"] == [o for o in later if o.key < "2040"]
