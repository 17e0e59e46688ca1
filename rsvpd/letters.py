"""What a person reads in the mails: the words are in `templates/`, only their material is made here."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from markupsafe import Markup, escape

from rsvpd.itip.compose import Letter
from rsvpd.itip.model import Attendee, Meeting, Role

_SHOWN = 20
"""With more attendees than these the letter gives their number only."""
_URL = re.compile(r"https?://[^\s<>\"'`]+", re.IGNORECASE)
_NOT_THE_URL = ".,;:!?…"


def invitation(meeting: Meeting, attendee: Attendee) -> Letter:
    """The letter that invites `attendee`; times are in the zone of the meeting, else in UTC."""
    return _letter("invitation", meeting, attendee)


def proposal_declined(meeting: Meeting, attendee: Attendee, words: str | None) -> Letter:
    """The letter that tells `attendee` that the meeting stays as it is; `words` are the organizer's."""
    return _letter("proposal_declined", meeting, attendee, words=_paragraphs(words or ""))


@dataclass(frozen=True, slots=True)
class Span:
    """When a meeting is, by the clocks of one zone.

    `last` is the last day it touches: for an all-day meeting the day before
    DTEND (RFC 5545 3.6.1), else the day of `end`. `offset` is the offset from
    UTC at the start as `UTC+01:00`; `end_offset` is the same at the end where
    the clocks change in between, else None. Both are None for floating times.
    """

    all_day: bool
    start: datetime
    end: datetime
    last: date
    zone: str | None
    offset: str | None
    end_offset: str | None

    @property
    def one_day(self) -> bool:
        """Whether it starts and ends on the same day."""
        return self.start.date() == self.last

    @property
    def overnight(self) -> bool:
        """Whether it ends on the next day, before a whole day is over."""
        return self.last - self.start.date() == timedelta(days=1) and self.end - self.start < timedelta(
            days=1
        )

    @property
    def days(self) -> int:
        """How many days it touches."""
        return (self.last - self.start.date()).days + 1


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody named in a letter."""

    name: str
    address: str
    optional: bool = False
    reader: bool = False


def _letter(template: str, meeting: Meeting, attendee: Attendee, **more: str) -> Letter:
    people = [_person(each, attendee) for each in meeting.attendees if not each.removed]
    material = {
        "summary": _line(meeting.summary),
        "when": _span(meeting),
        "series": bool(meeting.recurrence and meeting.recurrence.lines),
        "location": _line(meeting.location or ""),
        "description": _paragraphs(meeting.description or ""),
        "organizer": Person(_line(meeting.organizer_name or ""), meeting.organizer),
        "people": _shown(people),
        "count": len(people),
        "me": attendee,
        **more,
    }
    subject, _, text = _environment().get_template(f"{template}.txt.j2").render(material).partition("\n")
    html = _environment().get_template(f"{template}.html.j2").render(material | {"subject": _line(subject)})
    return Letter(_line(subject), text.strip() + "\n", html)


def _person(attendee: Attendee, reader: Attendee) -> Person:
    name = _line(attendee.name or "")
    optional = attendee.role is Role.OPT_PARTICIPANT
    return Person(name, attendee.address, optional, reader=attendee.address == reader.address)


def _shown(people: Sequence[Person]) -> Sequence[Person]:
    return people if len(people) <= _SHOWN else ()


def _span(meeting: Meeting) -> Span:
    start, end = meeting.start, meeting.end
    if not isinstance(start, datetime) or not isinstance(end, datetime):
        first, after = _midnight(start), _midnight(end)
        last = max(first, after - timedelta(days=1)).date()
        return Span(True, first, after, last, None, None, None)
    if start.tzinfo is None or end.tzinfo is None:
        return Span(False, start, end, end.date(), None, None, None)
    zone, name = _zone(meeting.zone)
    start, end = start.astimezone(zone), end.astimezone(zone)
    offset, end_offset = _offset(start), _offset(end)
    naive = start.replace(tzinfo=None), end.replace(tzinfo=None)
    return Span(False, *naive, end.date(), name, offset, None if end_offset == offset else end_offset)


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day)  # noqa: DTZ001  a day has no zone


def _zone(name: str | None) -> tuple[ZoneInfo, str]:
    try:
        return ZoneInfo(name or "UTC"), name or "UTC"
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return ZoneInfo("UTC"), "UTC"


def _offset(at: datetime) -> str:
    """`UTC+05:30`."""
    minutes = int((at.utcoffset() or timedelta()).total_seconds()) // 60
    sign = "-" if minutes < 0 else "+"
    return f"UTC{sign}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}"


def _line(text: str) -> str:
    """`text` on one line and without control characters, as a header or a heading wants it."""
    return " ".join(_paragraphs(text).split())


def _paragraphs(text: str) -> str:
    lines = text.replace("\r\n", "\n").replace("\r", "\n").replace("\u2028", "\n").replace("\u2029", "\n")
    return "".join(c for c in lines if c in "\n\t" or unicodedata.category(c) not in {"Cc", "Cs"}).strip()


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("rsvpd"),
        autoescape=select_autoescape(["html.j2"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["linked"] = _linked
    return environment


def _linked(text: str) -> Markup:
    """`text` escaped, with its line breaks kept and its http and https addresses made links."""
    pieces, position = [], 0
    for match in _URL.finditer(text):
        url = _without_trailing(match[0])
        pieces += [escape(text[position : match.start()]), _link(url)]
        position = match.start() + len(url)
    pieces.append(escape(text[position:]))
    return Markup().join(pieces).replace("\n", Markup("<br>\n"))


def _link(url: str) -> Markup:
    return Markup('<a href="{0}" style="color:#1a5fb4" class="link">{0}</a>').format(url)


def _without_trailing(url: str) -> str:
    """`url` without the punctuation of the sentence around it; a bracket stays if it was opened inside."""
    while url and (url[-1] in _NOT_THE_URL or (url[-1] in ")]}" and not _closes(url))):
        url = url[:-1]
    return url


def _closes(url: str) -> bool:
    opening = {")": "(", "]": "[", "}": "{"}[url[-1]]
    return url.count(opening) >= url.count(url[-1])
