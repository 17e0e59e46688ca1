"""What a person wrote (flags, JSON, TOML) made a valid meeting, or one line that says what to change."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta, tzinfo
from difflib import get_close_matches
from functools import cache
from typing import Annotated, Protocol
from uuid import uuid4
from zoneinfo import ZoneInfo, available_timezones

from email_validator import EmailNotValidError, validate_email
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from rsvpd.itip import addresses
from rsvpd.itip.model import Attendee, Meeting, Role, When

_ROLES = {
    "required": Role.REQ_PARTICIPANT,
    "optional": Role.OPT_PARTICIPANT,
    "chair": Role.CHAIR,
    "non-participant": Role.NON_PARTICIPANT,
} | {role.value.casefold(): role for role in Role}

_NAMED = re.compile(r"(?P<name>[^<>]*)<(?P<email>[^<>]*)>", re.DOTALL)
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_DAYS = r"(?:(?P<weeks>\d{1,4})W)?(?:(?P<days>\d{1,5})D)?"
_TIME = r"(?:(?P<hours>\d{1,5})H)?(?:(?P<minutes>\d{1,6})M(?:IN)?)?(?:(?P<seconds>\d{1,7})S)?"
_DURATIONS = (
    re.compile(_DAYS + _TIME, re.ASCII | re.IGNORECASE),
    re.compile(f"P{_DAYS}(?:T{_TIME})?", re.ASCII | re.IGNORECASE),
)
_YEARS = range(1970, 9000)
_UTC_NAMES = frozenset({"utc", "z", "etc/utc"})
_NO_PLACES = frozenset({"localtime", "posixrules", "Factory"})
_SPECIAL_USE = re.compile(r"(^|\.)(arpa|invalid|local|localhost|onion|test)$")


class DraftRefused(Exception):  # noqa: N818  a refusal is not a failure of the program
    """One line for the person who wrote the draft: which field, what is wrong, what to do."""


class Organizer(Protocol):
    """Who invites: a mail address, the name shown with it, and the IANA zone meant when none is given."""

    @property
    def address(self) -> str:
        """A mail address."""

    @property
    def display_name(self) -> str | None:
        """The name beside the address."""

    @property
    def zone(self) -> str | None:
        """An IANA zone or UTC."""


def _split(value: object) -> object:
    """`Name <address>`, as flags give it, in the shape of a table."""
    if not isinstance(value, str):
        return value
    found = _NAMED.fullmatch(value.strip())
    if not found:
        return {"email": value}
    return {"email": found["email"], "name": found["name"].strip().strip('"').replace('\\"', '"')}


class _Shape(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class _AttendeeShape(_Shape):
    email: str
    name: str | None = None
    role: str | None = None


class _DraftShape(_Shape):
    organizer: str
    uid: str | None = None
    summary: str
    description: str | None = None
    location: str | None = None
    start: str | datetime | date
    end: str | datetime | date | None = None
    duration: str | None = None
    zone: str | None = None
    attendees: Annotated[tuple[Annotated[_AttendeeShape, BeforeValidator(_split)], ...], Field(strict=False)]


def draft(fields: Mapping[str, object], *, organizer: Organizer, now: datetime) -> Meeting:
    """The meeting that `fields` describe, SEQUENCE 0, everybody NEEDS-ACTION.

    Args:
        fields: `organizer, uid?, summary, description?, location?, start,
            end | duration, zone?, attendees`; None counts as not given. An
            attendee is a table of `email, name?, role?` or `Name <address>`.
            `start` and `end` are a local time in `zone`, a time with an offset
            from UTC, or a day. For days `end` is DTEND, the day after the last
            (RFC 5545 3.6.1), only that the same day twice means this one day.
            `duration` is `1h30m`, `90m`, `2d` or ISO 8601; days are days by
            the calendar, hours are exact (RFC 5545 3.3.6).
        organizer: who invites; its zone, else UTC, is meant where `zone` is not given.
        now: aware; a start before it is refused.

    Raises:
        DraftRefused: anything that could not be sent; nothing is repaired by guessing.
    """
    shape = _shape(fields)
    zone = _zone(shape.zone if shape.zone is not None else organizer.zone or "UTC")
    start, end = _times(shape, zone, checked=shape.zone is not None)
    _refuse_past(start, zone, now)
    host = _address("organizer", organizer.address)
    return Meeting(
        uid=_uid(shape.uid, host),
        organizer=host,
        start=start,
        end=end,
        summary=_required("summary", shape.summary),
        organizer_name=_line("organizer", organizer.display_name),
        description=_prose("description", shape.description),
        location=_line("location", shape.location),
        zone=zone.key,
        attendees=_attendees(shape.attendees, host),
    )


def _shape(fields: Mapping[str, object]) -> _DraftShape:
    given = {key: value for key, value in fields.items() if value is not None}
    try:
        return _DraftShape.model_validate(given)
    except ValidationError as error:
        raise DraftRefused(_complaint(error)) from None


def _complaint(error: ValidationError) -> str:
    """The first thing that is wrong with the shape; an unknown key first, for it explains a missing one."""
    details = error.errors(include_url=False, include_context=False)
    first = min(details, key=lambda detail: detail["type"] != "extra_forbidden")
    place, key = _place(first["loc"]), str(first["loc"][-1])
    if first["type"] == "extra_forbidden":
        known = _AttendeeShape.model_fields if place else _DraftShape.model_fields
        return f"{place}unknown key {key!r}: {_nearest(key, known)}"
    if first["type"] == "missing":
        return f"{place}{key}: missing, {_WANTED[key]}"
    if place and len(first["loc"]) == 2:
        return f"{place}write 'Name <address>', or a table with email, name and role"
    name = key if place else str(first["loc"][0])
    return f"{place}{name}: not understood, {_WANTED[name]}"


def _place(location: Sequence[int | str]) -> str:
    if location[0] == "attendees" and len(location) > 1:
        return f"attendee {int(location[1]) + 1}: "
    return ""


_WANTED = {
    "organizer": "give the name of an organizer of the configuration",
    "uid": "give a text, or leave it out for a new one",
    "summary": "say in one line what the meeting is",
    "description": "give a text",
    "location": "give a text of one line",
    "start": "write it like 2026-12-03T14:00, or 2026-12-03 for a whole day",
    "end": "write it like 2026-12-03T15:00, or give a duration",
    "duration": "write it like 1h30m, 90m or 2d",
    "zone": "give an IANA zone like Europe/Zurich, or UTC",
    "attendees": "give at least one, as 'Name <address>'",
    "email": "give a mail address",
    "name": "give a text",
    "role": "give required, optional, chair or non-participant",
}


def _nearest(key: str, known: Mapping[str, object]) -> str:
    close = get_close_matches(key, known, n=1)
    return f"did you mean {close[0]!r}?" if close else f"known are {', '.join(known)}"


# What stands in a header


def _line(field: str, value: str | None) -> str | None:
    """`value` without the blanks around it, None if nothing is left; no line break, nothing invisible."""
    if value is None:
        return None
    if any(unicodedata.category(c) in {"Cc", "Cs", "Zl", "Zp"} for c in value):
        raise DraftRefused(f"{field}: has a line break or another control character, write it on one line")
    return value.strip() or None


def _required(field: str, value: str) -> str:
    found = _line(field, value)
    if found is None:
        raise DraftRefused(f"{field}: empty, {_WANTED[field]}")
    return found


def _prose(field: str, value: str | None) -> str | None:
    """`value` with its lines kept, each ended by a line feed."""
    if value is None:
        return None
    text = value.replace("\r\n", "\n").replace("\r", "\n")
    if any(unicodedata.category(c) in {"Cc", "Cs"} for c in text if c not in "\n\t"):
        raise DraftRefused(f"{field}: has a control character, take it out")
    return text.strip() or None


def _uid(given: str | None, host: str) -> str:
    """The UID octet for octet, or a new one (RFC 7986 5.3)."""
    if given is None:
        return f"{uuid4()}@{addresses.domain(host)}"
    _required("uid", given)
    return given


# Who


def _attendees(shapes: Sequence[_AttendeeShape], host: str) -> tuple[Attendee, ...]:
    if not shapes:
        raise DraftRefused(f"attendees: none, {_WANTED['attendees']}")
    found: dict[str, Attendee] = {}
    for number, shape in enumerate(shapes, 1):
        attendee = _attendee(f"attendee {number}", shape)
        if attendee.address == host:
            raise DraftRefused(
                f"attendee {number}: {host} is the organizer; Outlook then shows no buttons, leave it out"
            )
        if attendee.address in found:
            raise DraftRefused(f"attendee {number}: {attendee.address} is there twice, leave one out")
        found[attendee.address] = attendee
    return tuple(found.values())


def _attendee(place: str, shape: _AttendeeShape) -> Attendee:
    role = _ROLES.get((shape.role or "required").strip().casefold())
    if role is None:
        raise DraftRefused(f"{place}: unknown role {shape.role!r}, {_WANTED['role']}")
    address = _address(place, shape.email)
    return Attendee(address=address, name=_line(f"{place}: name", shape.name), role=role)


def _address(place: str, text: str) -> str:
    """`text` normalised, if it is one mail address (RFC 5321, RFC 6531); DNS is not asked."""
    _line(place, text)
    address = addresses.normalise(text)
    if address is None:
        raise DraftRefused(f"{place}: {text!r} is no mail address, write it like ann@example.org")
    try:
        validate_email(_testable(address), check_deliverability=False, globally_deliverable=False)
    except EmailNotValidError as error:
        raise DraftRefused(f"{place}: {text!r} is no mail address: {_first_sentence(error)}") from None
    return address


def _testable(address: str) -> str:
    """`address` with a reserved top-level domain swapped: email-validator refuses intranets by name."""
    local, _, domain = address.rpartition("@")
    public = _SPECIAL_USE.sub(r"\1example", domain)
    return f"{local}@{public}"


def _first_sentence(error: EmailNotValidError) -> str:
    return str(error).split(". ", 1)[0].rstrip(".")


# When


def _zone(name: str) -> ZoneInfo:
    text = name.strip()
    if text.casefold() in _UTC_NAMES:
        return ZoneInfo("UTC")
    if text not in _zones():
        close = get_close_matches(text, _zones(), n=1)
        hint = f"did you mean {close[0]}?" if close else _WANTED["zone"]
        raise DraftRefused(f"zone: unknown zone {name!r}, {hint}")
    return ZoneInfo(text)


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones()) - _NO_PLACES


def _times(shape: _DraftShape, zone: ZoneInfo, *, checked: bool) -> tuple[When, When]:
    """DTSTART and DTEND; `checked` when an offset must be that of `zone`."""
    start = _when("start", shape.start, zone, checked=checked)
    if shape.end is not None and shape.duration is not None:
        raise DraftRefused("end, duration: give one of the two")
    if shape.duration is not None:
        return start, _after(start, shape.duration, zone)
    if shape.end is None:
        raise DraftRefused(f"end: missing, {_WANTED['end']}")
    return start, _end(start, _when("end", shape.end, zone, checked=checked))


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
    days, exact = _parts(duration)
    if isinstance(start, datetime):
        local = start.replace(tzinfo=None) + days
        return (local.replace(tzinfo=zone, fold=start.fold).astimezone(UTC) + exact).astimezone(zone)
    if exact % timedelta(days=1):
        raise DraftRefused("duration: a meeting of whole days lasts whole days, like 1d")
    return start + days + exact


def _parts(duration: str) -> tuple[timedelta, timedelta]:
    """Days by the calendar, and exact time."""
    text = "".join(duration.split())
    found = next(filter(None, (form.fullmatch(text) for form in _DURATIONS)), None)
    numbers = {unit: int(number) for unit, number in found.groupdict("0").items()} if found else {}
    if not any(numbers.values()):
        raise DraftRefused(f"duration: {duration!r} not understood, {_WANTED['duration']}")
    days = timedelta(weeks=numbers.pop("weeks"), days=numbers.pop("days"))
    return days, timedelta(**numbers)


def _when(field: str, given: str | datetime | date, zone: ZoneInfo, *, checked: bool) -> When:
    value = _parsed(field, given) if isinstance(given, str) else given
    if value.year not in _YEARS:
        raise DraftRefused(f"{field}: {value.isoformat()} is too far away, check the year")
    if not isinstance(value, datetime):
        return value
    value = value.replace(microsecond=0)
    return (
        _local(field, value, zone) if value.tzinfo is None else _agreeing(field, value, zone, checked=checked)
    )


def _parsed(field: str, text: str) -> When:
    value = text.strip()
    try:
        if _DAY.fullmatch(value):
            return date.fromisoformat(value)
        return datetime.fromisoformat(value)
    except ValueError:
        raise DraftRefused(f"{field}: {text!r} not understood, {_WANTED[field]}") from None


def _local(field: str, value: datetime, zone: ZoneInfo) -> datetime:
    """The one instant at which the clocks of `zone` show `value` (RFC 5545 3.3.5)."""
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


def _refuse_past(start: When, zone: tzinfo, now: datetime) -> None:
    past = start < now if isinstance(start, datetime) else start < now.astimezone(zone).date()
    if past:
        raise DraftRefused(f"start: {start.isoformat()} is in the past, check the date")
