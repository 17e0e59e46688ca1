"""A REPLY in which no PARTSTAT can be read, whose subject says the answer all the same."""

from __future__ import annotations

from pathlib import Path

import pytest

import house
from builders.odd import SILENT
from cases import (
    ACCEPTED,
    BOB,
    DECLINED,
    NEEDS_ACTION,
    after,
    answer_of,
    answers,
    arrival,
    at,
    judge,
    meeting,
    reply,
    said,
    sent,
    user,
)
from house import UID, World, facts, invite
from rsvpd.itip.model import Arrival, Component, Method, Outcome
from rsvpd.itip.trust import Policy, TextAnswers
from rsvpd.itip.verdicts import Reason, Refusal

SILENT_REPLY = reply(user(partstat=None))
DECLINES = arrival(subject="Declined: Budget review")
UNCHANGED = (Outcome.UNCHANGED, Reason.NO_ANSWER_YET)
POLICIES = {
    TextAnswers.HOLD: (Outcome.HELD, Reason.TEXT_ANSWER),
    TextAnswers.APPLY: (Outcome.APPLIED, None),
    TextAnswers.IGNORE: UNCHANGED,
}


@pytest.mark.parametrize("words", POLICIES)
def test_the_policy_on_answers_in_words_decides(words: TextAnswers) -> None:
    policy = Policy(text_answers=words)
    assert said(judge(SILENT_REPLY, DECLINES, policy=policy)) == POLICIES[words]


def test_what_is_held_has_the_answer_ready() -> None:
    verdict = judge(SILENT_REPLY, DECLINES)
    assert isinstance(verdict.decision, Refusal)
    assert verdict.decision.answer is not None
    assert (verdict.partstat, verdict.decision.answer.partstat) == (DECLINED, DECLINED)
    assert "the subject says DECLINED" in " ".join(finding.says for finding in verdict.findings)


def test_an_answer_taken_from_the_subject_counts_if_wanted() -> None:
    verdict = judge(SILENT_REPLY, DECLINES, policy=Policy(text_answers=TextAnswers.APPLY))
    assert answer_of(verdict).partstat is DECLINED


STAYS: dict[str, tuple[Component, Arrival, tuple[Outcome, Reason | None]]] = {
    "the subject says nothing": (SILENT_REPLY, arrival(subject="Answer: Budget review"), UNCHANGED),
    "the client says that nothing is decided": (answers(NEEDS_ACTION), DECLINES, UNCHANGED),
    "the calendar says another answer": (reply(), DECLINES, (Outcome.APPLIED, None)),
    "the invitation is wanted again": (
        reply(user(partstat=None), method=Method.REFRESH),
        DECLINES,
        (Outcome.REFRESH, Reason.ASKED_AGAIN),
    ),
    "another time is proposed": (
        reply(user(partstat=None), method=Method.COUNTER, start=at("2026-12-04 09:00")),
        DECLINES,
        (Outcome.PROPOSAL, Reason.PROPOSED),
    ),
    "another time is hidden in it": (
        reply(user(partstat=None, proposed_start=at("2026-12-04 09:00"))),
        DECLINES,
        (Outcome.PROPOSAL, Reason.PROPOSED),
    ),
    "somebody else sent it": (
        SILENT_REPLY,
        arrival(sender=BOB, subject="Declined: x"),
        (Outcome.HELD, Reason.SENDER),
    ),
}


@pytest.mark.parametrize(("component", "mail", "outcome"), STAYS.values(), ids=STAYS)
def test_in_every_other_case_the_subject_is_not_asked(
    component: Component, mail: Arrival, outcome: tuple[Outcome, Reason | None]
) -> None:
    assert said(judge(component, mail)) == outcome


def test_an_old_one_stays_outdated() -> None:
    mail = sent(answers(ACCEPTED, "2026-11-24 10:00"))
    assert judge(SILENT_REPLY, DECLINES, after(meeting(), mail)).outcome is Outcome.OUTDATED


@pytest.mark.parametrize("name", SILENT)
def test_it_waits_for_a_person_and_counts_when_released(tmp_path: Path, name: str) -> None:
    world = World(tmp_path)
    world.imports(invite(UID))
    mail = SILENT[name](facts())
    (row,) = world.ingest(b"Subject: Abgelehnt: Budget\r\n" + mail)

    assert (row["outcome"], row["partstat"]) == ("held", "DECLINED")
    assert row["reason"] == "says its answer in words only: DECLINED"
    assert world.attendance()[0]["counts"]["DECLINED"] == 0
    (waiting,) = world.run("review", "list", "--format", "json").objects
    assert world.run("review", "release", str(waiting["id"])).code == 0
    (one,) = world.attendance()[0]["attendees"]
    assert (one["email"], one["partstat"]) == (house.ALICE.address, "DECLINED")
