"""This process beside others on one database: what it may do of the work that only one does at a time.

Who is not heard of for a while loses everything it had in hand, and the others take
it; the database's clock decides, for those of the machines may differ. As any clock
may be set, whoever it says is lost has the time for a sign or two first.
"""

from __future__ import annotations

import os
import secrets
import socket
import threading
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass, field
from datetime import datetime

from rsvpd.ports import CouldNot
from rsvpd.store import members
from rsvpd.store.database import Database

BEAT_SECONDS = 3.0
"""How often a process says that it is at work."""
_DOUBT_SECONDS = 2 * BEAT_SECONDS
"""So long somebody is given to show that it was only the clock."""
_SURE_SECONDS = members.LOST_AFTER.total_seconds() - BEAT_SECONDS
"""So long after it was last heard of a process still knows that nobody took its work away."""


@dataclass(slots=True)
class Member:
    """This process, as the others see it.

    `wanted` is the work that one process does at a time: a daemon takes its share of
    it, and lets go of what is above its share once nobody in it works on that.
    `doubts`: the clock says of somebody that they are lost, which only their silence will show.
    """

    database: Database
    id: str
    wanted: tuple[str, ...] = ()
    doubts: bool = False
    _mine: frozenset[str] = frozenset()
    _heard_at: float = 0.0
    _signs: dict[str, tuple[datetime, float]] = field(default_factory=dict)
    _in_use: dict[str, int] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def sure(self) -> bool:
        """Whether nobody can have taken this process for dead; if not, it must stop what it does."""
        return time.monotonic() - self._heard_at < _SURE_SECONDS

    @contextmanager
    def working_on(self, name: str) -> Iterator[bool]:
        """Whether this process has that work in hand; it keeps it until the end of the block."""
        with self._lock:
            has = name in self._mine and self.sure
            self._in_use[name] = self._in_use.get(name, 0) + has
        try:
            yield has
        finally:
            with self._lock:
                self._in_use[name] -= has

    def has(self, name: str) -> bool:
        """Whether this process has that work in hand at this moment."""
        return name in self._mine and self.sure

    def beat(self) -> None:
        """Says that this process is at work, and takes or leaves work. Raises `StoreUnavailable`."""
        heard_at = time.monotonic()
        with self._lock, self.database.begin() as session:
            members.forget(session, self._lost(members.signs(session, self.id), heard_at))
            if not members.seen(session, self.id):
                members.join(session, self.id, _name(), daemon=bool(self.wanted))
            found = members.others(session, self.id)
            mine = self._shared_out(found, lambda name: members.take(session, self.id, name))
            members.give_up(session, self.id, found.mine - mine)
        self._mine, self._heard_at = mine, heard_at

    def _lost(self, signs: members.Signs, now: float) -> dict[str, datetime]:
        """Who gave no sign, though the clock says for long that they should have; with their last one."""
        known, self._signs = self._signs, {}
        for member, sign in signs.last.items():
            before = known.get(member)
            self._signs[member] = before if before and before[0] == sign else (sign, now)
        silent = {one: sign for one, (sign, at) in self._signs.items() if now - at >= _DOUBT_SECONDS}
        self.doubts = bool(signs.overdue - silent.keys())
        return {one: sign for one, sign in silent.items() if one in signs.overdue}

    def _shared_out(self, found: members.Others, take: Callable[[str], bool]) -> frozenset[str]:
        """Nobody has more than an even share, if others are there to take the rest."""
        share = -(-len(self.wanted) // max(found.daemons, 1))
        kept = _first(found.mine & set(self.wanted), share, kept_anyway=self._used())
        for name in self.wanted:
            if len(kept) >= share:
                break
            if name not in kept and name not in found.taken and take(name):
                kept.add(name)
        return frozenset(kept)

    def _used(self) -> frozenset[str]:
        return frozenset(name for name, users in self._in_use.items() if users)


def _first(names: Collection[str], count: int, *, kept_anyway: Collection[str]) -> set[str]:
    in_order = sorted(names, key=lambda name: (name not in kept_anyway, name))
    return set(in_order[: max(count, len(set(names) & set(kept_anyway)))])


def _name() -> str:
    return f"{socket.gethostname()}, process {os.getpid()}"


@contextmanager
def member(database: Database, wanted: Collection[str] = (), *, daemon: bool = False) -> Iterator[Member]:
    """This process as a member until the end of the block; it beats in a thread of its own.

    Raises `StoreUnavailable` for a second daemon on a database that takes only one.
    """
    this = Member(database, secrets.token_hex(8), tuple(wanted))
    with database.alone() if daemon else nullcontext(False) as alone:
        with database.begin() as session:
            if alone:
                members.forget_daemons(session)
            members.join(session, this.id, _name(), daemon=daemon)
        this.beat()
        if this.doubts:  # who is here for a moment only would never know
            time.sleep(_DOUBT_SECONDS)
            this.beat()
        ending = threading.Event()
        thread = threading.Thread(target=_beat, args=(this, ending), name="beat", daemon=True)
        thread.start()
        try:
            yield this
        finally:
            ending.set()
            thread.join()
            with suppress(CouldNot), database.begin() as session:  # else it is forgotten after a while
                members.leave(session, this.id)


def _beat(this: Member, ending: threading.Event) -> None:
    while not ending.wait(BEAT_SECONDS):
        with suppress(CouldNot):  # whoever works with the database says so; `sure` ends in time
            this.beat()
