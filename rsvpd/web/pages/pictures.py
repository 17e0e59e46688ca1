"""Bars and charts as shapes with attributes: a Content-Security-Policy lets no style into the text of a page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from rsvpd.itip.model import PartStat
from rsvpd.reports.wording import ORDER, key, portions
from rsvpd.store.history import Arrivals
from rsvpd.web.pages.wording import SPEECH, Count, at, in_words

WIDTH = 1_000
"""Units of a bar or a chart from left to right."""
HEIGHT = 240
"""Units of a chart from bottom to top."""
_ROWS = 6
"""Points of a chart that are also given as a table."""
_ANSWERS = tuple(partstat for partstat, _ in ORDER if partstat is not PartStat.NEEDS_ACTION)


@dataclass(frozen=True, slots=True)
class Segment:
    """A part of a bar."""

    key: str
    x: int
    width: int


@dataclass(frozen=True, slots=True)
class Bar:
    """Seats as lengths, and what it shows in words."""

    words: str
    segments: tuple[Segment, ...]


def bar(counts: tuple[Count, ...]) -> Bar:
    """A stacked bar."""
    segments, x = list[Segment](), 0
    for count, width in zip(counts, portions([count.number for count in counts], WIDTH), strict=True):
        if width:
            segments.append(Segment(count.key, x, width))
        x += width
    return Bar(in_words(counts), tuple(segments))


@dataclass(frozen=True, slots=True)
class Area:
    """All answers of one participation status in a chart: the points of a polygon."""

    key: str
    points: str


@dataclass(frozen=True, slots=True)
class Chart:
    """Answers over time, stacked; the same at a few moments as `rows`, each a time and the numbers of `labels`."""

    areas: tuple[Area, ...]
    top: int
    begin: str
    end: str
    labels: tuple[str, ...]
    rows: tuple[tuple[str, tuple[int, ...]], ...]


def chart(arrivals: Arrivals, seats: int, zone: str) -> Chart | None:
    """When the answers came in; None before there is one."""
    last = arrivals.sums[-1]
    found = [partstat for partstat in _ANSWERS if last.get(partstat)]
    if not found:
        return None
    top = max(seats, sum(last.values()))
    areas, below = list[Area](), [0] * len(arrivals.sums)
    for partstat in found:
        above = [low + sums.get(partstat, 0) for low, sums in zip(below, arrivals.sums, strict=True)]
        areas.append(Area(key(partstat), _polygon(below, above, top)))
        below = above
    steps = len(arrivals.sums) - 1
    places = sorted({round(steps * row / (_ROWS - 1)) for row in range(_ROWS)})
    return Chart(
        areas=tuple(areas),
        top=top,
        begin=at(_moment(arrivals, 0), zone),
        end=at(_moment(arrivals, steps), zone),
        labels=tuple(SPEECH.say(f"report_{key(partstat)}") for partstat in found),
        rows=tuple(
            (at(_moment(arrivals, n), zone), tuple(arrivals.sums[n].get(one, 0) for one in found))
            for n in places
        ),
    )


def _moment(arrivals: Arrivals, place: int) -> datetime:
    return arrivals.begin + arrivals.step * place


def _polygon(below: Sequence[int], above: Sequence[int], top: int) -> str:
    there = [*_steps(above, top)]
    back = [*_steps(below, top)][::-1]
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in [*there, *back])


def _steps(heights: Sequence[int], top: int) -> list[tuple[float, float]]:
    """Stairs: a number holds until the next one."""
    step = WIDTH / max(len(heights) - 1, 1)
    points = list[tuple[float, float]]()
    for place, height in enumerate(heights):
        y = HEIGHT - height * HEIGHT / top
        if points and points[-1][1] != y:
            points.append((place * step, points[-1][1]))
        points.append((place * step, y))
    return points
