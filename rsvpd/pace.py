"""Whether the clock was set: it is held against one that nobody can set."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

_LEAST = timedelta(seconds=10)
"""Less is drift, which whoever keeps the clock mends, or a machine that was busy between two looks."""


@dataclass(slots=True)
class Pace:
    """A clock, and how far it was ahead of one that only counts on, at the last look."""

    clock: Callable[[], datetime]
    counted: Callable[[], float] = time.monotonic
    _began: datetime | None = field(default=None)

    def jump(self) -> timedelta:
        """By how much the clock was set since the last look: ahead, or back if it is negative; else zero."""
        began = self.clock() - timedelta(seconds=self.counted())
        before, self._began = self._began, began
        jump = began - before if before else timedelta()
        return jump if abs(jump) >= _LEAST else timedelta()
