"""When a meeting is, by the clocks of one zone and in the words of one language."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from rsvpd.itip.model import When
from rsvpd.letters.languages import Language

_TO = "\N{EN DASH}"


@dataclass(frozen=True, slots=True)
class Span:
    """When something is, by the clocks of one zone.

    `last` is the last day it touches: for whole days the day before DTEND
    (RFC 5545 3.6.1), else the day of `end`. `offset` is the offset from UTC at
    the start as `UTC+01:00`; `end_offset` is the same at the end where the
    clocks change in between, else None. Both are None for floating times.
    """

    all_day: bool
    start: datetime
    end: datetime
    last: date
    zone: str | None = None
    offset: str | None = None
    end_offset: str | None = None

    @property
    def one_day(self) -> bool:
        """Whether it starts and ends on the same day."""
        return self.start.date() == self.last

    @property
    def overnight(self) -> bool:
        """Whether it ends on the next day, before a whole day is over."""
        whole = timedelta(days=1)
        return self.last - self.start.date() == whole and self.end - self.start < whole

    @property
    def days(self) -> int:
        """How many days it touches."""
        return (self.last - self.start.date()).days + 1


@dataclass(frozen=True, slots=True)
class Spoken:
    """A span in words: its day or days, its hours, its zone; `brief` says all of it on one line."""

    days: tuple[str, ...]
    hours: str
    zone: str
    brief: str

    def __str__(self) -> str:
        return self.brief


def span(start: When, end: When, zone: str | None) -> Span:
    """From `start` to `end` by the clocks of `zone`, UTC where there is no such zone."""
    if not isinstance(start, datetime) or not isinstance(end, datetime):
        first, after = _midnight(start), _midnight(end)
        return Span(True, first, after, max(first, after - timedelta(days=1)).date())
    if start.tzinfo is None or end.tzinfo is None:
        return Span(False, start.replace(tzinfo=None), end.replace(tzinfo=None), end.date())
    clocks, name = _clocks(zone)
    start, end = start.astimezone(clocks), end.astimezone(clocks)
    offset, end_offset = _offset(start), _offset(end)
    local = start.replace(tzinfo=None), end.replace(tzinfo=None)
    return Span(False, *local, end.date(), name, offset, None if end_offset == offset else end_offset)


def spoken(when: Span, speech: Language) -> Spoken:
    """`when` as a letter says it."""
    return Spoken(_days(when, speech), _hours(when, speech), _zone(when, speech), _subject(when, speech))


def brief(when: Span, speech: Language, *, year: bool, whole: bool = False, mixed: bool = False) -> str:
    """`Tue 3 Dec 09:00`, for what changed.

    Args:
        when: the time.
        speech: the language.
        year: with the year, where it is not plain.
        whole: with the end.
        mixed: beside a time of the other kind, so that «all day» must be said.
    """
    pattern = "brief_year" if year else "brief"
    first, last = speech.date(pattern, when.start), speech.date(pattern, when.last)
    if when.all_day:
        days = first if when.one_day else f"{first} {_TO} {last}"
        return speech.say("brief_all_day", day=days) if mixed else days
    starts = speech.clock(when.start)
    if whole and when.one_day:
        return speech.say("brief_time", day=first, time=f"{starts}{_TO}{speech.clock(when.end)}")
    begin = speech.say("brief_time", day=first, time=starts)
    if not whole:
        return begin
    return f"{begin} {_TO} {speech.say('brief_time', day=last, time=speech.clock(when.end))}"


def _days(when: Span, speech: Language) -> tuple[str, ...]:
    first, last = speech.date("day", when.start), speech.date("day", when.last)
    if when.one_day or (when.overnight and not when.all_day):
        return (first,)
    if when.all_day:
        return first, speech.say("until_day", day=last)
    start = speech.say("day_time", day=first, time=speech.clock(when.start))
    end = speech.say("day_time", day=last, time=speech.clock(when.end))
    return start, speech.say("until_day", day=end)


def _hours(when: Span, speech: Language) -> str:
    if when.all_day:
        return speech.say("all_day") if when.one_day else speech.say("all_day_many", days=when.days)
    start, end = speech.clock(when.start), speech.clock(when.end)
    if when.one_day:
        return speech.say("hours", start=start, end=end)
    if when.overnight:
        weekday = speech.weekday(when.end.weekday())
        return speech.say("hours_overnight", start=start, end=end, weekday=weekday)
    return ""


def _zone(when: Span, speech: Language) -> str:
    if when.all_day:
        return ""
    if when.zone is None:
        return speech.say("local_time")
    if when.end_offset:
        return speech.say("zone_two", zone=when.zone, offset=when.offset, end_offset=when.end_offset)
    return when.zone if when.zone == "UTC" else speech.say("zone", zone=when.zone, offset=when.offset)


def _subject(when: Span, speech: Language) -> str:
    day = speech.date("short", when.start)
    if when.all_day:
        return day
    said = speech.say("short_time", day=day, time=speech.clock(when.start))
    return f"{said} ({when.zone})" if when.zone else said


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day)  # noqa: DTZ001  a day has no zone


def known_zone(name: str | None) -> str | None:
    """`name` if it is a zone."""
    try:
        return ZoneInfo(name).key if name else None
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


def _clocks(name: str | None) -> tuple[ZoneInfo, str]:
    zone = known_zone(name) or "UTC"
    return ZoneInfo(zone), zone


def _offset(at: datetime) -> str:
    """`UTC+05:30`."""
    minutes = int((at.utcoffset() or timedelta()).total_seconds()) // 60
    sign = "-" if minutes < 0 else "+"
    return f"UTC{sign}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}"
