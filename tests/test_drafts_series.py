"""Series that people ask for: what they become, and why they are refused."""

from __future__ import annotations

from datetime import date, datetime
from itertools import islice

import pytest
from dateutil.rrule import rruleset, rrulestr
from hypothesis import assume, given
from hypothesis import strategies as st

from drafting import ZURICH, made, refused
from rsvpd.drafts import DraftRefused
from rsvpd.itip import occurrences
from rsvpd.itip.model import Meeting, Occurrence


def lines(recurrence: object, **change: object) -> tuple[str, ...]:
    """The recurrence lines of a meeting on Thursday, 3 December 2026, from 14:00 to 15:00 in Zurich."""
    found = made(recurrence=recurrence, **change).recurrence
    assert found is not None
    assert found.overrides == ()
    return found.lines


def starts(meeting: Meeting, limit: int = 20) -> list[str]:
    """The local starts of the occurrences."""
    first = occurrences.canonical(meeting, meeting.start)
    return [shown(found) for found in occurrences.following(meeting, first, limit)]


def shown(occurrence: Occurrence) -> str:
    at = occurrence.at
    return at.astimezone(ZURICH).isoformat()[:16] if isinstance(at, datetime) else at.isoformat()


DAYS = {"start": "2026-12-03", "end": "2026-12-03"}


@pytest.mark.parametrize(
    ("recurrence", "expected"),
    [
        ("FREQ=WEEKLY;COUNT=5", ("RRULE:FREQ=WEEKLY;COUNT=5",)),
        (" rrule: freq = weekly ; count = 5; ", ("RRULE:FREQ=WEEKLY;COUNT=5",)),
        ("COUNT=5;FREQ=WEEKLY", ("RRULE:FREQ=WEEKLY;COUNT=5",)),
        ("FREQ=DAILY", ("RRULE:FREQ=DAILY",)),
        ("FREQ=YEARLY;INTERVAL=40", ("RRULE:FREQ=YEARLY;INTERVAL=40",)),
        ({"rrule": "FREQ=MONTHLY;BYDAY=1TH"}, ("RRULE:FREQ=MONTHLY;BYDAY=1TH",)),
        (
            "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=3;WKST=MO;COUNT=4",
            ("RRULE:FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=3;WKST=MO;COUNT=4",),
        ),
        ("FREQ=WEEKLY;UNTIL=20270107", ("RRULE:FREQ=WEEKLY;UNTIL=20270107T225959Z",)),
        ("FREQ=WEEKLY;UNTIL=20270708", ("RRULE:FREQ=WEEKLY;UNTIL=20270708T215959Z",)),
        ("FREQ=WEEKLY;UNTIL=20270107T140000", ("RRULE:FREQ=WEEKLY;UNTIL=20270107T130000Z",)),
        ("FREQ=WEEKLY;UNTIL=20270107T130000Z", ("RRULE:FREQ=WEEKLY;UNTIL=20270107T130000Z",)),
        ({"rdate": ["2026-12-10T15:00", "2026-12-11"]}, ("RDATE:20261210T140000Z", "RDATE:20261211T130000Z")),
        (
            {
                "rrule": "FREQ=WEEKLY;COUNT=5",
                "exdate": ["2026-12-10", "2026-12-17T14:00", "2026-12-10T14:00+01:00"],
            },
            ("RRULE:FREQ=WEEKLY;COUNT=5", "EXDATE:20261210T130000Z", "EXDATE:20261217T130000Z"),
        ),
        (
            {"rrule": "FREQ=WEEKLY;COUNT=2", "exdate": [date(2026, 12, 3)], "rdate": ["2026-12-04"]},
            ("RRULE:FREQ=WEEKLY;COUNT=2", "RDATE:20261204T130000Z", "EXDATE:20261203T130000Z"),
        ),
    ],
)
def test_a_series_is_understood(recurrence: object, expected: tuple[str, ...]) -> None:
    assert lines(recurrence) == expected


@pytest.mark.parametrize(
    ("recurrence", "expected"),
    [
        ("FREQ=YEARLY;UNTIL=20301203", ("RRULE:FREQ=YEARLY;UNTIL=20301203",)),
        (
            {"rrule": "FREQ=DAILY;COUNT=9", "exdate": ["2026-12-04"], "rdate": ["2027-01-01"]},
            ("RRULE:FREQ=DAILY;COUNT=9", "RDATE:20270101", "EXDATE:20261204"),
        ),
    ],
)
def test_a_series_of_days_is_understood(recurrence: object, expected: tuple[str, ...]) -> None:
    assert lines(recurrence, **DAYS) == expected


