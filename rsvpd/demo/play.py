"""The demo from the first server to the last answer, on a terminal or in a file."""

from __future__ import annotations

import contextlib
import io
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from types import FrameType
from typing import Protocol

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from rsvpd.demo import show
from rsvpd.demo.attendees import INVITED, Attendees, expected_answers, expected_outcomes
from rsvpd.demo.picture import Picture
from rsvpd.demo.reading import Reading
from rsvpd.demo.stage import ORGANIZER, SUMMARY, Stage, StageError
from rsvpd.demo.world import HOST, MailWorld
from rsvpd.ports import CouldNot

_TICK = 0.2
_PATIENCE = 60.0


def play(*, once: bool, out: Console) -> int:
    """Run the demo; see `rsvpd.demo.demo`."""
    ends = once or not out.is_terminal
    if isinstance(out.file, io.TextIOWrapper):
        out.file.reconfigure(errors="replace")  # a terminal without our signs is no reason to fail
    with _leaving() as leave, _display(out) as display:
        try:
            picture, missing = _act(leave, display, once=ends)
        except (StageError, CouldNot) as error:
            display.close()
            complain(str(error))
            return 1
        display.close()
        out.print(show.summary(picture, out))
        failed = bool(missing) and (once or (ends and not leave.is_set()))
        if failed:
            complain(f"demo: not all is in: {', '.join(missing)}")
        return int(failed)


def complain(line: str) -> None:
    """Say on standard error what went wrong."""
    Console(stderr=True).print(line, markup=False, highlight=False, soft_wrap=True)


def _act(leave: threading.Event, display: Display, *, once: bool) -> tuple[Picture, list[str]]:
    """The last picture, and what of the expected is missing in it."""
    with (
        TemporaryDirectory(prefix="rsvpd-demo-") as folder,
        MailWorld(ORGANIZER) as world,
        Attendees(world.arrivals, world.smtp_port),
        Stage(Path(folder), world) as stage,
    ):
        for line, stays in _opening(stage, world):
            (display.keep if stays else display.tell)(line)
            if leave.is_set():
                return Picture(), ["interrupted before the invitations went out"]
        footer = f"{stage.config}  Ctrl-C ends it"
        with Reading(stage.database) as reading:
            return _watch(stage, reading, leave, display, footer=footer, once=once)


def _opening(stage: Stage, world: MailWorld) -> Iterator[tuple[str, bool]]:
    """The preparations, each with whether it is of use as long as the demo goes on."""
    yield f"mail world   SMTP on {HOST}:{world.smtp_port}, IMAP on {HOST}:{world.imap_port}", False
    yield f"daemon       rsvpd --config {stage.config} run", False
    stage.set_up()
    yield f"page         {stage.way_in()}", True
    yield f"meeting      {SUMMARY}, {len(INVITED)} invited", False
    stage.invite()


def _watch(
    stage: Stage, reading: Reading, leave: threading.Event, display: Display, *, footer: str, once: bool
) -> tuple[Picture, list[str]]:
    deadline = time.monotonic() + _PATIENCE
    while True:
        stage.check()
        picture = reading.picture()
        display.show(picture, footer)
        missing = picture.missing(expected_answers(), expected_outcomes())
        over = once and (not missing or time.monotonic() > deadline)
        if over or leave.wait(_TICK):
            return picture, missing


class Display(Protocol):
    """Where the demo is shown."""

    def tell(self, line: str) -> None:
        """One step of the preparations."""

    def keep(self, line: str) -> None:
        """One that stays to be seen."""

    def show(self, picture: Picture, footer: str) -> None:
        """The state of things; the same one again shows nothing new."""

    def close(self) -> None:
        """Leave the place to the summary."""


class _OnTerminal:
    """One display that is painted over."""

    def __init__(self, out: Console) -> None:
        self._out = out
        self._told: list[Text] = []
        self._live = Live(console=out, auto_refresh=False, transient=True)
        self._live.start()

    def tell(self, line: str) -> None:
        self._told.append(Text(line, style="dim"))
        self._live.update(Group(*self._told), refresh=True)

    def keep(self, line: str) -> None:
        # Above what is painted over, and as one line, so that a terminal knows the whole link.
        self._out.print(line, markup=False, highlight=False, soft_wrap=True)

    def show(self, picture: Picture, footer: str) -> None:
        self._live.update(show.frame(picture, footer, self._out), refresh=True)

    def close(self) -> None:
        self._live.stop()


class _InFile:
    """Plain lines, each fact once."""

    def __init__(self, out: Console) -> None:
        self._out = out
        self._told = 0

    def tell(self, line: str) -> None:
        self._print(line)

    keep = tell

    def show(self, picture: Picture, _footer: str) -> None:
        for entry in picture.ledger[self._told :]:
            self._print(show.fact(entry, self._out).plain)
        self._told = len(picture.ledger)

    def close(self) -> None:
        self._print("")

    def _print(self, line: str) -> None:
        self._out.print(line, markup=False, highlight=False, soft_wrap=True)
        self._out.file.flush()


@contextlib.contextmanager
def _display(out: Console) -> Iterator[Display]:
    display = _OnTerminal(out) if out.is_terminal else _InFile(out)
    try:
        yield display
    except BaseException:
        display.close()
        raise


@contextlib.contextmanager
def _leaving() -> Iterator[threading.Event]:
    """Set by Ctrl-C, by SIGTERM, and when the terminal goes away; none of them interrupts the tidying up."""
    leave = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield leave
        return

    def heed(_number: int, _frame: FrameType | None) -> None:
        leave.set()

    before = {
        number: signal.signal(number, heed) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    }
    try:
        yield leave
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
