"""Reading and deciding, alone."""

from __future__ import annotations

from collections.abc import Iterator

from bench import child
from bench.measures import Finding, alternate, rows
from bench.sizes import Sizes
from bench.world import World

_REPLIES = 20_000
_OURS, _PARSED = "rsvpd, bytes to Answer", "icalendar, from_ical alone"


def measure(_: World, sizes: Sizes) -> Iterator[Finding]:
    """Replies a second from calendar bytes to Answer on one core, the meeting known, nothing stored."""
    replies = sizes.of(_REPLIES, 1_000)

    def rate(side: str, number: int) -> float:
        found = child.run(f"bench.sides.deciding:{side}", cores=1, replies=number)
        return found["replies"] / found["seconds"]

    sides = {_OURS: lambda: rate("decide", replies), _PARSED: lambda: rate("parse_alone", replies // 4)}
    values = alternate("deciding", sides, sizes.rounds)
    finding = Finding("deciding", "Read and decided, a meeting of 100 attendees", rows(values, "replies/s"))
    finding.compare(_OURS, _PARSED)
    finding.bound(_OURS, 8_000, at_most=False)
    yield finding
