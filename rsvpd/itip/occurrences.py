"""Which occurrence of a series a RECURRENCE-ID names (RFC 5545 3.8.4.4, 3.8.5).

A series is never expanded whole: only as far as the instant asked for, and with
a bound on the work, for a mail may name any instant there is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, time, timedelta, tzinfo
from enum import StrEnum
from heapq import merge
from itertools import islice
from types import FunctionType
from typing import TypeAlias
from zoneinfo import ZoneInfo

from dateutil.rrule import _iterinfo, rrule, rrulestr

from rsvpd.itip.ics.times import in_utc
from rsvpd.itip.model import Meeting, Occurrence, When

MAX_STEPS = 50_000
"""Steps that a rule is followed before a series is said to be past the limit: about 0.1 s."""

_MAX_RULES = 10
"""More than one RRULE is already more than RFC 5545 3.8.5.3 wants to see."""

_EARLIEST = datetime(1, 1, 3)  # noqa: DTZ001  local by intent
_LATEST = datetime(9999, 12, 29)  # noqa: DTZ001
_FARTHEST = timedelta(days=366 * 100)
_FINE = re.compile(r"FREQ=(SECONDLY|MINUTELY|HOURLY)", re.IGNORECASE)
_COUNT = re.compile(r";?COUNT=(\d+)", re.IGNORECASE)
_UNTIL = re.compile(r";?UNTIL=(\d{8})(T\d{6})?(Z)?", re.IGNORECASE)
_NO_STEP = re.compile(r"INTERVAL=(?!0*[1-9]\d*(;|$))", re.IGNORECASE)


_Days: TypeAlias = tuple[Iterable[int | None], int, int]


class NoOccurrence(StrEnum):
    """Why a RECURRENCE-ID names no occurrence that can be answered."""

    DOES_NOT_RECUR = "does_not_recur"
    NOT_IN_SERIES = "not_in_series"
    DELETED = "deleted"
    TOO_MUCH_WORK = "too_much_work"


class _TooMuchWork(Exception):  # noqa: N818  it never leaves this module
    """A rule that cannot be followed within the bound, or at all."""


def resolve(meeting: Meeting, recurrence_id: When) -> Occurrence | NoOccurrence:
    """The occurrence that `recurrence_id` names, whatever zone it is written in, or why there is none.

    A floating or unresolvable one is in the meeting's zone; a day names the one
    occurrence of a timed series on that local day, and the other way round.
    """
    if meeting.recurrence is None:
        return NoOccurrence.DOES_NOT_RECUR
    series = _Series(meeting)
    for override in meeting.recurrence.overrides:
        if series.names(recurrence_id, override.occurrence.at):
            return NoOccurrence.DELETED if override.cancelled else override.occurrence
    try:
        found = series.find(recurrence_id)
    except _TooMuchWork:
        return NoOccurrence.TOO_MUCH_WORK
    if found is None:
        return NoOccurrence.NOT_IN_SERIES
    return NoOccurrence.DELETED if found in series.excluded else series.occurrence(found)


def following(meeting: Meeting, occurrence: Occurrence, limit: int) -> tuple[Occurrence, ...]:
    """Up to `limit` occurrences of the series from `occurrence` on, cancelled ones left out."""
    if meeting.recurrence is None:
        return ()
    series = _Series(meeting)
    gone = {o.occurrence.key for o in meeting.recurrence.overrides if o.cancelled}
    later = islice(series.between(series.local(occurrence.at)), limit + len(gone))
    found: list[Occurrence] = []
    try:
        found.extend(one for one in map(series.occurrence, later) if one.key not in gone)
    except _TooMuchWork:
        found = found or [occurrence]
    return tuple(found[:limit])


def ended_before(meeting: Meeting, moment: datetime) -> bool:
    """Whether nothing of a meeting, not even a moved occurrence, goes on until `moment`; not if it is too much work."""
    length = _length(meeting)
    if meeting.recurrence is None:
        return in_utc(_aware(meeting, meeting.end)) < moment
    series = _Series(meeting)
    moved = [o.end or o.start for o in meeting.recurrence.overrides if not o.cancelled]
    if any(at is not None and in_utc(_aware(meeting, at)) >= moment - length for at in moved):
        return False
    try:
        return next(series.between(series.local(moment - length)), None) is None
    except _TooMuchWork:
        return False


def _length(meeting: Meeting) -> timedelta:
    """How long it lasts, and a day more, for zones."""
    return _aware(meeting, meeting.end) - _aware(meeting, meeting.start) + timedelta(days=1)


def _aware(meeting: Meeting, when: When) -> datetime:
    at = when if isinstance(when, datetime) else datetime.combine(when, time())
    return at if at.tzinfo else at.replace(tzinfo=_zone(meeting))


def canonical(meeting: Meeting, recurrence_id: When) -> Occurrence:
    """`recurrence_id` as it would be compared, whether or not the series has it."""
    series = _Series(meeting)
    if isinstance(recurrence_id, datetime) and recurrence_id.tzinfo and not meeting.all_day:
        return Occurrence(in_utc(recurrence_id))
    return series.occurrence(series.local(recurrence_id))


class _CountedSteps(_iterinfo):
    """dateutil's own reckoning of days, given up after MAX_STEPS: a rule that never matches has no other end."""

    def __init__(self, rule: rrule) -> None:
        super().__init__(rule)
        self.taken = 0

    def _step(self) -> None:
        self.taken += 1
        if self.taken > MAX_STEPS:
            raise _TooMuchWork

    def ydayset(self, year: int, month: int, day: int) -> _Days:
        self._step()
        return super().ydayset(year, month, day)

    def mdayset(self, year: int, month: int, day: int) -> _Days:
        self._step()
        return super().mdayset(year, month, day)

    def wdayset(self, year: int, month: int, day: int) -> _Days:
        self._step()
        return super().wdayset(year, month, day)

    def ddayset(self, year: int, month: int, day: int) -> _Days:
        self._step()
        return super().ddayset(year, month, day)


