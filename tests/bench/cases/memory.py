"""Memory does not grow with the backlog."""

from __future__ import annotations

from collections.abc import Iterator

from bench import child
from bench.mails import Backlog
from bench.measures import Finding, alternate, rows
from bench.sizes import Sizes
from bench.world import SQLITE, World

_FEW, _MANY = 10_000, 100_000


def measure(world: World, sizes: Sizes) -> Iterator[Finding]:
    """The most memory that draining 10,000 and 100,000 replies takes."""
    sides = {
        f"{number} replies": lambda number=number: _peak(world, number)
        for number in (sizes.of(_FEW, 1_000), sizes.of(_MANY, 10_000))
    }
    few, many = sides
    values = alternate("memory", sides, max(sizes.rounds // 3, 1))
    finding = Finding("memory", "Peak memory while draining", rows(values, "MB"))
    finding.compare(many, few, 1.2, at_most=True)
    finding.bound(many, 150)
    yield finding


def _peak(world: World, number: int) -> float:
    backlog = Backlog(f"replies{number}", number)
    user = world.mailbox(backlog)
    url = world.database(SQLITE, backlog)
    settings = world.settings(url, world.organizer(user))
    found = child.run("bench.sides.rsvpd:drain", settings=settings)
    world.forget(url)
    return found["peak"] / 1e6
