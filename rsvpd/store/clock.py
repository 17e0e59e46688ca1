"""The clock that rules: the machine's for a database on it, the database's where several machines share one."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from rsvpd.ports import StoreUnavailable
from rsvpd.store.database import Database, now

_ASKED_EVERY = 60.0
"""Seconds that the machine's own clock is trusted to run as fast as the database's."""


@dataclass(slots=True)
class DatabaseClock:
    """The database's clock, asked once in a while and carried on by a clock that nobody can set meanwhile."""

    database: Database
    _asked: tuple[datetime, float] | None = field(default=None)

    def now(self) -> datetime:
        """The instant, aware and in UTC. Raises `StoreUnavailable` if the database is away at the first time."""
        asked = self._asked
        if asked is None or time.monotonic() - asked[1] > _ASKED_EVERY:
            asked = self._ask()
        asked_at, counted_from = asked
        return asked_at + timedelta(seconds=time.monotonic() - counted_from)

    def _ask(self) -> tuple[datetime, float]:
        """Asks the database; one that is away for a while is carried on for."""
        counted_from = time.monotonic()
        try:
            with self.database.read() as session:
                self._asked = now(session).astimezone(UTC), counted_from
        except StoreUnavailable:
            if self._asked is None:
                raise
        return self._asked
