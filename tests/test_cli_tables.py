"""Meetings that are imported, and tables that a person reads, whatever stands in the mails."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from rich.cells import cell_len

import house
from builders import Party, google
from house import ALICE, BOB, UID, World, facts, invite, plain_reply


@pytest.fixture
def world(tmp_path: Path) -> World:
    """A house that knows of one meeting."""
    made = World(tmp_path)
    assert made.imports(invite(UID, ALICE, BOB)).code == 0
    return made


MOVES = set("\x1b\x07\u202e")
ODD = Party("very.long.address.that.goes.on.and.on.and.on.for.a.while@sub.department.example.com", "N" * 150)
TABLES = [
    ("attendance",),
    ("replies",),
    ("meeting", "list"),
    ("meeting", "show", "u" * 300),
    ("review", "list"),
    ("poll",),
    ("proposal", "list"),
    ("replay",),
]


class TestTables:
    @pytest.mark.parametrize("command", TABLES, ids=" ".join)
    def test_a_table_fits_into_80_columns(self, world: World, command: tuple[str, ...]) -> None:
        words = "日本語 and a long text without an end, 🎉 " * 8
        world.imports(invite("u" * 300, ODD, ALICE, SUMMARY=words, LOCATION=words))
        world.ingest(
            google(facts("u" * 300, attendee=ODD, comment=words)),
            google(facts("u" * 300, attendee=Party("x" * 60 + "@example.com", ""), comment=words)),
        )
        done = world.run(*command)

        assert (done.code, done.err) == (0, "")
        assert done.out
        assert all(cell_len(line) <= 80 for line in done.out.splitlines()), done.out

    @pytest.mark.parametrize("command", TABLES, ids=" ".join)
    def test_nothing_in_a_mail_moves_the_cursor_or_is_markup(
        self, world: World, command: tuple[str, ...]
    ) -> None:
        evil = "\x1b[2J\x1b]0;owned\x07[red]x[/red][/] \u202eabc\u200b"
        uid = "u" * 300
        world.imports(invite(uid, Party(ALICE.address, evil), SUMMARY=evil, LOCATION=evil))
        world.ingest(
            google(facts(uid, comment=evil)),
            plain_reply(facts(uid, attendee=Party("eve@example.com", "")), f"COMMENT:{evil}"),
        )
        done = world.run(*command)

        assert (done.code, done.err) == (0, "")
        assert not set(done.out) & MOVES

    def test_a_terminal_sees_what_waits(self, world: World) -> None:
        world.ingest(google(facts(comment="See you")))
        done = world.run("attendance")

        assert re.search(r"^1 accepted, 1 needs-action$|^1 needs-action, 1 accepted$", done.out, re.MULTILINE)
        assert re.search(r"Alice Example +accepted +\d{4}-\d\d-\d\d \d\d:\d\d +See you", done.out)


class TestImport:
    def test_a_meeting_is_taken_as_it_is(self, world: World) -> None:
        past = {"DTSTART": "20200101T100000Z", "DTEND": "20200101T110000Z", "SEQUENCE": "7"}
        organizer = Party("events@example.org", "Orga")
        assert world.imports(invite("past@example.org", organizer, ALICE, **past)).code == 0

        (meeting,) = world.attendance("past@example.org")
        assert (meeting["sequence"], meeting["start"]) == (7, "2020-01-01T10:00:00+00:00")
        assert [a["email"] for a in meeting["attendees"]] == [organizer.address, ALICE.address]
        assert {a["delivery"] for a in meeting["attendees"]} == {None}

    def test_a_second_time_changes_nothing(self, world: World) -> None:
        world.ingest(google(facts()))
        assert world.imports(invite(UID, ALICE, BOB)).out.startswith("Unchanged")

        assert world.attendance()[0]["counts"]["ACCEPTED"] == 1

    def test_what_had_come_before_counts_now(self, world: World) -> None:
        world.ingest(google(facts("late@example.org")))
        done = world.imports(invite("late@example.org", ALICE))

        assert "1 replies had been waiting" in done.out
        assert world.attendance("late@example.org")[0]["counts"]["ACCEPTED"] == 1

    def test_what_it_prints_moves_no_cursor_and_no_line(self, world: World) -> None:
        done = world.imports(
            invite("uid\\nof two lines", ALICE, SUMMARY="\x1b[2J\x1b]0;owned\x07\\nsecond line")
        )

        assert len(done.out.splitlines()) == 1
        assert not set(done.out) & MOVES

    @pytest.mark.parametrize("data", [b"", b"\xff" * 100, b"BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n"])
    def test_what_is_no_calendar_is_one_line(self, world: World, data: bytes) -> None:
        assert "0.ics: cannot be read as a calendar" in house.one_line(world.imports(data))

    @pytest.mark.parametrize(
        "changes",
        [
            {"SEQUENCE": "9" * 9},
            {"SEQUENCE": "4294967296"},
            {"DTSTART": "00010101T000000Z"},
            {"DTEND": "99991231T235959Z"},
            {"SUMMARY": "nul\0"},
            {"UID": "nul\0"},
            {"RRULE": "FREQ=SECONDLY"},
            {"RRULE": "FREQ=NONSENSE;COUNT=-1"},
            {"DTEND": "20000101T000000Z"},
        ],
        ids=lambda changes: ascii(next(iter(changes.items()))),
    )
    @pytest.mark.parametrize("where", ["sqlite", "postgresql"])
    def test_odd_values_are_taken_or_refused_in_one_line(
        self, tmp_path: Path, request: pytest.FixtureRequest, changes: dict[str, str], where: str
    ) -> None:
        world = World(tmp_path)
        if where == "postgresql":
            house.config(tmp_path, database=request.getfixturevalue("postgres").fresh_database())
        done = world.imports(invite(**{"uid": UID, **changes}))

        if done.code:
            house.one_line(done)
        else:
            for form in ("json", "csv", "table"):
                assert world.run("attendance", "--format", form).code == 0
