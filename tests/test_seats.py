"""Delegator and delegate are one seat in every count (RFC 5546 3.2.2.3)."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cases import ACCEPTED, ALICE, BOB, CAROL, DAVE, DECLINED, DELEGATED, NEEDS_ACTION, TENTATIVE
from rsvpd.itip import seats
from rsvpd.itip.model import PartStat
from rsvpd.itip.seats import Seat

Room = tuple[list[Seat], dict[str, PartStat], dict[PartStat, int]]

A_TO_B = Seat(ALICE, DELEGATED, delegated_to=BOB)
B_TO_C = Seat(BOB, DELEGATED, delegated_to=CAROL, delegated_from=ALICE)


def bob(partstat: PartStat, delegated_from: str | None = ALICE) -> Seat:
    return Seat(BOB, partstat, delegated_from=delegated_from)


ROOMS: dict[str, Room] = {
    "nobody": ([], {}, {}),
    "no delegation": (
        [Seat(ALICE, ACCEPTED), Seat(BOB, DECLINED)],
        {ALICE: ACCEPTED, BOB: DECLINED},
        {ACCEPTED: 1, DECLINED: 1},
    ),
    "the delegate has not answered": (
        [A_TO_B, bob(NEEDS_ACTION)],
        {ALICE: DELEGATED, BOB: NEEDS_ACTION},
        {NEEDS_ACTION: 1},
    ),
    "the delegate accepts": ([A_TO_B, bob(ACCEPTED)], {ALICE: DELEGATED, BOB: ACCEPTED}, {ACCEPTED: 1}),
    "the delegate may come": ([A_TO_B, bob(TENTATIVE)], {ALICE: DELEGATED, BOB: TENTATIVE}, {TENTATIVE: 1}),
    "the delegate declines: waiting again": (
        [A_TO_B, bob(DECLINED)],
        {ALICE: NEEDS_ACTION, BOB: DECLINED},
        {NEEDS_ACTION: 1},
    ),
    "the delegator comes after all": (
        [Seat(ALICE, ACCEPTED), bob(NEEDS_ACTION)],
        {ALICE: ACCEPTED, BOB: NEEDS_ACTION},
        {ACCEPTED: 1},
    ),
    "the delegator declines after all": (
        [Seat(ALICE, DECLINED), bob(ACCEPTED)],
        {ALICE: DECLINED, BOB: ACCEPTED},
        {DECLINED: 1},
    ),
    "two steps": (
        [A_TO_B, B_TO_C, Seat(CAROL, ACCEPTED, delegated_from=BOB)],
        {ALICE: DELEGATED, BOB: DELEGATED, CAROL: ACCEPTED},
        {ACCEPTED: 1},
    ),
    "two steps, and the last declines": (
        [A_TO_B, B_TO_C, Seat(CAROL, DECLINED, delegated_from=BOB)],
        {ALICE: NEEDS_ACTION, BOB: NEEDS_ACTION, CAROL: DECLINED},
        {NEEDS_ACTION: 1},
    ),
    "delegated to nobody named": ([Seat(ALICE, DELEGATED)], {ALICE: DELEGATED}, {DELEGATED: 1}),
    "delegated to somebody removed": ([A_TO_B], {ALICE: DELEGATED}, {DELEGATED: 1}),
    "the delegator was removed": ([bob(ACCEPTED)], {BOB: ACCEPTED}, {ACCEPTED: 1}),
    "to somebody who was invited as well": (
        [A_TO_B, bob(ACCEPTED, None)],
        {ALICE: DELEGATED, BOB: ACCEPTED},
        {ACCEPTED: 1},
    ),
    "to somebody invited who declines": (
        [A_TO_B, bob(DECLINED, None)],
        {ALICE: NEEDS_ACTION, BOB: DECLINED},
        {NEEDS_ACTION: 1},
    ),
    "to oneself": ([Seat(ALICE, DELEGATED, delegated_to=ALICE)], {ALICE: DELEGATED}, {DELEGATED: 1}),
}


@pytest.mark.parametrize("room", ROOMS)
def test_what_is_shown(room: str) -> None:
    people, shown, _ = ROOMS[room]
    assert dict(seats.shown(people)) == shown


@pytest.mark.parametrize("room", ROOMS)
def test_what_is_counted(room: str) -> None:
    people, _, counts = ROOMS[room]
    for ordered in (people, people[::-1]):
        assert seats.counts(ordered) == dict.fromkeys(PartStat, 0) | counts


def test_a_circle_ends() -> None:
    circle = [A_TO_B, Seat(BOB, DELEGATED, delegated_to=ALICE)]
    assert dict(seats.shown(circle)) == {ALICE: DELEGATED, BOB: DELEGATED}
    assert sum(seats.counts(circle).values()) in {1, 2}


ADDRESSES = st.sampled_from((ALICE, BOB, CAROL, DAVE))
PEOPLE = st.lists(
    st.builds(Seat, ADDRESSES, st.sampled_from(PartStat), st.none() | ADDRESSES, st.none() | ADDRESSES),
    unique_by=lambda seat: seat.address,
)


@given(PEOPLE)
def test_nobody_is_counted_twice(people: list[Seat]) -> None:
    assert sum(seats.counts(people).values()) <= len(people)
    assert set(seats.shown(people)) == {one.address for one in people}


@given(PEOPLE)
def test_without_delegations_everybody_is_counted(people: list[Seat]) -> None:
    alone = [Seat(one.address, one.partstat) for one in people]
    counted = {partstat: number for partstat, number in seats.counts(alone).items() if number}
    assert counted == Counter(one.partstat for one in alone)
