"""A change in words: what was, what is, and what to do now."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date

import pytest

from letterbox import BEAT, CARLA, FULL, SERIES, at, flat, moved, occurrence, read, with_override
from rsvpd.itip.changing import rescheduled, with_moved, without
from rsvpd.itip.model import (
    Attendee,
    Details,
    Meeting,
    Override,
    PartStat,
    Recurrence,
    Revision,
)
from rsvpd.letters import Style, cancelled, updated

YES = replace(BEAT, partstat=PartStat.ACCEPTED)
AGAIN = "Please answer again: an answer given before this change no longer counts."
AGAIN_MOVED = "Please answer again for what has moved; for every other date your answer stands."
STANDS = "Your answer stands"


def lines(before: Meeting, after: Meeting, style: Style = Style()) -> list[str]:  # noqa: B008  frozen
    """What the text says of the change."""
    text = updated(before, after, BEAT, style=style).text
    block = text.partition("What changed:\n\n")[2].partition("\n\n")[0]
    return [flat(line) for line in block.removeprefix("  * ").split("\n  * ")]


def series(*rules: str) -> Meeting:
    return replace(FULL, recurrence=Recurrence(rules))


def other(**details: str | None) -> Meeting:
    return replace(FULL, details=replace(FULL.details, **details))  # type: ignore[arg-type]


ONE_DAY = replace(FULL, start=date(2026, 12, 3), end=date(2026, 12, 4))
DAYS = replace(FULL, start=date(2026, 12, 4), end=date(2026, 12, 6))

CHANGES = {
    "moved": (
        replace(FULL, start=at(4, 10), end=at(4, 11)),
        ["Moved from Thu 3 Dec 14:00 to Fri 4 Dec 10:00 (Europe/Zurich)"],
    ),
    "longer": (
        replace(FULL, end=at(3, 16)),
        ["Moved from Thu 3 Dec 14:00\u201315:00 to Thu 3 Dec 14:00\u201316:00 (Europe/Zurich)"],
    ),
    "over night": (
        replace(FULL, end=at(4, 9)),
        ["Moved from Thu 3 Dec 14:00\u201315:00 to Thu 3 Dec 14:00 \u2013 Fri 4 Dec 09:00 (Europe/Zurich)"],
    ),
    "next year": (
        replace(FULL, start=at(3, 14).replace(year=2027), end=at(3, 15).replace(year=2027)),
        ["Moved from Thu 3 Dec 2026 14:00 to Fri 3 Dec 2027 14:00 (Europe/Zurich)"],
    ),
    "to whole days": (ONE_DAY, ["Moved from Thu 3 Dec 14:00 to Thu 3 Dec (all day) (Europe/Zurich)"]),
    "other zone": (replace(FULL, zone="UTC"), ["The time zone is UTC instead of Europe/Zurich"]),
    "place": (replace(FULL, location="Room 8"), ["Place: Room 8 instead of Room 7"]),
    "no place": (replace(FULL, location=None), ["No place is given any more, it was Room 7"]),
    "title": (replace(FULL, summary="Figures"), ["Title: Figures instead of Budget"]),
    "description": (replace(FULL, description="New"), ["The description has changed"]),
    "no description": (replace(FULL, description=None), ["The description has been removed"]),
    "description in HTML": (other(html="<b>x</b>"), ["The description has changed"]),
    "link": (other(conference="https://meet.example.org/8"), ["The link for taking part online is new"]),
    "no link": (other(conference=None), ["The meeting can no longer be joined online"]),
    "now a series": (SERIES, ["This is now a series: every Thursday"]),
    "now an odd series": (
        series("RDATE:20261210T130000Z"),
        ["This is now a series; the attached calendar file has every date"],
    ),
    "priority": (
        replace(FULL, details=replace(FULL.details, priority=1)),
        ["Details of the meeting have changed"],
    ),
    "several": (
        replace(moved(FULL), summary="Figures"),
        [
            "Moved from Thu 3 Dec 14:00 to Fri 4 Dec 10:00 (Europe/Zurich)",
            "Place: Room 8 instead of Room 7",
            "Title: Figures instead of Budget",
        ],
    ),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_is_said_in_words(name: str) -> None:
    after, expected = CHANGES[name]
    assert lines(FULL, after) == expected
    shown = flat(read(updated(FULL, after, BEAT).html).text)
    for line in expected:
        assert line in shown


def test_a_place_that_is_new_is_said() -> None:
    assert lines(replace(FULL, location=None), FULL) == ["Place: Room 7"]


def test_whole_days_are_days() -> None:
    assert lines(ONE_DAY, DAYS) == ["Moved from Thu 3 Dec to Fri 4 Dec \u2013 Sat 5 Dec"]


def test_what_was_is_struck_through_and_what_is_stands_out() -> None:
    letter = updated(FULL, moved(FULL), BEAT)
    assert read(letter.html).struck == ["Thu 3 Dec 14:00", "Room 7"]
    assert ">Fri 4 Dec 10:00</b>" in letter.html


def test_both_times_are_by_the_reader_s_clock() -> None:
    far = Style(zone="Asia/Tokyo")
    after = replace(FULL, start=at(3, 20), end=at(3, 21), zone="UTC")
    assert lines(FULL, after, far) == ["Moved from Thu 3 Dec 22:00 to Fri 4 Dec 04:00 (Asia/Tokyo)"]


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (SERIES, FULL, ["This is no longer a series"]),
        (
            SERIES,
            series("RRULE:FREQ=DAILY"),
            ["The series now repeats every day instead of every Thursday"],
        ),
        (
            SERIES,
            series("RRULE:FREQ=DAILY;BYHOUR=9,10"),
            ["The series repeats differently; the attached calendar file has every date"],
        ),
        (
            SERIES,
            rescheduled(SERIES, at(3, 15), at(3, 16), "Europe/Zurich"),
            ["The series has moved: it starts Thu 3 Dec 15:00 instead of Thu 3 Dec 14:00 (Europe/Zurich)"],
        ),
        (SERIES, without(SERIES, occurrence(10)), ["Cancelled: Thu 10 Dec 14:00"]),
        (SERIES, series("RRULE:FREQ=WEEKLY", "EXDATE:20261210T130000Z"), ["Cancelled: Thu 10 Dec 14:00"]),
        (
            SERIES,
            series("RRULE:FREQ=WEEKLY", "EXDATE;TZID=Europe/Zurich:20261210T140000,20270107T140000"),
            ["Cancelled: Thu 10 Dec 14:00", "Cancelled: Thu 7 Jan 2027 14:00"],
        ),
        (without(SERIES, occurrence(10)), SERIES, ["Takes place after all: Thu 10 Dec 14:00"]),
        (
            SERIES,
            series("RRULE:FREQ=WEEKLY", "RDATE:20261211T130000Z"),
            ["An additional date: Fri 11 Dec 14:00"],
        ),
        (series("RRULE:FREQ=WEEKLY", "RDATE:20261211T130000Z"), SERIES, ["Cancelled: Fri 11 Dec 14:00"]),
        (
            SERIES,
            with_moved(SERIES, occurrence(10), at(11, 9), at(11, 10)),
            ["One date has moved from Thu 10 Dec 14:00 to Fri 11 Dec 09:00 (Europe/Zurich)"],
        ),
        (
            with_moved(SERIES, occurrence(10), at(11, 9), at(11, 10)),
            without(SERIES, occurrence(10)),
            ["Cancelled: Fri 11 Dec 09:00"],
        ),
        (
            with_moved(SERIES, occurrence(10), at(11, 9), at(11, 10)),
            SERIES,
            ["One date has moved from Fri 11 Dec 09:00 to Thu 10 Dec 14:00 (Europe/Zurich)"],
        ),
        (
            SERIES,
            series("RRULE:FREQ=WEEKLY", *(f"EXDATE:2027{n:02}01T130000Z" for n in range(1, 10))),
            ["Several dates of the series have changed; the attached calendar file has every date"],
        ),
        (
            replace(SERIES, start=date(2026, 12, 3), end=date(2026, 12, 4)),
            replace(
                SERIES,
                start=date(2026, 12, 3),
                end=date(2026, 12, 4),
                recurrence=Recurrence(("RRULE:FREQ=WEEKLY", "EXDATE;VALUE=DATE:20261210")),
            ),
            ["Cancelled: Thu 10 Dec"],
        ),
    ],
)
def test_a_series_says_what_changed(before: Meeting, after: Meeting, expected: list[str]) -> None:
    assert lines(before, after) == expected


def test_single_dates_that_move_with_the_series_are_not_told() -> None:
    before = without(replace(series("RRULE:FREQ=WEEKLY", "EXDATE:20261217T130000Z")), occurrence(10))
    after = rescheduled(before, at(3, 16), at(3, 17), "Europe/Zurich")
    assert len(lines(before, after)) == 1
    assert lines(before, without(after, occurrence(24, 16)))[1:] == ["Cancelled: Thu 24 Dec 16:00"]


def test_who_comes_and_goes_is_told_only_if_asked() -> None:
    after = replace(FULL, attendees=(BEAT, replace(CARLA, removed=True), Attendee("dora@example.org")))
    assert "dora" not in flat(updated(FULL, after, BEAT).text).partition("When:")[0]
    text = flat(updated(FULL, after, BEAT, people=True).text)
    assert "Also invited: dora@example.org" in text
    assert "No longer invited: Carla" in text
    hidden = updated(FULL, after, BEAT, people=True, style=Style(show_attendees=False))
    assert "dora" not in hidden.text + hidden.html
    assert "Carla" not in hidden.text + hidden.html


def test_a_crowd_that_comes_is_a_number() -> None:
    crowd = tuple(Attendee(f"a{number}@example.org") for number in range(21))
    after = replace(FULL, attendees=(*FULL.attendees, *crowd))
    assert "Also invited: 21 people" in updated(FULL, after, BEAT, people=True).text


WAITING = BEAT
ORGANIZER_SAYS_SO = replace(FULL, location="Room 8", revisions=(Revision(1, at(1, 9).astimezone(UTC)),))


@pytest.mark.parametrize(
    ("before", "after", "attendee", "said", "silent"),
    [
        (FULL, moved(FULL), YES, AGAIN, STANDS),
        (FULL, moved(FULL), WAITING, AGAIN, STANDS),
        (FULL, SERIES, YES, AGAIN, STANDS),
        (FULL, ORGANIZER_SAYS_SO, YES, AGAIN, STANDS),
        (FULL, replace(FULL, summary="Figures"), YES, STANDS, "buttons"),
        (FULL, replace(FULL, summary="Figures"), WAITING, "If you have answered already", AGAIN),
        (SERIES, with_moved(SERIES, occurrence(10), at(11, 9), at(11, 10)), YES, AGAIN_MOVED, AGAIN),
        (SERIES, without(SERIES, occurrence(10)), YES, STANDS, AGAIN),
        (FULL, moved(FULL), replace(YES, rsvp=False), "no answer is needed", "Please"),
    ],
)
def test_it_says_whether_to_answer_again(
    before: Meeting, after: Meeting, attendee: Attendee, said: str, silent: str
) -> None:
    letter = updated(before, after, attendee)
    for shown in (flat(letter.text), flat(read(letter.html).text)):
        assert said in shown
        assert silent not in shown


def test_the_organizer_has_the_last_word_on_who_is_asked() -> None:
    assert AGAIN in flat(updated(FULL, replace(FULL, summary="x"), YES, asked=True).text)
    assert AGAIN not in flat(updated(FULL, moved(FULL), YES, asked=False).text)


def test_a_cancelled_occurrence_is_the_one_that_is_named() -> None:
    letter = cancelled(SERIES, BEAT, occurrence=occurrence(10))
    assert letter.subject == "Cancelled: Budget, Thu 10 Dec 2026 14:00 (Europe/Zurich)"
    assert "Thursday, 10 December 2026, 14:00 to 15:00" in flat(letter.text)
    assert "All other dates of the series stay" in letter.text
    assert "every Thursday" not in letter.text


def test_a_cancelled_occurrence_that_had_moved_is_off_where_it_was() -> None:
    meeting = with_override(Override(occurrence(10), start=at(11, 9), end=at(11, 11)))
    assert "Friday, 11 December 2026, 09:00 to 11:00" in flat(
        cancelled(meeting, BEAT, occurrence=occurrence(10)).text
    )


def test_a_cancelled_series_is_off_as_a_whole() -> None:
    assert "The whole series is cancelled: every Thursday." in flat(cancelled(SERIES, BEAT).text)
    odd = series("RDATE:20261210T130000Z")
    assert "The whole series is cancelled." in flat(cancelled(odd, BEAT).text)


def test_details_that_nobody_reads_need_no_words_of_their_own() -> None:
    same = replace(
        FULL, description=" Bring your figures.\r\n", details=Details(conference=FULL.details.conference)
    )
    assert lines(FULL, same) == ["Details of the meeting have changed"]
