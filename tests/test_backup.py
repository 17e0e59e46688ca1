"""`rsvpd db backup`: one consistent file while others write, and back again from it."""

from __future__ import annotations

import shutil
import sqlite3
import threading
import time
from pathlib import Path

import pytest

import house
from house import ALICE, BOB, UID, World, facts, invite, plain_reply
from rig.postgres import Postgres
from rsvpd.store import upkeep
from rsvpd.store.database import Database
from rsvpd.store.tables import AliasRow


@pytest.fixture
def world(tmp_path: Path) -> World:
    made = World(tmp_path)
    made.imports(invite(UID, ALICE, BOB))
    assert [one["outcome"] for one in made.ingest(plain_reply(facts(partstat="ACCEPTED")))] == ["applied"]
    return made


def test_backup_and_restore_give_the_same_attendance(world: World, tmp_path: Path) -> None:
    before = world.attendance()
    target = tmp_path / "backup" / "rsvpd.db"
    target.parent.mkdir()
    done = world.run("db", "backup", target)
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith(f"Wrote {target}: ")
    assert [file.name for file in target.parent.iterdir()] == ["rsvpd.db"]
    assert target.stat().st_mode & 0o777 == 0o600
    world.ingest(plain_reply(facts(attendee=BOB, partstat="DECLINED")))
    assert world.attendance() != before

    for file in tmp_path.glob("rsvpd.db*"):  # as the README says
        file.unlink()
    shutil.copy(target, tmp_path / "rsvpd.db")
    assert world.attendance() == before
    assert [one["outcome"] for one in world.ingest(plain_reply(facts(attendee=BOB)))] == ["applied"]


def test_it_is_one_moment_while_others_write(world: World, tmp_path: Path) -> None:
    stop = threading.Event()
    database = Database(f"sqlite:///{tmp_path}/rsvpd.db")
    pairs = 0

    def write() -> None:
        nonlocal pairs
        while not stop.is_set():
            with database.begin() as session:
                session.add(AliasRow(address=f"{pairs}@one.example", alias="x" * 2000))
                session.flush()
                session.add(AliasRow(address=f"{pairs}@two.example", alias="x" * 2000))
            pairs += 1

    writer = threading.Thread(target=write)
    writer.start()
    try:
        house.eventually(lambda: pairs > 20)
        for number in range(5):
            target = tmp_path / f"copy{number}"
            before = pairs
            assert world.run("db", "backup", target).code == 0
            copy = sqlite3.connect(target)
            (odd,) = copy.execute("SELECT count(*) % 2 FROM alias").fetchone()
            (count,) = copy.execute("SELECT count(*) FROM alias").fetchone()
            copy.close()
            assert odd == 0
            assert count >= 2 * before
    finally:
        stop.set()
        writer.join()
        database.close()
    assert pairs > 25


def test_a_file_that_is_there_stays(world: World, tmp_path: Path) -> None:
    target = tmp_path / "kept"
    target.write_text("precious")
    assert "--force" in house.one_line(world.run("db", "backup", target))
    assert target.read_text() == "precious"
    assert world.run("db", "backup", target, "--force").code == 0
    assert target.read_bytes().startswith(b"SQLite format 3")


def test_an_older_schema_is_no_reason_to_refuse(world: World, tmp_path: Path) -> None:
    database = sqlite3.connect(tmp_path / "rsvpd.db")
    database.execute("UPDATE alembic_version SET version_num = '0004'")
    database.commit()
    database.close()
    assert "db upgrade" in world.run("attendance").err
    assert world.run("db", "backup", tmp_path / "before-the-upgrade").code == 0


def test_there_is_nothing_to_back_up(tmp_path: Path) -> None:
    world = World(tmp_path)
    assert "empty" in house.one_line(world.run("db", "backup", tmp_path / "copy"))
    assert list(tmp_path.iterdir()) == [world.file]


def test_a_folder_that_is_missing_is_one_line(world: World, tmp_path: Path) -> None:
    said = house.one_line(world.run("db", "backup", tmp_path / "nowhere" / "rsvpd.db"))
    assert "no such file or directory" in said


def test_postgresql_has_its_own_tool(tmp_path: Path, postgres: Postgres) -> None:
    file = house.config(tmp_path, database=postgres.fresh_database())
    said = house.one_line(house.run("--config", file, "db", "backup", tmp_path / "copy"))
    assert "pg_dump" in said
    assert not (tmp_path / "copy").exists()


def test_it_ends_though_others_never_stop_writing(world: World, tmp_path: Path) -> None:
    """A copy that goes step by step begins anew after each write of others."""
    stop = threading.Event()
    database = Database(f"sqlite:///{tmp_path}/rsvpd.db")
    with database.begin() as session:
        session.add_all([AliasRow(address=f"{n}@many.example", alias="x" * 3000) for n in range(3000)])

    def write() -> None:
        direct = sqlite3.connect(tmp_path / "rsvpd.db", timeout=30, isolation_level=None)
        while not stop.is_set():
            direct.execute("UPDATE alias SET alias = alias || '' WHERE id = 1")
        direct.close()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        began = time.monotonic()
        backing_up = threading.Thread(
            target=upkeep.backup, args=(database, tmp_path / "copy"), kwargs={"replace": False}, daemon=True
        )
        backing_up.start()
        backing_up.join(20)
        assert not backing_up.is_alive(), time.monotonic() - began
    finally:
        stop.set()
        writer.join()
        backing_up.join()
        database.close()
