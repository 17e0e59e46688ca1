"""An .ics whose invitations somebody else sent -> the meetings in it, taken as they are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

from rsvpd.itip.ics.details import details_of
from rsvpd.itip.ics.lines import Block, Property, parse
from rsvpd.itip.ics.reading import Limits, Unreadable, calendar_user, number
from rsvpd.itip.ics.times import Zones, in_utc, instant_of, named_zone, parse_duration, time_of
from rsvpd.itip.model import (
    Attendee,
    CalendarUser,
    CuType,
    Meeting,
    MeetingStatus,
    Method,
    Occurrence,
    Override,
    PartStat,
    Recurrence,
    Role,
    When,
)

_RECURS = ("RRULE", "RDATE", "EXDATE")


@dataclass(frozen=True, slots=True)
class Imported:
    """A meeting as an .ics says it, and when that was written (DTSTAMP, UTC; None without one)."""

    meeting: Meeting
    written_at: datetime | None


def read_meetings(data: bytes, attachment_bytes: int | None = None) -> tuple[Imported, ...] | Unreadable:
    """The meetings of a stream: the VEVENTs of one UID are one meeting and its overrides.

    SEQUENCE, PARTSTATs and times are kept, also where rsvpd itself would refuse
    them; METHOD:CANCEL and STATUS:CANCELLED give a cancelled meeting. Inline files
    are taken over as long as those of a meeting are not over `attachment_bytes`
    together (by default what a meeting may have), others are left out.
    """
    limits = Limits()
    stream = parse(data)
    calendars = [stream.root, *(b for b in stream.root.blocks if b.name == "VCALENDAR")]
    events = [(calendar, b) for calendar in calendars for b in calendar.blocks if b.name == "VEVENT"]
    if not events:
        return Unreadable("there is no VEVENT in it")
    by_uid: dict[str, list[tuple[Block, Block]]] = {}
    for calendar, event in events:
        by_uid.setdefault((event.text("UID") or "").strip(), []).append((calendar, event))
    if "" in by_uid:
        return Unreadable("a VEVENT has no UID")
    found: list[Imported] = []
    for uid, parts in by_uid.items():
        one = _meeting(uid, parts, limits, attachment_bytes)
        if isinstance(one, Unreadable):
            return one
        found.append(one)
    return tuple(found)


def _meeting(
    uid: str, parts: Sequence[tuple[Block, Block]], limits: Limits, attachment_bytes: int | None
) -> Imported | Unreadable:
    calendar, master = next(((c, e) for c, e in parts if e.first("RECURRENCE-ID") is None), parts[0])
    zones = Zones(calendar.blocks)
    start = time_of(master.first("DTSTART"), zones)
    if start is None:
        return Unreadable(f"the VEVENT {uid} has no DTSTART")
    organizer = master.first("ORGANIZER")
    host = calendar_user(organizer, zones, limits) if organizer else None
    overrides = [_override(event, Zones(c.blocks)) for c, event in parts if event.first("RECURRENCE-ID")]
    # Only overrides of the series were given (RFC 5546 3.2.2 allows it): they are what is known of it.
    recurs = tuple(_recurrence_lines(master, zones))
    recurrence = Recurrence(recurs, tuple(o for o in overrides if o)) if recurs or overrides else None
    attendees = _attendees([calendar_user(p, zones, limits) for p in master.all("ATTENDEE")])
    meeting = Meeting(
        uid=uid,
        organizer=(host.address if host else None) or "",
        organizer_name=host.name if host else None,
        start=start,
        end=_end(master, start, zones),
        zone=_zone_name(master.first("DTSTART"), start),
        summary=(master.text("SUMMARY") or "").strip(),
        description=master.text("DESCRIPTION"),
        location=master.text("LOCATION"),
        sequence=number(master.first("SEQUENCE")) or 0,
        status=_status(calendar, master),
        recurrence=recurrence,
        attendees=attendees,
        details=details_of(
            master,
            announcement=_publishes(calendar) and not attendees,  # exports say PUBLISH too, with attendees
            attachment_bytes=attachment_bytes,
        ),
    )
    return Imported(meeting, instant_of(master.first("DTSTAMP"), zones))


def _status(calendar: Block, master: Block) -> MeetingStatus:
    stated = (master.text("STATUS") or "").strip().upper()
    if stated == "CANCELLED" or (calendar.text("METHOD") or "").strip().upper() == Method.CANCEL:
        return MeetingStatus.CANCELLED
    return MeetingStatus.TENTATIVE if stated == "TENTATIVE" else MeetingStatus.CONFIRMED


def _publishes(calendar: Block) -> bool:
    return (calendar.text("METHOD") or "").strip().upper() == Method.PUBLISH


def _end(event: Block, start: When, zones: Zones) -> When:
    """DTEND, else DTSTART and DURATION, else a day or no time at all (RFC 5545 3.6.1)."""
    end = time_of(event.first("DTEND"), zones)
    if end is not None:
        return end
    length = parse_duration(event.text("DURATION") or "")
    if length is None:
        length = timedelta() if isinstance(start, datetime) else timedelta(days=1)
    try:
        return start + length
    except OverflowError:  # the last day there is
        return start


def _zone_name(found: Property | None, start: When) -> str | None:
    """The IANA name of the zone that DTSTART is given in; None for UTC, days and floating times."""
    zone: tzinfo | None = start.tzinfo if isinstance(start, datetime) else None
    if isinstance(zone, ZoneInfo):
        return zone.key
    tzid = found.parameter("TZID") if found else None
    known = named_zone(tzid.strip("\"'")) if tzid else None
    return known.key if isinstance(known, ZoneInfo) else None


def _recurrence_lines(event: Block, zones: Zones) -> Iterator[str]:
    """RRULE as written; RDATE and EXDATE as UTC instants or days, so that no zone is needed to read them."""
    for found in event.properties:
        if found.name == "RRULE":
            yield f"RRULE:{found.value.strip()}"
        elif found.name in _RECURS:
            for value in found.value.split(","):
                moment = time_of(replace(found, value=value.split("/")[0]), zones)
                if moment is not None:
                    yield f"{found.name}:{_stamp(moment)}"


def _stamp(moment: When) -> str:
    if not isinstance(moment, datetime):
        return f"{moment.year:04}{moment:%m%d}"
    stated = in_utc(moment) if moment.tzinfo else moment
    return f"{stated.year:04}{stated:%m%dT%H%M%S}{'Z' if moment.tzinfo else ''}"


def grounded(meeting: Meeting, zone: str) -> Meeting:
    """A meeting at floating times put where its organizer is."""

    def there(when: When) -> When:
        floats = isinstance(when, datetime) and when.tzinfo is None
        return when.replace(tzinfo=ZoneInfo(zone)) if floats and isinstance(when, datetime) else when

    recurrence = meeting.recurrence
    if recurrence is not None:
        moved = (
            replace(o, start=there(o.start) if o.start else None, end=there(o.end) if o.end else None)
            for o in recurrence.overrides
        )
        recurrence = replace(recurrence, overrides=tuple(moved))
    return replace(
        meeting, zone=zone, start=there(meeting.start), end=there(meeting.end), recurrence=recurrence
    )


def _override(event: Block, zones: Zones) -> Override | None:
    at = time_of(event.first("RECURRENCE-ID"), zones)
    if at is None:
        return None
    start = time_of(event.first("DTSTART"), zones)
    return Override(
        occurrence=Occurrence(in_utc(at) if isinstance(at, datetime) and at.tzinfo else at),
        cancelled=(event.text("STATUS") or "").strip().upper() == "CANCELLED",
        start=start,
        end=_end(event, start, zones) if start is not None else None,
    )


def _attendees(users: Sequence[CalendarUser]) -> tuple[Attendee, ...]:
    """One attendee for each mailbox; those without one cannot answer by mail and are left out."""
    found: dict[str, Attendee] = {}
    for user in users:
        if user.address and user.address not in found:
            found[user.address] = Attendee(
                address=user.address,
                name=user.name,
                role=user.role or Role.REQ_PARTICIPANT,
                cutype=user.cutype or CuType.INDIVIDUAL,
                rsvp=bool(user.rsvp),
                partstat=user.partstat or PartStat.NEEDS_ACTION,
                delegated_from=user.delegated_from[0] if user.delegated_from else None,
            )
    return tuple(found.values())
