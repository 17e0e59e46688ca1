"""A meeting as an iTIP object: one VCALENDAR in octets (RFC 5545 3.4, RFC 5546 3.2)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from urllib.parse import quote
from zoneinfo import ZoneInfo

from icalendar import Calendar, Event, vCalAddress
from icalendar.parser import Contentline

from rsvpd import __version__
from rsvpd.itip.ics.details import add_details
from rsvpd.itip.ics.texts import Text, parameter
from rsvpd.itip.ics.zones import vtimezone, zone_of
from rsvpd.itip.model import (
    Attendee,
    Meeting,
    MeetingStatus,
    Method,
    Occurrence,
    Override,
    PartStat,
    When,
)

_PRODID = f"-//rsvpd//rsvpd {__version__}//EN"
_FOLDED = 74
"""Octets of a line, or of a continuation without its space: less than the 75 allowed."""
_STATED = re.compile(r"(RDATE|EXDATE):(?:(\d{8})|(\d{8}T\d{6}Z))")
"""What drafts and imports keep: one value a line, a day or an instant in UTC."""


def write(  # noqa: PLR0913  an iTIP object says that much, all by name
    meeting: Meeting,
    method: Method,
    *,
    attendees: Sequence[Attendee],
    stamped_at: datetime,
    created_at: datetime,
    modified_at: datetime,
    occurrence: Occurrence | None = None,
    sent_by: str | None = None,
    cancels: bool = True,
) -> bytes:
    """The iTIP object that asks `attendees` for what `method` says (RFC 5546 1.4).

    Args:
        meeting: what is written; its own `attendees` are not looked at.
        method: METHOD; CANCEL writes STATUS:CANCELLED whatever the meeting says.
        attendees: one ATTENDEE each, in this order; none is written with METHOD:PUBLISH
            (RFC 5546 3.2.1) and for an announcement, which asks nobody.
        stamped_at: DTSTAMP, aware.
        created_at: CREATED, aware.
        modified_at: LAST-MODIFIED, aware.
        occurrence: the only one that is written, None for all of the meeting.
        sent_by: who sends on the organizer's behalf (RFC 5545 3.2.18).
        cancels: whether METHOD:CANCEL means that it is off; not for one who is only taken off the list.

    Returns:
        UTF-8 with CRLF, folded at 75 octets without splitting a character (RFC 5545 3.1).

    Raises:
        ValueError: a recurrence line that is no RRULE, RDATE or EXDATE.
    """
    calendar = _calendar(method)
    zone = zone_of(meeting)
    if zone is not None:
        calendar.add_component(vtimezone(meeting, zone))
    for part in _parts(meeting, method, occurrence):
        event = Event()
        _add_identity(event, meeting)
        _add_stamps(event, stamped_at, created_at, modified_at)
        if part is None:
            _add_times(event, meeting, zone)
            _add_recurrence(event, meeting, zone)
        else:
            _add_override(event, meeting, part, zone)
        _add_words(event, meeting)
        if method is not Method.CANCEL or cancels:  # none for one who is taken off the list (RFC 5546 3.2.5)
            _add_status(event, meeting, off=method is Method.CANCEL or (part is not None and part.cancelled))
        add_details(event, meeting, method, whole=part is None)
        silent = method is Method.PUBLISH or meeting.details.announcement
        _add_people(event, meeting, () if silent else attendees, sent_by)
        calendar.add_component(event)
    octets: bytes = calendar.to_ical(sorted=False)
    return octets


def _parts(meeting: Meeting, method: Method, occurrence: Occurrence | None) -> list[Override | None]:
    """The series (None) and the occurrences that differ from it; or the one occurrence that is spoken of."""
    overrides = meeting.recurrence.overrides if meeting.recurrence else ()
    if occurrence is not None:
        found = [o for o in overrides if o.occurrence.key == occurrence.key]
        return [*found[:1]] or [Override(occurrence)]
    return [None] if method is Method.CANCEL else [None, *overrides]


class _Line(Contentline):
    """A content line that is folded by slices where nothing in it takes two octets or belongs together.

    icalendar goes from character to character: half a second for a file of a megabyte, once for each attendee.
    """

    __slots__ = ()

    def to_ical(self) -> bytes:
        """The line folded at the same places as icalendar's (RFC 5545 3.1)."""
        if not self.isascii() or "\\" in self or "^" in self:
            folded: bytes = super().to_ical()  # type: ignore[no-untyped-call]
            return folded
        return "\r\n ".join(self[at : at + _FOLDED] for at in range(0, len(self), _FOLDED)).encode()


