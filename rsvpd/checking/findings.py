"""What the doctor found, and steps that are left out where one that they need failed."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from rsvpd.mail.probing import ProbeFailed
from rsvpd.ports import CouldNot


class Mark(StrEnum):
    """How a check ended."""

    PASS = "pass"  # noqa: S105  no password
    WARN = "warn"
    FAIL = "fail"
    SKIP = "skip"


@dataclass(frozen=True, slots=True)
class Finding:
    """One check of one organizer, or of what all share; `advice` says what to do where something is wrong."""

    check: str
    result: Mark
    words: str
    advice: str | None = None
    organizer: str | None = None


@dataclass(frozen=True, slots=True)
class Doubt:
    """What works, but not as well as it could, or not for long."""

    words: str
    advice: str


Told = str | Doubt


@dataclass(slots=True)
class Sheet:
    """The findings about one organizer, in their order. Read by others while it is being written."""

    organizer: str | None = None
    current: str = "nothing"
    _findings: list[Finding] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _closed: bool = False

    def step(
        self, check: str, attempt: Callable[[], Told], *, advice: str, needs: Sequence[str] = ()
    ) -> None:
        """Tries one thing, unless a step that it needs has not passed; `advice` is for what it gives no own to."""
        missing = next((one for one in needs if self.result(one) not in {Mark.PASS, Mark.WARN}), None)
        if missing is not None:
            self._note(check, Mark.SKIP, f"needs {missing}")
            return
        self.current = check
        try:
            told = attempt()
        except ProbeFailed as error:
            self._note(check, Mark.FAIL, str(error), error.advice)
        except CouldNot as error:
            self._note(check, Mark.FAIL, str(error), advice)
        except Exception as error:  # noqa: BLE001  the other checks go on, and the person learns whose fault it is
            words = f"mistake in rsvpd: {type(error).__name__}: {error}"
            self._note(check, Mark.FAIL, words, "report it, with this line")
        else:
            if isinstance(told, Doubt):
                self._note(check, Mark.WARN, told.words, told.advice)
            else:
                self._note(check, Mark.PASS, told)

    def result(self, check: str) -> Mark | None:
        """How a check ended; None if it was not tried."""
        return next((one.result for one in self.findings if one.check == check), None)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What was found up to now."""
        with self._lock:
            return tuple(self._findings)

    def give_up(self, seconds: float) -> None:
        """Time is over: what is being tried has failed, and whatever it may still find is not wanted."""
        words = f"no end after {seconds:.0f} s, so this and what follows is not known"
        self._note(
            self.current, Mark.FAIL, words, "see whether the server hangs, or give more time (--timeout)"
        )
        with self._lock:
            self._closed = True

    def _note(self, check: str, result: Mark, words: str, advice: str | None = None) -> None:
        with self._lock:
            if not self._closed:
                self._findings.append(Finding(check, result, " ".join(words.split()), advice, self.organizer))
