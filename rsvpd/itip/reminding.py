"""Whom to remind of a meeting, and when: the choices alone, without clock and store.

A rule names moments: so long before the start, or so long after the invitation, once
or again and again. The newest moment that has passed is due, unless it was served:
so whatever was missed is made up once.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from rsvpd.itip import occurrences
from rsvpd.itip.changing import at_occurrence
from rsvpd.itip.model import Meeting, Occurrence, PartStat, When

_LOOKED_AT = 5
"""Dates of a series that are looked at: some may be moved to an earlier time."""


class Who(StrEnum):
    """Who is reminded, by what they answered."""

    NEEDS_ACTION = "needs-action"
    TENTATIVE = "tentative"
    ACCEPTED = "accepted"

    @property
    def partstat(self) -> PartStat:
        """The participation status meant."""
        return PartStat(self.value.upper())


@dataclass(frozen=True, slots=True)
class Quiet:
    """From when to when nobody is reminded, by the attendee's clock; it may go past midnight."""

    begins: time
    ends: time

    def covers(self, at: time) -> bool:
        """Whether `at` is inside."""
        if self.begins <= self.ends:
            return self.begins <= at < self.ends
        return at >= self.begins or at < self.ends


@dataclass(frozen=True, slots=True)
class Rule:
    """When to remind whom. Exactly one of `before_start` and `after_invitation` is given.

    Attributes:
        name: what it is known by; what was sent is recorded under it.
        who: by what they answered.
        before_start: so long before the meeting begins.
        after_invitation: so long after the invitation was sent.
        at: at this time of day; the other durations are whole days then.
        every: how long until the next one.
        at_most: how many in all; None for as many as there is time for.
        quiet: when not.
    """

    name: str
    who: frozenset[PartStat]
    before_start: timedelta | None = None
    after_invitation: timedelta | None = None
    at: time | None = None
    every: timedelta | None = None
    at_most: int | None = 1
    quiet: Quiet | None = None


class Standing(StrEnum):
    """What a rule has to say of an attendee now."""

    DUE = "due"
    QUIET = "quiet"
    LATER = "later"


@dataclass(frozen=True, slots=True)
class Turn:
    """One moment of a rule: the number it has from 1 on, when it was or will be, and what follows now."""

    number: int
    at: datetime
    standing: Standing


@dataclass(frozen=True, slots=True)
class Date:
    """When a meeting takes place: the instant, and which occurrence of a series it is."""

    starts_at: datetime
    occurrence: Occurrence | None = None


def turn(
    rule: Rule, *, start: datetime, invited_at: datetime, zone: ZoneInfo, now: datetime, served: int = 0
) -> Turn | None:
    """The newest moment that has passed and was not served, else the next one; None if there is none.

    Args:
        rule: the rule.
        start: when the meeting begins; nothing is due from then on.
        invited_at: when the invitation went out; what lies before it was never due. After `start` nobody was
            invited: a clock wrote that which was set back since.
        zone: the attendee's, or the meeting's.
        now: the instant.
        served: the number of the last moment that was served, 0 for none.
    """
    if now >= start:
        return None
    passed = _passed(rule, start, invited_at, zone, now)
    if passed > served:
        at = _moment(rule, passed, start, invited_at, zone)
        if at > invited_at or invited_at >= start:
            quiet = rule.quiet is not None and rule.quiet.covers(now.astimezone(zone).time())
            return Turn(passed, at, Standing.QUIET if quiet else Standing.DUE)
    number, last = passed + 1, _last(rule)
    if last is not None and number > last:
        return None
    coming = _moment(rule, number, start, invited_at, zone)
    return Turn(number, coming, Standing.LATER) if coming < start else None


def _last(rule: Rule) -> int | None:
    """The number of the last moment, None if there is none."""
    return rule.at_most if rule.every else 1


def _passed(rule: Rule, start: datetime, invited_at: datetime, zone: ZoneInfo, now: datetime) -> int:
    """How many moments have passed."""
    first = _moment(rule, 1, start, invited_at, zone)
    if now < first:
        return 0
    if rule.every is None:
        return 1
    number = (now - first) // rule.every + 1
    for candidate in (number + 1, number, number - 1):  # clocks that change shift a time of day by an hour
        if candidate >= 1 and _moment(rule, candidate, start, invited_at, zone) <= now:
            number = candidate
            break
    return min(number, rule.at_most) if rule.at_most else number


def _moment(rule: Rule, number: int, start: datetime, invited_at: datetime, zone: ZoneInfo) -> datetime:
    later = (rule.every or timedelta()) * (number - 1)
    if rule.before_start is not None:
        around, offset = start, later - rule.before_start
    else:
        around, offset = invited_at, (rule.after_invitation or timedelta()) + later
    if rule.at is None:
        return around + offset
    day = around.astimezone(zone).date() + offset
    return datetime.combine(day, rule.at, tzinfo=zone).astimezone(UTC)


def next_date(meeting: Meeting, after: datetime, zone: ZoneInfo) -> Date | None:
    """When the meeting takes place next after that instant; None if it does not, or cannot be found out."""
    if meeting.recurrence is None:
        start = _instant(meeting.start, zone)
        return Date(start) if start > after else None
    around = Occurrence(after - timedelta(days=1))
    found = [
        Date(_instant(at_occurrence(meeting, one).start, zone), one)
        for one in occurrences.following(meeting, around, _LOOKED_AT)
        if one != around
    ]
    return min((date for date in found if date.starts_at > after), key=lambda d: d.starts_at, default=None)


def _instant(when: When, zone: ZoneInfo) -> datetime:
    moment = when if isinstance(when, datetime) else datetime.combine(when, time())
    return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(UTC)
