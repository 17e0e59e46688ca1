"""What works and what does not: one line in the log when a trouble begins, and one when it ends."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import structlog

from rsvpd.ports import CouldNot, StoreUnavailable
from rsvpd.store.health import Part

log = structlog.get_logger("rsvpd")

MISTAKE = "mistake"
"""The kind of error that is rsvpd's own."""


@dataclass(slots=True)
class Troubles:
    """What each job last said of itself. May be used from any thread.

    `count` is told the kind of every error, also of those that the log knows already.
    """

    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    count: Callable[[str], None] = lambda _kind: None
    _known: dict[str, object] = field(default_factory=dict)
    _of_the_store: set[str] = field(default_factory=set)
    _parts: dict[str, Part] = field(default_factory=dict)
    _changed: set[str] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def begin(self, job: str, error: Exception, kind: object = None) -> None:
        """Says what is wrong, unless that job's trouble of that kind, by default of those words, is known."""
        kind = kind or str(error)
        self.count(_kind(error))
        with self._lock:
            known, self._known[job] = self._known.get(job), kind
            self._fails(job, str(error))
            if isinstance(error, StoreUnavailable):
                self._of_the_store.add(job)
            else:
                self._of_the_store.discard(job)
        if known != kind:
            log.error("could not", job=job, why=str(error))

    def mistake(self, job: str, error: Exception) -> None:
        """Says that rsvpd itself is at fault, and where. The log has its place, not its words: those may quote a mail."""
        self.count(MISTAKE)
        log.error("mistake in rsvpd", job=job, exc_info=error)
        with self._lock:
            self._fails(job, f"mistake in rsvpd: {type(error).__name__}; the log says where")

    def end(self, job: str) -> None:
        """Says that it works again, if there was a trouble."""
        now = self.now()
        with self._lock:
            known = self._known.pop(job, None)
            self._of_the_store.discard(job)
            self._parts[job] = Part(job, now, worked_at=now)
            self._changed.add(job)
        if known is not None:
            log.info("works again", job=job)

    def over(self, job: str) -> None:
        """It works, which is worth a word only if it did not."""
        if self.has(job):
            self.end(job)

    def has(self, job: str) -> bool:
        """Whether that job is in trouble."""
        with self._lock:
            return job in self._parts and self._parts[job].trouble is not None

    def shift(self, jump: timedelta) -> None:
        """The clock was set by so much: what was said is as old as it was."""
        with self._lock:
            self._parts = {job: part.shifted(jump) for job, part in self._parts.items()}
            self._changed |= self._parts.keys()

    def nothing_to_do(self, job: str) -> None:
        """The database answered that nothing is due: that ends its own trouble, and no server's."""
        if job in self._of_the_store:
            self.end(job)

    def parts(self) -> dict[str, Part]:
        """What each job last said, by its name."""
        with self._lock:
            return dict(self._parts)

    def changed(self) -> list[Part]:
        """What was said since the last call."""
        with self._lock:
            changed, self._changed = self._changed, set()
            return [self._parts[job] for job in sorted(changed)]

    def again(self, parts: list[Part]) -> None:
        """What `changed` gave could not be kept: it is to be given once more."""
        with self._lock:
            self._changed |= {part.part for part in parts}

    def _fails(self, job: str, words: str) -> None:
        now = self.now()
        before = self._parts.get(job, Part(job, now))
        since = before.since if before.trouble else now
        self._parts[job] = replace(before, told_at=now, trouble=words, since=since)
        self._changed.add(job)


def _kind(error: Exception) -> str:
    """`login_refused` for `LoginRefused`, and `mistake` for what nobody foresaw."""
    if not isinstance(error, CouldNot):
        return MISTAKE
    return re.sub(r"(?<!^)(?=[A-Z])", "_", type(error).__name__).lower()
