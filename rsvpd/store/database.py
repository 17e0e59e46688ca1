"""The engine, the one transaction of the house, and the schema.

`begin()` is the only commit; everything that writes takes the session it gives.
"""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from copy import copy
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util.exc import CommandError
from sqlalchemy import DateTime as SqlDateTime
from sqlalchemy import Engine, create_engine, event, func, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, SQLAlchemyError
from sqlmodel import Session, select

from rsvpd.ports import StoreUnavailable
from rsvpd.store import feed

_MIGRATION_LOCK = 7_287_093  # any number that nobody else takes

BUSY_SECONDS = 30
"""How long a writer waits for another one on SQLite."""


class Database:
    """A database by URL; nothing is connected before the first use.

    Raises `StoreUnavailable` where the URL names no database that can be used,
    and from every use for what the database refuses: locked, full, away.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.engine = _engine(url)
        self._reading = self.engine.execution_options(sqlite_begin="DEFERRED")
        self._joined: Session | None = None

    @contextmanager
    def begin(self) -> Iterator[Session]:
        """A session that commits at the end, or rolls everything back."""
        if self._joined is not None:
            yield self._joined
            return
        with _translated(), Session(self.engine, expire_on_commit=False) as session, session.begin():
            yield session
            feed.number(session)

    def joined(self, session: Session) -> Database:
        """The same database, whose `begin()` is part of a transaction that another one commits."""
        joined = copy(self)
        joined._joined = session  # noqa: SLF001  its own
        return joined

    @contextmanager
    def rehearse(self) -> Iterator[Session]:
        """A session in which everything can be tried: all of it is rolled back at the end."""
        with _translated(), Session(self.engine, expire_on_commit=False) as session:
            yield session
            session.rollback()

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A session for reading: what it sees is never written back."""
        with _translated(), Session(self._reading) as session:
            yield session

    @contextmanager
    def raw_connection(self) -> Iterator[Any]:
        """The driver's own connection, for what may stand in no transaction."""
        with _translated(), self.engine.connect() as pooled:
            yield pooled.connection.driver_connection

    def revision(self) -> str | None:
        """The schema's revision; None for an empty database."""
        with _translated(), self._reading.connect() as connection:
            return MigrationContext.configure(connection).get_current_revision()

    def is_empty(self) -> bool:
        """Whether nothing was set up yet; asking creates nothing."""
        file = self.engine.url.database if self.engine.dialect.name == "sqlite" else None
        return (file is not None and not Path(file).exists()) or self.revision() is None

    def newest_revision(self) -> str | None:
        """The revision that this version of rsvpd works with."""
        return ScriptDirectory.from_config(self._config()).get_current_head()

    def knows(self, revision: str) -> bool:
        """Whether this version of rsvpd has that revision: a newer database has one it has not."""
        try:
            return ScriptDirectory.from_config(self._config()).get_revision(revision) is not None
        except CommandError:
            return False

    def migrate(self) -> None:
        """Brings the schema to the newest revision, in one transaction."""
        with _translated(), self.engine.begin() as connection:
            if connection.dialect.name == "postgresql":  # two first starts at once
                connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_MIGRATION_LOCK})")
            config = self._config()
            config.attributes["connection"] = connection
            command.upgrade(config, "head")

    def _config(self) -> Config:
        config = Config()
        config.set_main_option("script_location", str(_migrations()).replace("%", "%%"))
        return config

    @property
    def is_shared(self) -> bool:
        """Whether processes on several machines can work on it."""
        return self.engine.dialect.name == "postgresql"

    @contextmanager
    def alone(self) -> Iterator[bool]:
        """For a daemon: whether it is the only one there can be, until the end of the block.

        SQLite takes one; on PostgreSQL any number share the work. Raises `StoreUnavailable`.
        """
        file = self.engine.url.database
        if self.is_shared or not file or file == ":memory:":
            yield not self.is_shared
            return
        with Path(f"{file}-daemon").open("ab") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                raise StoreUnavailable(
                    f"another `rsvpd run` works on {file}: end it, or use PostgreSQL for more than one"
                ) from error
            yield True

    def close(self) -> None:
        """Closes every connection."""
        self.engine.dispose()


def now(session: Session) -> datetime:
    """The instant by the database's clock, which rules where several machines work on it."""
    if session.get_bind().dialect.name == "postgresql":
        return session.exec(select(func.clock_timestamp(type_=SqlDateTime(timezone=True)))).one()
    return datetime.now(UTC)


def _migrations() -> Path:
    """In a wheel they are inside the package; in a checkout beside it."""
    package = Path(__file__).resolve().parent.parent
    shipped = package / "migrations"
    return shipped if shipped.is_dir() else package.parent / "alembic"


def _engine(url: str) -> Engine:
    try:
        parsed = make_url(url)
        if parsed.get_backend_name() == "sqlite":
            return _sqlite(url, parsed.database)
        if parsed.drivername == "postgresql":
            parsed = parsed.set(drivername="postgresql+psycopg")
        if parsed.get_backend_name() != "postgresql":
            raise StoreUnavailable(
                f"database url {url.split(':', maxsplit=1)[0]}: use sqlite:///FILE or postgresql://…"
            )
        return create_engine(parsed, pool_pre_ping=True, connect_args={"connect_timeout": 10})
    except (ArgumentError, NoSuchModuleError) as error:
        raise StoreUnavailable("database url: use sqlite:///FILE or postgresql://USER@HOST/NAME") from error


def _sqlite(url: str, file: str | None) -> Engine:
    if file and file != ":memory:" and not Path(file).resolve().parent.is_dir():
        raise StoreUnavailable(f"database: the folder of {file} does not exist; create it first")
    engine = create_engine(url, connect_args={"timeout": BUSY_SECONDS})

    @event.listens_for(engine, "do_connect")
    def _keep_private(*_: object) -> None:
        if file and file != ":memory:":  # mails stand in it
            with suppress(OSError):
                Path(file).touch(mode=0o600, exist_ok=True)

    @event.listens_for(engine, "connect")
    def _configure(connection: Any, _: object) -> None:  # noqa: ANN401  a DBAPI connection
        connection.isolation_level = None  # so that BEGIN below is the one that counts
        for pragma in (
            "journal_mode=WAL",
            "foreign_keys=ON",
            "synchronous=FULL",
            f"busy_timeout={BUSY_SECONDS}000",
        ):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def _begin(connection: Any) -> None:  # noqa: ANN401
        # A deferred transaction that turns writer can fail at once; an immediate one waits.
        mode = connection.get_execution_options().get("sqlite_begin", "IMMEDIATE")
        connection.exec_driver_sql(f"BEGIN {mode}")

    return engine


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except DBAPIError as error:
        raise StoreUnavailable(f"database: {_first_line(error.orig)}") from error
    except SQLAlchemyError as error:
        raise StoreUnavailable(f"database: {_first_line(error)}") from error


def _first_line(error: object) -> str:
    words = str(error).strip().splitlines() or ["no answer"]
    return f"{words[0].strip()}{_ADVICE.get(words[0].strip(), '')}"


_ADVICE = {
    "database is locked": "; another program holds it: end it, or wait",
    "database or disk is full": "; free some space, nothing is lost",
    "attempt to write a readonly database": "; let rsvpd write the file and its folder",
    "unable to open database file": "; check that the file and its folder can be written",
}
