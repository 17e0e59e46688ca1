"""A verdict changed afterwards: by the policy on answers in words, or by a person who released it."""

from __future__ import annotations

import pytest

from cases import (
    ACCEPTED,
    DECLINED,
    EVE,
    NEEDS_ACTION,
    after,
    answer_of,
    answers,
    arrival,
    at,
    judge,
    meeting,
    occurrence,
    person,
    recorded,
    reply,
    revised,
    said,
    sent,
    series,
    shows,
    user,
)
from rsvpd.itip.model import Component, Meeting, Method, Outcome
from rsvpd.itip.overruling import only_words, released
from rsvpd.itip.trust import Policy, TextAnswers
from rsvpd.itip.verdicts import Reason, Refusal, Verdict

NOW = at("2026-11-30 12:00")
WORDS = {
    TextAnswers.HOLD: (Outcome.HELD, Reason.TEXT_ANSWER),
    TextAnswers.APPLY: (Outcome.APPLIED, None),
    TextAnswers.IGNORE: (Outcome.NOT_A_REPLY, Reason.IGNORED),
}


@pytest.mark.parametrize("policy", WORDS)
def test_an_answer_in_words(policy: TextAnswers) -> None:
    verdict = only_words(judge(), Policy(text_answers=policy))
    assert said(verdict) == WORDS[policy]
    if policy is TextAnswers.HOLD:
        assert isinstance(verdict.decision, Refusal)
        assert verdict.decision.answer == answer_of(judge())


@pytest.mark.parametrize("policy", WORDS)
def test_words_that_do_not_count_anyway_stay_refused(policy: TextAnswers) -> None:
    refused = judge(mail=arrival(sender=EVE))
    assert only_words(refused, Policy(text_answers=policy)) == refused


CHANGED = revised(meeting(), (1, "2026-11-24 08:00", True))
DECLINED_SINCE = after(meeting(), sent(answers(DECLINED, "2026-11-25 10:00")))

RELEASED: dict[str, tuple[Verdict, Meeting]] = {
    "somebody else's mail": (judge(mail=arrival(sender=EVE)), meeting()),
    "an answer to an earlier revision": (judge(to=CHANGED), CHANGED),
    "an answer older than the recorded one": (judge(to=DECLINED_SINCE), DECLINED_SINCE),
    "an answer that counted already": (judge(), meeting()),
}


@pytest.mark.parametrize("situation", RELEASED)
def test_a_released_answer_counts_from_then_on(situation: str) -> None:
    verdict, one = RELEASED[situation]
    counts = released(verdict, one, NOW)
    assert counts.outcome is Outcome.APPLIED
    assert shows(recorded(one, counts)) is ACCEPTED


def test_a_released_answer_that_would_win_keeps_its_time() -> None:
    counts = released(judge(mail=arrival(sender=EVE)), meeting(), NOW)
    assert answer_of(counts).rank.answered_at == at("2026-11-23 10:00")


def test_a_released_answer_that_would_lose_is_of_now_and_loses_to_later_ones() -> None:
    counts = released(judge(to=CHANGED), CHANGED, NOW)
    assert (answer_of(counts).rank.sequence, answer_of(counts).rank.answered_at) == (1, NOW)
    later = sent(answers(DECLINED, "2026-12-01 10:00", sequence=1))
    assert shows(after(recorded(CHANGED, counts), later)) is DECLINED


def test_somebody_uninvited_can_be_released() -> None:
    counts = released(judge(reply(user(EVE)), arrival(sender=EVE)), meeting(), NOW)
    assert shows(recorded(meeting(person()), counts), EVE) is ACCEPTED


def test_a_released_answer_to_one_occurrence_of_a_series_stays_one() -> None:
    weekly = series(person())
    held = judge(reply(recurrence_id=at("2026-12-10 13:00")), arrival(sender=EVE), weekly)
    assert answer_of(released(held, weekly, NOW)).occurrence == occurrence("2026-12-10 13:00")


NOTHING_TO_RELEASE: dict[str, Component] = {
    "no answer": answers(NEEDS_ACTION),
    "another method": reply(method=Method.PUBLISH),
    "a refresh": reply(method=Method.REFRESH),
}


@pytest.mark.parametrize("situation", NOTHING_TO_RELEASE)
def test_what_holds_no_answer_stays_refused(situation: str) -> None:
    verdict = judge(NOTHING_TO_RELEASE[situation])
    assert released(verdict, meeting(), NOW) == verdict
