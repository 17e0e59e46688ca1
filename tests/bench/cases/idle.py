"""What it costs when nothing happens."""

from __future__ import annotations

import time
from collections.abc import Iterator

from bench import child
from bench.daemons import cpu_seconds, running, status
from bench.measures import Finding, Row, alternate, progress, rows
from bench.sizes import Sizes
from bench.world import SQLITE, World
from rig.dovecot import DOMAIN

_FEW, _MANY, _MOST = 1_000, 100_000, 1_000_000
_POLLS = 50
_MAILBOXES = 1_000
_MINUTE = 60.0
_PATIENCE = 300.0


def polls(world: World, sizes: Sizes) -> Iterator[Finding]:
    """One look into a mailbox with nothing new among 1,000, 100,000 and 1,000,000 old mails."""
    numbers = [sizes.of(_FEW), sizes.of(_MANY)] + [sizes.of(_MOST)] * sizes.million
    sides = {f"{number} old mails": lambda number=number: _poll(world, number) for number in numbers}
    values = alternate("poll", sides, sizes.rounds)
    finding = Finding("poll", "A look with nothing new", rows(values, "ms"))
    few, *more = sides
    for many in more:
        finding.compare(many, few, 1.5, at_most=True)
    yield finding


def _poll(world: World, number: int) -> float:
    user = world.old_mails(number)
    url = world.database(SQLITE)
    # The old mails are behind the cursor from the first look on, as after years.
    settings = world.settings(url, world.organizer(user), lookback="1s")
    found = child.run("bench.sides.rsvpd:poll_again", settings=settings, times=_POLLS)
    world.forget(url)
    return found["seconds"] * 1000


def mailboxes(world: World, sizes: Sizes) -> Iterator[Finding]:
    """1,000 idle mailboxes watched by one daemon for a minute: memory, threads, processor time."""
    number = sizes.of(_MAILBOXES, 10)
    organizers = [
        world.organizer(f"quiet{one}@{DOMAIN}", name=f"o{one}", address=f"o{one}@example.org")
        for one in range(number)
    ]
    url = world.database(SQLITE)
    path = world.file(world.settings(url, *organizers, poll_interval="600s"))
    with running(path, world.folder / "idle.log") as pid:
        _wait_for_connections(world, number)
        time.sleep(10)  # what the first look leaves behind
        progress(f"idle: {number} mailboxes for a minute")
        before, began = cpu_seconds(pid), time.monotonic()
        time.sleep(_MINUTE)
        used = (cpu_seconds(pid) - before) * _MINUTE / (time.monotonic() - began)
        memory, threads = status(pid, "VmRSS") * 1024 / 1e6, status(pid, "Threads")
    world.forget(url)
    finding = Finding(
        "idle",
        f"{number} idle mailboxes",
        [
            Row("memory", "MB", (memory,)),
            Row("threads", "threads", (threads,)),
            Row("processor", "s/min", (used,)),
        ],
    )
    finding.bound("memory", 300)
    finding.bound("processor", 1)
    yield finding


def _wait_for_connections(world: World, number: int) -> None:
    deadline = time.monotonic() + _PATIENCE
    connected = 0
    while connected < number:
        if time.monotonic() > deadline:
            raise TimeoutError(f"only {connected} of {number} mailboxes are watched")
        time.sleep(1)
        lines = world.dovecot.doveadm("who", "-1").splitlines()
        connected = sum("quiet" in line and "imap" in line for line in lines)
        progress(f"idle: {connected} of {number} mailboxes are watched")
