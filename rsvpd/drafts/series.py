"""How a meeting repeats (RFC 5545 3.3.10, 3.8.5): only what every client follows alike."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from dateutil.rrule import rrulestr

from rsvpd.drafts.refusals import WANTED, DraftRefused
from rsvpd.drafts.shape import RecurrenceShape, Stated
from rsvpd.drafts.times import YEARS, local_time, when
from rsvpd.itip import occurrences
from rsvpd.itip.model import Meeting, Occurrence, Recurrence, When

_FREQUENCIES = ("DAILY", "WEEKLY", "MONTHLY", "YEARLY")
_DAY = "(?:MO|TU|WE|TH|FR|SA|SU)"
_FORMS = {
    "FREQ": "|".join(_FREQUENCIES),
    "INTERVAL": r"[1-9]\d{0,2}",
    "COUNT": r"[1-9]\d{0,3}",
    "UNTIL": r"\d{8}(?:T\d{6}Z?)?",
    "BYDAY": rf"(?:[+-]?[1-9]\d?)?{_DAY}(?:,(?:[+-]?[1-9]\d?)?{_DAY})*",
    "BYMONTHDAY": r"[+-]?[1-9]\d?(?:,[+-]?[1-9]\d?)*",
    "BYYEARDAY": r"[+-]?[1-9]\d{0,2}(?:,[+-]?[1-9]\d{0,2})*",
    "BYWEEKNO": r"[+-]?[1-9]\d?(?:,[+-]?[1-9]\d?)*",
    "BYMONTH": r"[1-9]\d?(?:,[1-9]\d?)*",
    "BYSETPOS": r"[+-]?[1-9]\d{0,2}(?:,[+-]?[1-9]\d{0,2})*",
    "WKST": _DAY,
}
_HIGHEST = {"BYMONTHDAY": 31, "BYYEARDAY": 366, "BYWEEKNO": 53, "BYMONTH": 12, "BYSETPOS": 366, "BYDAY": 53}
_ONLY_WITH = {
    "BYMONTHDAY": {"DAILY", "MONTHLY", "YEARLY"},
    "BYYEARDAY": {"YEARLY"},
    "BYWEEKNO": {"YEARLY"},
}
"""What RFC 5545 3.3.10 does not allow with every frequency."""
_TIMES = frozenset({"BYHOUR", "BYMINUTE", "BYSECOND"})
_SEARCHED = timedelta(days=366 * 30)
"""How far ahead a first occurrence is looked for; 29 February on a Monday comes every 28 years."""
_MOST = 500
"""Single times in RDATE or EXDATE."""

Rule = dict[str, str]


def recurrence(
    shape: RecurrenceShape, start: When, end: When, zone: ZoneInfo, *, checked: bool
) -> Recurrence:
    """RRULE, RDATE and EXDATE of a series whose first occurrence is from `start` to `end` in `zone`.

    RDATE and EXDATE become instants in UTC or days, as an import keeps them.

    Raises:
        DraftRefused: also for a series that never or only once takes place.
    """
    lines = []
    if shape.rrule is not None:
        rule = _rule(shape.rrule, start, zone)
        lines.append("RRULE:" + ";".join(f"{name}={value}" for name, value in rule.items()))
    added = [*_dates("rdate", shape.rdate, start, zone, checked=checked)]
    if shape.rrule is None and not added:
        raise DraftRefused(f"recurrence: neither rrule nor rdate, {WANTED['recurrence']}")
    if any(_before(at, start) for at in added):
        raise DraftRefused("recurrence: rdate: before the start; the first occurrence is at the start")
    lines += [f"RDATE:{_stamp(at)}" for at in added]
    meeting = Meeting("", "", start, end, zone=zone.key, recurrence=Recurrence(tuple(lines)))
    gone = [*_dates("exdate", shape.exdate, start, zone, checked=checked)]
    for at in gone:
        if not isinstance(occurrences.resolve(meeting, at), Occurrence):
            raise DraftRefused(f"recurrence: exdate: {at.isoformat()} is no occurrence of the series")
    whole = Recurrence((*lines, *(f"EXDATE:{_stamp(at)}" for at in gone)))
    _refuse_single(Meeting("", "", start, end, zone=zone.key, recurrence=whole))
    return whole


def _refuse_single(meeting: Meeting) -> None:
    first = occurrences.canonical(meeting, meeting.start)
    if len(occurrences.following(meeting, first, 2)) < 2:
        raise DraftRefused("recurrence: fewer than two occurrences; leave it out, or change it")


# RDATE and EXDATE


def _dates(
    field: str, given: Sequence[Stated], start: When, zone: ZoneInfo, *, checked: bool
) -> Iterator[When]:
    """Each time once; for a meeting with a time a day means that time on this day."""
    if len(given) > _MOST:
        raise DraftRefused(f"recurrence: {field}: {len(given)} are too many, give at most {_MOST}")
    seen = set()
    for value in given:
        at = when(field, value, zone, checked=checked)
        if isinstance(start, datetime) and not isinstance(at, datetime):
            at = local_time(field, datetime.combine(at, start.time()), zone)
        elif not isinstance(start, datetime) and isinstance(at, datetime):
            raise DraftRefused(f"recurrence: {field}: the meeting is in days, give days")
        if at not in seen:
            seen.add(at)
            yield at


def _before(at: When, start: When) -> bool:
    if isinstance(at, datetime) and isinstance(start, datetime):
        return at.astimezone(UTC) < start.astimezone(UTC)
    return at < start


def _stamp(at: When) -> str:
    return f"{at.astimezone(UTC):%Y%m%dT%H%M%SZ}" if isinstance(at, datetime) else f"{at:%Y%m%d}"


# RRULE


def _rule(text: str, start: When, zone: ZoneInfo) -> Rule:
    """The parts of an RRULE, looked through, with UNTIL in the form that the start asks for."""
    rule = _parts(text)
    _refuse_combinations(rule)
    if "UNTIL" in rule:
        rule["UNTIL"] = _until(rule["UNTIL"], start, zone)
    _refuse_out_of_step(rule, start)
    return rule


def _parts(text: str) -> Rule:
    stated = "".join(text.split()).upper().removeprefix("RRULE:").strip(";")
    rule: Rule = {}
    for part in stated.split(";"):
        name, _, value = part.partition("=")
        if name in _TIMES:
            raise DraftRefused(f"recurrence: {name}: the time of the day is that of the start, leave it out")
        if name not in _FORMS:
            raise DraftRefused(f"recurrence: {part!r} not understood, {WANTED['rrule']}")
        if name in rule:
            raise DraftRefused(f"recurrence: {name} is there twice, leave one out")
        if not re.fullmatch(_FORMS[name], value, re.ASCII) or not _in_range(name, value):
            raise DraftRefused(f"recurrence: {name}={value} not understood, {_hint(name)}")
        rule[name] = value
    if "FREQ" not in rule:
        raise DraftRefused(f"recurrence: without FREQ, {WANTED['rrule']}")
    return {"FREQ": rule.pop("FREQ"), **rule}


def _in_range(name: str, value: str) -> bool:
    highest = _HIGHEST.get(name)
    return highest is None or all(int(number) <= highest for number in re.findall(r"\d+", value))


def _hint(name: str) -> str:
    hints = {
        "FREQ": f"give {', '.join(_FREQUENCIES)}",
        "INTERVAL": "give a number from 1 to 999",
        "COUNT": "give a number from 1 to 9999",
        "UNTIL": "write it like 20261231",
        "BYDAY": "write it like MO,WE, or -1FR for the last Friday",
        "WKST": "give a day like MO",
    }
    return hints.get(name, f"give numbers up to {_HIGHEST.get(name)}")


def _refuse_combinations(rule: Rule) -> None:
    """What RFC 5545 3.3.10 forbids, and what makes no sense."""
    if "COUNT" in rule and "UNTIL" in rule:
        raise DraftRefused("recurrence: COUNT and UNTIL, give one of the two")
    for name, allowed in _ONLY_WITH.items():
        if name in rule and rule["FREQ"] not in allowed:
            raise DraftRefused(f"recurrence: {name} cannot be with FREQ={rule['FREQ']}")
    numbered = re.search(r"\d", rule.get("BYDAY", ""))
    if numbered and (rule["FREQ"] not in {"MONTHLY", "YEARLY"} or "BYWEEKNO" in rule):
        raise DraftRefused("recurrence: a BYDAY like 2MO goes with FREQ=MONTHLY or YEARLY, without BYWEEKNO")
    if "BYSETPOS" in rule and not any(n.startswith("BY") and n != "BYSETPOS" for n in rule):
        raise DraftRefused("recurrence: BYSETPOS picks from another BY… part, and there is none")


def _until(text: str, start: When, zone: ZoneInfo) -> str:
    """UNTIL as DTSTART wants it: a day, or an instant in UTC (RFC 5545 3.3.10); a day given is the last one."""
    try:
        day = datetime.strptime(text[:8], "%Y%m%d").date()  # noqa: DTZ007  a day has no zone
        clock = datetime.strptime(text[9:15], "%H%M%S").time() if len(text) > 8 else None  # noqa: DTZ007
    except ValueError:
        raise DraftRefused(f"recurrence: UNTIL={text} not understood, {_hint('UNTIL')}") from None
    if day.year not in YEARS:
        raise DraftRefused(f"recurrence: UNTIL={text} is too far away, check the year")
    last: When = day
    if isinstance(start, datetime):
        clocks = UTC if text.endswith("Z") else zone
        last = datetime.combine(day, clock or time(23, 59, 59), clocks).replace(fold=1)
    elif clock is not None:
        raise DraftRefused(f"recurrence: UNTIL={text}: the meeting is in days, write UNTIL={text[:8]}")
    if _before(last, start):
        raise DraftRefused(f"recurrence: UNTIL={text} is before the start")
    return _stamp(last)


def refuse_out_of_step(recurrence: Recurrence, start: When) -> None:
    """Raises `DraftRefused` where a series that began in step with its rule would no longer with this start."""
    for line in recurrence.lines:
        name, _, value = line.partition(":")
        if name == "RRULE":
            _refuse_out_of_step(dict(part.split("=", 1) for part in value.split(";") if "=" in part), start)


def _refuse_out_of_step(rule: Rule, start: When) -> None:
    """DTSTART is the first occurrence; what a rule means that says otherwise is undefined (RFC 5545 3.8.5.3)."""
    first = _first(rule, start)
    if first is None:
        raise DraftRefused("recurrence: the rule never matches a day, check it")
    if first != _day(start):
        raise DraftRefused(
            f"recurrence: the start, {_day(start)}, is no day of the rule; start on {first}, or change the rule"
        )


def _first(rule: Rule, start: When) -> date | None:
    """The first day of the rule from the start on, by its parts but COUNT and UNTIL."""
    midnight = datetime.combine(_day(start), time())
    endless = ";".join(f"{n}={v}" for n, v in rule.items() if n not in {"COUNT", "UNTIL"})
    end = midnight + _SEARCHED
    try:
        found = next(iter(rrulestr(f"{endless};UNTIL={end:%Y%m%dT%H%M%S}", dtstart=midnight)), None)
    except (ValueError, TypeError, IndexError):  # what dateutil makes of a rule that it cannot follow
        return None
    return found.date() if found else None


def _day(start: When) -> date:
    return start.date() if isinstance(start, datetime) else start
