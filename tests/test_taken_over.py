"""`meeting create FILE.ics`: a meeting of ours out of a calendar that somebody has."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

import house
from house import ALICE, BOB, START, UID, World, facts, invite, one_line, organizer, plain_reply
from rsvpd.itip.ics.meetings import read_meetings
from rsvpd.itip.model import Meeting

NOWHERE = b"""\
BEGIN:VTIMEZONE\r\nTZID:Nowhere\r\nBEGIN:STANDARD\r\nDTSTART:19700101T000000\r\nTZOFFSETFROM:+0117\r
TZOFFSETTO:+0117\r\nEND:STANDARD\r\nEND:VTIMEZONE\r\nBEGIN:VEVENT"""


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path, organizer(), organizer("board", "board@example.org"))


def create(world: World, ics: bytes, *more: str) -> house.Done:
    return world.run("meeting", "create", world.write("meeting.ics", ics), *more)


def exported(world: World) -> Meeting:
    read = read_meetings(world.run("meeting", "export", UID).out.encode())
    assert isinstance(read, tuple)
    return read[0].meeting


def test_it_keeps_uid_sequence_and_content_and_asks_everybody_anew(world: World) -> None:
    ics = invite(UID, ALICE, BOB, SEQUENCE="4", LOCATION="Room 4", DESCRIPTION=r"One\nTwo", PRIORITY="1")
    done = create(world, ics.replace(b"RSVP=TRUE", b"RSVP=TRUE;PARTSTAT=ACCEPTED;ROLE=OPT-PARTICIPANT"))

    assert (done.code, done.err) == (0, "")
    assert f"Recorded {UID} “Budget review”: 2 invitations are in the outgoing queue" in done.out
    (meeting,) = world.attendance()
    assert (meeting["organizer"], meeting["sequence"], meeting["counts"]["NEEDS-ACTION"]) == ("events", 4, 2)
    assert {a["role"] for a in meeting["attendees"]} == {"OPT-PARTICIPANT"}
    kept = exported(world)
    assert (kept.location, kept.description, kept.start) == ("Room 4", "One\nTwo", START)

    (row,) = world.ingest(plain_reply(facts(sequence=4)))
    assert row["outcome"] == "applied"


def test_a_series_comes_with_its_occurrences(world: World) -> None:
    moved = START + timedelta(days=7, hours=2)
    override = (
        f"BEGIN:VEVENT\r\nUID:{UID}\r\nRECURRENCE-ID:{START + timedelta(days=7):%Y%m%dT%H%M%SZ}\r\n"
        f"DTSTART:{moved:%Y%m%dT%H%M%SZ}\r\nDTEND:{moved:%Y%m%dT%H%M%SZ}\r\nEND:VEVENT\r\nEND:VCALENDAR"
    )
    ics = invite(RRULE="FREQ=WEEKLY;COUNT=3").replace(b"END:VCALENDAR", override.encode())
    assert create(world, ics).code == 0

    recurrence = exported(world).recurrence
    assert recurrence is not None
    assert recurrence.lines == ("RRULE:FREQ=WEEKLY;COUNT=3",)
    assert [o.start for o in recurrence.overrides] == [moved]


def test_flags_win_over_it(world: World) -> None:
    flags = ("--summary", "Mine", "--duration", "3h", "--attendee", BOB.address)
    assert create(world, invite(), *flags).code == 0

    (meeting,) = world.attendance()
    assert (meeting["summary"], [a["email"] for a in meeting["attendees"]]) == ("Mine", [BOB.address])
    assert exported(world).end == START + timedelta(hours=3)


def test_without_an_organizer_it_is_ours(world: World) -> None:
    assert create(world, invite(ORGANIZER=None), "--organizer", "board").code == 0
    assert world.attendance()[0]["organizer"] == "board"


def test_the_organizers_own_entry_is_left_out(world: World) -> None:
    assert create(world, invite(UID, house.EVENTS, ALICE)).code == 0
    assert [a["email"] for a in world.attendance()[0]["attendees"]] == [ALICE.address]


def test_a_time_in_a_zone_without_a_name_is_the_same_instant(world: World) -> None:
    ics = invite(DTSTART=None, DTEND=None).replace(
        b"SEQUENCE", f"DTSTART;TZID=Nowhere:{START:%Y%m%dT%H%M%S}\r\nSEQUENCE".encode()
    )
    ics = ics.replace(b"BEGIN:VEVENT", NOWHERE).replace(b"END:VEVENT", b"DURATION:PT1H\r\nEND:VEVENT")
    assert create(world, ics).code == 0
    assert exported(world).start == START - timedelta(hours=1, minutes=17)

    series = ics.replace(b"SEQUENCE", b"RRULE:FREQ=DAILY;COUNT=2\r\nSEQUENCE").replace(b"UID:", b"UID:2")
    assert "zone: the series is in a zone that has no IANA name" in one_line(create(world, series))


@pytest.mark.parametrize(
    ("ics", "flags", "said"),
    [
        (b"hello", (), "meeting.ics: cannot be read as a calendar"),
        (invite() + invite("two@x"), (), "meeting.ics: has 2 meetings"),
        (invite(STATUS="CANCELLED"), (), "meeting.ics: is cancelled"),
        (invite(ORGANIZER="mailto:boss@example.net"), (), "organizer: it is boss@example.net"),
        (invite(), ("--organizer", "board"), "organizer: it is events, and a meeting keeps its organizer"),
        (invite(ORGANIZER=None), (), "say which organizer"),
        (invite(DTSTART="20200101T100000Z", DTEND="20200101T110000Z"), (), "is in the past"),
        (invite(DTEND=None), (), "end: not after the start"),
        (invite(SUMMARY=None), (), "summary: empty"),
        (invite(UID, house.EVENTS), (), "attendees: none"),
        (invite(RRULE="FREQ=DAILY;COUNT=2"), ("--duration", "2h"), "duration: a series from a file keeps"),
    ],
)
def test_what_cannot_be_ours_is_one_line_and_nothing_is_stored(
    world: World, ics: bytes, flags: tuple[str, ...], said: str
) -> None:
    assert said in one_line(create(world, ics, *flags))
    assert world.attendance() == []


def test_a_uid_that_is_known_is_refused(world: World) -> None:
    assert create(world, invite()).code == 0
    assert f"there is a meeting {UID} already" in one_line(create(world, invite()))


def test_a_file_that_is_not_there(world: World) -> None:
    assert "no such file" in one_line(world.run("meeting", "create", world.folder / "nope.ics"))
