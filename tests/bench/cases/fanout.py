"""An invitation to thousands."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from bench import child
from bench.mails import START, person
from bench.measures import Finding, alternate, rows
from bench.sizes import Sizes
from bench.world import SQLITE, World
from rig import RigUnavailable
from rig.ports import HOST, free_port

_CROWDS = (1_000, 50_000)
_MAIL_BYTES = 6_000
_RSVPD, _BARE = "rsvpd, composed and handed over", "smtplib alone"


def measure(world: World, sizes: Sizes) -> Iterator[Finding]:
    """Invitations a second, composed, recorded and handed to an SMTP sink, for 1,000 and 50,000 attendees."""
    for crowd in _CROWDS:
        people = sizes.of(crowd, 100)
        with _sink() as port:
            yield _fan_out(world, sizes, people, port)


def _fan_out(world: World, sizes: Sizes, people: int, port: int) -> Finding:
    smtp = {"host": HOST, "port": port, "security": "none", "timeout": "60s"}
    fields = {
        "summary": "All hands",
        "start": f"{START:%Y-%m-%dT%H:%M:%S}",
        "end": f"{START + timedelta(hours=1):%Y-%m-%dT%H:%M:%S}",
        "attendees": [person(number).address for number in range(people)],
    }
    parts: dict[str, list[float]] = {"composing alone": [], "handing over alone": []}

    def invited() -> float:
        url = world.database(SQLITE)
        settings = world.settings(url, world.organizer(smtp=smtp))
        composed = child.run("bench.sides.rsvpd:compose", settings=settings, fields=fields)
        handed = child.run("bench.sides.rsvpd:hand_over", settings=settings)
        world.forget(url)
        if composed["mails"] != people or handed["mails"] != people:
            raise AssertionError(f"{composed}, {handed} of {people}")
        parts["composing alone"].append(people / composed["seconds"])
        parts["handing over alone"].append(people / handed["seconds"])
        return people / (composed["seconds"] + handed["seconds"])

    def bare() -> float:
        mails = min(people, 5_000)
        found = child.run(
            "bench.sides.ceiling:hand_over", host=HOST, port=port, mails=mails, size=_MAIL_BYTES
        )
        return found["mails"] / found["seconds"]

    rounds = sizes.rounds if people < sizes.of(_CROWDS[1]) else max(sizes.rounds // 3, 1)
    values = alternate(f"fanout, {people}", {_RSVPD: invited, _BARE: bare}, rounds)
    found = rows(values | {name: tuple(given) for name, given in parts.items()}, "mails/s")
    finding = Finding("fanout", f"Invitations for {people} attendees", found)
    finding.compare(_RSVPD, _BARE)
    finding.bound(_RSVPD, 1_000, at_most=False)
    return finding


@contextmanager
def _sink() -> Iterator[int]:
    """The port of Postfix's smtp-sink, which takes everything and keeps nothing."""
    program = shutil.which("smtp-sink", path="/usr/sbin:/usr/bin")
    if program is None:
        raise RigUnavailable("smtp-sink is not installed; it comes with postfix")
    port = free_port()
    with subprocess.Popen([program, "-u", "nobody", f"{HOST}:{port}", "100"]) as process:
        time.sleep(0.5)
        try:
            yield port
        finally:
            process.terminate()
