"""How many connections this process has to each IMAP server."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import dataclass, field

Server = tuple[str, int]
"""Host and port."""


@dataclass(slots=True)
class Slots:
    """Connections counted by server, so that a limit can be kept."""

    _taken: Counter[Server] = field(default_factory=Counter)
    _changed: threading.Condition = field(default_factory=threading.Condition)

    def take(self, server: Server, limit: int | None, seconds: float) -> bool:
        """Counts one more connection as soon as there may be one; False if there was none in time."""
        with self._changed:
            free = self._changed.wait_for(lambda: limit is None or self._taken[server] < limit, seconds)
            self._taken[server] += free
            return free

    def give_back(self, server: Server) -> None:
        """One connection less."""
        with self._changed:
            self._taken[server] -= 1
            self._changed.notify()

    def spare(self, server: Server, limit: int | None) -> bool:
        """Whether a connection may stay open without work: one is always left for what comes in between."""
        return limit is None or self._taken[server] < limit