@pytest.mark.parametrize(
    ("recurrence", "words"),
    [
        ("", "recurrence: '' not understood, write it like FREQ=WEEKLY;COUNT=5"),
        ("every week", "recurrence: 'EVERYWEEK' not understood"),
        ("FREQ=WEEKLY\r\nATTENDEE:mailto:eve@example.org", "not understood"),
        ("COUNT=5", "recurrence: without FREQ"),
        ("FREQ=HOURLY;COUNT=5", "recurrence: FREQ=HOURLY not understood, give DAILY"),
        ("FREQ=FORTNIGHTLY", "recurrence: FREQ=FORTNIGHTLY not understood"),
        ("FREQ=DAILY;FREQ=WEEKLY", "recurrence: FREQ is there twice"),
        ("FREQ=DAILY;INTERVAL=0", "recurrence: INTERVAL=0 not understood"),
        ("FREQ=DAILY;COUNT=0", "recurrence: COUNT=0 not understood"),
        ("FREQ=DAILY;COUNT=-1", "recurrence: COUNT=-1 not understood"),
        ("FREQ=DAILY;COUNT=99999", "recurrence: COUNT=99999 not understood"),
        ("FREQ=DAILY;COUNT=٣", "recurrence: COUNT=٣ not understood"),
        ("FREQ=DAILY;COUNT=3;UNTIL=20270101", "recurrence: COUNT and UNTIL, give one of the two"),
        ("FREQ=DAILY;BYHOUR=9,14", "recurrence: BYHOUR: the time of the day is that of the start"),
        ("FREQ=DAILY;RSCALE=GREGORIAN", "'RSCALE=GREGORIAN' not understood"),
        ("FREQ=WEEKLY;BYMONTHDAY=3", "recurrence: BYMONTHDAY cannot be with FREQ=WEEKLY"),
        ("FREQ=MONTHLY;BYYEARDAY=337", "recurrence: BYYEARDAY cannot be with FREQ=MONTHLY"),
        ("FREQ=MONTHLY;BYWEEKNO=49", "recurrence: BYWEEKNO cannot be with FREQ=MONTHLY"),
        ("FREQ=WEEKLY;BYDAY=1TH", "recurrence: a BYDAY like 2MO goes with FREQ=MONTHLY or YEARLY"),
        ("FREQ=MONTHLY;BYSETPOS=1", "recurrence: BYSETPOS picks from another BY… part"),
        ("FREQ=MONTHLY;BYMONTHDAY=32", "recurrence: BYMONTHDAY=32 not understood, give numbers up to 31"),
        ("FREQ=YEARLY;BYMONTH=13", "recurrence: BYMONTH=13 not understood"),
        ("FREQ=WEEKLY;BYDAY=XX", "recurrence: BYDAY=XX not understood, write it like MO,WE"),
        ("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30", "recurrence: the rule never matches a day"),
        ("FREQ=MONTHLY;BYDAY=MO;BYSETPOS=300", "recurrence: the rule never matches a day"),
        ("FREQ=WEEKLY;BYDAY=MO", "the start, 2026-12-03, is no day of the rule; start on 2026-12-07"),
        ("FREQ=MONTHLY;BYMONTHDAY=1", "start on 2027-01-01"),
        ("FREQ=DAILY;COUNT=1", "recurrence: fewer than two occurrences"),
        ("FREQ=WEEKLY;UNTIL=20261209", "recurrence: fewer than two occurrences"),
        ("FREQ=YEARLY;INTERVAL=200", "recurrence: fewer than two occurrences"),
        ({"rrule": "FREQ=DAILY;COUNT=2", "exdate": ["2026-12-04"]}, "recurrence: fewer than two occurrences"),
        ("FREQ=WEEKLY;UNTIL=20261201", "recurrence: UNTIL=20261201 is before the start"),
        ("FREQ=WEEKLY;UNTIL=20261203T125959Z", "is before the start"),
        ("FREQ=WEEKLY;UNTIL=20261301", "recurrence: UNTIL=20261301 not understood"),
        ("FREQ=WEEKLY;UNTIL=20270101T250000", "UNTIL=20270101T250000 not understood"),
        ("FREQ=WEEKLY;UNTIL=99991231", "UNTIL=99991231 is too far away"),
        ("FREQ=WEEKLY;UNTIL=2027-01-01", "UNTIL=2027-01-01 not understood, write it like 20261231"),
        ({}, "recurrence: neither rrule nor rdate"),
        ({"exdate": ["2026-12-10"]}, "recurrence: neither rrule nor rdate"),
        ({"rrule": 7}, "recurrence: rrule: not understood, write it like FREQ=WEEKLY"),
        ({"rdate": "2026-12-10"}, "recurrence: rdate: not understood, give a list"),
        ({"rdate": [7]}, "recurrence: rdate: not understood, give a list"),
        ({"rule": "FREQ=DAILY"}, "recurrence: unknown key 'rule': did you mean 'rrule'?"),
        ({"rdate": ["2026-12-01"]}, "recurrence: rdate: before the start"),
        ({"rdate": ["soon"]}, "rdate: 'soon' not understood"),
        ({"rdate": ["2027-03-28T02:30"]}, "rdate: 2027-03-28T02:30 does not exist in Europe/Zurich"),
        ({"rdate": ["2027-10-31T02:30"]}, "rdate: 2027-10-31T02:30 happens twice in Europe/Zurich"),
        (
            {"rrule": "FREQ=WEEKLY", "exdate": ["2026-12-11"]},
            "exdate: 2026-12-11T14:00:00+01:00 is no occurrence",
        ),
        ({"rrule": "FREQ=WEEKLY", "exdate": ["2026-12-10T15:00"]}, "is no occurrence of the series"),
        ({"rdate": [f"2027-01-{1 + n % 28:02}" for n in range(501)]}, "rdate: 501 are too many"),
        (7, "recurrence: not understood, write it like FREQ=WEEKLY;COUNT=5, or give a table"),
    ],
)
def test_a_series_that_cannot_be_is_refused(recurrence: object, words: str) -> None:
    assert words in refused(recurrence=recurrence)


