"""The zone of a meeting, and VTIMEZONE for it (RFC 5545 3.6.5)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from icalendar import Timezone, TimezoneDaylight, TimezoneStandard, vRecur

from rsvpd.itip.model import Meeting

_UTC_ZONES = frozenset({"UTC", "Etc/UTC", "Etc/UCT", "Etc/Universal", "Etc/Zulu", "UCT", "Universal", "Zulu"})
_UNLIMITED = 10
"""Years of clock changes looked at; enough to tell «the last Sunday» from «the fourth»."""
_LONGEST = 40
"""Years beyond which no UNTIL makes a VTIMEZONE longer."""


def zone_of(meeting: Meeting) -> ZoneInfo | None:
    """The zone the times are written in; None for DATE, floating and UTC, and for a zone nobody knows."""
    start = meeting.start
    if not isinstance(start, datetime) or start.tzinfo is None:
        return None
    if meeting.zone is None or meeting.zone in _UTC_ZONES:
        return None
    try:
        return ZoneInfo(meeting.zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


def vtimezone(meeting: Meeting, zone: ZoneInfo) -> Timezone:
    """VTIMEZONE for the years that `meeting` lasts."""
    first, last = _years(meeting)
    return _vtimezone(zone.key, first, last)


def _years(meeting: Meeting) -> tuple[int, int]:
    """The first and the last year whose clock changes are looked at."""
    first, last = meeting.start.year - 1, meeting.end.year
    lines = meeting.recurrence.lines if meeting.recurrence else ()
    untils = [_until(line) for line in lines if line.upper().startswith("RRULE")]
    return first, min(max([first + _UNLIMITED, last, *untils]), first + _LONGEST)


def _until(line: str) -> int:
    """The year of UNTIL in an RRULE line, 0 without one."""
    _, _, until = line.upper().partition("UNTIL=")
    return int(until[:4]) if until[:4].isdecimal() else 0


@dataclass(frozen=True, slots=True, order=True)
class _Onset:
    """A change of the clocks: when it starts by the clock before it, and both offsets from UTC."""

    at: datetime
    before: timedelta
    after: timedelta
    name: str


@lru_cache(maxsize=256)
def _vtimezone(key: str, first: int, last: int) -> Timezone:
    """VTIMEZONE for the years `first` to `last` (RFC 5545 3.6.5)."""
    zone = ZoneInfo(key)
    kinds: dict[tuple[timedelta, timedelta, str], list[datetime]] = defaultdict(list)
    for onset in _onsets(zone, first, last):
        kinds[onset.before, onset.after, onset.name].append(onset.at)
    rules = {kind: _rule(onsets, first, last) for kind, onsets in kinds.items()}
    component = Timezone()
    component.add("TZID", key)
    if not rules or None in rules.values():
        component.add_component(_opening(zone, first))
    for kind, onsets in kinds.items():
        component.add_component(_observance(*kind, onsets, rules[kind]))
    return component


def _opening(zone: ZoneInfo, year: int) -> TimezoneStandard | TimezoneDaylight:
    """What holds from the start of `year` until the first onset."""
    start = datetime(year, 1, 1, tzinfo=zone)
    offset = start.utcoffset() or timedelta()
    return _observance(offset, offset, start.tzname() or "", [start.replace(tzinfo=None)], None)


def _observance(
    before: timedelta, after: timedelta, name: str, onsets: list[datetime], rule: vRecur | None
) -> TimezoneStandard | TimezoneDaylight:
    """DAYLIGHT where the clocks go forward, else STANDARD."""
    observance = TimezoneDaylight() if after > before else TimezoneStandard()
    observance.add("DTSTART", onsets[0])
    if rule is not None:
        observance.add("RRULE", rule)
    elif onsets[1:]:
        observance.add("RDATE", onsets[1:])
    observance.TZOFFSETFROM = before
    observance.TZOFFSETTO = after
    observance.add("TZNAME", name)
    return observance


def _rule(onsets: list[datetime], first: int, last: int) -> vRecur | None:
    """The yearly RRULE that gives exactly `onsets`, None where no simple one does.

    Outlook reads nothing but one BYDAY with an ordinal, and no RDATE (MS-OXCICAL
    2.1.3.1.1.19.2.2, MS-STANOICAL 2.2.47).
    """
    if [at.year for at in onsets] != list(range(first, last + 1)):
        return None
    if len({(at.month, at.weekday(), at.time()) for at in onsets}) != 1:
        return None
    ordinals = set.intersection(*({(at.day + 6) // 7, *_from_the_end(at)} for at in onsets))
    if not ordinals:
        return None
    day = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")[onsets[0].weekday()]
    return vRecur(FREQ="YEARLY", BYMONTH=onsets[0].month, BYDAY=f"{min(ordinals)}{day}")


def _from_the_end(at: datetime) -> set[int]:
    return {-1} if (at + timedelta(days=7)).month != at.month else set()


def _onsets(zone: ZoneInfo, first: int, last: int) -> Iterator[_Onset]:
    """Every change of the clocks between the start of `first` and the end of `last`."""
    step = timedelta(days=7)
    low = datetime(first, 1, 1, tzinfo=UTC)
    end = datetime(last + 1, 1, 1, tzinfo=UTC)
    while low < end:
        high = min(low + step, end)
        before, after = (_offset(at, zone) for at in (low, high))
        if before != after:
            at = _change(zone, low, high)
            yield _Onset(
                (at + before).replace(tzinfo=None), before, after, at.astimezone(zone).tzname() or ""
            )
        low = high


def _change(zone: ZoneInfo, low: datetime, high: datetime) -> datetime:
    """The first second in UTC with the offset of `high`, by halving."""
    before = _offset(low, zone)
    while high - low > timedelta(seconds=1):
        middle = low + timedelta(seconds=(high - low) // timedelta(seconds=1) // 2)
        low, high = (middle, high) if _offset(middle, zone) == before else (low, middle)
    return high


def _offset(at: datetime, zone: ZoneInfo) -> timedelta:
    return at.astimezone(zone).utcoffset() or timedelta()
