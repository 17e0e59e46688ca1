"""Work on servers, by as many threads as there may be: a server that hangs holds up nobody else's work."""

from __future__ import annotations

import threading
from collections import Counter, deque
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field

_MOST, _MOST_OF_A_SERVER = 64, 8
"""Pieces of work at once. A server that hangs keeps threads of its own busy and no others."""
_TROUBLED, _TROUBLED_OF_A_SERVER = 16, 2
"""The same for what failed the last time: it never holds up what works."""


@dataclass(slots=True)
class _Lane:
    """What waits for its turn at one server."""

    waiting: deque[Callable[[], None]] = field(default_factory=deque)
    running: int = 0


@dataclass(slots=True)
class Lanes:
    """Pieces of work that wait or are under way. May be used from any thread."""

    _lanes: dict[tuple[Hashable, bool], _Lane] = field(default_factory=dict)
    _running: Counter[bool] = field(default_factory=Counter)
    _changed: threading.Condition = field(default_factory=threading.Condition)

    def put(self, server: Hashable, work: Callable[[], None], *, troubled: bool) -> None:
        """Has `work`, which must not raise, done in a thread as soon as there is one for it."""
        with self._changed:
            self._lanes.setdefault((server, troubled), _Lane()).waiting.append(work)
            self._begin()

    def end(self) -> None:
        """Forgets what has not begun, and waits for the end of what has."""
        with self._changed:
            for lane in self._lanes.values():
                lane.waiting.clear()
            self._lanes = {key: lane for key, lane in self._lanes.items() if lane.running}
            self._changed.wait_for(lambda: not self._running.total())

    def _begin(self) -> None:
        for (server, troubled), lane in list(self._lanes.items()):
            most, of_a_server = (_TROUBLED, _TROUBLED_OF_A_SERVER) if troubled else (_MOST, _MOST_OF_A_SERVER)
            while lane.waiting and lane.running < of_a_server and self._running[troubled] < most:
                lane.running += 1
                self._running[troubled] += 1
                work = lane.waiting.popleft()
                threading.Thread(target=self._do, args=(server, troubled, lane, work), daemon=True).start()

    def _do(self, server: Hashable, troubled: bool, lane: _Lane, work: Callable[[], None]) -> None:  # noqa: FBT001  from a Thread
        try:
            work()
        finally:
            with self._changed:
                lane.running -= 1
                self._running[troubled] -= 1
                if not lane.running and not lane.waiting:
                    self._lanes.pop((server, troubled), None)
                self._begin()
                self._changed.notify_all()
