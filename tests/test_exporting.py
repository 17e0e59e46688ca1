"""What calendars keep: a meeting with everybody's answers as one object without METHOD."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import count
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from icalendar import Calendar, Event, vCalAddress

from builders import Party
from house import ALICE, BOB, START, UID, World, facts, invite, one_line, organizer, plain_reply
from rsvpd.itip.ics.exporting import stored_object
from rsvpd.itip.ics.meetings import Imported, read_meetings
from rsvpd.itip.model import (
    Answer,
    Attendee,
    Meeting,
    Occurrence,
    Override,
    PartStat,
    Rank,
    Recurrence,
    Revision,
    Role,
)

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")
TUESDAY = datetime(2026, 12, 1, 9, tzinfo=BERLIN)
SECOND = Occurrence((TUESDAY + timedelta(days=7)).astimezone(UTC))
THIRD = Occurrence((TUESDAY + timedelta(days=14)).astimezone(UTC))
ORDINALS = count(1)


def answer(
    address: str,
    partstat: PartStat,
    occurrence: Occurrence | None = None,
    *,
    delegated_to: str | None = None,
    this_and_future: bool = False,
) -> Answer:
    rank = Rank(0, NOW, NOW, next(ORDINALS))
    return Answer(
        address, partstat, rank, occurrence, this_and_future=this_and_future, delegated_to=delegated_to
    )


def attendee(address: str, *answers: Answer, **more: object) -> Attendee:
    return replace(Attendee(address, answers=answers), **more)  # type: ignore[arg-type]


def meeting(*people: Attendee, recurrence: Recurrence | None = None) -> Meeting:
    return Meeting(
        "export@example.org",
        "events@example.org",
        TUESDAY,
        TUESDAY + timedelta(hours=1),
        "Budget",
        zone="Europe/Berlin",
        recurrence=recurrence,
        revisions=(Revision(0, NOW - timedelta(days=1)),),
        attendees=people,
    )


def events(one: Meeting) -> list[Event]:
    octets = stored_object(one, created_at=NOW - timedelta(days=1), modified_at=NOW)
    assert octets.endswith(b"END:VCALENDAR\r\n")
    assert all(len(line) <= 75 for line in octets.split(b"\r\n"))
    calendar = Calendar.from_ical(octets)
    assert isinstance(calendar, Calendar)
    assert not calendar.errors
    assert "METHOD" not in calendar
    return [event for event in calendar.walk("VEVENT") if isinstance(event, Event)]


def read(octets: bytes) -> Imported:
    found = read_meetings(octets)
    assert isinstance(found, tuple)
    (imported,) = found
    return imported


def people(event: Event) -> list[vCalAddress]:
    found = event.get("ATTENDEE", [])
    return [one for one in (found if isinstance(found, list) else [found]) if isinstance(one, vCalAddress)]


def partstats(event: Event) -> list[str]:
    return [person.params["PARTSTAT"] for person in people(event)]


WEEKLY = Recurrence(("RRULE:FREQ=WEEKLY;COUNT=4",))
ANN, BEN, CY = "ann@example.com", "ben@example.com", "cy%25@example.com"


class TestSingleMeetings:
    def test_everybody_is_there_with_their_answer(self) -> None:
        (event,) = events(
            meeting(
                attendee(ANN, answer(ANN, PartStat.DECLINED), answer(ANN, PartStat.ACCEPTED)),
                attendee(BEN, role=Role.OPT_PARTICIPANT, name="Ben; PARTSTAT=DECLINED, “B”"),
                attendee("gone@example.com", removed=True),
                attendee("taken@example.com", partstat=PartStat.TENTATIVE),
            )
        )

        assert partstats(event) == ["ACCEPTED", "NEEDS-ACTION", "TENTATIVE"]
        assert people(event)[1].params["CN"] == "Ben; PARTSTAT=DECLINED, “B”"
        assert people(event)[1].params["ROLE"] == "OPT-PARTICIPANT"
        assert "SCHEDULE-AGENT" not in people(event)[0].params

    def test_a_delegation_names_both_ends(self) -> None:
        delegated = answer(ANN, PartStat.DELEGATED, delegated_to=CY)
        (event,) = events(meeting(attendee(ANN, delegated), attendee(CY, delegated_from=ANN)))

        delegator, delegate = people(event)
        assert delegator.params["DELEGATED-TO"] == str(delegate)
        assert delegate.params["DELEGATED-FROM"] == f"mailto:{ANN}"
        assert partstats(event) == ["DELEGATED", "NEEDS-ACTION"]

    def test_a_delegator_whose_delegate_declined_is_waited_for(self) -> None:
        delegated = answer(ANN, PartStat.DELEGATED, delegated_to=BEN)
        declined = attendee(BEN, answer(BEN, PartStat.DECLINED), delegated_from=ANN)
        (event,) = events(meeting(attendee(ANN, delegated), declined))

        assert partstats(event) == ["NEEDS-ACTION", "DECLINED"]
        assert "DELEGATED-TO" not in people(event)[0].params

    def test_the_same_answers_give_the_same_octets(self) -> None:
        one = meeting(attendee(ANN, answer(ANN, PartStat.ACCEPTED)))
        first, second = (stored_object(one, created_at=NOW, modified_at=NOW) for _ in range(2))
        assert first == second

    def test_dtstamp_is_when_it_last_changed(self) -> None:
        one = meeting(attendee(ANN))
        later = answer(ANN, PartStat.ACCEPTED)
        later = replace(later, rank=replace(later.rank, received_at=NOW + timedelta(hours=2)))

        assert events(one)[0].decoded("DTSTAMP") == NOW
        assert events(replace(one, attendees=(attendee(ANN, later),)))[0].decoded(
            "DTSTAMP"
        ) == NOW + timedelta(hours=2)

    def test_nobody_is_left(self) -> None:
        (event,) = events(meeting(attendee(ANN, removed=True)))
        assert people(event) == []

    def test_days(self) -> None:
        days = replace(meeting(attendee(ANN)), start=date(2026, 12, 1), end=date(2026, 12, 3))
        (event,) = events(days)
        assert (event.decoded("DTSTART"), event.decoded("DTEND")) == (date(2026, 12, 1), date(2026, 12, 3))


class TestSeries:
    def test_only_occurrences_that_differ_have_an_override(self) -> None:
        given = [
            answer(ANN, PartStat.ACCEPTED),
            answer(ANN, PartStat.ACCEPTED, SECOND),
            answer(ANN, PartStat.DECLINED, THIRD),
        ]
        series, third = events(meeting(attendee(ANN, *given), attendee(BEN), recurrence=WEEKLY))

        assert partstats(series) == ["ACCEPTED", "NEEDS-ACTION"]
        assert partstats(third) == ["DECLINED", "NEEDS-ACTION"]
        assert third.decoded("RECURRENCE-ID") == third.decoded("DTSTART") == THIRD.at
        assert third["SEQUENCE"] == 0

    def test_this_and_all_later_ones_are_spelled_out(self) -> None:
        later = answer(ANN, PartStat.DECLINED, SECOND, this_and_future=True)
        found = events(meeting(attendee(ANN, later), recurrence=WEEKLY))
        assert [partstats(event) for event in found] == [["NEEDS-ACTION"], *[["DECLINED"]] * 3]

    def test_an_occurrence_that_was_moved_or_cancelled_keeps_that(self) -> None:
        moved_to = TUESDAY + timedelta(days=8)
        moved = Override(SECOND, start=moved_to, end=moved_to + timedelta(hours=1))
        changed = replace(WEEKLY, overrides=(moved, Override(THIRD, cancelled=True)))
        apart = answer(ANN, PartStat.TENTATIVE, SECOND)
        series, second, third = events(meeting(attendee(ANN, apart), recurrence=changed))

        assert "STATUS" in series
        assert (second.decoded("DTSTART"), partstats(second)) == (moved_to, ["TENTATIVE"])
        assert third["STATUS"] == "CANCELLED"


text = st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"]), min_size=1, max_size=90).map(
    str.strip
)


@given(
    names=st.lists(text, min_size=1, max_size=5),
    partstats=st.lists(st.sampled_from(PartStat), min_size=5, max_size=5),
    summary=text.filter(bool),
)
def test_whatever_is_written_is_read_back(
    names: Sequence[str], partstats: Sequence[PartStat], summary: str
) -> None:
    listed = [
        attendee(f"p{n}@example.com", answer(f"p{n}@example.com", partstat), name=name or None)
        for n, (name, partstat) in enumerate(zip(names, partstats, strict=False))
    ]
    one = replace(meeting(*listed), summary=summary)
    imported = read(stored_object(one, created_at=NOW, modified_at=NOW))

    assert imported.meeting.summary == summary
    assert imported.written_at == NOW
    assert [(a.address, a.partstat) for a in imported.meeting.attendees] == [
        (a.address, given) for a, given in zip(listed, partstats, strict=False)
    ]


class TestCommand:
    def test_what_is_exported_can_be_imported_elsewhere(self, tmp_path: Path) -> None:
        here, there = (tmp_path / name for name in ("here", "there"))
        here.mkdir()
        there.mkdir()
        world, other = World(here), World(there)
        crowd = [ALICE, BOB, *(Party(f"p{n}@example.com", f"P; {n}, “x”") for n in range(3))]
        world.imports(
            invite(UID, *crowd, SEQUENCE="2", SUMMARY=r"Büro\, C:\\Neu", RRULE="FREQ=WEEKLY;COUNT=3")
        )
        for person, partstat in zip(crowd, ("ACCEPTED", "DECLINED", "TENTATIVE"), strict=False):
            (row,) = world.ingest(plain_reply(facts(attendee=person, partstat=partstat, sequence=2)))
            assert row["outcome"] == "applied"

        file = tmp_path / "export.ics"
        done = world.run("meeting", "export", UID, "--output", file)
        assert (done.code, done.out, done.err) == (0, "", "")
        assert other.run("meeting", "import", file, "--organizer", "events").code == 0

        (before,), (after,) = world.attendance(), other.attendance()
        answers = ("answered_at", "comment", "client")
        for person in (*before["attendees"], *after["attendees"]):
            person.update(dict.fromkeys(answers))
        assert after == before
        assert before["counts"] | {"ACCEPTED": 1, "DECLINED": 1, "TENTATIVE": 1} == before["counts"]

    def test_it_goes_to_stdout(self, tmp_path: Path) -> None:
        world = World(tmp_path)
        world.imports(invite(SUMMARY="Büro"))
        done = world.run("meeting", "export", UID)

        assert (done.code, done.err) == (0, "")
        imported = read(done.out.encode())
        assert (imported.meeting.summary, imported.meeting.start) == ("Büro", START)

    def test_trouble_is_one_line(self, tmp_path: Path) -> None:
        world = World(tmp_path)
        assert "there is no meeting nope" in one_line(world.run("meeting", "export", "nope"))
        world.imports(invite())
        complaint = one_line(world.run("meeting", "export", UID, "--output", tmp_path / "no" / "x.ics"))
        assert "no such file or directory" in complaint
        assert "no organizer" in one_line(world.run("meeting", "export", UID, "--organizer", "nobody"))

    @pytest.mark.parametrize("name", ["events", "board"])
    def test_two_organizers_may_have_the_same_uid(self, tmp_path: Path, name: str) -> None:
        world = World(tmp_path, organizer(), organizer("board", "board@example.org"))
        world.imports(invite(SUMMARY="events"))
        file = world.write("board.ics", invite(SUMMARY="board", ORGANIZER="mailto:board@example.org"))
        world.run("meeting", "import", file, "--organizer", "board")

        assert "say whose" in one_line(world.run("meeting", "export", UID))
        assert f"SUMMARY:{name}" in world.run("meeting", "export", UID, "--organizer", name).out
