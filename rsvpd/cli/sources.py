"""What `meeting create` and `meeting update` read beside their flags: a description, an .ics, a list of attendees."""

from __future__ import annotations

import json
import stat
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rsvpd import attendees_csv, taken_over
from rsvpd.attendees_csv import Listed
from rsvpd.ports import CouldNot
from rsvpd.taken_over import TakenOver


def fields_in(file: Path | None) -> Mapping[str, Any]:
    """What a .json or .toml says; nothing without a file."""
    if file is None:
        return {}
    try:
        text = file.read_text(encoding="utf-8")
        found = tomllib.loads(text) if file.suffix.lower() == ".toml" else json.loads(text)
    except OSError as error:
        raise CouldNot(f"{file}: {(error.strerror or str(error)).lower()}") from error
    except (ValueError, RecursionError) as error:  # no UTF-8, no JSON or TOML, a number of 5,000 digits
        kind = "TOML" if file.suffix.lower() == ".toml" else "JSON"
        raise CouldNot(f"{file}: is no {kind}: {error}") from error
    if not isinstance(found, dict):
        raise CouldNot(f"{file}: describes no meeting; see the README for the keys")
    return found


@dataclass(frozen=True, slots=True)
class Folder:
    """The files that a description may name: those of this computer, by a path from where the description is."""

    place: Path

    def size(self, path: str) -> int:
        """How many octets the file has. Raises OSError, for what is no ordinary file too."""
        found = self.place / path
        status = found.stat()
        if not stat.S_ISREG(status.st_mode):
            raise OSError(0, "is no file")
        return status.st_size

    def read(self, path: str) -> bytes:
        """What is in it. Raises OSError."""
        return (self.place / path).read_bytes()


def folder_of(file: Path | None) -> Folder | None:
    """Where the files are that a description in `file` names."""
    return Folder(file.parent) if file is not None else None


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
