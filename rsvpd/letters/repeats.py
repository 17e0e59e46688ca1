"""A recurrence rule in words, where words can say the whole of it (RFC 5545 3.3.10)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime

from rsvpd.itip.model import Meeting
from rsvpd.letters.languages import Language
from rsvpd.letters.spans import Span, span

_WEEK = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
_SAID = {
    "DAILY": frozenset[str](),
    "WEEKLY": frozenset({"BYDAY"}),
    "MONTHLY": frozenset({"BYDAY", "BYMONTHDAY"}),
    "YEARLY": frozenset({"BYMONTH", "BYMONTHDAY"}),
}
"""Which parts each frequency has words for."""
_ALWAYS = frozenset({"FREQ", "INTERVAL", "COUNT", "UNTIL", "WKST"})
_NTH = re.compile(r"([1-4]|-1)(MO|TU|WE|TH|FR|SA|SU)")
_UNTIL = re.compile(r"(\d{8})(?:T(\d{6})(Z?))?")


def rule_in_words(meeting: Meeting, shown: Span, speech: Language) -> str | None:
    """`every Tuesday until 3 March 2027`, or None for a rule that this cannot say rightly.

    A rule is about the days of the meeting's own zone: where the reader's clocks
    `shown` another day, it is better said by the calendar program.
    """
    lines = meeting.recurrence.lines if meeting.recurrence else ()
    rules = [line.partition(":")[2].upper() for line in lines if line.upper().startswith("RRULE")]
    if len(rules) != 1 or span(meeting.start, meeting.end, meeting.zone).start.date() != shown.start.date():
        return None
    parts = dict(part.split("=", 1) for part in rules[0].strip(";").split(";") if "=" in part)
    frequency = parts.get("FREQ", "")
    if frequency not in _SAID or not set(parts) <= _SAID[frequency] | _ALWAYS:
        return None
    try:
        said = _rhythm(frequency, parts, shown.start, speech)
        return said and _ended(said, parts, meeting, speech)
    except (ValueError, OverflowError):  # a number or a date that is none
        return None


def _rhythm(frequency: str, parts: Mapping[str, str], start: date, speech: Language) -> str | None:
    count = int(parts.get("INTERVAL", "1"))
    several = {"count": count} if count > 1 else {}
    if frequency == "DAILY":
        return speech.say("every_days" if several else "every_day", **several)
    if frequency == "WEEKLY":
        return _weekly(parts.get("BYDAY"), start, several, speech)
    if frequency == "MONTHLY":
        return _monthly(parts, start, several, speech)
    if int(parts.get("BYMONTH", start.month)) != start.month or not _same_day(parts, start):
        return None
    said = speech.date("day_of_year", start)
    return speech.say("every_years" if several else "every_year", date=said, **several)


def _weekly(days: str | None, start: date, several: Mapping[str, int], speech: Language) -> str | None:
    codes = days.split(",") if days else [_WEEK[start.weekday()]]
    if not set(codes) <= set(_WEEK):
        return None
    numbers = sorted({_WEEK.index(code) for code in codes})
    if numbers == list(range(5)) and not several:
        return speech.say("every_workday")
    names = speech.listed([speech.weekday(number) for number in numbers])
    return speech.say("every_weeks" if several else "every_weekday", days=names, **several)


def _monthly(
    parts: Mapping[str, str], start: date, several: Mapping[str, int], speech: Language
) -> str | None:
    key = "every_months" if several else "every_month"
    if "BYDAY" not in parts:
        day = speech.day_of_month(start.day)
        return speech.say(key, day=day, **several) if _same_day(parts, start) else None
    found = _NTH.fullmatch(parts["BYDAY"])
    if not found or "BYMONTHDAY" in parts:
        return None
    nth = speech.say(f"nth_{found[1]}" if found[1] != "-1" else "nth_last")
    return speech.say(f"{key}_nth", nth=nth, day=speech.weekday(_WEEK.index(found[2])), **several)


def _same_day(parts: Mapping[str, str], start: date) -> bool:
    return int(parts.get("BYMONTHDAY", start.day)) == start.day


def _ended(said: str, parts: Mapping[str, str], meeting: Meeting, speech: Language) -> str | None:
    if "COUNT" in parts:
        count = int(parts["COUNT"])
        return speech.say("rule_count", rule=said, count=count) if count > 1 else None
    if "UNTIL" not in parts:
        return said
    found = _UNTIL.fullmatch(parts["UNTIL"])
    if not found:
        return None
    until = _last_day(found.groups(""), meeting)
    return speech.say("rule_until", rule=said, date=speech.date("date", until))


def _last_day(until: Sequence[str], meeting: Meeting) -> date:
    day, clock, utc = until
    at = datetime.strptime(day + (clock or "000000"), "%Y%m%d%H%M%S")  # noqa: DTZ007  local unless it ends in Z
    if not utc:
        return at.date()
    return span(at.replace(tzinfo=UTC), at.replace(tzinfo=UTC), meeting.zone).start.date()
