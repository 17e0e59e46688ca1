"""How log lines look on stderr: one line for each fact, for people, for programs or for the journal.

Whatever stands in a mail cannot make a second line or another field of one: what is not
printable is escaped. A mistake is told by its place, without the exception's words and
without values, for those may quote a mail.
"""

from __future__ import annotations

import logging
import os
import sys
import traceback
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, TextIO

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from rsvpd.config import LogFormat, LogLevel

_PRIORITIES = {"debug": 7, "info": 6, "warning": 4, "error": 3, "exception": 3, "critical": 2}
"""By method of a logger; those of syslog, which `<N>` at the beginning of a line tells the journal."""
_LIBRARIES = {"apscheduler": logging.ERROR, "uvicorn": logging.WARNING}
"""Whose own lines are logged, from which level on. Other libraries may quote mails, so they are silent.

The scheduler warns of each tick that finds the last one still at work, which is as it shall be.
"""
_DEEPEST = 12
"""Frames of a traceback that are named."""


def log_to(stream: TextIO, form: LogFormat = LogFormat.TEXT, level: LogLevel = LogLevel.INFO) -> None:
    """Has everything logged there from now on; the first line after it looks as is asked here."""
    journal = _is_journal(stream)
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            *_timestamps(form, journal=journal),
            _one_line_traceback,
            _without_nothing,
            *_rendered(form, colours=form is LogFormat.TEXT and not journal and stream.isatty()),
            *((_for_journal,) if journal else ()),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level.value),
        logger_factory=lambda *_: _Lines(stream),
    )
    _hear_libraries()


class _Lines:
    """Writes lines. A full disk or a closed pipe behind it stops nobody's work."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def msg(self, line: str) -> None:
        with suppress(OSError, ValueError):
            self._stream.write(line + "\n")  # in one piece, for many threads write
            self._stream.flush()

    debug = info = warning = error = critical = exception = msg


def _is_journal(stream: TextIO) -> bool:
    """Whether systemd connected this very stream to its journal: it says so by device and inode."""
    try:
        there = os.fstat(stream.fileno())
    except (OSError, ValueError):
        return False
    return os.environ.get("JOURNAL_STREAM") == f"{there.st_dev}:{there.st_ino}"


def _timestamps(form: LogFormat, *, journal: bool) -> list[Processor]:
    """The journal has times of its own; whoever reads JSON wants them in it all the same."""
    if journal and form is LogFormat.TEXT:
        return []
    return [structlog.processors.TimeStamper(fmt="iso", utc=True)]


def _rendered(form: LogFormat, *, colours: bool) -> list[Processor]:
    named = structlog.processors.EventRenamer("action")
    if form is LogFormat.JSON:  # in ASCII, which has every control character escaped
        return [named, structlog.processors.JSONRenderer(default=str, ensure_ascii=True)]
    if colours:
        shown = structlog.dev.ConsoleRenderer(event_key="action", sort_keys=False, repr_native_str=True)
        return [named, shown]
    first = ["timestamp", "level", "action"]
    return [named, _printable, structlog.processors.LogfmtRenderer(key_order=first, drop_missing=True)]


def _one_line_traceback(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    error = event.pop("exc_info", None)
    error = sys.exc_info()[1] if error is True else error
    if isinstance(error, BaseException):
        frames = traceback.extract_tb(error.__traceback__)[-_DEEPEST:]
        event["error"] = type(error).__name__
        event["at"] = " > ".join(f"{Path(f.filename).name}:{f.lineno} {f.name}" for f in frames)
    return event


def _without_nothing(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    return {key: value for key, value in event.items() if value is not None}


def _printable(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    return {key: _escaped(value) if isinstance(value, str) else value for key, value in event.items()}


def _escaped(text: str) -> str:
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def _for_journal(_logger: WrappedLogger, method: str, line: Any) -> str:  # noqa: ANN401  what was rendered
    return f"<{_PRIORITIES.get(method, 6)}>{line}"


class _Library(logging.Handler):
    """What a library says of itself, as a line of ours."""

    def emit(self, record: logging.LogRecord) -> None:
        said = structlog.get_logger("rsvpd")
        level = logging.getLevelName(record.levelno).lower()
        say: Mapping[str, Callable[..., None]] = {"warning": said.warning, "info": said.info}
        say.get(level, said.error)("library", library=record.name, words=record.getMessage())


def _hear_libraries() -> None:
    root = logging.getLogger()
    if not root.handlers:  # else Python would print what nobody handles
        root.addHandler(logging.NullHandler())
    for name, level in _LIBRARIES.items():
        library = logging.getLogger(name)
        library.handlers, library.propagate = [_Library()], False
        library.setLevel(level)
