"""When a meeting is: zone, start, end, and how long something lasts."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta, tzinfo
from difflib import get_close_matches
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

from rsvpd.drafts.refusals import WANTED, DraftRefused
from rsvpd.drafts.shape import DraftShape, Stated
from rsvpd.itip.model import When

YEARS = range(1970, 9000)
"""Years that a meeting may be in."""

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_DAYS = r"(?:(?P<weeks>\d{1,4})W)?(?:(?P<days>\d{1,5})D)?"
_TIME = r"(?:(?P<hours>\d{1,5})H)?(?:(?P<minutes>\d{1,6})M(?:IN)?)?(?:(?P<seconds>\d{1,7})S)?"
_DURATIONS = (
    re.compile(_DAYS + _TIME, re.ASCII | re.IGNORECASE),
    re.compile(f"P{_DAYS}(?:T{_TIME})?", re.ASCII | re.IGNORECASE),
)
_UTC_NAMES = frozenset({"utc", "z", "etc/utc"})
_NO_PLACES = frozenset({"localtime", "posixrules", "Factory"})


def zone_of(name: str) -> ZoneInfo:
    """The IANA zone called `name`, or UTC."""
    text = name.strip()
    if text.casefold() in _UTC_NAMES:
        return ZoneInfo("UTC")
    if text not in _zones():
        close = get_close_matches(text, _zones(), n=1)
        hint = f"did you mean {close[0]}?" if close else WANTED["zone"]
        raise DraftRefused(f"zone: unknown zone {name!r}, {hint}")
    return ZoneInfo(text)


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones()) - _NO_PLACES


def span(shape: DraftShape, zone: ZoneInfo, *, checked: bool) -> tuple[When, When]:
    """DTSTART and DTEND; `checked` when an offset must be that of `zone`."""
    start = when("start", shape.start, zone, checked=checked)
    if shape.end is not None and shape.duration is not None:
        raise DraftRefused("end, duration: give one of the two")
    if shape.duration is not None:
        return start, _after(start, shape.duration, zone)
    if shape.end is None:
        raise DraftRefused(f"end: missing, {WANTED['end']}")
    return start, _end(start, when("end", shape.end, zone, checked=checked))


def _end(start: When, end: When) -> When:
    if isinstance(start, datetime) and isinstance(end, datetime):
        # In UTC: two times of one zone compare by the clock, whatever happens to it in between.
        if end.astimezone(UTC) > start.astimezone(UTC):
            return end
    elif isinstance(start, datetime) or isinstance(end, datetime):
        raise DraftRefused("end: start and end must both be days, or both have a time")
    elif end >= start:
        return max(end, start + timedelta(days=1))
    raise DraftRefused("end: not after the start, give a later end or a duration")


def _after(start: When, duration: str, zone: ZoneInfo) -> When:
    days, exact = length("duration", duration)
    if not days and not exact:
        raise DraftRefused(f"duration: {duration!r} not understood, {WANTED['duration']}")
    if isinstance(start, datetime):
        local = start.replace(tzinfo=None) + days
        return (local.replace(tzinfo=zone, fold=start.fold).astimezone(UTC) + exact).astimezone(zone)
    if exact % timedelta(days=1):
        raise DraftRefused("duration: a meeting of whole days lasts whole days, like 1d")
    return start + days + exact


def length(field: str, text: str) -> tuple[timedelta, timedelta]:
    """Days by the calendar, and exact time (RFC 5545 3.3.6)."""
    tight = "".join(text.split())
    found = next(filter(None, (form.fullmatch(tight) for form in _DURATIONS)), None)
    if found is None or not any(found.groups()):
        raise DraftRefused(f"{field}: {text!r} not understood, {WANTED['duration']}")
    numbers = {unit: int(number) for unit, number in found.groupdict("0").items()}
    days = timedelta(weeks=numbers.pop("weeks"), days=numbers.pop("days"))
    return days, timedelta(**numbers)


def when(field: str, given: Stated, zone: ZoneInfo, *, checked: bool) -> When:
    """A day, or a time in `zone` that its clocks show exactly once; never a floating one."""
    value = _parsed(field, given) if isinstance(given, str) else given
    if value.year not in YEARS:
        raise DraftRefused(f"{field}: {value.isoformat()} is too far away, check the year")
    if not isinstance(value, datetime):
        return value
    value = value.replace(microsecond=0)
    return (
        local_time(field, value, zone)
        if value.tzinfo is None
        else _agreeing(field, value, zone, checked=checked)
    )


def _parsed(field: str, text: str) -> When:
    value = text.strip()
    try:
        if _DAY.fullmatch(value):
            return date.fromisoformat(value)
        return datetime.fromisoformat(value)
    except ValueError:
        raise DraftRefused(f"{field}: {text!r} not understood, {WANTED[field]}") from None


def local_time(field: str, value: datetime, zone: ZoneInfo) -> datetime:
    """The one instant at which the clocks of `zone` show the naive `value` (RFC 5545 3.3.5)."""
    early, late = (value.replace(tzinfo=zone, fold=fold) for fold in (0, 1))
    if early.utcoffset() == late.utcoffset():
        return early
    if early.astimezone(UTC).astimezone(zone).replace(tzinfo=None) != value:
        raise DraftRefused(
            f"{field}: {_shown(value)} does not exist in {zone.key}, the clocks go forward over it; choose another"
        )
    raise DraftRefused(
        f"{field}: {_shown(value)} happens twice in {zone.key}; write {_shown(early)} or {_shown(late)}"
    )


def _agreeing(field: str, value: datetime, zone: ZoneInfo, *, checked: bool) -> datetime:
    local = value.astimezone(zone)
    if checked and local.utcoffset() != value.utcoffset():
        raise DraftRefused(
            f"{field}: {_shown(value)} is not by the clocks of {zone.key}; "
            f"leave the offset out, or write {_shown(local)}"
        )
    return local


def _shown(value: datetime) -> str:
    return value.isoformat(timespec="minutes")


def refuse_past(start: When, zone: tzinfo, now: datetime) -> None:
    """Raises for a start before `now`."""
    past = start < now if isinstance(start, datetime) else start < now.astimezone(zone).date()
    if past:
        raise DraftRefused(f"start: {start.isoformat()} is in the past, check the date")
