"""Calendar times, durations and zones as clients write them (RFC 5545 3.3.4, 3.3.5, 3.3.6, 3.6.5)."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from rsvpd.itip.ics import times, zones
from rsvpd.itip.ics.lines import parse, parse_line
from rsvpd.itip.ics.reading import Unreadable, read
from rsvpd.itip.ics.times import Zones
from rsvpd.itip.model import Component

ZURICH = ZoneInfo("Europe/Zurich")


def component(data: bytes) -> Component:
    found = read(data)
    assert not isinstance(found, Unreadable), found
    return found[0]


TIMES: dict[str, object] = {
    "20261203T140000Z": datetime(2026, 12, 3, 14, 0, tzinfo=UTC),
    "20261203t140000z": datetime(2026, 12, 3, 14, 0, tzinfo=UTC),
    "20261203T140000": datetime(2026, 12, 3, 14, 0),  # noqa: DTZ001  floating
    "20261203T1400Z": datetime(2026, 12, 3, 14, 0, tzinfo=UTC),
    "20261203T140000.123Z": datetime(2026, 12, 3, 14, 0, tzinfo=UTC),
    "20261203T235960Z": datetime(2026, 12, 3, 23, 59, 59, tzinfo=UTC),
    "2026-12-03T14:00:00Z": datetime(2026, 12, 3, 14, 0, tzinfo=UTC),
    "2026-12-03": date(2026, 12, 3),
    "20261203": date(2026, 12, 3),
    ' "20261203" ': date(2026, 12, 3),
    "20261303": None,
    "20261203T250000Z": None,
    "tomorrow": None,
    "": None,
}


@pytest.mark.parametrize("text", TIMES)
def test_times(text: str) -> None:
    assert times.parse_time(text) == TIMES[text]


DURATIONS = {
    "PT1H30M": timedelta(hours=1, minutes=30),
    "P2D": timedelta(days=2),
    "P1W": timedelta(weeks=1),
    "-PT15M": timedelta(minutes=-15),
    "+P1DT1S": timedelta(days=1, seconds=1),
    "pt5m": timedelta(minutes=5),
    "P": None,
    "PT": None,
    "1H": None,
    "": None,
}


@pytest.mark.parametrize("text", DURATIONS)
def test_durations(text: str) -> None:
    assert times.parse_duration(text) == DURATIONS[text]


ZONE = """BEGIN:VTIMEZONE
TZID:{name}
BEGIN:STANDARD
DTSTART:19701025T030000
TZOFFSETFROM:+0500
TZOFFSETTO:+0430
END:STANDARD
END:VTIMEZONE
"""

NAMED: dict[str, float | None] = {
    "Europe/Zurich": 1,
    "europe/zurich": None,
    '"Europe/Zurich"': 1,
    "W. Europe Standard Time": 1,
    "w. europe standard TIME": 1,
    "Eastern Standard Time": -5,
    "tzone://Microsoft/Utc": 0,
    "Etc/UTC": 0,
    "UTC": 0,
    "GMT": 0,
    "/freeassociation.sourceforge.net/Europe/Zurich": 1,
    "/citadel.org/20070227_1/America/Argentina/Buenos_Aires": -3,
    "/freeassociation.sourceforge.net/Tzfile/UTC": 0,
    "Ours": 4.5,
    "OURS": 4.5,
    "Empty": None,
    "Broken": None,
    "Nowhere": None,
    "../../etc/passwd": None,
    "/": None,
    "\0": None,
    "": None,
    " ": None,
}


@pytest.mark.parametrize("name", [n for n in NAMED if n != "europe/zurich"])
def test_zones(name: str) -> None:
    broken = ZONE.format(name="Broken").replace("+0430", "x")
    empty = "BEGIN:VTIMEZONE\nTZID:Empty\nEND:VTIMEZONE\n"
    known = Zones(parse((ZONE.format(name="Ours") + empty + broken).encode()).root.blocks)
    zone = known.get(name)
    offset = zone.utcoffset(datetime(2026, 12, 3)) if zone else None  # noqa: DTZ001  local
    assert (offset / timedelta(hours=1) if offset is not None else None) == NAMED[name]


def test_a_known_name_counts_before_the_zone_that_was_sent() -> None:
    """Clients send outdated and empty zones under well-known names."""
    zones = Zones(parse(ZONE.format(name="Europe/Zurich").encode()).root.blocks)
    assert zones.get("Europe/Zurich") == ZURICH


def test_a_zone_behind_the_event_that_uses_it() -> None:
    text = "BEGIN:VCALENDAR\nBEGIN:VEVENT\nUID:u\nDTSTART;TZID=Ours:20261203T130000\nEND:VEVENT\n"
    one = component((text + ZONE.format(name="Ours") + "END:VCALENDAR\n").encode())
    assert isinstance(one.start, datetime)
    assert one.start.astimezone(UTC) == datetime(2026, 12, 3, 8, 30, tzinfo=UTC)


def test_a_time_whose_zone_nobody_knows_floats() -> None:
    data = b"BEGIN:VEVENT\r\nUID:u\r\nRECURRENCE-ID;TZID=Nowhere:20261210T140000\r\n"
    assert component(data).recurrence_id == datetime(2026, 12, 10, 14, 0)  # noqa: DTZ001


INSTANTS: dict[str, datetime | None] = {
    "DTSTAMP:20261123T102542": datetime(2026, 11, 23, 10, 25, 42, tzinfo=UTC),
    "DTSTAMP;TZID=Europe/Zurich:20261123T112542": datetime(2026, 11, 23, 10, 25, 42, tzinfo=UTC),
    "DTSTAMP:20261123": None,
    "DTSTAMP:x": None,
}


@pytest.mark.parametrize("line", INSTANTS)
def test_instants(line: str) -> None:
    assert times.instant_of(parse_line(line), Zones(())) == INSTANTS[line]


@pytest.mark.parametrize("zone", ["Europe/Zurich", "America/New_York"])
@pytest.mark.parametrize("value", ["00010101T000000", "99991231T235959"])
def test_an_instant_at_the_end_of_time_is_near_it_or_none(zone: str, value: str) -> None:
    found = times.instant_of(parse_line(f"DTSTAMP;TZID={zone}:{value}"), Zones(()))
    assert found is None or abs(found.year - int(value[:4])) <= 1


def test_a_change_of_clocks_that_no_simple_rule_says_has_none() -> None:
    """Jerusalem changes on the Friday before the last Sunday of March: the fourth, or the fifth."""
    onsets = [datetime(2023, 3, 24, 2), datetime(2024, 3, 29, 2)]  # noqa: DTZ001  local times
    assert zones._rule(onsets, 2023, 2024) is None
    assert zones._rule(onsets[:1], 2023, 2023) is not None
