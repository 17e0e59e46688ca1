"""Which single dates of a series are different between two states of it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import TypeAlias
from zoneinfo import ZoneInfo

from rsvpd.itip.changing import length
from rsvpd.itip.model import Meeting, Occurrence, Override, When
from rsvpd.letters.spans import known_zone

_TZID = re.compile(r";TZID=\"?([^;:\"]+)", re.IGNORECASE)

Time: TypeAlias = tuple[When, When] | None
"""From when to when, None for a date that does not take place."""


@dataclass(frozen=True, slots=True)
class SingleDate:
    """A date that is different: when it was, when it is now, and whether it is one beside the rule."""

    was: Time
    now: Time
    extra: bool


def single_dates(before: Meeting, after: Meeting) -> list[SingleDate]:
    """What is different, in order of time."""
    old, new = _Dates(before), _Dates(after)
    keys = sorted(old.keys | new.keys)
    dates = (SingleDate(old.time(key, new), new.time(key, old), key in new.extra) for key in keys)
    return [date for date in dates if date.was != date.now]


class _Dates:
    """What a series says of single dates beside its rule."""

    def __init__(self, meeting: Meeting) -> None:
        self._length = length(meeting)
        overrides = meeting.recurrence.overrides if meeting.recurrence else ()
        self._overrides = {each.occurrence.key: each for each in overrides}
        self.extra = set(_listed(meeting, "RDATE"))
        self._gone = set(_listed(meeting, "EXDATE"))
        self._gone |= {key for key, each in self._overrides.items() if each.cancelled}

    @property
    def keys(self) -> set[str]:
        return {*self._overrides, *self.extra, *self._gone}

    def time(self, key: str, other: _Dates) -> Time:
        """When the date takes place; one that only the other state adds to the rule does not."""
        if key in self._gone or (key in other.extra and key not in self.extra):
            return None
        override = self._overrides.get(key, Override(Occurrence.from_key(key)))
        start = override.start or override.occurrence.at
        return start, override.end or start + self._length


def _listed(meeting: Meeting, name: str) -> Iterator[str]:
    """The keys of the occurrences in the lines of that name; a value may be a period (RFC 5545 3.8.5.2)."""
    for line in meeting.recurrence.lines if meeting.recurrence else ():
        head, _, values = line.partition(":")
        if head.partition(";")[0].upper() == name:
            for value in values.split(","):
                yield _key(value.partition("/")[0], _zone(head, meeting))


def _key(value: str, zone: tzinfo) -> str:
    if len(value) == 8:
        return Occurrence(datetime.strptime(value, "%Y%m%d").date()).key  # noqa: DTZ007  a day
    moment = datetime.strptime(value.rstrip("Z"), "%Y%m%dT%H%M%S")  # noqa: DTZ007  local unless it ends in Z
    return Occurrence(moment.replace(tzinfo=UTC if value.endswith("Z") else zone)).key


def _zone(head: str, meeting: Meeting) -> tzinfo:
    named = _TZID.search(head)
    name = known_zone(named[1] if named else None) or known_zone(meeting.zone)
    return ZoneInfo(name) if name else UTC
