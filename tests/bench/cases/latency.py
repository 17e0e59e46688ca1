"""How soon a reply counts."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import IO

from bench.daemons import running
from bench.mails import Backlog, meeting_uid, reply
from bench.measures import Finding, Row, percentile, progress
from bench.sizes import Sizes
from bench.world import SQLITE, World
from rig.dovecot import DOMAIN, PASSWORD

_MAILS = 100
_PATIENCE = 60.0
_TESTS = Path(__file__).resolve().parents[2]


def measure(world: World, sizes: Sizes) -> Iterator[Finding]:
    """From LMTP's 250 to the committed answer, against a bare loop of IDLE and FETCH; both in turn, mail by mail."""
    mails = sizes.of(_MAILS, 10)
    watched, bare = f"watched@{DOMAIN}", f"bare@{DOMAIN}"
    backlog = Backlog("latency", 1_000)
    url = world.database(SQLITE, backlog)
    path = world.file(world.settings(url, world.organizer(watched)))
    took: dict[str, list[float]] = {"rsvpd": [], "IDLE and FETCH": []}
    with running(path, world.folder / "latency.log"), _listening(world, bare) as heard:
        ledger = Path(url.removeprefix("sqlite:///"))
        _wait_until_watched(world, watched)
        _after(world, watched, -1, partial(_committed, ledger, 1))  # what is loaded at the first mail
        for number in range(mails):
            progress(f"latency: mail {number + 1} of {mails}")
            took["rsvpd"].append(_after(world, watched, number, partial(_committed, ledger, number + 2)))
            took["IDLE and FETCH"].append(_after(world, bare, number, lambda: float(heard.readline())))
    world.forget(url)
    finding = Finding("latency", f"From LMTP's 250 to the committed answer ({mails} mails)")
    for percent in (50, 99):
        for side, values in took.items():
            finding.rows.append(Row(f"{side}, p{percent}", "ms", (percentile(values, percent),)))
    finding.compare("rsvpd, p50", "IDLE and FETCH, p50")
    finding.compare("rsvpd, p99", "IDLE and FETCH, p99", 3, at_most=True)
    yield finding


def _after(world: World, user: str, number: int, wait: Callable[[], float]) -> float:
    """Milliseconds from the delivery of a mail until `wait` is over."""
    world.dovecot.deliver(user, reply(number % 1_000, meeting_uid(0)))
    delivered = time.monotonic()
    return (wait() - delivered) * 1000


def _committed(ledger: Path, number: int) -> float:
    """When the ledger has so many rows."""
    deadline = time.monotonic() + _PATIENCE
    found = 0
    with closing(sqlite3.connect(ledger)) as connection:
        while time.monotonic() < deadline:
            (found,) = connection.execute("SELECT count(*) FROM inbound").fetchone()
            if found >= number:
                return time.monotonic()
            time.sleep(0.001)
    raise TimeoutError(f"only {found} of {number} mails were recorded")


def _wait_until_watched(world: World, user: str) -> None:
    deadline = time.monotonic() + _PATIENCE
    while user not in world.dovecot.doveadm("who"):
        if time.monotonic() > deadline:
            raise TimeoutError("the daemon does not watch its mailbox")
        time.sleep(0.1)
    time.sleep(2)


@contextmanager
def _listening(world: World, user: str) -> Iterator[IO[str]]:
    server = (world.dovecot.host, str(world.dovecot.imap_port))
    command = [sys.executable, "-m", "bench.sides.listener", *server, user, PASSWORD]
    environment = os.environ | {"PYTHONPATH": str(_TESTS)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        if process.stdout is None:
            raise AssertionError
        process.stdout.readline()
        try:
            yield process.stdout
        finally:
            process.terminate()
