"""What `meeting create` reads beside its flags: an .ics, and a list of attendees."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from rsvpd import attendees_csv, taken_over
from rsvpd.attendees_csv import Listed
from rsvpd.ports import CouldNot
from rsvpd.taken_over import TakenOver


def meeting_in(file: Path | None) -> TakenOver | None:
    """The meeting of an .ics; None for a file of another kind."""
    if file is None or file.suffix.lower() != ".ics":
        return None
    data = _octets(file)
    with _named(file):
        return taken_over.read(data)


def attendees_in(file: Path | None) -> list[Listed]:
    """Who is listed in the file, if one is given."""
    if file is None:
        return []
    data = _octets(file)
    with _named(file):
        return attendees_csv.read(data)


@contextmanager
def lines_named(file: Path | None, listed: Sequence[Listed], *, before: int) -> Iterator[None]:
    """Complaints about an attendee out of the file name its line; `before` attendees are not from there."""
    try:
        yield
    except CouldNot as error:
        words = attendees_csv.with_line(str(error), str(file), listed, before)
        if words == str(error):
            raise
        raise CouldNot(words) from error


def _octets(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise CouldNot(f"{file}: {(error.strerror or str(error)).lower()}") from error


@contextmanager
def _named(file: Path) -> Iterator[None]:
    try:
        yield
    except CouldNot as error:
        raise CouldNot(f"{file}: {error}") from error