@pytest.mark.parametrize(
    ("recurrence", "words"),
    [
        ("FREQ=DAILY;UNTIL=20270101T120000Z", "the meeting is in days, write UNTIL=20270101"),
        ({"rdate": ["2027-01-01T12:00"]}, "recurrence: rdate: the meeting is in days, give days"),
        ({"rrule": "FREQ=DAILY", "exdate": ["2026-12-04T00:00"]}, "exdate: the meeting is in days"),
    ],
)
def test_a_series_of_days_has_no_times(recurrence: object, words: str) -> None:
    assert words in refused(recurrence=recurrence, **DAYS)


def test_the_clock_stays_across_a_change_of_the_clocks() -> None:
    meeting = made(
        start="2027-03-25T14:00",
        end="2027-03-25T15:00",
        recurrence={"rrule": "FREQ=WEEKLY;COUNT=4", "exdate": ["2027-04-01"]},
    )
    assert starts(meeting) == ["2027-03-25T14:00", "2027-04-08T14:00", "2027-04-15T14:00"]


def test_until_a_day_has_that_day_in_it() -> None:
    meeting = made(recurrence="FREQ=DAILY;UNTIL=20261205", start="2026-12-03T23:30", end="2026-12-03T23:45")
    assert starts(meeting) == ["2026-12-03T23:30", "2026-12-04T23:30", "2026-12-05T23:30"]


def test_a_rule_that_never_matches_is_refused() -> None:
    assert "never matches" in refused(recurrence="FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30")


rules = st.fixed_dictionaries(
    {"FREQ": st.sampled_from(["DAILY", "WEEKLY", "MONTHLY", "YEARLY"]), "COUNT": st.integers(2, 6).map(str)},
    optional={
        "INTERVAL": st.integers(1, 4).map(str),
        "BYDAY": st.lists(
            st.sampled_from(["MO", "TU", "WE", "TH", "FR", "1TH", "-4TH"]),
            min_size=1,
            max_size=3,
            unique=True,
        ).map(",".join),
        "BYMONTHDAY": st.sampled_from(["3", "3,17", "-29"]),
        "BYMONTH": st.sampled_from(["12", "3,12"]),
    },
)


@given(rule=rules)
def test_a_series_is_what_another_reader_of_its_rule_expands(rule: dict[str, str]) -> None:
    text = ";".join(f"{name}={value}" for name, value in rule.items())
    try:
        meeting = made(recurrence=text)
    except DraftRefused:
        assume(False)
    (line,) = meeting.recurrence.lines if meeting.recurrence else ()
    plain = rruleset()
    plain.rrule(rrulestr(line.removeprefix("RRULE:"), dtstart=datetime(2026, 12, 3, 14)))  # type: ignore[arg-type]  # noqa: DTZ001
    near = (at for at in islice(plain, 20) if at.year < 2126)  # no series is followed farther
    assert starts(meeting) == [at.isoformat()[:16] for at in near]


@given(
    text=st.text(max_size=30)
    | st.lists(
        st.sampled_from(
            ["FREQ=", "DAILY", "WEEKLY", ";", ",", "=", "BYDAY=", "MO", "COUNT=", "3", "UNTIL=", "2027"]
        ),
        max_size=12,
    ).map("".join)
)
def test_whatever_is_written_makes_a_series_or_one_line(text: str) -> None:
    try:
        meeting = made(recurrence=text)
    except DraftRefused as refusal:
        assert "\n" not in str(refusal)  # noqa: PT017
    else:
        assert len(starts(meeting, 2)) == 2
