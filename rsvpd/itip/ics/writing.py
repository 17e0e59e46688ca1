"""A meeting as an iTIP object: one VCALENDAR in octets (RFC 5545 3.4, RFC 5546 3.2)."""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Self
from urllib.parse import quote
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from icalendar import (
    Calendar,
    Event,
    Timezone,
    TimezoneDaylight,
    TimezoneStandard,
    vCalAddress,
    vRecur,
    vText,
)

from rsvpd import __version__
from rsvpd.itip.model import Attendee, Meeting, MeetingStatus, Method, Override, When

_PRODID = f"-//rsvpd//rsvpd {__version__}//EN"
_UTC_ZONES = frozenset({"UTC", "Etc/UTC", "Etc/UCT", "Etc/Universal", "Etc/Zulu", "UCT", "Universal", "Zulu"})
_UNLIMITED = 10
"""Years of clock changes looked at; enough to tell «the last Sunday» from «the fourth»."""
_LONGEST = 40
"""Years beyond which no UNTIL makes a VTIMEZONE longer."""


def write(
    meeting: Meeting,
    method: Method,
    *,
    attendees: Sequence[Attendee],
    stamped_at: datetime,
    created_at: datetime,
    modified_at: datetime,
) -> bytes:
    """The iTIP object that asks `attendees` for what `method` says (RFC 5546 1.4).

    Args:
        meeting: what is written; its own `attendees` are not looked at.
        method: METHOD; CANCEL writes STATUS:CANCELLED whatever the meeting says.
        attendees: one ATTENDEE each, in this order.
        stamped_at: DTSTAMP, aware.
        created_at: CREATED, aware.
        modified_at: LAST-MODIFIED, aware.

    Returns:
        UTF-8 with CRLF, folded at 75 octets without splitting a character (RFC 5545 3.1).

    Raises:
        ValueError: a recurrence line that is no RRULE, RDATE or EXDATE.
    """
    calendar = _calendar(method)
    zone = _zone(meeting)
    if zone is not None:
        first, last = _years(meeting)
        calendar.add_component(_vtimezone(zone.key, first, last))
    for part in (None, *(meeting.recurrence.overrides if meeting.recurrence else ())):
        event = Event()
        _add_identity(event, meeting)
        _add_stamps(event, stamped_at, created_at, modified_at)
        if part is None:
            _add_times(event, meeting, zone)
            _add_recurrence(event, meeting)
        else:
            _add_override(event, meeting, part, zone)
        _add_words(event, meeting)
        _add_status(event, meeting, Method.CANCEL if part and part.cancelled else method)
        _add_people(event, meeting, attendees)
        calendar.add_component(event)
    octets: bytes = calendar.to_ical(sorted=False)
    return octets


def _calendar(method: Method) -> Calendar:
    calendar = Calendar()
    calendar.add("PRODID", _PRODID)
    calendar.add("VERSION", "2.0")
    calendar.add("CALSCALE", "GREGORIAN")
    calendar.add("METHOD", method.value)
    return calendar


def _add_identity(event: Event, meeting: Meeting) -> None:
    event.add("UID", _Text(meeting.uid))
    event.add("SEQUENCE", meeting.sequence)


def _add_stamps(event: Event, stamped_at: datetime, created_at: datetime, modified_at: datetime) -> None:
    event.add("DTSTAMP", stamped_at.astimezone(UTC))
    event.add("CREATED", created_at.astimezone(UTC))
    event.add("LAST-MODIFIED", modified_at.astimezone(UTC))


def _add_times(event: Event, meeting: Meeting, zone: ZoneInfo | None) -> None:
    event.add("DTSTART", _local(meeting.start, zone))
    event.add("DTEND", _local(meeting.end, zone))


def _add_override(event: Event, meeting: Meeting, override: Override, zone: ZoneInfo | None) -> None:
    """One occurrence that was moved or cancelled, named by when it was to be (RFC 5545 3.8.4.4)."""
    length = _instant(meeting.end) - _instant(meeting.start)
    start = override.start or override.occurrence.at
    event.add("RECURRENCE-ID", _local(override.occurrence.at, zone))
    event.add("DTSTART", _local(start, zone))
    event.add("DTEND", _local(override.end or start + length, zone))


