"""`rsvpd remind`, and reminders from `rsvpd poll`: what a person sees."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import update

import house
from house import NOW, START, UID, World
from rsvpd.store.database import Database
from rsvpd.store.tables import OutgoingRow

RULES = """
[[reminder]]
name = "no answer yet"
after_invitation = "1d"
every = "2d"
at_most = 2
[[reminder]]
name = "two days before"
before_start = "2d"
"""


@pytest.fixture
def world(tmp_path: Path) -> World:
    """A meeting in 40 days, whose invitations went out two days ago."""
    made = World(tmp_path)
    with made.file.open("a", encoding="utf-8") as file:
        file.write(RULES)
    people = ("--attendee", "Alice Example <alice@example.com>", "--attendee", "bob@example.com")
    when = ("--start", f"{START:%Y-%m-%dT%H:%M}", "--duration", "1h")
    done = made.run("meeting", "create", "--uid", UID, "--summary", "Budget", *when, *people)
    assert done.code == 0, done.err
    sent(made)
    return made


def sent(world: World) -> None:
    database = Database(f"sqlite:///{world.folder}/rsvpd.db")
    with database.begin() as session:
        session.execute(update(OutgoingRow).values(status="sent", sent_at=NOW - timedelta(days=2)))
    database.close()


def queued(world: World) -> list[str]:
    return [one["recipient"] for one in world.run("outgoing", "list", "--format", "json").objects]


def test_a_dry_run_shows_whom_and_when_and_does_nothing(world: World) -> None:
    done = world.run("remind", UID, "--dry-run")

    lines = [line.rstrip() for line in done.out.splitlines()]
    assert lines[0].split() == ["attendee", "answer", "reminded", "at", "(UTC)", "rule"]
    assert f"{NOW - timedelta(days=1):%Y-%m-%d %H:%M}  no answer yet" in lines[1]
    assert lines[1].startswith("Alice Example")
    assert " now " in lines[1]
    assert f"later     {START - timedelta(days=2):%Y-%m-%d %H:%M}  two days before" in lines[3]
    assert len(lines) == 5
    assert max(map(len, lines)) <= 80
    assert queued(world) == []


def test_a_dry_run_for_programs(world: World) -> None:
    first, *_ = world.run("remind", UID, "--dry-run", "--format", "json").objects
    assert first == {
        "uid": UID,
        "rule": "no answer yet",
        "attendee": "alice@example.com",
        "name": "Alice Example",
        "partstat": "NEEDS-ACTION",
        "occurrence": None,
        "number": 1,
        "at": (NOW - timedelta(days=1)).isoformat(),
        "standing": "due",
    }


def test_what_is_due_is_put_into_the_queue_once(world: World) -> None:
    done = world.run("remind", UID)
    assert len(done.out.splitlines()) == 3
    assert queued(world) == ["alice@example.com", "bob@example.com"]

    sent(world)
    again = world.run("remind", UID)
    assert again.out == "Nothing is due. `rsvpd remind UID --dry-run` shows what is to come.\n"
    assert queued(world) == []


def test_cron_reminds_too(world: World) -> None:
    world.run("poll")  # the server is away
    assert queued(world) == ["alice@example.com", "bob@example.com"]


def test_an_unknown_meeting_is_one_line(world: World) -> None:
    assert "there is no meeting nothing@here" in house.one_line(world.run("remind", "nothing@here"))


def test_without_rules_it_says_how_to_get_some(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.imports(house.invite())
    assert "no [[reminder]] is configured" in house.one_line(world.run("remind", UID))


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ("", "reminder[1]: give before_start or after_invitation, and not both"),
        ('before_start = "2d"\nafter_invitation = "1d"', "and not both"),
        ('before_start = "36h"\nat = "09:00"', "with at, count in whole days"),
        ('before_start = "2d"\nat_most = 2', "at_most needs every"),
        ('before_start = "2d"\nevery = "5m"', "reminder[1].every"),
        ('before_start = "2d"\nquiet = ["08:00", "08:00"]', "quiet begins when it ends"),
        ('before_start = "2d"\norganizers = ["board"]', "reminder x: there is no organizer 'board'"),
        ('before_start = "2d"\nzones = {"example.jp" = "Tokyo"}', "'Tokyo' is no zone"),
        ('before_start = "2d"\n[[reminder]]\nname = "x"\nbefore_start = "1d"', "two reminders are called x"),
    ],
)
def test_a_rule_that_cannot_be_is_one_line(tmp_path: Path, rule: str, words: str) -> None:
    world = World(tmp_path)
    with world.file.open("a", encoding="utf-8") as file:
        file.write(f'[[reminder]]\nname = "x"\n{rule}\n')
    assert words in house.one_line(world.run("meeting", "list"))
