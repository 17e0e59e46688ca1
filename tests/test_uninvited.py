"""Answers of people who are not on the list, by policy."""

from __future__ import annotations

import pytest

from cases import (
    ACCEPTED,
    BOB,
    EVE,
    answer_of,
    arrival,
    judge,
    meeting,
    person,
    reply,
    said,
    user,
)
from rsvpd.itip.model import (
    Arrival,
    Component,
    Method,
    Outcome,
    PartStat,
)
from rsvpd.itip.trust import Policy, Uninvited
from rsvpd.itip.verdicts import Reason

UNINVITED: dict[str, tuple[Uninvited, Component, Arrival, Outcome, Reason | None]] = {
    "held by default": (
        Uninvited.HOLD,
        reply(user(EVE)),
        arrival(sender=EVE),
        Outcome.HELD,
        Reason.UNINVITED,
    ),
    "added": (Uninvited.ADD, reply(user(EVE)), arrival(sender=EVE), Outcome.APPLIED, None),
    "added only if the sender is who answers": (
        Uninvited.ADD,
        reply(user(EVE)),
        arrival(sender=BOB),
        Outcome.HELD,
        Reason.UNINVITED,
    ),
    "never added after having been removed": (
        Uninvited.ADD,
        reply(user(BOB)),
        arrival(sender=BOB),
        Outcome.HELD,
        Reason.REMOVED,
    ),
    "added without an ATTENDEE": (
        Uninvited.ADD,
        reply(user(None)),
        arrival(sender=EVE),
        Outcome.APPLIED,
        None,
    ),
    "ignored": (
        Uninvited.IGNORE,
        reply(user(EVE)),
        arrival(sender=EVE),
        Outcome.NOT_A_REPLY,
        Reason.IGNORED,
    ),
    "removed is not ignored": (
        Uninvited.IGNORE,
        reply(user(BOB)),
        arrival(sender=BOB),
        Outcome.HELD,
        Reason.REMOVED,
    ),
}


@pytest.mark.parametrize("situation", UNINVITED)
def test_uninvited_responder(situation: str) -> None:
    uninvited, component, mail, outcome, reason = UNINVITED[situation]
    to = meeting(person(), person(BOB, removed=True))
    assert said(judge(component, mail, to, Policy(uninvited=uninvited))) == (outcome, reason)


def test_an_added_responder_is_named_as_who_answers() -> None:
    answer = answer_of(judge(reply(user(EVE)), arrival(sender=EVE), policy=Policy(uninvited=Uninvited.ADD)))
    assert (answer.attendee, answer.partstat) == (EVE, ACCEPTED)


@pytest.mark.parametrize("partstat", [None, ACCEPTED])
def test_an_uninvited_refresh_is_held_whatever_the_policy(partstat: PartStat | None) -> None:
    """A REFRESH answers nothing to add somebody with; only invited attendees are sent the REQUEST."""
    asks = reply(user(EVE, partstat), method=Method.REFRESH)
    verdict = judge(asks, arrival(sender=EVE), policy=Policy(uninvited=Uninvited.ADD))
    assert verdict.outcome is Outcome.HELD
