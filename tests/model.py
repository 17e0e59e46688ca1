"""A slow and obvious model of how replies are applied, written from the rules and not from the code.

It keeps every mail that was ever received, with who sent it, and derives everything from them again
each time it is asked: nothing is folded, nothing is compared with what was recorded.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

WAITING = "NEEDS-ACTION"
FIFTEEN_MINUTES = 15 * 60


@dataclass(frozen=True)
class Reply:
    """One mail: who answers what, when it says it was written, and when it came."""

    who: str
    partstat: str
    sequence: int | None
    stamped: datetime | None
    dated: datetime | None
    received: datetime
    number: int
    where: datetime | None = None
    and_later: bool = False
    delegate: str | None = None
    counters: bool = False

    @property
    def answered(self) -> datetime:
        """The time of the answer: DTSTAMP if it is near Date, else Date, never after the arrival."""
        stated = self.dated or self.received
        if self.stamped and (
            not self.dated or abs((self.stamped - self.dated).total_seconds()) <= FIFTEEN_MINUTES
        ):
            stated = self.stamped
        return min(stated, self.received)


@dataclass(frozen=True)
class Change:
    """The meeting at one SEQUENCE, when that was sent, and whether it asked everybody again."""

    sequence: int
    sent: datetime
    significant: bool


@dataclass
class Model:
    """The organizer's view: who was invited, what was sent, what came back."""

    people: list[str]
    changes: list[Change]
    occurrences: list[datetime]
    cancelled: bool = False
    gone: list[datetime] = field(default_factory=list)
    moved: dict[datetime, int] = field(default_factory=dict)
    replies: list[tuple[Reply, int]] = field(default_factory=list)
    delegations: list[tuple[str, str]] = field(default_factory=list)
    outcomes: list[str] = field(default_factory=list)

    @property
    def sequence(self) -> int:
        return self.changes[-1].sequence

    def needed(self, where: datetime | None = None) -> int:
        """SEQUENCE of the last change that asked everybody again, about everything or about one occurrence."""
        last = [c.sequence for c in self.changes if c.significant][-1]
        return max(last, self.moved.get(where, 0)) if where else last

    def receive(self, reply: Reply) -> str:
        """How a reply ends; it counts from then on, if it counts."""
        outcome = self._judge(reply)
        if outcome in {"applied", "unchanged", "proposal"} and reply.partstat != WAITING:
            self.replies.append((reply, self._stated(reply)))
            if reply.delegate and reply.delegate not in self.people:
                self.people.append(reply.delegate)
                self.delegations.append((reply.who, reply.delegate))
        self.outcomes.append(outcome)
        return outcome

    def _judge(self, reply: Reply) -> str:
        """The first refusal, in the order of the rules; else how it compares."""
        refusals = (
            ("cancelled", self.cancelled),
            ("held", reply.who not in self.people),
            ("outdated", self._stated(reply) < self.needed(reply.where)),
            ("cancelled", reply.where in self.gone),
            ("held", reply.where is not None and reply.where not in self.occurrences),
            ("held", reply.delegate is not None and self._turns_back(reply)),
        )
        first = next((outcome for outcome, refused in refusals if refused), None)
        return first or self._compared(reply)

    def _compared(self, reply: Reply) -> str:
        """Older than what says all that this one would say: outdated."""
        if self._hidden(reply):
            return "outdated"
        if reply.counters:
            return "proposal"
        if reply.partstat == WAITING:
            return "unchanged"
        before = self._everywhere(reply.who)
        self.replies.append((reply, self._stated(reply)))
        after = self._everywhere(reply.who)
        self.replies.pop()
        return "applied" if before != after else "unchanged"

    def _hidden(self, reply: Reply) -> bool:
        """Whether every place that the reply speaks of has a newer answer of one reply that speaks of them all."""
        return any(
            self._speaks_of_all(other, reply) and self._age(reply) < self._age(other, stated)
            for other, stated in self._standing(reply.who, reply.where)
        )

    def _speaks_of_all(self, other: Reply, reply: Reply) -> bool:
        if other.where is None:
            return True
        if reply.where is None or (reply.and_later and not other.and_later):
            return False
        return other.where == reply.where or (other.and_later and other.where <= reply.where)

    def _stated(self, reply: Reply) -> int:
        """SEQUENCE, or that of the newest change the attendee could know when they wrote."""
        if reply.sequence is not None:
            return reply.sequence
        wrote = min(reply.dated or reply.received, reply.received)
        known = [c.sequence for c in self.changes if c.sent <= wrote]
        return known[-1] if known else self.changes[0].sequence

    def _age(self, reply: Reply, stated: int | None = None) -> tuple[int, datetime, datetime, int]:
        sequence = min(self._stated(reply) if stated is None else stated, self.sequence)
        return sequence, reply.answered, reply.received, reply.number

    def _standing(self, who: str, where: datetime | None) -> list[tuple[Reply, int]]:
        return [(r, stated) for r, stated in self.replies if r.who == who and stated >= self.needed(where)]

    def _everywhere(self, who: str) -> list[tuple[str, str | None]]:
        return [self._said(who, where) for where in (None, *self.occurrences)]

    def _said(self, who: str, where: datetime | None) -> tuple[str, str | None]:
        newest = None
        for reply, stated in self._standing(who, where):
            speaks = reply.where is None or (
                where is not None and (reply.where == where or (reply.and_later and reply.where < where))
            )
            key = (self._age(reply, stated), reply.where is not None, not reply.and_later)
            if speaks and (newest is None or key > newest[0]):
                newest = (key, reply)
        return (newest[1].partstat, newest[1].delegate) if newest else (WAITING, None)

    def shows(self, who: str, where: datetime | None = None) -> str:
        """What an attendee answers, for the series or for one occurrence."""
        return self._said(who, where)[0]

    def _turns_back(self, reply: Reply) -> bool:
        """Whether following the delegations from the new delegate on leads back to who delegates."""
        seen, following = {reply.who}, reply.delegate
        for _ in range(10):
            if following in seen:
                return True
            if following is None:
                break
            seen.add(following)
            following = self._said(following, None)[1]
        above, steps = reply.who, 0
        while above in [to for _, to in self.delegations]:
            above = next(who for who, to in self.delegations if to == above)
            steps += 1
            if above == reply.delegate:
                return True
        return steps >= 4
