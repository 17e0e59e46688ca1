"""How much is measured: sizes for a run of a few minutes, and by which factor."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Sizes:
    """How many of what. `scale` is 1 for the sizes that targets are set for."""

    rounds: int = 3
    scale: float = 1.0
    million: bool = True

    def of(self, number: int, least: int = 1) -> int:
        """A number at this scale."""
        return max(int(number * self.scale), least)
