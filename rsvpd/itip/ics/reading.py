"""Calendar bytes -> the iTIP components in them (RFC 5546 1.4, 3)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeVar

from rsvpd.itip import quirks
from rsvpd.itip.addresses import normalise
from rsvpd.itip.ics.lines import Block, Property, parse
from rsvpd.itip.ics.times import Zones, instant_of, parse_duration, parse_time, time_of
from rsvpd.itip.model import CalendarUser, Component, CuType, Method, PartStat, Role, When

_COMPONENTS = frozenset({"VEVENT", "VTODO", "VJOURNAL", "VFREEBUSY"})
_LARGEST = 2**31 - 1
_GUESTS_LIMIT = 10_000
_PROPOSED = re.compile(r"PROPOS")
_DIGITS = re.compile(r"\s*0*(\d+)\s*")
_Word = TypeVar("_Word", Method, PartStat, Role, CuType)


@dataclass(frozen=True, slots=True)
class Limits:
    """What one message may hold before it is refused (README, Limits)."""

    calendar_bytes: int = 1024 * 1024
    message_bytes: int = 25 * 1024 * 1024
    mime_depth: int = 20
    components: int = 100
    attendees: int = 2_000
    comment_characters: int = 4_000


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Why a calendar part could not be read even leniently."""

    why: str


def read(
    data: bytes, charset: str | None = None, method: str | None = None, limits: Limits | None = None
) -> tuple[Component, ...] | Unreadable:
    """Every VEVENT, VTODO, VJOURNAL and VFREEBUSY of a stream of calendars; never raises.

    The METHOD in the body decides; `method`, the Content-Type's, only stands in
    for one that is missing (RFC 6047 2.4 wants them equal, clients differ).
    """
    limits = limits or Limits()
    if len(data) > limits.calendar_bytes:
        return Unreadable(f"the calendar is larger than the limit of {limits.calendar_bytes} bytes")
    stream = parse(data, charset)
    found = tuple(_components(stream.root, method, limits))
    wrong = "the calendar has more properties than the limit" if stream.cut else _problem(found, limits)
    return Unreadable(wrong) if wrong else found


def _problem(found: Sequence[Component], limits: Limits) -> str | None:
    if not found:
        return "there is no component in the calendar"
    if len(found) > limits.components:
        return f"the calendar has more components than the limit of {limits.components}"
    if any(len(component.attendees) > limits.attendees for component in found):
        return f"the calendar names more attendees than the limit of {limits.attendees}"
    if not all(component.uid for component in found):
        return "a component has no UID"
    return None


def _components(root: Block, declared: str | None, limits: Limits) -> Iterator[Component]:
    for calendar in [root, *(block for block in root.blocks if block.name == "VCALENDAR")]:
        inside = [block for block in calendar.blocks if block.name in _COMPONENTS]
        if not inside:
            continue
        zones = Zones(calendar.blocks)
        stated = calendar.text("METHOD") or declared or ""
        method = _enum(Method, stated)
        prodid = calendar.text("PRODID")
        for block in inside[: limits.components + 1]:
            yield _component(block, method, prodid, zones, limits)


def _component(
    block: Block, method: Method | None, prodid: str | None, zones: Zones, limits: Limits
) -> Component:
    recurrence_id = block.first("RECURRENCE-ID")
    attendees = [calendar_user(p, zones, limits) for p in block.all("ATTENDEE")]
    organizer = block.first("ORGANIZER")
    start = time_of(block.first("DTSTART"), zones)
    return Component(
        kind=block.name,
        method=method,
        uid=(block.text("UID") or "").strip(),
        sequence=quirks.sequence(number(block.first("SEQUENCE")), _appointment_sequence(block)),
        dtstamp=instant_of(block.first("DTSTAMP"), zones),
        replied_at=quirks.reply_time(instant_of(block.first("X-MICROSOFT-CDO-REPLYTIME"), zones)),
        recurrence_id=time_of(recurrence_id, zones),
        this_and_future=bool(
            recurrence_id and (recurrence_id.parameter("RANGE") or "").upper() == "THISANDFUTURE"
        ),
        attendees=tuple(attendees),
        organizer=calendar_user(organizer, zones, limits) if organizer else None,
        start=start,
        end=_end(block, start, zones),
        summary=block.text("SUMMARY"),
        location=block.text("LOCATION"),
        comment=_comment(block, prodid, limits),
        request_status=tuple(p.text for p in block.all("REQUEST-STATUS")),
        prodid=prodid,
    )


