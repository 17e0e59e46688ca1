"""A database of each earlier version, with what one holds, becomes one of this version and goes on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, MetaData, Table, func, inspect, select, text

import house
from builders import Facts, Party
from house import ALICE, BOB, NOW, START, UID, facts, invite, plain_reply
from rig.postgres import Postgres
from rsvpd.app import App
from rsvpd.itip.model import PartStat
from rsvpd.store import access, browsing, pages
from rsvpd.store.access import Scope
from rsvpd.store.browsing import People
from rsvpd.store.database import Database
from rsvpd.store.pages import Sought
from rsvpd.store.tables import metadata
from rsvpd.taken_over import read
from siege.killing import kill

CONFIG = Config()
CONFIG.set_main_option("script_location", str(Path(__file__).parent.parent / "alembic"))
EARLIER = [one.revision for one in ScriptDirectory.from_config(CONFIG).walk_revisions()][1:]
KEPT_BY_US = {"alembic_version"}


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    with house.engines_disposed():
        yield


@pytest.fixture(params=["sqlite", "postgresql"], scope="module")
def empty(request: pytest.FixtureRequest) -> Callable[[Path], str]:
    """Gives the URL of an empty database; one that is a file stands in that folder."""
    if request.param == "sqlite":
        return lambda folder: f"sqlite:///{folder}/rsvpd.db"
    postgres: Postgres = request.getfixturevalue("postgres")
    return lambda _folder: postgres.fresh_database()


@pytest.fixture(scope="module")
def today(empty: Callable[[Path], str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """A house of this version in which something happened."""
    app = house.app_of(house.organizer(), url=empty(tmp_path_factory.mktemp("today")))
    a_story(app)
    yield app
    app.database.close()


@pytest.fixture
def old(empty: Callable[[Path], str], tmp_path: Path) -> Iterator[Database]:
    database = Database(empty(tmp_path))
    yield database
    database.close()


def counter(answer: Facts) -> bytes:
    mail = plain_reply(answer, f"DTSTART:{START + timedelta(days=1):%Y%m%dT%H%M%SZ}")
    return mail.replace(b"METHOD:REPLY", b"METHOD:COUNTER").replace(b"method=REPLY", b"method=COUNTER")


def a_story(app: App) -> None:
    """Somebody accepts, somebody proposes, a stranger is held, and a program may ask."""
    app.invitations.create({}, read(invite(UID, ALICE, BOB)))
    stranger = Party("mallory@example.net", "Mallory")
    mails = [
        plain_reply(facts(partstat="ACCEPTED", dtstamp=NOW), "COMMENT:Gladly", "X-NUM-GUESTS:2"),
        counter(facts(attendee=BOB, partstat="TENTATIVE")),
        plain_reply(facts(attendee=stranger, dtstamp=NOW)),
    ]
    ingested = app.intake.ingest([(f"mail {number}", mail) for number, mail in enumerate(mails)])
    assert [one.rows[0].outcome for one in ingested] == ["applied", "proposal", "held"]
    with app.database.begin() as session:
        access.create(session, "dashboard", Scope.READ, None, NOW)


def migrated(database: Database, revision: str) -> None:
    with database.engine.begin() as connection:
        CONFIG.attributes["connection"] = connection
        command.upgrade(CONFIG, revision)


def reflected(connection: Connection) -> dict[str, Table]:
    found = MetaData()
    found.reflect(connection)
    return {table.name: table for table in found.sorted_tables if table.name not in KEPT_BY_US}


def rows(connection: Connection, table: Table, names: list[str]) -> list[tuple[Any, ...]]:
    asked = select(*(table.c[name] for name in names)).order_by(*table.primary_key.columns)
    return [tuple(row) for row in connection.execute(asked)]


def filled_as_of_then(old: Connection, now: Connection) -> dict[str, tuple[list[str], list[tuple[Any, ...]]]]:
    """Puts into an old schema what today's database holds, as far as it had a place for it then."""
    today, put = reflected(now), {}
    # The feed last: triggers write into it what the others are filled with.
    for name, table in sorted(reflected(old).items(), key=lambda one: one[0] == "change"):
        columns = [column.name for column in table.columns if column.name in today[name].c]
        found = rows(now, today[name], columns)
        old.execute(table.delete())
        if found:
            old.execute(table.insert(), [dict(zip(columns, row, strict=True)) for row in found])
            if old.dialect.name == "postgresql" and "id" in columns:
                highest = select(func.max(table.c.id)).scalar_subquery()
                old.execute(select(func.setval(func.pg_get_serial_sequence(name, "id"), highest)))
        put[name] = columns, found
    return put


