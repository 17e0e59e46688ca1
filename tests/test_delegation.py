"""PARTSTAT=DELEGATED and what follows (RFC 5546 3.2.2.3, 4.2.5)."""

from __future__ import annotations

from itertools import pairwise

import pytest

from cases import (
    ACCEPTED,
    ALICE,
    BOB,
    CAROL,
    DAVE,
    DECLINED,
    DELEGATED,
    EVE,
    NEEDS_ACTION,
    ORGANIZER,
    PLAIN,
    after,
    answer_of,
    arrival,
    judge,
    meeting,
    person,
    reply,
    revised,
    said,
    sent,
    shows,
    user,
)
from rsvpd.itip.model import CalendarUser, Component, Meeting, Outcome
from rsvpd.itip.trust import Policy, Uninvited
from rsvpd.itip.verdicts import Reason


def delegates(to: str, who: str = ALICE) -> Component:
    return reply(user(who, DELEGATED, delegated_to=(to,)))


DELEGATE = user(BOB, NEEDS_ACTION, delegated_from=(ALICE,))

STEPS = 4
"""How often an invitation may be handed on."""

WAYS: dict[str, Component] = {
    "DELEGATED-TO alone": delegates(BOB),
    "DELEGATED-TO and the delegate's ATTENDEE": reply(user(ALICE, DELEGATED, delegated_to=(BOB,)), DELEGATE),
    "only the delegate's ATTENDEE": reply(user(ALICE, DELEGATED), DELEGATE),
    "the delegate's ATTENDEE first": reply(DELEGATE, user(ALICE, DELEGATED, delegated_to=(BOB,))),
    "more than one delegate: the first": reply(user(ALICE, DELEGATED, delegated_to=(BOB, CAROL))),
}


@pytest.mark.parametrize("way", WAYS)
def test_a_delegation_adds_the_delegate(way: str) -> None:
    answer = answer_of(judge(WAYS[way]))
    assert (answer.attendee, answer.partstat, answer.delegated_to) == (ALICE, DELEGATED, BOB)


def test_delegated_to_nobody_is_recorded_as_said() -> None:
    answer = answer_of(judge(reply(user(ALICE, DELEGATED))))
    assert (answer.partstat, answer.delegated_to) == (DELEGATED, None)


def test_only_a_delegated_partstat_delegates() -> None:
    assert answer_of(judge(reply(user(ALICE, ACCEPTED, delegated_to=(BOB,))))).delegated_to is None


def test_delegating_to_somebody_else_is_a_changed_answer() -> None:
    one = after(meeting(), sent(delegates(BOB)))
    later = judge(
        reply(user(ALICE, DELEGATED, delegated_to=(CAROL,))), arrival("2026-11-24 10:00", date=None), one
    )
    assert later.outcome is Outcome.APPLIED


def test_the_delegate_answers_as_an_attendee() -> None:
    one = after(meeting(), sent(delegates(BOB)))
    assert shows(one, BOB) is NEEDS_ACTION
    answered = after(one, sent(reply(user(BOB, ACCEPTED, delegated_from=(ALICE,))), sender=BOB))
    assert (shows(answered), shows(answered, BOB)) == (DELEGATED, ACCEPTED)


@pytest.mark.parametrize("uninvited", Uninvited)
def test_a_delegate_who_answers_before_the_delegation_is_held(uninvited: Uninvited) -> None:
    early = reply(user(BOB, ACCEPTED, delegated_from=(ALICE,)))
    verdict = judge(early, arrival(sender=BOB), policy=Policy(uninvited=uninvited))
    assert said(verdict) == (Outcome.HELD, Reason.DELEGATION_AWAITED)
    assert ALICE in (verdict.words or "")


def test_the_delegation_releases_the_answer_that_came_before() -> None:
    early = reply(user(BOB, ACCEPTED, delegated_from=(ALICE,)))
    one = after(meeting(), sent(early, sender=BOB), sent(delegates(BOB)))
    assert judge(early, arrival(sender=BOB), one).outcome is Outcome.APPLIED


def test_a_delegate_who_was_removed_waits_for_nobody() -> None:
    one = meeting(person(), person(BOB, removed=True))
    verdict = judge(reply(user(BOB, ACCEPTED, delegated_from=(ALICE,))), arrival(sender=BOB), one)
    assert said(verdict) == (Outcome.HELD, Reason.REMOVED)


