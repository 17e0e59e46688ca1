"""Delegator and delegate are one seat in every count (RFC 5546 3.2.2.3; README, Delegation)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rsvpd.itip.model import PartStat

_LONGEST = 6


@dataclass(frozen=True, slots=True)
class Seat:
    """One person on the list, as far as seats go."""

    address: str
    partstat: PartStat
    delegated_to: str | None = None
    delegated_from: str | None = None


def shown(people: Sequence[Seat]) -> Mapping[str, PartStat]:
    """What each person's participation status shows: a delegator whose delegate declined is waited for again."""
    by_address = {person.address: person for person in people}
    return {person.address: _shown(person, by_address) for person in people}


def _shown(person: Seat, people: Mapping[str, Seat]) -> PartStat:
    end = _end_of_chain(person, people)
    waiting = end is not person and end.partstat is PartStat.DECLINED
    return PartStat.NEEDS_ACTION if waiting else person.partstat


def counts(people: Sequence[Seat]) -> dict[PartStat, int]:
    """How many seats have each participation status; a delegate's seat is the delegator's."""
    by_address = {person.address: person for person in people}
    # Who sits on somebody else's seat, also where that was taken back, or where they were invited too.
    delegates = {p.address for p in people if p.delegated_from in by_address}
    delegates |= {p.delegated_to for p in people if p.delegated_to and not _comes_back(p, by_address)}
    total: Counter[PartStat] = Counter()
    for person in people:
        if person.address in delegates:
            continue
        end = _end_of_chain(person, by_address)
        declined = end is not person and end.partstat is PartStat.DECLINED
        total[PartStat.NEEDS_ACTION if declined else end.partstat] += 1
    return {partstat: total[partstat] for partstat in PartStat}


def _comes_back(person: Seat, people: Mapping[str, Seat]) -> bool:
    """Whether nobody sits on the seat in the end: it was not delegated, or its delegation ends in a circle."""
    end = _end_of_chain(person, people)
    return person.partstat is not PartStat.DELEGATED or (
        end.partstat is PartStat.DELEGATED and end.delegated_to in people
    )


def _end_of_chain(person: Seat, people: Mapping[str, Seat]) -> Seat:
    for _ in range(_LONGEST):
        following = people.get(person.delegated_to or "") if person.partstat is PartStat.DELEGATED else None
        if following is None or following is person:
            break
        person = following
    return person
