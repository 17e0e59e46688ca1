"""Which occurrence of a series a RECURRENCE-ID names (RFC 5545 3.8.4.4, 3.8.5).

A series is never expanded whole: only as far as the instant asked for, and with
a bound on the work, for a mail may name any instant there is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta, tzinfo
from enum import StrEnum
from heapq import merge
from itertools import islice
from zoneinfo import ZoneInfo

from dateutil.rrule import rrule, rrulestr

from rsvpd.itip.model import Meeting, Occurrence, Override, When

MAX_STEPS = 50_000
"""Occurrences looked at before a series is said to be past the limit."""

_FARTHEST = timedelta(days=366 * 30)  # a rule that never matches is followed for 0.9 s at most
_FINE = re.compile(r"FREQ=(SECONDLY|MINUTELY|HOURLY)", re.IGNORECASE)
_COUNT = re.compile(r";?COUNT=(\d+)", re.IGNORECASE)
_UNTIL = re.compile(r";?UNTIL=(\d{8})(T\d{6})?(Z)?", re.IGNORECASE)
_NO_STEP = re.compile(r"INTERVAL=0+(;|$)", re.IGNORECASE)


_LAST_START = datetime(9900, 1, 1)  # noqa: DTZ001  local by intent


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
    asked = series.local(recurrence_id)
    override = series.override(asked)
    if override is not None:
        return NoOccurrence.DELETED if override.cancelled else override.occurrence
    try:
        found = series.find(asked)
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
    first = series.local(occurrence.at)
    gone = {series.local(o.occurrence.at) for o in meeting.recurrence.overrides if o.cancelled}
    try:
        later = islice(series.between(first), limit + len(gone))
        local = [at for at in later if at not in gone]
    except _TooMuchWork:
        local = [first]
    return tuple(series.occurrence(at) for at in local[:limit])


def canonical(meeting: Meeting, recurrence_id: When) -> Occurrence:
    """`recurrence_id` as it would be compared, whether or not the series has it."""
    series = _Series(meeting)
    return series.occurrence(series.local(recurrence_id))


class _Series:
    """A meeting's recurrence in naive local time, where rules are followed (RFC 5545 3.3.10)."""

    def __init__(self, meeting: Meeting) -> None:
        self._meeting = meeting
        self._zone: tzinfo = _zone(meeting)
        self._start = self.local(meeting.start)
        self._horizon = min(self._start, _LAST_START) + _FARTHEST
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
        return Occurrence(local.replace(tzinfo=self._zone).astimezone(UTC))

    def override(self, asked: datetime) -> Override | None:
        overrides = self._meeting.recurrence.overrides if self._meeting.recurrence else ()
        return next((o for o in overrides if self.local(o.occurrence.at) == asked), None)

    def find(self, asked: datetime) -> datetime | None:
        """The local start of the occurrence asked for, looking at one day only."""
        midnight = datetime.combine(asked.date(), time())
        if asked == midnight and not self._meeting.all_day:  # a day asked of a timed series
            return next(
                iter(self.between(midnight, midnight + timedelta(hours=24, microseconds=-1), excluded=True)),
                None,
            )
        return next(iter(self.between(asked, asked, excluded=True)), None)

    def between(
        self, first: datetime, last: datetime | None = None, *, excluded: bool = False
    ) -> Iterator[datetime]:
        """Local starts from `first` to `last`, in order; those of EXDATE too if `excluded`."""
        last = min(last, self._horizon) if last else self._horizon
        extra = {at for at in (*self._dates, self._start) if first <= at <= last}
        streams = [self._follow(rule, last) for rule in self._rules]
        seen: datetime | None = None
        for step, at in enumerate(merge(*streams, sorted(extra))):
            if step > MAX_STEPS:
                raise _TooMuchWork
            if at >= first and at != seen and (excluded or at not in self.excluded):
                yield at
            seen = at

    def _follow(self, rule: str, last: datetime) -> Iterator[datetime]:
        """The rule from the first occurrence on, never past `last`; COUNT is counted here.

        dateutil looks for the next match without end where there is none, so it is
        always given an UNTIL.
        """
        count = int(found[1]) if (found := _COUNT.search(rule)) else MAX_STEPS + 1
        until = self._until(rule)
        text = _COUNT.sub("", _UNTIL.sub("", rule)).strip(";")
        if _NO_STEP.search(text) or (_FINE.search(text) and ";BY" in text.upper()):
            raise _TooMuchWork
        end = min(until, last) if until else last
        try:
            followed = rrulestr(f"{text};UNTIL={end:%Y%m%dT%H%M%S}", dtstart=self._start)
        except (ValueError, TypeError, AttributeError, IndexError) as error:
            raise _TooMuchWork from error
        if isinstance(followed, rrule) and end >= self._start:
            yield from islice(followed, count)

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