def _appointment_sequence(block: Block) -> int | None:
    return number(block.first("X-MICROSOFT-CDO-APPT-SEQUENCE"))


def _end(block: Block, start: When | None, zones: Zones) -> When | None:
    end = time_of(block.first("DTEND"), zones)
    length = parse_duration(block.text("DURATION") or "")
    if end is None and start is not None and length is not None:
        try:
            return start + length
        except OverflowError:
            return None
    return end


def _comment(block: Block, prodid: str | None, limits: Limits) -> str | None:
    properties = (
        *block.all("COMMENT"),
        *block.all("X-CALENDARSERVER-PRIVATE-COMMENT"),
    )  # iOS writes the latter
    stated = next((p.text for p in properties if p.text.strip()), None)
    if stated is None and quirks.keeps_comment_in_description(prodid):
        stated = block.text("DESCRIPTION")
    return bounded(stated, limits.comment_characters)


def bounded(text: str | None, characters: int) -> str | None:
    """`text` without white space around it, cut to `characters`; None where nothing is left."""
    return (text or "").strip()[:characters].strip() or None


def calendar_user(found: Property, zones: Zones, limits: Limits) -> CalendarUser:
    """An ATTENDEE or ORGANIZER property as a value."""
    proposed = sorted(
        moment
        for name, values in found.parameters.items()
        if _PROPOSED.search(name)
        for value in values
        for moment in _moments(value, zones, found)
    )
    rsvp = found.parameter("RSVP")
    return CalendarUser(
        address=_address(found),
        name=bounded((found.parameter("CN") or "").strip("\"'"), 300),
        partstat=_enum(PartStat, found.parameter("PARTSTAT") or ""),
        role=_enum(Role, found.parameter("ROLE") or ""),
        cutype=_enum(CuType, found.parameter("CUTYPE") or ""),
        rsvp=rsvp.strip().upper() == "TRUE" if rsvp else None,
        guests=_guests(found.parameter("X-NUM-GUESTS")),
        comment=bounded(
            quirks.response_comment(found.parameters.get("X-RESPONSE-COMMENT", ())), limits.comment_characters
        ),
        sent_by=normalise(found.parameter("SENT-BY") or ""),
        delegated_to=_addresses(found, "DELEGATED-TO"),
        delegated_from=_addresses(found, "DELEGATED-FROM"),
        proposed_start=proposed[0] if proposed else None,
        proposed_end=proposed[1] if len(proposed) > 1 else None,
    )


def _address(found: Property) -> str | None:
    """The mailbox of a calendar user; EMAIL= (RFC 7986 6.2) stands in where the address is none."""
    return normalise(found.value) or normalise(found.parameter("EMAIL") or "")


def _addresses(found: Property, name: str) -> tuple[str, ...]:
    addresses = (normalise(value) for value in found.parameters.get(name, ()))
    return tuple(address for address in addresses if address)


def _moments(value: str, zones: Zones, found: Property) -> Iterator[datetime]:
    for part in value.split("/"):
        when = parse_time(part)
        if isinstance(when, datetime):
            zone = zones.get(found.parameter("TZID")) or UTC
            with suppress(OverflowError):  # the first or the last day there is
                yield (when if when.tzinfo else when.replace(tzinfo=zone)).astimezone(UTC)


def number(found: Property | None) -> int | None:
    """A property of type INTEGER that is not negative, None where it is no such number (RFC 5545 3.3.8)."""
    return _integer(found.value) if found else None


def _integer(text: str) -> int | None:
    digits = _DIGITS.fullmatch(text)
    return min(int(digits[1][:11]), _LARGEST) if digits else None


def _guests(text: str | None) -> int | None:
    guests = _integer(text or "")
    return min(guests, _GUESTS_LIMIT) if guests is not None else None


def _enum(kind: type[_Word], text: str) -> _Word | None:
    try:
        return kind(text.strip().upper())
    except ValueError:
        return None
