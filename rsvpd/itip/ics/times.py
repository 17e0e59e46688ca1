"""Calendar times and zones as clients write them (RFC 5545 3.3.4, 3.3.5, 3.3.6, 3.6.5)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo

from icalendar import Timezone
from icalendar.timezone.windows_to_olson import WINDOWS_TO_OLSON

from rsvpd.itip.ics.lines import Block, Property
from rsvpd.itip.model import When

_TIME = re.compile(r"(\d{4})(\d{2})(\d{2})(?:T(\d{2})(\d{2})(\d{2})?(?:[.,]\d+)?\s*(Z)?)?", re.IGNORECASE)
_EXTENDED = re.compile(
    r"(\d{4})-(\d{2})-(\d{2})(?:T(\d{2}):(\d{2}):?(\d{2})?(?:[.,]\d+)?\s*(Z)?)?", re.IGNORECASE
)
_DURATION = re.compile(
    r"([+-]?)P(?:(\d{1,5})W)?(?:(\d{1,6})D)?(?:T(?:(\d{1,6})H)?(?:(\d{1,7})M)?(?:(\d{1,9})S)?)?"
)
_CACHED_CHARACTERS = 4_000
_UTC_NAMES = frozenset({"utc", "gmt", "z", "etc/utc", "tzone://microsoft/utc", "coordinated universal time"})
_WINDOWS = {name.casefold(): zone for name, zone in WINDOWS_TO_OLSON.items()}


def time_of(found: Property | None, zones: Zones) -> When | None:
    """The time a property names: aware, a date, or naive where it is floating or its zone is unknown."""
    if found is None:
        return None
    when = parse_time(found.value)
    if isinstance(when, datetime) and when.tzinfo is None:
        zone = zones.get(found.parameter("TZID"))
        return when.replace(tzinfo=zone) if zone else when
    return when


def instant_of(found: Property | None, zones: Zones) -> datetime | None:
    """The instant a property names, in UTC; a floating one is taken as UTC (it was meant to be)."""
    when = time_of(found, zones)
    if not isinstance(when, datetime):
        return None
    return in_utc(when)


def in_utc(moment: datetime) -> datetime:
    """The instant in UTC; a floating one as if it were, and so the first and last day there is."""
    try:
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except OverflowError:
        return moment.replace(tzinfo=UTC)


def parse_time(text: str) -> When | None:
    """`20261203T140000Z`, `20261203T140000` or `20261203`; also with the separators of ISO 8601."""
    value = text.strip().strip('"')
    found = _TIME.match(value) or _EXTENDED.match(value)
    if not found:
        return None
    year, month, day, hour, minute, second = (int(part or 0) for part in found.groups()[:6])
    try:
        if found[4] is None:
            return date(year, month, day)
        # RFC 5545 3.3.12 allows a leap second, which Python's clock has not.
        return datetime(year, month, day, hour, minute, min(second, 59), tzinfo=UTC if found[7] else None)
    except ValueError:
        return None


def parse_duration(text: str) -> timedelta | None:
    """`PT1H30M`, `P2D`, `-PT15M` (RFC 5545 3.3.6)."""
    found = _DURATION.fullmatch(text.strip().upper())
    if not found or not any(found.groups()[1:]):
        return None
    weeks, days, hours, minutes, seconds = (int(part or 0) for part in found.groups()[1:])
    length = timedelta(weeks=weeks, days=days, hours=hours, minutes=minutes, seconds=seconds)
    return -length if found[1] == "-" else length


class Zones:
    """The zones of one calendar: IANA names, Windows names, and what its VTIMEZONEs define.

    A VTIMEZONE is looked at last and only when a time needs it: clients send
    empty, outdated and missing ones under well-known names.
    """

    def __init__(self, blocks: Sequence[Block]) -> None:
        self._defined: Mapping[str, Block] = {
            (block.text("TZID") or "").strip().casefold(): block
            for block in blocks
            if block.name == "VTIMEZONE"
        }

    def get(self, tzid: str | None) -> tzinfo | None:
        """The zone called `tzid`, None where nothing says what it is."""
        if not tzid or not tzid.strip():
            return None
        name = tzid.strip().strip("\"'")
        block = self._defined.get(name.casefold())
        return named_zone(name) or (_defined_zone(block) if block else None)


@lru_cache(maxsize=1024)
def named_zone(name: str) -> tzinfo | None:
    """A zone by its IANA name, also behind a prefix (`/freeassociation…/Europe/Zurich`), or by Windows name."""
    if name.casefold() in _UTC_NAMES:
        return UTC
    windows = _WINDOWS.get(name.casefold())
    if windows:
        return _iana(windows)
    parts = name.strip("/").split("/")
    for length in (3, 2, 1) if name.startswith("/") else (len(parts),):
        if length <= len(parts) and (zone := _iana("/".join(parts[-length:]))):
            return zone
    return None


def _iana(name: str) -> ZoneInfo | None:
    try:
        return ZoneInfo(name)
    except (ValueError, OSError):  # ZoneInfoNotFoundError is a KeyError of its own
        return None
    except KeyError:
        return None


def _defined_zone(block: Block) -> tzinfo | None:
    if not any(inner.name in {"STANDARD", "DAYLIGHT"} for inner in block.blocks):
        return None  # Roundcube sends an empty VTIMEZONE
    written = _rendered(block)
    return (
        _zone_written(written) if len(written) <= _CACHED_CHARACTERS else _zone_written.__wrapped__(written)
    )


@lru_cache(maxsize=256)  # every mail of a client has the same one, and each takes milliseconds
def _zone_written(written: str) -> tzinfo | None:
    try:
        component = Timezone.from_ical(written)
        zone = component.to_tz(lookup_tzid=False) if isinstance(component, Timezone) else UTC
        zone.utcoffset(datetime(2026, 1, 1))  # noqa: DTZ001  a broken one shows itself when asked
    except Exception:  # noqa: BLE001  icalendar raises many kinds on broken zones: then the zone is unknown
        return None
    return zone


def _rendered(block: Block) -> str:
    lines = [f"BEGIN:{block.name}", *(_line(p) for p in block.properties)]
    for inner in block.blocks:
        lines += [f"BEGIN:{inner.name}", *(_line(p) for p in inner.properties), f"END:{inner.name}"]
    return "\r\n".join([*lines, f"END:{block.name}", ""])


def _line(found: Property) -> str:
    return f"{found.name}:{found.value}"
