"""Judged again, an answer meets the series as it was when it came, not as it is now."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import changing
from changing import SERIES, UID, Bench
from house import ALICE, BOB
from rsvpd.changes import Manner

SECOND, THIRD = "2026-12-10T14:00", "2026-12-17T14:00"
FOR_SECOND = "RECURRENCE-ID:20261210T130000Z"
FOR_THIRD = "RECURRENCE-ID:20261217T130000Z"


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with changing.bench(tmp_path) as made:
        made.create(SERIES)
        yield made


def replayed(bench: Bench) -> list[str]:
    """What would change."""
    return [f"{one.what}: {one.before} -> {one.after}" for one in bench.app.review.replay(apply=False)]


def test_an_answer_to_an_occurrence_that_was_cancelled_later(bench: Bench) -> None:
    assert bench.answer(ALICE, "ACCEPTED", FOR_SECOND) == "applied"
    bench.clock.later(minutes=1)
    bench.changes.cancel(UID, Manner(), occurrence=SECOND)
    bench.send()
    assert bench.answer(BOB, "ACCEPTED", FOR_SECOND, sequence=1) == "cancelled"
    assert replayed(bench) == []
    # Another change leaves it as it was.
    bench.move(THIRD, start="2026-12-18T10:00", end="2026-12-18T11:00")
    bench.send()
    assert replayed(bench) == []


def test_an_answer_to_an_occurrence_that_was_moved_later(bench: Bench) -> None:
    assert bench.answer(ALICE, "ACCEPTED", FOR_THIRD) == "applied"
    bench.clock.later(minutes=1)
    bench.move(THIRD, start="2026-12-18T10:00", end="2026-12-18T11:00")
    bench.send()
    assert bench.answer(BOB, "ACCEPTED", FOR_THIRD) == "outdated"
    assert bench.answer(BOB, "ACCEPTED", FOR_THIRD, sequence=1) == "applied"
    assert replayed(bench) == []
