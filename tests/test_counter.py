"""Counter-proposals: COUNTER, and a proposed time inside a REPLY (RFC 5546 3.2.7)."""

from __future__ import annotations

from datetime import datetime

import pytest

from cases import (
    ACCEPTED,
    ALICE,
    BOB,
    DECLINED,
    EVE,
    NEEDS_ACTION,
    TENTATIVE,
    after,
    answer_of,
    answers,
    arrival,
    at,
    judge,
    meeting,
    person,
    reply,
    revised,
    said,
    sent,
    series,
    shows,
    user,
)
from rsvpd.itip.model import Answer, Component, Method, Outcome, PartStat, Proposal
from rsvpd.itip.trust import Policy, Uninvited
from rsvpd.itip.verdicts import Reason, Refusal

START, END = at("2026-12-04 09:00"), at("2026-12-04 10:00")


def counter(partstat: PartStat | None = TENTATIVE, **changes: object) -> Component:
    given: dict[str, object] = {
        "method": Method.COUNTER,
        "start": START,
        "end": END,
        "location": "Room 5",
        "comment": "Later?",
        **changes,
    }
    return reply(user(partstat=partstat), **given)


def hidden(
    partstat: PartStat | None = TENTATIVE, start: datetime = START, end: datetime | None = None
) -> Component:
    """A REPLY with a proposed time as a parameter of ATTENDEE (iOS)."""
    return reply(user(partstat=partstat, proposed_start=start, proposed_end=end))


def test_what_a_counter_proposes() -> None:
    assert judge(counter()).proposal == Proposal(START, END, "Room 5", "Later?")


def test_what_a_reply_proposes() -> None:
    assert judge(hidden()).proposal == Proposal(START)
    assert judge(hidden(end=END)).proposal == Proposal(START, END)


def test_the_attendees_own_comment_is_that_of_the_proposal() -> None:
    spoken = reply(user(comment="Mine"), method=Method.COUNTER, comment="Other")
    assert judge(spoken).proposal == Proposal(comment="Mine")
    in_reply = reply(user(proposed_start=START), comment="Other")
    assert judge(in_reply).proposal == Proposal(START, comment="Other")


@pytest.mark.parametrize("component", [counter(), hidden()])
def test_its_partstat_is_applied_as_well(component: Component) -> None:
    verdict = judge(component)
    assert (verdict.outcome, verdict.partstat) == (Outcome.PROPOSAL, TENTATIVE)
    assert answer_of(verdict).partstat is TENTATIVE


@pytest.mark.parametrize("component", [counter(None), counter(NEEDS_ACTION), hidden(None)])
def test_without_a_partstat_the_last_answer_stays(component: Component) -> None:
    one = after(meeting(), sent(answers(ACCEPTED)))
    verdict = judge(component, arrival("2026-11-24 10:00"), one)
    assert said(verdict) == (Outcome.PROPOSAL, Reason.PROPOSED)
    assert isinstance(verdict.decision, Refusal)
    assert verdict.proposal is not None
    assert shows(after(one, (component, arrival("2026-11-24 10:00")))) is ACCEPTED


def test_the_answer_that_is_recorded_already_still_proposes() -> None:
    one = after(meeting(), sent(answers(TENTATIVE, comment="Later?")))
    verdict = judge(counter(), arrival(ordinal=1), one)
    assert verdict.outcome is Outcome.PROPOSAL
    assert verdict.proposal is not None


@pytest.mark.parametrize("component", [counter(), counter(None), hidden()])
def test_a_proposal_for_an_earlier_revision_is_outdated(component: Component) -> None:
    one = revised(meeting(), (1, "2026-11-24 08:00", True))
    verdict = judge(component, to=one)
    assert said(verdict) == (Outcome.OUTDATED, Reason.OLD_SEQUENCE)
    assert verdict.proposal is None


@pytest.mark.parametrize("component", [counter(), hidden()])
def test_a_proposal_older_than_the_answer_is_outdated(component: Component) -> None:
    one = after(meeting(), sent(answers(ACCEPTED, "2026-11-24 10:00")))
    assert said(judge(component, to=one)) == (Outcome.OUTDATED, Reason.OLDER_ANSWER)


def test_a_proposal_without_partstat_older_than_the_answer_is_outdated() -> None:
    one = after(meeting(), sent(answers(ACCEPTED, "2026-11-24 10:00")))
    assert said(judge(counter(None), to=one)) == (Outcome.OUTDATED, Reason.OLDER_ANSWER)


def test_a_proposal_of_somebody_else_is_held() -> None:
    assert said(judge(counter(), arrival(sender=EVE))) == (Outcome.HELD, Reason.SENDER)
    foreign = reply(user(EVE), method=Method.COUNTER)
    assert said(judge(foreign, arrival(sender=EVE))) == (Outcome.HELD, Reason.UNINVITED)


def test_a_proposal_without_an_answer_adds_nobody() -> None:
    """The policy adds responders with their answer; a proposal of nobody on the list would be lost."""
    foreign = reply(user(EVE, None), method=Method.COUNTER, start=START)
    verdict = judge(foreign, arrival(sender=EVE), policy=Policy(uninvited=Uninvited.ADD))
    assert verdict.outcome is Outcome.HELD


def test_the_list_that_kde_echoes_does_not_hide_who_proposes() -> None:
    component = reply(user(BOB, NEEDS_ACTION), user(ALICE, DECLINED), method=Method.COUNTER, start=START)
    verdict = judge(component, to=meeting(person(BOB), person()))
    assert (verdict.attendee, answer_of(verdict).partstat) == (ALICE, DECLINED)


def test_a_proposal_for_one_occurrence() -> None:
    verdict = judge(counter(recurrence_id=at("2026-12-10 13:00")), to=series())
    assert verdict.outcome is Outcome.PROPOSAL
    assert verdict.occurrence is not None
    assert verdict.occurrence.at == at("2026-12-10 13:00")
    assert isinstance(verdict.decision, Answer)


def test_an_odd_sequence_of_a_proposal_is_noted() -> None:
    assert "higher" in (judge(counter(sequence=3)).odd or "")


REFRESHED: dict[str, Component] = {
    "as RFC 5546 wants it": reply(user(partstat=None), method=Method.REFRESH, sequence=None),
    "with the SEQUENCE that the attendee has": reply(user(partstat=None), method=Method.REFRESH, sequence=0),
    "with an answer in it": reply(user(partstat=DECLINED), method=Method.REFRESH),
}


@pytest.mark.parametrize("situation", REFRESHED)
def test_a_refresh_is_answered_whatever_the_attendee_has(situation: str) -> None:
    """Who has an old revision is who needs the current one."""
    one = revised(meeting(), (1, "2026-11-24 08:00", True))
    verdict = judge(REFRESHED[situation], to=one)
    assert said(verdict) == (Outcome.REFRESH, Reason.ASKED_AGAIN)


@pytest.mark.parametrize("situation", REFRESHED)
def test_a_refresh_never_answers(situation: str) -> None:
    one = after(meeting(), sent(answers(ACCEPTED)))
    verdict = judge(REFRESHED[situation], arrival("2026-11-24 10:00"), one)
    assert isinstance(verdict.decision, Refusal)
    assert verdict.outcome is Outcome.REFRESH


def test_a_refresh_of_somebody_else_is_held() -> None:
    component = reply(user(partstat=None), method=Method.REFRESH)
    assert said(judge(component, arrival(sender=EVE))) == (Outcome.HELD, Reason.SENDER)
