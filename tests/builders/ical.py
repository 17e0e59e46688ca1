"""Pieces of iCalendar that several clients share; whole components stay with their client."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from builders.facts import Facts, Party
from builders.text import Row

_ESCAPES = str.maketrans({"\\": "\\\\", ";": "\\;", ",": "\\,", "\n": "\\n"})
_RULES = {
    "Europe": ("BYMONTH=3;BYDAY=-1SU", "BYMONTH=10;BYDAY=-1SU"),
    "America": ("BYMONTH=3;BYDAY=2SU", "BYMONTH=11;BYDAY=1SU"),
}


def escape(text: str) -> str:
    """A TEXT value."""
    return text.translate(_ESCAPES)


def stamp(at: datetime) -> str:
    """An instant in UTC, basic format."""
    return f"{at.astimezone(UTC):%Y%m%dT%H%M%SZ}"


def when(name: str, value: datetime | date, zone: str | None = None, tzid: str = "") -> str:
    """A property holding a time: a DATE, UTC without a zone, else local time."""
    if not isinstance(value, datetime):
        return f"{name};VALUE=DATE:{value:%Y%m%d}"
    if zone is None:
        return f"{name}:{stamp(value)}"
    local = value.astimezone(ZoneInfo(zone))
    return f"{name};TZID={tzid or zone}:{local:%Y%m%dT%H%M%S}"


def times(facts: Facts, zone: str | None = None, tzid: str = "") -> list[Row]:
    """DTSTART and DTEND, or DUE of a VTODO; a VJOURNAL has no end."""
    end = {"VTODO": "DUE", "VJOURNAL": ""}.get(facts.component, "DTEND")
    return [
        when("DTSTART", facts.shown_start, zone, tzid),
        when(end, facts.shown_end, zone, tzid) if end else None,
    ]


def occurrence(facts: Facts, zone: str | None = None, tzid: str = "") -> Row:
    """RECURRENCE-ID, if one occurrence is answered."""
    at = facts.recurrence_id
    return None if at is None else when("RECURRENCE-ID", at, zone, tzid)


def sequence(facts: Facts) -> Row:
    """SEQUENCE, unless it is missing."""
    return None if facts.sequence is None else f"SEQUENCE:{facts.sequence}"


def text(name: str, value: str | None) -> Row:
    """A TEXT property, unless there is nothing to say."""
    return None if value is None else f"{name}:{escape(value)}"


def quote(value: str) -> str:
    """A parameter value, quoted where RFC 5545 says so."""
    return f'"{value}"' if set(value) & set(',;:"') else value


def roles(facts: Facts, scheme: str = "mailto:") -> str:
    """SENT-BY and DELEGATED-TO as parameters, with their leading semicolons."""
    sent_by = f';SENT-BY="{scheme}{facts.sent_by}"' if facts.sent_by else ""
    delegated = f';DELEGATED-TO="{scheme}{facts.delegated_to}"' if facts.delegated_to else ""
    return sent_by + delegated


def attendee(facts: Facts, *parameters: str, scheme: str = "mailto:") -> str:
    """ATTENDEE with these parameters, then the delegation, then the address."""
    given = "".join(f";{p}" for p in parameters)
    return f"ATTENDEE{given}{roles(facts, scheme)}:{scheme}{facts.attendee.address}"


def organizer(party: Party, scheme: str = "mailto:") -> str:
    """ORGANIZER with its CN."""
    name = f";CN={quote(party.name)}" if party.name else ""
    return f"ORGANIZER{name}:{scheme}{party.address}"


def vtimezone(facts: Facts, zone: str | None, tzid: str = "") -> list[Row]:
    """A VTIMEZONE good enough for the year of the meeting; none for UTC or dates."""
    if zone is None or facts.all_day:
        return []
    winter = _offset(zone, facts.start.year, 1)
    summer = _offset(zone, facts.start.year, 7)
    to_summer, to_winter = _RULES.get(zone.partition("/")[0], _RULES["Europe"])
    head = ["BEGIN:VTIMEZONE", f"TZID:{tzid or zone}"]
    standard = _phase("STANDARD", summer, winter, "19701025T030000", to_winter)
    if winter == summer:
        return [*head, *_phase("STANDARD", winter, winter, "19700101T000000", ""), "END:VTIMEZONE"]
    daylight = _phase("DAYLIGHT", winter, summer, "19700329T020000", to_summer)
    return [*head, *standard, *daylight, "END:VTIMEZONE"]


def _phase(name: str, before: str, after: str, first: str, rule: str) -> list[str]:
    rows = [f"DTSTART:{first}", f"TZOFFSETFROM:{before}", f"TZOFFSETTO:{after}"]
    if rule:
        rows.append(f"RRULE:FREQ=YEARLY;{rule}")
    return [f"BEGIN:{name}", *rows, f"END:{name}"]


def _offset(zone: str, year: int, month: int) -> str:
    offset = datetime(year, month, 1, tzinfo=ZoneInfo(zone)).utcoffset() or timedelta()
    minutes = int(offset.total_seconds()) // 60
    hours, rest = divmod(abs(minutes), 60)
    return f"{'-' if minutes < 0 else '+'}{hours:02d}{rest:02d}"
