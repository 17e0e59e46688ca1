"""`rsvpd report`: every format, where it goes, and what is refused with one line."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import openpyxl
import pytest

import house
from house import ALICE, BOB, NOW, UID, World, facts, invite, plain_reply


@pytest.fixture
def world(tmp_path: Path) -> World:
    made = World(tmp_path)
    made.imports(invite(UID, ALICE, BOB), invite("other@example.org", BOB, SUMMARY="Other"))
    made.ingest(plain_reply(facts(partstat="DECLINED"), "COMMENT:=1+1"))
    return made


def test_text_for_a_terminal(world: World) -> None:
    done = world.run("report", UID)
    assert (done.code, done.err) == (0, "")
    assert "Declined (1):" in done.out
    assert f"Alice Example <{ALICE.address}>: =1+1" in done.out
    assert max(map(len, done.out.splitlines())) <= 80


def test_html(world: World) -> None:
    done = world.run("report", "--upcoming", "--format", "html")
    assert done.out.startswith("<!DOCTYPE html>")
    assert "2 meetings ahead" in done.out


def test_csv_for_a_pipe_and_for_a_spreadsheet(world: World) -> None:
    piped = world.run("report", UID, "--format", "csv").out
    world.run("report", UID, "--format", "csv", "--output", world.folder / "x.csv")
    written = (world.folder / "x.csv").read_bytes()

    first, second = csv.DictReader(io.StringIO(piped))
    assert (first["email"], first["partstat"], first["comment"]) == (ALICE.address, "DECLINED", "'=1+1")
    assert second["partstat"] == "NEEDS-ACTION"
    assert written.startswith(b"\xef\xbb\xbfuid,")
    assert written.decode("utf-8-sig").replace("\r\n", "\n") == piped


def test_xlsx(world: World) -> None:
    target = world.folder / "x.xlsx"
    world.run("report", "--upcoming", "--format", "xlsx", "--output", target)
    book = openpyxl.load_workbook(target)
    assert [row[1].value for row in book["Meetings"].iter_rows(min_row=2)] == ["Budget review", "Other"]


def test_json_is_attendance_and_what_is_new(world: World) -> None:
    (found,) = world.run("report", UID, "--format", "json", "--since", f"{NOW:%Y-%m-%d}").objects
    (attendance,) = world.attendance(UID)
    assert {key: found[key] for key in attendance} == attendance
    (change,) = found["changes"]
    assert (change["email"], change["before"], change["after"]) == (ALICE.address, "NEEDS-ACTION", "DECLINED")
    assert (found["held"], found["guests"], found["removed"]) == (0, 0, [])


def test_it_is_mailed_and_the_next_one_compares_with_it(world: World) -> None:
    done = world.run("report", UID, "--to", "board@example.org", "--attach", "xlsx")
    assert done.out == "A report on 1 meeting is in the outgoing queue, to board@example.org.\n"
    (queued,) = world.run("outgoing", "list", "--format", "json").objects
    assert (queued["recipient"], queued["method"], queued["uid"]) == ("board@example.org", "REPORT", None)
    assert "board@example.org" in world.run("outgoing", "list").out

    world.ingest(plain_reply(facts(attendee=BOB, partstat="ACCEPTED")))
    (found,) = world.run("report", UID, "--format", "json").objects
    assert [one["email"] for one in found["changes"]] == [BOB.address]


def test_the_documented_keys_are_there(world: World) -> None:
    readme = (Path(__file__).resolve().parent.parent / "README.md").read_text(encoding="utf-8")
    section = readme.partition("### JSON of `report`")[2].partition("\n## ")[0]
    (found,) = world.run("report", UID, "--format", "json").objects
    (attendance,) = world.attendance(UID)
    rows = [line.split("`")[1] for line in section.splitlines() if line.startswith("| `")]
    assert rows == [key for key in found if key not in attendance]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("report",), "give the UID of a meeting, or --upcoming"),
        (("report", UID, "--upcoming"), "give the UID of a meeting, or --upcoming"),
        (("report", UID, "--attach", "csv"), "--attach is for mails"),
        (("report", UID, "--to", "nobody"), "'nobody' is no mail address"),
    ],
)
def test_wrong_use(world: World, arguments: tuple[str, ...], words: str) -> None:
    done = world.run(*arguments)
    assert done.code == 2
    assert words in " ".join(done.err.replace("│", " ").split())


def test_what_cannot_be_is_one_line(world: World) -> None:
    assert "there is no meeting nothing@here" in house.one_line(world.run("report", "nothing@here"))
    away = world.run("report", UID, "--output", "/no/such/folder/x")
    assert "/no/such/folder/x: no such file or directory" in house.one_line(away)


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ('cron = "0 8 * *"', "write five fields such as 0 8 * * mon-fri"),
        ('cron = "0 8 * * 1-5"', "write the weekday by its name"),
        ('cron = "0 8 1 * mon"', "give the day of the month or the weekday"),
        ('cron = "61 8 * * *"', "write five fields"),
        ('cron = "0 8 30 2 *"', "there is no such day"),
        ('cron = "0 8 * * *"\norganizers = ["board"]', "report x: there is no organizer 'board'"),
        ('cron = "0 8 * * *"\nto = ["nobody"]', "'nobody' is no mail address"),
    ],
)
def test_a_schedule_that_cannot_be_is_one_line(tmp_path: Path, rule: str, words: str) -> None:
    world = World(tmp_path)
    with world.file.open("a", encoding="utf-8") as file:
        file.write(f'[[report]]\nname = "x"\n{rule}\n')
    assert words in house.one_line(world.run("meeting", "list"))


def test_an_empty_report_says_so(tmp_path: Path) -> None:
    world = World(tmp_path)
    assert "There are no meetings ahead." in world.run("report", "--upcoming").out
    assert world.run("report", "--upcoming", "--format", "json").out == ""
    assert json.loads(json.dumps(world.run("report", "--upcoming", "--format", "csv").out)).startswith("uid,")
