"""What goes wrong for a while: one line in the log when it begins, and one when it ends."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

import structlog

log = structlog.get_logger("rsvpd")


@dataclass(slots=True)
class Troubles:
    """What each job last complained of. May be used from any thread."""

    _known: dict[str, object] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def begin(self, job: str, error: Exception, kind: object = None) -> None:
        """Says what is wrong, unless that job's trouble of that kind, by default of those words, is known."""
        kind = kind or str(error)
        with self._lock:
            known, self._known[job] = self._known.get(job), kind
        if known != kind:
            log.error("could not", job=job, why=str(error))

    def end(self, job: str) -> None:
        """Says that it works again, if there was a trouble."""
        with self._lock:
            known = self._known.pop(job, None)
        if known is not None:
            log.info("works again", job=job)