def shape(database: Database) -> set[tuple[str, ...]]:
    """Everything in the schema that has a name."""
    with database.engine.connect() as connection:
        if connection.dialect.name == "sqlite":
            objects = connection.execute(text("SELECT type, name, tbl_name FROM sqlite_master"))
        else:
            objects = connection.execute(
                text(
                    "SELECT 'trigger', tgname::text, tgrelid::regclass::text FROM pg_trigger WHERE NOT tgisinternal "
                    "UNION ALL SELECT 'view', viewname::text, '' FROM pg_views WHERE schemaname = 'public' "
                    "UNION ALL SELECT 'index', indexname::text, tablename::text FROM pg_indexes "
                    "WHERE schemaname = 'public'"
                )
            )
        named = {tuple(map(str, row)) for row in objects}
        looked = inspect(connection)
        return named | {
            (table, column["name"], str(column["type"]), str(column["nullable"]))
            for table in looked.get_table_names()
            for column in looked.get_columns(table)
        }


def counts(database: Database) -> dict[PartStat, int]:
    with database.read() as session:
        found = pages.find(session, UID, None)
        assert found is not None
        return {partstat: number for partstat, number in pages.counts(session, found.id).items() if number}


def shown(database: Database) -> list[object]:
    """What a person sees of it."""
    with database.read() as session:
        found = pages.find(session, UID, None)
        assert found is not None
        return [
            found,
            browsing.attendees(session, found.id, People(), limit=10),
            pages.replies(session, Sought(), limit=10),
            pages.proposals(session, limit=10),
        ]


@pytest.mark.parametrize("revision", EARLIER)
def test_a_database_of_an_earlier_version_goes_on_with_all_it_holds(
    today: App, old: Database, revision: str
) -> None:
    migrated(old, revision)
    with old.engine.begin() as then, today.database.engine.connect() as now:
        put = filled_as_of_then(then, now)

    old.migrate()

    assert shape(old) == shape(today.database)
    with old.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []
        tables = reflected(connection)
        found = {
            name: (columns, rows(connection, tables[name], columns)) for name, (columns, _) in put.items()
        }
    assert found == put
    assert all(
        put[table][1] for table in ("meeting", "attendee", "answer", "inbound", "proposal", "outgoing")
    )
    assert shown(old) == shown(today.database)
    _goes_on(old)


def _goes_on(database: Database) -> None:
    """The ledger judged again says the same, and the next reply is recorded and told."""
    upgraded = house.app_of(house.organizer(), url=database.url)
    assert upgraded.review.replay(apply=False) == []
    later = plain_reply(facts(partstat="DECLINED", dtstamp=NOW + timedelta(hours=1)))
    (ingested,) = upgraded.intake.ingest([("later", later)])
    assert ingested.rows[0].outcome == "applied"
    assert counts(database) == {PartStat.DECLINED: 1, PartStat.TENTATIVE: 1}


@pytest.mark.slow
def test_a_migration_that_is_killed_was_done_wholly_or_not_at_all(
    today: App, old: Database, tmp_path: Path
) -> None:
    config = house.config(tmp_path, house.organizer(), database=old.url)
    migrated(old, EARLIER[-1])
    with old.engine.begin() as then, today.database.engine.connect() as now:
        filled_as_of_then(then, now)
    statement, kills, before = 8, 0, shape(old)
    while kill(["--config", config, "db", "upgrade"], statement):
        assert (old.revision(), shape(old)) == (EARLIER[-1], before)
        statement, kills = statement * 3, kills + 1

    assert kills >= 3
    assert (old.revision(), shape(old)) == (old.newest_revision(), shape(today.database))
    assert shown(old) == shown(today.database)
