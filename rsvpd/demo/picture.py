"""What the demo knows at one moment: the seats at the dinner and the ledger."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

WAITING = "NEEDS-ACTION"


@dataclass(frozen=True, slots=True)
class Seat:
    """One attendee of the dinner; `client` is the calendar they answered with."""

    address: str
    name: str
    partstat: str = WAITING
    invited: bool = False
    answered_at: datetime | None = None
    client: str = ""
    comment: str = ""
    guests: int = 0


@dataclass(frozen=True, slots=True)
class Entry:
    """One row of the ledger: who answered what, what became of it and why.

    `meeting` is empty for the dinner, else it says which other one was answered.
    """

    number: int
    received_at: datetime
    outcome: str
    words: str
    who: str
    meeting: str
    partstat: str


@dataclass(frozen=True, slots=True)
class Picture:
    """Everything at one moment; the ledger is in the order of its rows."""

    title: str = ""
    when: str = ""
    seats: tuple[Seat, ...] = ()
    ledger: tuple[Entry, ...] = ()

    @property
    def counts(self) -> Counter[str]:
        """How many seats have each PARTSTAT."""
        return Counter(seat.partstat for seat in self.seats)

    @property
    def guests(self) -> int:
        """How many more people come along with those who said yes or maybe."""
        return sum(seat.guests for seat in self.seats if seat.partstat in {"ACCEPTED", "TENTATIVE"})

    def before(self, seat: Seat) -> str:
        """The PARTSTAT that somebody who changed their mind had last said, else empty."""
        said = [
            entry.partstat
            for entry in self.ledger
            if (entry.who, entry.outcome, entry.meeting) == (seat.name, "applied", "")
        ]
        return said[-2] if len(said) > 1 else ""

    def missing(self, answers: Mapping[str, str], outcomes: Mapping[str, int]) -> list[str]:
        """What is not in yet: answers by address and PARTSTAT, ledger rows by outcome and number."""
        recorded = {seat.address: seat.partstat for seat in self.seats}
        rows = Counter(entry.outcome for entry in self.ledger)
        return [
            *(f"{who}: {said.lower()}" for who, said in answers.items() if recorded.get(who) != said),
            *(f"{n - rows[outcome]} {outcome}" for outcome, n in outcomes.items() if rows[outcome] < n),
        ]
