"""`meeting update|cancel|resend` and `attendee add|remove` as people type them."""

from __future__ import annotations

import json
import re
import sqlite3
from contextlib import closing
from datetime import timedelta
from email import message_from_string
from email.policy import default
from pathlib import Path

import pytest

import house
from house import ALICE, BOB, START, Done, Keys, World

UID = "budget@example.org"
LATER = f"{START + timedelta(days=1):%Y-%m-%dT%H:%M}"


@pytest.fixture
def world(tmp_path: Path) -> World:
    made = World(tmp_path)
    described = {
        "uid": UID,
        "summary": "Budget 🎉",
        "start": f"{START:%Y-%m-%dT%H:%M}",
        "duration": "1h",
        "zone": "UTC",
        "location": "Room 7",
        "recurrence": "FREQ=WEEKLY;COUNT=5",
        "attendees": [f"Alice <{ALICE.address}>", BOB.address],
    }
    file = made.write("budget.json", json.dumps(described).encode())
    assert made.run("meeting", "create", file).code == 0
    return made


def everything(world: World) -> list[str]:
    with closing(sqlite3.connect(world.folder / "rsvpd.db")) as connection:
        return list(connection.iterdump())


def changed(done: Done) -> Keys:
    assert (done.code, done.err) == (0, "")
    return done.object


def test_update_says_what_is_different_and_what_goes_out(world: World) -> None:
    done = world.run("meeting", "update", UID, "--location", "Room 8")
    assert (done.code, done.err) == (0, "")
    assert "where  Room 7  Room 8" in done.out
    assert done.out.endswith("Done: 2 REQUEST in the outgoing queue.\n")
    assert "asked again" not in done.out
    assert "Everybody is asked again.\n" in world.run("meeting", "update", UID, "--start", LATER).out


def test_update_takes_a_file_and_flags_before_it(world: World) -> None:
    file = world.write(
        "change.toml", b'location = "Basel"\nalarms = ["15m"]\nrecurrence = "FREQ=DAILY;COUNT=3"\n'
    )
    found = changed(world.run("meeting", "update", UID, file, "--location", "Bern", "--format", "json"))
    assert {d["what"]: d["after"] for d in found["differences"]} == {
        "repeats": "RRULE:FREQ=DAILY;COUNT=3",
        "where": "Bern",
        "alarms": "0:15:00 before the start",
        "sequence": "1",
    }
    assert [mail["to"] for mail in found["mails"]] == [ALICE.address, BOB.address]
    assert "raw" not in found["mails"][0]


@pytest.mark.parametrize(
    "words",
    [
        ("meeting", "update", UID, "--start", LATER, "--message", "Sorry <all>"),
        ("meeting", "cancel", UID),
        ("meeting", "cancel", UID, "--occurrence", f"{START:%Y-%m-%d}"),
        ("meeting", "resend", UID),
        ("attendee", "add", UID, "Dana <dana@example.org>", "--notify", "all"),
        ("attendee", "remove", UID, BOB.address),
    ],
    ids=" ".join,
)
def test_a_dry_run_shows_the_exact_mails_and_records_nothing(world: World, words: tuple[str, ...]) -> None:
    before = everything(world)
    tried = changed(world.run(*words, "--dry-run", "--format", "json"))
    shown = world.run(*words, "--dry-run")
    assert everything(world) == before
    assert (shown.code, shown.err) == (0, "")
    assert shown.out.endswith("Nothing was done: --dry-run.\n")
    assert max(len(line) for line in shown.out.splitlines()) <= 80

    done = changed(world.run(*words, "--format", "json"))
    for name in ("sequence", "occurrence", "asks_again", "differences"):
        assert done[name] == tried[name]
    with closing(sqlite3.connect(world.folder / "rsvpd.db")) as connection:
        query = "SELECT recipient, raw FROM outgoing ORDER BY id DESC LIMIT ?"
        sent = dict(connection.execute(query, [len(done["mails"])]).fetchall())
    assert {mail["to"] for mail in tried["mails"]} == set(sent)
    for mail in tried["mails"]:
        assert plain(mail["raw"]) == plain(sent[mail["to"]].decode())
        subject = " ".join(mail["subject"].split())
        assert subject in " ".join(shown.out.split())


def plain(raw: str) -> list[str]:
    """What a mail says, without what is new in every mail."""
    message = message_from_string(raw, policy=default)
    parts = [str(part.get_payload(decode=True)) for part in message.walk() if not part.is_multipart()]
    stamps = re.compile(r"(DTSTAMP|LAST-MODIFIED):\d+T\d+Z")
    return [str(message["Subject"]), str(message["To"]), *(stamps.sub("", part) for part in parts)]


