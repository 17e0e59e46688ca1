"""Whether the loops of a daemon turn. One that hangs is found, so that somebody can be told."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta

_PATIENCE = timedelta(minutes=10)
_TIMEOUTS = 10
"""One mail, with a login before it, waits for the server so many times at most."""


def patience(timeout: timedelta) -> timedelta:
    """How long a job may give no sign that waits at most `timeout` at a time for its server."""
    return max(_PATIENCE, timeout * _TIMEOUTS)


@dataclass(slots=True)
class Turning:
    """When each loop last gave a sign, and how long it may be silent. May be used from any thread.

    A loop that waits for its next turn is not watched; whatever starts its turns is a loop of its own.
    """

    clock: Callable[[], float] = time.monotonic
    _due: dict[str, tuple[float, float]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def beat(self, loop: str, patience: timedelta) -> None:
        """This loop turns, and will give its next sign within that time."""
        seconds = patience.total_seconds()
        with self._lock:
            self._due[loop] = (self.clock() + seconds, seconds)

    def again(self, loop: str) -> None:
        """Another sign of a loop that is under way, with the patience it has."""
        with self._lock:
            if known := self._due.get(loop):
                self._due[loop] = (self.clock() + known[1], known[1])

    def ended(self, loop: str) -> None:
        """This loop waits for its next turn, or is over."""
        with self._lock:
            self._due.pop(loop, None)

    @contextmanager
    def turn(self, loop: str, patience: timedelta) -> Iterator[None]:
        """One turn, from its beginning to its end."""
        self.beat(loop, patience)
        try:
            yield
        finally:
            self.ended(loop)

    def stuck(self) -> tuple[str, ...]:
        """The loops that should have given a sign by now."""
        now = self.clock()
        with self._lock:
            return tuple(sorted(loop for loop, (due, _) in self._due.items() if due < now))