def chain(steps: int) -> Meeting:
    """A meeting whose only attendee delegated, and so on: after `steps` the last one may answer."""
    people = [f"d{n}@example.com" for n in range(steps + 1)]
    started = meeting(person(people[0]))
    mails = [sent(delegates(b, a), sender=a) for a, b in pairwise(people)]
    return after(started, *mails)


@pytest.mark.parametrize("steps", range(STEPS + 2))
def test_a_delegation_beyond_four_steps_is_held(steps: int) -> None:
    last = f"d{steps}@example.com"
    assert [p.address for p in chain(steps).attendees][-1] == (
        last if steps <= STEPS else f"d{STEPS}@example.com"
    )
    if steps <= STEPS:
        verdict = judge(delegates("next@example.com", last), arrival(sender=last), chain(steps))
        if steps < STEPS:
            assert verdict.outcome is Outcome.APPLIED
        else:
            assert said(verdict) == (Outcome.HELD, Reason.DELEGATION_LOOP)


BOTH_INVITED = meeting(person(), person(BOB), person(CAROL))

LOOPS: dict[str, tuple[Meeting, str, str]] = {
    "to oneself": (meeting(), ALICE, ALICE),
    "back to the delegator": (after(meeting(), sent(delegates(BOB))), BOB, ALICE),
    "back over two": (
        after(meeting(), sent(delegates(BOB)), sent(delegates(CAROL, BOB), sender=BOB)),
        CAROL,
        ALICE,
    ),
    "back to the organizer": (meeting(), ALICE, ORGANIZER),
    "between two who were both invited": (after(BOTH_INVITED, sent(delegates(BOB))), BOB, ALICE),
    "between three who were all invited": (
        after(BOTH_INVITED, sent(delegates(BOB)), sent(delegates(CAROL, BOB), sender=BOB)),
        CAROL,
        ALICE,
    ),
}


@pytest.mark.parametrize("situation", LOOPS)
def test_a_loop_is_held(situation: str) -> None:
    one, who, to = LOOPS[situation]
    verdict = judge(delegates(to, who), arrival(sender=who), one)
    assert said(verdict) == (Outcome.HELD, Reason.DELEGATION_LOOP)
    assert "turns back" in (verdict.words or "")


def test_a_delegation_taken_back_is_no_loop() -> None:
    """Alice delegated to Bob and then came herself: Bob may ask her to go in his place."""
    one = after(BOTH_INVITED, sent(delegates(BOB)))
    back = after(one, sent(reply(user(), dtstamp=arrival("2026-11-24 10:00").received_at)))
    assert judge(delegates(ALICE, BOB), arrival(sender=BOB), back).outcome is Outcome.APPLIED


def test_a_delegate_whose_delegator_is_unknown_may_delegate() -> None:
    one = meeting(person(BOB, delegated_from="gone@example.com"))
    assert judge(delegates(CAROL, BOB), arrival(sender=BOB), one).outcome is Outcome.APPLIED


def test_an_outdated_delegation_adds_nobody() -> None:
    one = revised(meeting(), (1, "2026-11-24 08:00", True))
    assert judge(delegates(BOB), to=one).outcome is Outcome.OUTDATED
    assert [p.address for p in after(one, sent(delegates(BOB))).attendees] == [ALICE]


def test_somebody_elses_delegation_is_held() -> None:
    verdict = judge(delegates(DAVE), arrival(sender=EVE), meeting(), PLAIN)
    assert said(verdict) == (Outcome.HELD, Reason.SENDER)


def test_who_delegated_by_a_foreign_list_is_not_taken() -> None:
    """An ATTENDEE delegated from somebody else is no delegate of Alice."""
    other: CalendarUser = user(BOB, NEEDS_ACTION, delegated_from=(CAROL,))
    assert answer_of(judge(reply(user(ALICE, DELEGATED), other))).delegated_to is None


def test_a_delegate_who_declines_leaves_the_delegators_answer() -> None:
    one = after(
        meeting(), sent(delegates(BOB)), sent(reply(user(BOB, DECLINED)), "2026-11-24 10:00", sender=BOB)
    )
    assert (shows(one), shows(one, BOB)) == (DELEGATED, DECLINED)
