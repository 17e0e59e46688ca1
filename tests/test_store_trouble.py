"""A store that is locked, full or away: one line, and nothing is lost."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy
from sqlalchemy import event, text

import house
from house import NOW, UID, one_line_of
from rig.postgres import Postgres
from rsvpd.app import open_app
from rsvpd.config import DatabaseSettings, Settings
from rsvpd.itip.ics.meetings import read_meetings
from rsvpd.itip.model import Meeting
from rsvpd.ports import StoreUnavailable
from rsvpd.store import database as store
from rsvpd.store import writes
from rsvpd.store.database import Database


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    with house.engines_disposed():
        yield


def meeting(uid: str = UID) -> Meeting:
    found = read_meetings(house.invite(uid))
    assert isinstance(found, tuple)
    return found[0].meeting


def add(database: Database, uid: str = UID) -> int:
    with database.begin() as session:
        return writes.add_meeting(session, meeting(uid), "events", sends=True, now=NOW, known_at=NOW).id


def find(database: Database, uid: str) -> int | None:
    with database.begin() as session:
        row = writes.find_meetings(session, [uid], "events").get(uid)
        return row.id if row else None


def settings(url: str) -> Settings:
    return Settings(database=DatabaseSettings(url=url))


def on_disk(database: Database) -> None:
    """The server of the rig writes late; what is to outlive its end must be there."""
    with database.engine.connect() as connection:
        connection.execute(text("CHECKPOINT"))


class TestTrouble:
    def test_a_locked_database_is_one_line(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(store, "BUSY_SECONDS", 0)
        database = Database(f"sqlite:///{tmp_path}/store.db")
        database.migrate()
        other = sqlite3.connect(tmp_path / "store.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")

        with pytest.raises(StoreUnavailable, match="database is locked; another program") as error:
            add(database)
        one_line_of(error)
        other.close()
        assert add(database)
        database.close()

    def test_what_is_recorded_can_be_read_while_somebody_writes(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(store, "BUSY_SECONDS", 0)
        url = f"sqlite:///{tmp_path}/store.db"
        first = open_app(settings(url))
        other = sqlite3.connect(tmp_path / "store.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")

        reader = open_app(settings(url))
        assert house.ledger(reader.database) == []
        for one in (other, first.database, reader.database):
            one.close()

    def test_a_full_disk_is_one_line_and_loses_nothing(self, tmp_path: Path) -> None:
        database = Database(f"sqlite:///{tmp_path}/store.db")
        database.migrate()
        pages: list[int] = []

        @event.listens_for(database.engine, "checkout")
        def _full(connection: sqlalchemy.engine.interfaces.DBAPIConnection, *_: object) -> None:
            connection.cursor().execute(f"PRAGMA max_page_count = {pages[0] if pages else 1_000_000}")

        add(database)
        with database.read() as session:
            pages.append(session.execute(text("PRAGMA page_count")).scalar_one() + 2)
        stored = []
        with pytest.raises(StoreUnavailable, match="is full; free some space, nothing is lost") as error:
            for number in range(1000):
                stored.append(f"{number}@example.org")
                add(database, stored[-1])
        one_line_of(error)
        assert all(find(database, uid) for uid in [UID, *stored[:-1]])
        pages[0] = 1_000_000
        assert add(database, stored[-1])
        database.close()

    def test_a_server_that_went_away_is_one_line_and_its_return_is_noticed(self, postgres: Postgres) -> None:
        database = Database(postgres.fresh_database())
        database.migrate()
        on_disk(database)
        postgres.stop()
        try:
            with pytest.raises(StoreUnavailable, match="database: ") as error:
                add(database)
        finally:
            postgres.start()
        one_line_of(error)
        assert add(database)
        database.close()

    def test_a_server_that_goes_away_inside_a_transaction_leaves_nothing(self, postgres: Postgres) -> None:
        database = Database(postgres.fresh_database())
        database.migrate()
        on_disk(database)
        try:
            with pytest.raises(StoreUnavailable) as error, database.begin() as session:
                writes.add_meeting(session, meeting(), "events", sends=True, now=NOW, known_at=NOW)
                postgres.stop()
        finally:
            postgres.start()
        one_line_of(error)
        assert find(database, UID) is None
        database.close()