class _Calendar(Calendar):
    def content_line(self, name: str, value: object, sorted: bool = True) -> _Line:  # noqa: A002, FBT001, FBT002  theirs
        """A property of the calendar or of anything in it."""
        return _Line(super().content_line(name, value, sorted=sorted))  # type: ignore[no-untyped-call]


def _calendar(method: Method) -> Calendar:
    calendar = _Calendar()
    calendar.add("PRODID", _PRODID)
    calendar.add("VERSION", "2.0")
    calendar.add("CALSCALE", "GREGORIAN")
    calendar.add("METHOD", method.value)
    return calendar


def _add_identity(event: Event, meeting: Meeting) -> None:
    event.add("UID", Text(meeting.uid))
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


def _add_recurrence(event: Event, meeting: Meeting, zone: ZoneInfo | None) -> None:
    """The recurrence lines with the types icalendar reads in them (RFC 5545 3.8.5)."""
    lines = [_in_form(line, zone) for line in meeting.recurrence.lines] if meeting.recurrence else []
    if not lines:
        return
    parsed = Event.from_ical("\r\n".join(("BEGIN:VEVENT", *lines, "END:VEVENT", "")))
    if parsed.errors or not set(parsed) <= {"RRULE", "RDATE", "EXDATE"}:
        raise ValueError(f"recurrence lines that cannot be written: {lines!r}")
    for name, value in parsed.property_items(recursive=False):
        if name not in {"BEGIN", "END"}:
            event.add(name, value, encode=False)


def _in_form(line: str, zone: ZoneInfo | None) -> str:
    """RDATE and EXDATE in the form of DTSTART, as Outlook compares them; other lines as they are."""
    found = _STATED.fullmatch(line)
    if found is None:
        return line
    name, day, instant = found.groups()
    if day is not None:
        return f"{name};VALUE=DATE:{day}"
    if zone is None:
        return line
    local = datetime.strptime(instant, "%Y%m%dT%H%M%S%z").astimezone(zone)
    # The second of two equal times of the clock can only be said in UTC (RFC 5545 3.3.5).
    return line if local.fold else f"{name};TZID={zone.key}:{local:%Y%m%dT%H%M%S}"


def _add_words(event: Event, meeting: Meeting) -> None:
    event.add("SUMMARY", Text(meeting.summary))
    if meeting.description:
        event.add("DESCRIPTION", Text(meeting.description))
    if meeting.location:
        event.add("LOCATION", Text(meeting.location))


def _add_status(event: Event, meeting: Meeting, *, off: bool) -> None:
    event.add("STATUS", (MeetingStatus.CANCELLED if off else meeting.status).value)


def _add_people(event: Event, meeting: Meeting, attendees: Sequence[Attendee], sent_by: str | None) -> None:
    organizer = _calendar_user(meeting.organizer, parameter(meeting.organizer_name or ""))
    if sent_by is not None:
        organizer.params["SENT-BY"] = str(_calendar_user(sent_by, ""))
    event.add("ORGANIZER", organizer)
    delegates: dict[str, list[Attendee]] = {}
    for attendee in attendees:
        if attendee.delegated_from:
            delegates.setdefault(attendee.delegated_from, []).append(attendee)
    for attendee in attendees:
        event.add("ATTENDEE", _attendee(attendee, delegates.get(attendee.address, ())))


def _attendee(attendee: Attendee, delegates: Sequence[Attendee]) -> vCalAddress:
    """ATTENDEE with what RFC 5546 3.2.2 asks of a REQUEST; CN is the address where no name is known."""
    user = _calendar_user(attendee.address, parameter(attendee.name or "") or attendee.address)
    user.params["CUTYPE"] = attendee.cutype.value
    user.params["ROLE"] = attendee.role.value
    user.params["PARTSTAT"] = attendee.partstat.value
    user.params["RSVP"] = "TRUE" if attendee.rsvp else "FALSE"
    if attendee.delegated_from:  # RFC 5546 3.2.2.3
        user.params["DELEGATED-FROM"] = str(_calendar_user(attendee.delegated_from, ""))
    if attendee.partstat is PartStat.DELEGATED and delegates:
        user.params["DELEGATED-TO"] = [str(_calendar_user(delegate.address, "")) for delegate in delegates]
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


__all__ = ["write"]
