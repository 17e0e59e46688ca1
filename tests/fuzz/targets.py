"""What is fuzzed: each takes any bytes, and fails where reading raises or contradicts itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from rsvpd.itip import bounces, mime, tnef
from rsvpd.itip.ics import reading as ics_reading
from rsvpd.itip.ics.meetings import read_meetings
from rsvpd.itip.reading import read_again, read_mail


def mail(data: bytes) -> None:
    """A whole mail; what was read from it reads the same from the ledger."""
    read = read_mail(data)
    for item in read.items:
        again = read_again(item.source, item.raw, item.note, read.envelope)
        assert again.problem is not None or again.component == item.component, item.source


def parts(data: bytes) -> None:
    """A whole mail, only taken apart."""
    assert all(isinstance(part.data, bytes) for part in mime.read(data).calendars)


def calendar(data: bytes) -> None:
    """The bytes of a calendar part."""
    ics_reading.read(data)


def meetings(data: bytes) -> None:
    """The bytes of a file that somebody registers."""
    read_meetings(data)


def winmail(data: bytes) -> None:
    """The bytes of a winmail.dat."""
    tnef.read(data)
    tnef.calendars(data)


def report(data: bytes) -> None:
    """A whole mail, as a report of failed delivery."""
    bounces.read(mime.read(data).message)


TARGETS: Final[Mapping[str, Callable[[bytes], None]]] = MappingProxyType(
    {each.__name__: each for each in (mail, parts, calendar, meetings, winmail, report)}
)
