"""One occurrence that was moved is asked about again, and nothing else of its series."""

from __future__ import annotations

from cases import (
    ACCEPTED,
    ALICE,
    DECLINED,
    NEEDS_ACTION,
    after,
    answers,
    arrival,
    at,
    judge,
    moved,
    person,
    revised,
    sent,
    series,
    shows,
    with_overrides,
)
from rsvpd.itip import ranking
from rsvpd.itip.model import Meeting, Outcome

SECOND, THIRD = "2026-12-10 13:00", "2026-12-17 13:00"


def second_moved(one: Meeting) -> Meeting:
    changed = revised(one, (1, "2026-11-24 08:00", False))
    return with_overrides(changed, moved(SECOND, "2026-12-11 09:00", sequence=1))


def test_an_occurrence_that_was_moved_is_asked_about_again() -> None:
    """The start of that one changed, which is significant for it; the rest of the series keeps its answers."""
    one = after(series(), sent(answers(ACCEPTED)))
    changed = second_moved(one)
    assert (shows(changed), shows(changed, where=SECOND), shows(changed, where=THIRD)) == (
        ACCEPTED,
        NEEDS_ACTION,
        ACCEPTED,
    )
    late = answers(DECLINED, "2026-11-25 10:00", recurrence_id=at(SECOND))
    assert judge(late, arrival("2026-11-25 10:00"), changed).outcome is Outcome.OUTDATED
    informed = sent(answers(DECLINED, "2026-11-25 10:00", recurrence_id=at(SECOND), sequence=1))
    assert shows(after(changed, informed), where=SECOND) is DECLINED


def test_saying_the_same_of_the_whole_series_answers_the_one_that_was_moved() -> None:
    """It changes what that one shows, so it is no answer that is recorded already."""
    changed = second_moved(after(series(), sent(answers(ACCEPTED))))
    component, mail = sent(answers(ACCEPTED, "2026-11-25 10:00", sequence=1))
    assert judge(component, mail, changed).outcome is Outcome.APPLIED
    assert shows(after(changed, (component, mail)), where=SECOND) is ACCEPTED


def test_an_answer_to_what_was_before_still_counts_for_the_series() -> None:
    changed = second_moved(series())
    late = sent(answers(DECLINED, "2026-11-25 10:00"))
    assert judge(*late, changed).outcome is Outcome.APPLIED
    one = after(changed, late)
    assert (shows(one), shows(one, where=SECOND)) == (DECLINED, NEEDS_ACTION)


def test_what_was_imported_of_an_attendee_does_not_count_for_the_one_that_was_moved() -> None:
    changed = second_moved(series(person(ALICE, partstat=ACCEPTED)))
    (alice,) = changed.attendees
    assert ranking.partstat(alice, changed) is ACCEPTED
    assert shows(changed, where=SECOND) is NEEDS_ACTION


def test_the_series_and_an_occurrence_in_one_mail_both_count() -> None:
    one = after(series(), sent(answers(ACCEPTED)))
    component, mail = sent(answers(DECLINED, recurrence_id=at(SECOND)))
    assert judge(component, mail, one).outcome is Outcome.APPLIED
