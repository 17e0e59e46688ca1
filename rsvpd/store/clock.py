"""The clock that rules: the machine's for a database on it, the database's where several machines share one."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from rsvpd.store.database import Database, now


@dataclass(slots=True)
class DatabaseClock:
    """The database's clock, asked once in a while and carried on by a clock that nobody can set meanwhile."""

    database: Database
    _asked: tuple[datetime, float] | None = field(default=None)

    def now(self) -> datetime:
        """The instant, aware and in UTC. Raises `StoreUnavailable` if the database is away at the first time."""
        asked_at, counted_from = self._asked or self.ask()
        passed = timedelta(seconds=time.monotonic() - counted_from)
        return asked_at + passed

    def ask(self) -> tuple[datetime, float]:
        """Asks the database again."""
        counted_from = time.monotonic()
        with self.database.read() as session:
            self._asked = now(session).astimezone(UTC), counted_from
        return self._asked
