"""A meeting and its people for the tests of letters, and a reader of HTML."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from html.parser import HTMLParser
from zoneinfo import ZoneInfo

from rsvpd import letters
from rsvpd.itip.compose import Letter
from rsvpd.itip.model import (
    Attendee,
    CuType,
    Details,
    Meeting,
    Occurrence,
    Override,
    Recurrence,
    Role,
)
from rsvpd.letters import Style

ZURICH = "Europe/Zurich"
BEAT = Attendee("beat@example.org", "Beat Müller")
CARLA = Attendee("carla@example.org", "Carla", role=Role.OPT_PARTICIPANT)
ROOM = Attendee("aurora@example.org", "Aurora", cutype=CuType.ROOM)


def at(day: int, hour: int, zone: str = ZURICH, month: int = 12) -> datetime:
    return datetime(2026, month, day, hour, tzinfo=ZoneInfo(zone))


def occurrence(day: int, hour: int = 14) -> Occurrence:
    return Occurrence(at(day, hour).astimezone(UTC))


MEETING = Meeting(
    uid="1@example.org",
    organizer="ann@example.org",
    organizer_name="Ann Example",
    start=at(3, 14),
    end=at(3, 15),
    summary="Budget",
    zone=ZURICH,
    attendees=(BEAT, CARLA),
)
FULL = replace(
    MEETING,
    location="Room 7",
    description="Bring your figures.",
    details=Details(conference="https://meet.example.org/7", url="https://example.org/budget"),
)
SERIES = replace(FULL, recurrence=Recurrence(("RRULE:FREQ=WEEKLY",)))


def moved(meeting: Meeting) -> Meeting:
    """The meeting on the next day at ten, elsewhere."""
    return replace(meeting, start=at(4, 10), end=at(4, 11), location="Room 8")


def with_override(*overrides: Override, meeting: Meeting = SERIES) -> Meeting:
    recurrence = meeting.recurrence or Recurrence()
    return replace(meeting, recurrence=replace(recurrence, overrides=overrides))


KINDS: Mapping[str, Callable[[Meeting, Attendee, Style], Letter]] = {
    "invitation": lambda m, a, s: letters.invitation(m, a, style=s),
    "reminder": lambda m, a, s: letters.invitation(m, a, style=s, reminder=True),
    "updated": lambda m, a, s: letters.updated(m, moved(m), a, style=s),
    "cancelled": lambda m, a, s: letters.cancelled(m, a, style=s),
    "cancelled_occurrence": lambda m, a, s: letters.cancelled(m, a, style=s, occurrence=occurrence(10)),
    "removed": lambda m, a, s: letters.removed(m, a, style=s),
    "proposal_declined": lambda m, a, s: letters.proposal_declined(m, a, s.message, style=s),
    "announcement": lambda m, a, s: letters.announcement(m, a, style=s),
}
"""Every letter there is."""


class Reader(HTMLParser):
    """What a person sees, what can be clicked, and which elements there are."""

    def __init__(self) -> None:
        super().__init__()
        self.text = ""
        self.links: list[str | None] = []
        self.elements: set[str] = set()
        self.struck: list[str] = []
        self._silent = False
        self._struck = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.add(tag)
        self._silent = tag in {"style", "title"}
        self._struck |= tag == "s"
        self.text += "\n" if tag in {"br", "div", "tr", "p"} else ""
        self.links += [value for name, value in attrs if name == "href"]

    def handle_endtag(self, tag: str) -> None:
        self._silent &= tag not in {"style", "title"}
        self._struck &= tag != "s"

    def handle_data(self, data: str) -> None:
        self.text += "" if self._silent else " ".join(re.split(r"\s+", data))
        self.struck += [data] if self._struck else []


def read(html: str) -> Reader:
    reader = Reader()
    reader.feed(html)
    return reader


def flat(text: str) -> str:
    """`text` on one line."""
    return " ".join(text.split())