def _instant(when: When) -> datetime:
    """A time to count from; a day is its midnight, a floating time as if in UTC."""
    moment = when if isinstance(when, datetime) else datetime(when.year, when.month, when.day, tzinfo=UTC)
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _local(when: When, zone: ZoneInfo | None) -> When:
    """A DATE and a floating time as they are, an instant in `zone` or in UTC."""
    if not isinstance(when, datetime) or when.tzinfo is None:
        return when
    return when.astimezone(zone or UTC)


def _add_recurrence(event: Event, meeting: Meeting) -> None:
    """The recurrence lines with the types icalendar reads in them (RFC 5545 3.8.5)."""
    lines = meeting.recurrence.lines if meeting.recurrence else ()
    if not lines:
        return
    parsed = Event.from_ical("\r\n".join(("BEGIN:VEVENT", *lines, "END:VEVENT", "")))
    if parsed.errors or not set(parsed) <= {"RRULE", "RDATE", "EXDATE"}:
        raise ValueError(f"recurrence lines that cannot be written: {lines!r}")
    for name, value in parsed.property_items(recursive=False):
        if name not in {"BEGIN", "END"}:
            event.add(name, value, encode=False)


def _add_words(event: Event, meeting: Meeting) -> None:
    event.add("SUMMARY", _Text(meeting.summary))
    if meeting.description:
        event.add("DESCRIPTION", _Text(meeting.description))
    if meeting.location:
        event.add("LOCATION", _Text(meeting.location))


def _add_status(event: Event, meeting: Meeting, method: Method) -> None:
    status = MeetingStatus.CANCELLED if method is Method.CANCEL else meeting.status
    event.add("STATUS", status.value)
    event.add("TRANSP", "OPAQUE")


def _add_people(event: Event, meeting: Meeting, attendees: Sequence[Attendee]) -> None:
    event.add("ORGANIZER", _calendar_user(meeting.organizer, _common_name(meeting.organizer_name)))
    for attendee in attendees:
        event.add("ATTENDEE", _attendee(attendee))


def _attendee(attendee: Attendee) -> vCalAddress:
    """ATTENDEE with what RFC 5546 3.2.2 asks of a REQUEST; CN is the address where no name is known."""
    user = _calendar_user(attendee.address, _common_name(attendee.name) or attendee.address)
    user.params["CUTYPE"] = attendee.cutype.value
    user.params["ROLE"] = attendee.role.value
    user.params["PARTSTAT"] = attendee.partstat.value
    user.params["RSVP"] = "TRUE" if attendee.rsvp else "FALSE"
    return user


def _calendar_user(address: str, name: str) -> vCalAddress:
    local, _, domain = address.rpartition("@")
    user = vCalAddress(f"mailto:{quote(local, safe=_MAILTO_SAFE)}@{domain}")
    if name:
        user.params["CN"] = name
    return user


_MAILTO_SAFE = "!$'*+-/=^_`{|}~"
"""What stands in a local part unencoded. RFC 6068 2 also wants ^ and the braces encoded; but a client may
take the URI for the address itself, so what need not change stays."""


def _common_name(name: str | None) -> str:
    """`name` for CN: one line, and without the two characters that clients take for the end or an escape.

    RFC 5545 3.2 cannot say a double quote; RFC 6868 can, to those who know it. A backslash at the end
    makes icalendar itself read on into the next parameter.
    """
    return " ".join(_printable(name or "").replace('"', "'").replace("\\", "/").split())


def _printable(text: str) -> str:
    """`text` without control characters but line feeds and tabs, nothing UTF-8 cannot say (RFC 5545 3.1)."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").replace("\u2028", "\n").replace("\u2029", "\n")
    return "".join(c for c in lines if c in "\n\t" or unicodedata.category(c) not in {"Cc", "Cs"})


class _Text(vText):
    r"""TEXT escaped as RFC 5545 3.3.11 says; icalendar 7.3 would write `C:\Notes` as a line break."""

    def __new__(cls, value: str) -> Self:
        return super().__new__(cls, _printable(value))

    def to_ical(self) -> bytes:
        escaped = str(self).replace("\\", "\\\\").replace(";", r"\;").replace(",", r"\,").replace("\n", r"\n")
        return escaped.encode()


def _zone(meeting: Meeting) -> ZoneInfo | None:
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


__all__ = ["write"]
