"""What was measured, and how: every side in turn, round by round, so that all see the same machine."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median

Measure = Callable[[], float]


@dataclass(frozen=True)
class Row:
    """One side of a case: a value for each round."""

    side: str
    unit: str
    values: tuple[float, ...]

    @property
    def median(self) -> float:
        """What a ratio is made of."""
        return median(self.values)


@dataclass(frozen=True)
class Ratio:
    """Two medians against each other, or one value against a bound; `target` is what it shall reach."""

    words: str
    value: float
    target: float | None = None
    at_most: bool = False

    @property
    def holds(self) -> bool | None:
        """Whether the target is reached; None without one."""
        if self.target is None:
            return None
        return self.value <= self.target if self.at_most else self.value >= self.target


@dataclass
class Finding:
    """What one case found."""

    case: str
    title: str
    rows: list[Row] = field(default_factory=list)
    ratios: list[Ratio] = field(default_factory=list)

    def row(self, side: str) -> Row:
        """The row of one side."""
        return next(row for row in self.rows if row.side == side)

    def compare(self, one: str, other: str, target: float | None = None, *, at_most: bool = False) -> None:
        """Adds the ratio of two sides, if both took part."""
        sides = {row.side for row in self.rows}
        if {one, other} <= sides and self.row(other).median:
            value = self.row(one).median / self.row(other).median
            self.ratios.append(Ratio(f"{one} / {other}", value, target, at_most))

    def bound(self, side: str, target: float, *, at_most: bool = True) -> None:
        """Adds a bound on one side's median."""
        row = self.row(side)
        self.ratios.append(Ratio(f"{side}, {row.unit}", row.median, target, at_most))


def alternate(what: str, sides: Mapping[str, Measure], rounds: int) -> dict[str, tuple[float, ...]]:
    """The values of each side, measured in turn."""
    values: dict[str, list[float]] = {side: [] for side in sides}
    for number in range(1, rounds + 1):
        for side, measure in sides.items():
            progress(f"{what}: round {number} of {rounds}, {side}")
            values[side].append(measure())
    return {side: tuple(found) for side, found in values.items()}


def rows(values: Mapping[str, Sequence[float]], unit: str) -> list[Row]:
    """What `alternate` gave, as rows of one unit."""
    return [Row(side, unit, tuple(found)) for side, found in values.items()]


_STARTED = time.monotonic()


def progress(words: str) -> None:
    """One line on stderr, over the one before it on a terminal."""
    line = f"[{time.monotonic() - _STARTED:5.0f} s] {words}"
    print(f"\r\x1b[K{line[:79]}" if sys.stderr.isatty() else line, end="", file=sys.stderr)
    print("" if sys.stderr.isatty() else "\n", end="", file=sys.stderr, flush=True)


def percentile(values: Sequence[float], percent: float) -> float:
    """The value that so many percent of the values do not exceed."""
    ordered = sorted(values)
    return ordered[min(int(len(ordered) * percent / 100), len(ordered) - 1)]
