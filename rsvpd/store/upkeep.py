"""What the database itself needs: a backup, and room given back."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkstemp
from typing import Any

from rsvpd.ports import CouldNot, StoreUnavailable
from rsvpd.store.database import Database
from rsvpd.store.tables import metadata

_WORTH_IT = 0.1
"""Part of a file that must be free before it is written anew: that takes its time, and holds up who writes."""


@dataclass(frozen=True, slots=True)
class Tidied:
    """What became of the file; `lingers` where a reader kept old pages from being cut off."""

    freed: int = 0
    lingers: bool = False


def backup(database: Database, file: Path, *, replace: bool) -> int:
    """Copies the database into a file of its own, as it is at one moment while others write; its size in bytes.

    The file is there whole or not at all. Raises `CouldNot`.
    """
    if database.engine.dialect.name != "sqlite":
        raise CouldNot(
            "db backup copies SQLite files; for PostgreSQL use pg_dump, such as: "
            "pg_dump --format=custom --file=rsvpd.dump URL"
        )
    if database.is_empty():
        raise CouldNot("there is nothing to back up: the database is empty")
    if file.exists() and not replace:
        raise CouldNot(f"{file} is there already; --force replaces it")
    unfinished: Path | None = None
    try:
        number, name = mkstemp(dir=file.parent, prefix=f".{file.name}.")  # 0600, for mails stand in it
        os.close(number)
        unfinished = Path(name)
        _copy(database, unfinished)
        unfinished.replace(file)
    except OSError as error:
        raise CouldNot(f"{file}: {(error.strerror or str(error)).lower()}") from error
    except sqlite3.Error as error:
        raise CouldNot(f"{file}: {error}") from error
    finally:
        if unfinished is not None:
            with suppress(OSError):
                unfinished.unlink(missing_ok=True)
    return file.stat().st_size


def _copy(database: Database, file: Path) -> None:
    target = sqlite3.connect(file)
    try:
        with _driver(database) as source:
            source.backup(target)  # all pages in one step: a reader, whom no writer waits for
        target.execute("PRAGMA journal_mode=DELETE")  # one file, without a -wal beside it
        (said,) = target.execute("PRAGMA quick_check(1)").fetchone()
        if said != "ok":
            raise CouldNot(f"the database is damaged ({said}); restore an earlier backup")
        target.commit()
        with file.open("rb") as written:
            os.fsync(written.fileno())
    finally:
        target.close()


def tidy(database: Database, *, whole: bool) -> Tidied:
    """Renews what the planner knows, and gives room back where it is worth it; always if `whole`."""
    with _driver(database) as connection:
        if database.engine.dialect.name == "postgresql":
            connection.autocommit = True
            try:
                names = ", ".join(f'"{table.name}"' for table in metadata.sorted_tables)
                connection.execute(f"VACUUM (ANALYZE) {names}")
            finally:
                connection.autocommit = False
            return Tidied()
        connection.execute("PRAGMA analysis_limit=1000")
        connection.execute("ANALYZE")
        pages, free, size = (
            connection.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("page_count", "freelist_count", "page_size")
        )
        if not whole and free <= pages * _WORTH_IT:
            return Tidied()
        connection.execute("VACUUM")
        busy = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
        left = connection.execute("PRAGMA page_count").fetchone()[0]
        return Tidied(max(pages - left, 0) * size, bool(busy))


@contextmanager
def _driver(database: Database) -> Iterator[Any]:
    """The driver's own connection, outside of any transaction. Raises `StoreUnavailable`."""
    errors = database.engine.dialect.loaded_dbapi.Error
    with database.raw_connection() as connection:
        try:
            yield connection
        except errors as error:
            raise StoreUnavailable(f"database: {str(error).splitlines()[0]}") from error