_LOOP = vars(rrule)["_iter"]
_counted_iter = FunctionType(  # the same loop, over counted steps
    _LOOP.__code__, {**_LOOP.__globals__, "_iterinfo": _CountedSteps}
)


class _Series:
    """A meeting's recurrence in naive local time, where rules are followed (RFC 5545 3.3.10)."""

    def __init__(self, meeting: Meeting) -> None:
        self._meeting = meeting
        self._zone: tzinfo = _zone(meeting)
        self._start = self.local(meeting.start)
        lines = meeting.recurrence.lines if meeting.recurrence else ()
        self._rules = [line.partition(":")[2] for line in lines if line.startswith("RRULE")]
        self._dates = {self._stated(line) for line in lines if line.startswith("RDATE")}
        self.excluded = {self._stated(line) for line in lines if line.startswith("EXDATE")}

    def _stated(self, line: str) -> datetime:
        value = line.partition(":")[2]
        if len(value) == 8:
            return datetime.combine(datetime.strptime(value, "%Y%m%d"), time())  # noqa: DTZ007  local by intent
        moment = datetime.strptime(value.rstrip("Z"), "%Y%m%dT%H%M%S")  # noqa: DTZ007
        return self.local(moment.replace(tzinfo=UTC) if value.endswith("Z") else moment)

    def local(self, when: When) -> datetime:
        """`when` as a naive time in the zone of the series; a day is its midnight."""
        if not isinstance(when, datetime):
            return datetime.combine(when, time())
        if self._meeting.all_day:  # Outlook names a day by its midnight
            return datetime.combine(when.date(), time())
        try:
            return when.astimezone(self._zone).replace(tzinfo=None) if when.tzinfo else when
        except OverflowError:  # the first or the last day there is
            return when.replace(tzinfo=None)

    def occurrence(self, local: datetime) -> Occurrence:
        if self._meeting.all_day:
            return Occurrence(local.date())
        return Occurrence(in_utc(local.replace(tzinfo=self._zone)))

    def names(self, asked: When, at: When) -> bool:
        """Whether `asked` names the occurrence at `at`."""
        if self._meeting.all_day:
            return self.local(asked) == self.local(at)
        if not isinstance(asked, datetime):
            return self.local(at).date() == asked
        if asked.tzinfo and isinstance(at, datetime) and at.tzinfo:
            return in_utc(asked) == in_utc(at)  # not `==`, which an hour that comes twice never is
        return self.local(at) == self.local(asked)

    def find(self, asked: When) -> datetime | None:
        """The local start of the occurrence asked for; clocks that change make it a day's search."""
        around = self.local(asked)
        first = max(around, _EARLIEST) - timedelta(days=1)
        last = min(around, _LATEST) + timedelta(days=1)
        there = (at for at in self.between(first, last, excluded=True))
        return next((at for at in there if self.names(asked, self.occurrence(at).at)), None)

    def between(
        self, first: datetime, last: datetime | None = None, *, excluded: bool = False
    ) -> Iterator[datetime]:
        """Local starts from `first` to `last`, in order; those of EXDATE too if `excluded`."""
        if len(self._rules) > _MAX_RULES:
            raise _TooMuchWork
        last = min(last or _LATEST, min(self._start, _LATEST - _FARTHEST) + _FARTHEST)
        extra = sorted(at for at in {*self._dates, self._start} if first <= at <= last)
        streams = [self._follow(rule, last) for rule in self._rules]
        seen: datetime | None = None
        for at in merge(*streams, extra):
            if at >= first and at != seen and (excluded or at not in self.excluded):
                yield at
            seen = at

    def _follow(self, rule: str, last: datetime) -> Iterator[datetime]:
        """The rule from the first occurrence to `last`; COUNT is counted here, for UNTIL is taken."""
        until = self._until(rule)
        end = min(until, last) if until else last
        if end < self._start:
            return
        text = _COUNT.sub("", _UNTIL.sub("", rule)).strip(";")
        if _NO_STEP.search(text) or (_FINE.search(text) and ";BY" in text.upper()):
            raise _TooMuchWork
        try:
            followed = rrulestr(f"{text};UNTIL={end.year:04}{end:%m%dT%H%M%S}", dtstart=self._start)
        except (ValueError, TypeError, AttributeError, IndexError, OverflowError) as error:
            raise _TooMuchWork from error
        if isinstance(followed, rrule):  # pragma: no branch  one line is one rule
            yield from islice(_counted_iter(followed), _count(rule))

    def _until(self, rule: str) -> datetime | None:
        found = _UNTIL.search(rule)
        if not found:
            return None
        try:
            day = datetime.strptime(found[1], "%Y%m%d")  # noqa: DTZ007
            if not found[2]:
                return day + timedelta(days=1, seconds=-1)
            moment = datetime.strptime(found[1] + found[2].upper(), "%Y%m%dT%H%M%S")  # noqa: DTZ007
        except (ValueError, OverflowError) as error:
            raise _TooMuchWork from error
        return self.local(moment.replace(tzinfo=UTC)) if found[3] and not self._meeting.all_day else moment


def _zone(meeting: Meeting) -> tzinfo:
    if meeting.zone:
        return ZoneInfo(meeting.zone)
    return (meeting.start.tzinfo if isinstance(meeting.start, datetime) else None) or UTC


def _count(rule: str) -> int | None:
    """COUNT, None without one; no series is followed farther than the bound anyway."""
    found = _COUNT.search(rule)
    return int(found[1][:9]) if found else None
