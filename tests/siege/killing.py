"""`python -m siege.killing … run`: rsvpd, with a moment at which it kills itself as a power cut would.

Nothing in rsvpd knows of it: its functions are wrapped from outside, before it starts.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from itertools import count
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from sqlalchemy import Engine, event

import house
from rsvpd.__main__ import main
from rsvpd.store.database import Database

SEED, DEATHS, STATEMENT = "SIEGE_SEED", "SIEGE_DEATHS", "SIEGE_STATEMENT"
"""Variables: what decides the moment, or before which SQL statement it is; and the file that tells of deaths."""

_FEW = 3
"""The moment comes at the latest at this passing of its point."""

_PLACES: Final = MappingProxyType(
    {
        "between fetch and record": ("rsvpd.intake", "read_mail", False),
        "before the commit of replies": ("rsvpd.store.ledger", "advance", True),
        "before the mark on the server": ("rsvpd.mail.imap.mailbox:ImapMailbox", "finish", False),
        "after the mark on the server": ("rsvpd.mail.imap.mailbox:ImapMailbox", "finish", True),
        "with mails in hand": ("rsvpd.store.outgoing", "claim", True),
        "between SMTP's 250 and our mark": ("rsvpd.mail.smtp:SmtpTransport", "send", True),
        "before the commit of our mark": ("rsvpd.store.outgoing", "mark_sent", True),
    }
)
_COMMIT = "after a commit"
POINTS: Final = (*_PLACES, _COMMIT)


def arm(point: str, passing: int, deaths: Path | None) -> None:
    """From now on the process dies when it passes the point for that time."""
    passed = _counted(point, passing, deaths)
    if point == _COMMIT:
        _after_commits(passed)
        return
    place, name, afterwards = _PLACES[point]
    module, _, owner = place.partition(":")
    holder = import_module(module)
    holder = getattr(holder, owner) if owner else holder
    setattr(holder, name, _around(getattr(holder, name), passed, afterwards=afterwards))


def _counted(point: str, passing: int, deaths: Path | None) -> Callable[[], None]:
    passings, lock = count(1), threading.Lock()

    def passed() -> None:
        with lock:
            if next(passings) == passing:
                die(point, deaths)

    return passed


def die(point: str, deaths: Path | None) -> None:
    """At once, but for the line that says where."""
    if deaths:
        with deaths.open("a") as file:
            file.write(f"{point}\n")
    os.kill(os.getpid(), signal.SIGKILL)


def _around(
    function: Callable[..., Any], passed: Callable[[], None], *, afterwards: bool
) -> Callable[..., Any]:
    def around(*given: Any, **named: Any) -> Any:  # noqa: ANN401  whatever the function takes
        if not afterwards:
            passed()
        result = function(*given, **named)
        if afterwards:
            passed()
        return result

    return around


def _after_commits(passed: Callable[[], None]) -> None:
    begin = Database.begin

    @contextmanager
    def dying(self: Database) -> Iterator[Any]:
        with begin(self) as session:
            yield session
        passed()

    Database.begin = dying  # type: ignore[method-assign]


def _before_statement(passed: Callable[[], None]) -> None:
    @event.listens_for(Engine, "before_cursor_execute")
    def _(*_: object) -> None:
        passed()


def kill(command: Sequence[str | Path], statement: int) -> bool:
    """Whether `rsvpd` with these words was killed before that statement; it has fewer if not."""
    done = subprocess.run(
        [sys.executable, "-m", "siege.killing", *command],
        env=house.environment(PYTHONPATH=str(Path(__file__).parent.parent), **{STATEMENT: str(statement)}),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode in {0, -signal.SIGKILL}, done.stderr
    return done.returncode != 0


if __name__ == "__main__":
    if STATEMENT in os.environ:
        _before_statement(_counted("before a statement", int(os.environ[STATEMENT]), None))
    if SEED in os.environ:
        chance = random.Random(os.environ[SEED])  # noqa: S311  a schedule, no secret
        told = os.environ.get(DEATHS)
        arm(chance.choice(POINTS), chance.randint(1, _FEW), Path(told) if told else None)
    main()