def test_a_dry_run_reads_like_the_mail(world: World) -> None:
    done = world.run("meeting", "update", UID, "--start", LATER, "--message", "Sorry", "--dry-run")
    assert f"REQUEST to {ALICE.address}, {BOB.address}\n" in done.out
    assert "\n  Orga Nizer writes:\n\n      Sorry\n" in done.out
    assert "With invite.ics, and the same in HTML; all of it: --format json" in done.out


def test_files_lie_beside_the_description(world: World) -> None:
    folder = world.folder / "there"
    folder.mkdir()
    (folder / "figures.csv").write_bytes(b"1,2\n")
    file = folder / "change.json"
    file.write_text('{"attachments": ["figures.csv"]}')
    tried = changed(world.run("meeting", "update", UID, file, "--dry-run", "--format", "json"))
    (found,) = tried["differences"]
    assert (found["what"], found["after"]) == ("files", "figures.csv (4 bytes)")
    message = message_from_string(tried["mails"][0]["raw"], policy=default)
    assert [part.get_filename() for part in message.iter_attachments()] == ["invite.ics", "figures.csv"]
    world.run("meeting", "update", UID, file)
    kept = changed(world.run("meeting", "update", UID, "--location", "x", "--dry-run", "--format", "json"))
    assert "figures.csv" in kept["mails"][0]["raw"]


def test_a_file_over_the_limit_is_refused_unread_and_by_name(world: World) -> None:
    large = world.folder / "large.bin"
    with large.open("wb") as sparse:
        sparse.truncate(10 * 1024 * 1024)
    for name, complaint in (
        ("large.bin", "large.bin has 10,485,760 bytes; the limit is 1,572,864, send a link instead"),
        ("missing", "missing: no such file"),
        (".", "is no file"),
    ):
        file = world.write("change.json", json.dumps({"attachments": [name]}).encode())
        before = everything(world)
        assert complaint in house.one_line(world.run("meeting", "update", UID, file))
        assert everything(world) == before
        new = {"summary": "x", "start": LATER, "duration": "1h", "attendees": ["a@example.org"]}
        file = world.write("new.json", json.dumps(new | {"attachments": [name]}).encode())
        assert complaint in house.one_line(world.run("meeting", "create", file))


def test_csv_is_what_is_different(world: World) -> None:
    done = world.run("meeting", "update", UID, "--location", "=1+1", "--format", "csv")
    assert done.out == "what,before,after\nwhere,Room 7,'=1+1\n"


def test_nobody_is_told(world: World) -> None:
    done = world.run("meeting", "update", UID, "--location", "Bern", "--notify", "none")
    assert done.out.endswith("Done: no mail in the outgoing queue.\n")


def test_occurrences(world: World) -> None:
    second = START + timedelta(days=7)
    words = ("--occurrence", f"{second:%Y-%m-%d}", "--start", f"{second + timedelta(hours=2):%Y-%m-%dT%H:%M}")
    done = world.run("meeting", "update", UID, *words)
    assert f"Everybody is asked again about {second:%a %Y-%m-%d %H:%M}.\n" in done.out
    done = world.run("meeting", "cancel", UID, "--occurrence", f"{second:%Y-%m-%d}")
    assert done.out.endswith("Done: 2 CANCEL in the outgoing queue.\n")


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("meeting", "update", UID), "nothing to change is given; say what, like --location"),
        (("meeting", "update", UID, "--summary", "x\nBcc: e@example.org"), "summary: has a line break"),
        (("meeting", "update", UID, "--start", "soon"), "'soon' not understood, write it like"),
        (("meeting", "update", UID, "missing.json"), "missing.json: no such file"),
        (("meeting", "update", "nothing@example.org", "--location", "x"), "there is no meeting nothing@"),
        (("meeting", "cancel", UID, "--occurrence", "2020-01-01"), "the series has none then"),
        (("meeting", "resend", UID, "--to", "x@example.org"), "x@example.org is not invited"),
        (("attendee", "add", UID, BOB.address), f"{BOB.address} is invited already"),
        (("attendee", "remove", UID, "x@example.org"), "x@example.org is not invited"),
    ],
    ids=lambda value: " ".join(value).replace("\n", " ") if isinstance(value, tuple) else "",
)
def test_what_cannot_be_is_one_line(world: World, words: tuple[str, ...], complaint: str) -> None:
    before = everything(world)
    assert complaint in house.one_line(world.run(*words))
    assert everything(world) == before
