"""Counter-proposals that the organizer accepts when the meeting is no longer what it was."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

import house
from changing import MEETING, SERIES, UID, Bench, bench
from house import ALICE, Keys
from rsvpd.changes import Manner
from rsvpd.ports import CouldNot
from rsvpd.proposals import Proposals


@pytest.fixture
def one(tmp_path: Path) -> Iterator[Bench]:
    with bench(tmp_path) as made:
        yield made


def proposed(one: Bench, fields: Keys, *lines: str) -> Proposals:
    """Alice proposes the next day at ten and another room."""
    one.create(fields)
    times = ("DTSTART:20261211T090000Z", "DTEND:20261211T100000Z", "LOCATION:Room 9")
    facts = house.facts(UID, attendee=ALICE, partstat="TENTATIVE", dtstamp=one.clock.now())
    mail = house.plain_reply(facts, *times, *lines).replace(b"METHOD:REPLY", b"METHOD:COUNTER")
    one.clock.later(minutes=1)
    (ingested,) = replace(one.app.intake, clock=one.clock).ingest([("mail", mail)])
    assert [row.outcome for row in ingested.rows] == ["proposal"]
    return replace(one.app.proposals, clock=one.clock)


def test_the_meeting_moves_to_the_place_that_was_proposed(one: Bench) -> None:
    assert proposed(one, MEETING).accept(1) == 2
    assert one.meeting.start.isoformat() == "2026-12-11T10:00:00+01:00"
    assert (one.meeting.location, one.meeting.sequence) == ("Room 9", 1)


def test_one_occurrence_moves_alone_and_the_series_keeps_its_place(one: Bench) -> None:
    proposed(one, SERIES, "RECURRENCE-ID:20261210T130000Z").accept(1)
    assert one.meeting.location == "Room 7"
    assert one.meeting.recurrence is not None
    (moved,) = one.meeting.recurrence.overrides
    assert moved.start is not None
    assert moved.start.isoformat() == "2026-12-11T10:00:00+01:00"


def test_what_is_cancelled_does_not_move(one: Bench) -> None:
    proposals = proposed(one, MEETING)
    one.changes.cancel(UID, Manner())
    before = one.everything()
    with pytest.raises(CouldNot, match="proposal 1 is for a meeting that is cancelled; decline it") as error:
        proposals.accept(1)
    house.one_line_of(error)
    assert one.everything() == before
    assert proposals.decline(1, None) == 1
