"""A list of attendees out of a spreadsheet or a mail program -> attendees of a draft, with their lines."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from rsvpd.ports import CouldNot

_COLUMNS = {"email": "email", "e-mail": "email", "mail": "email", "name": "name", "role": "role"}
_KNOWN = "known are email, name and role"
_DELIMITERS = ",;\t"
_NUMBERED = re.compile(r"attendee (\d+): (.*)", re.DOTALL)

Entry = str | Mapping[str, str]
"""An attendee as a draft takes it: `Name <address>`, or a table of email, name and role."""


@dataclass(frozen=True, slots=True)
class Listed:
    """One attendee, and the line of the file they stand in, counted from 1."""

    line: int
    entry: Entry


def read(data: bytes) -> list[Listed]:
    """The attendees of a file in UTF-8, with or without a byte order mark.

    Either its first line names the columns (email, name, role; in any order and
    case, separated by commas, semicolons or tabs), or each line is one address or
    `Name <address>`. Addresses and roles are left to the draft.

    Raises:
        CouldNot: the line, and what is wrong with it.
    """
    lines = [*io.StringIO(_text(data), newline="")]
    first = next((number for number, line in enumerate(lines) if line.strip(_DELIMITERS + " \r\n")), None)
    if first is None:
        raise CouldNot("there is nobody in it")
    columns = _columns(lines[first], first + 1)
    found = [*_table(lines, first, columns)] if columns else [*_plain(lines)]
    if not found:
        raise CouldNot("there is nobody in it, only the names of the columns")
    return found


def with_line(words: str, file: str, listed: Sequence[Listed], before: int) -> str:
    """What a draft says of `attendee 3`, naming the line instead; `before` attendees are not from the file."""
    found = _NUMBERED.fullmatch(words)
    number = int(found[1]) - before if found else 0
    if found is None or not 0 < number <= len(listed):
        return words
    return f"{file}: line {listed[number - 1].line}: {found[2]}"


def _text(data: bytes) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise CouldNot(f"line {line}: is not UTF-8; save the file as “CSV UTF-8”") from error


def _columns(line: str, number: int) -> list[str] | None:
    """The columns that a first line names; None where it names none, but is an attendee."""
    try:
        named = next(csv.reader([line], delimiter=_delimiter(line), skipinitialspace=True), [])
    except csv.Error as error:
        raise CouldNot(f"line {number}: {error}") from error
    cells = [cell.strip().casefold() for cell in named]
    if not {*cells} & _COLUMNS.keys() or any("@" in cell for cell in cells):
        return None
    for cell in cells:
        if cell and cell not in _COLUMNS:
            raise CouldNot(f"line {number}: unknown column {cell!r}; {_KNOWN}, take it out")
    columns = [_COLUMNS.get(cell, "") for cell in cells]
    twice = next((name for name in columns if name and columns.count(name) > 1), None)
    if twice:
        raise CouldNot(f"line {number}: there are two columns {twice}; leave one out")
    if "email" not in columns:
        raise CouldNot(f"line {number}: there is no column email")
    return columns


def _delimiter(line: str) -> str:
    return max(_DELIMITERS, key=line.count)


def _table(lines: Sequence[str], first: int, columns: Sequence[str]) -> Iterator[Listed]:
    rows = csv.reader(
        lines[first + 1 :], delimiter=_delimiter(lines[first]), strict=True, skipinitialspace=True
    )
    while True:
        line = first + 2 + rows.line_num  # where the row begins; a quoted cell may have several lines
        try:
            row = [cell.strip() for cell in next(rows)]
        except StopIteration:
            return
        except csv.Error as error:
            raise CouldNot(f"line {line}: {error}") from error
        if any(row):
            yield Listed(line, _entry(row, columns, line))


def _entry(row: Sequence[str], columns: Sequence[str], line: int) -> Mapping[str, str]:
    if any(row[len(columns) :]):
        raise CouldNot(f"line {line}: has more cells than columns; put what has a comma in it into quotes")
    entry = {name: cell for name, cell in zip(columns, row, strict=False) if name and cell}
    if "email" not in entry:
        raise CouldNot(f"line {line}: email: is empty")
    return entry


def _plain(lines: Sequence[str]) -> Iterator[Listed]:
    for number, line in enumerate(lines, 1):
        text = line.strip(_DELIMITERS + " \r\n")
        if text:
            yield Listed(number, text)
