"""Tables for people, JSON and CSV for programs."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from rsvpd.ports import CouldNot
from rsvpd.spreadsheets import cell

_PARTSTAT = {
    "ACCEPTED": "green",
    "DECLINED": "red",
    "TENTATIVE": "yellow",
    "DELEGATED": "cyan",
    "NEEDS-ACTION": "dim",
}


def console() -> Console:
    """Where tables go; 80 columns where nothing says how wide it is."""
    return Console(width=None if sys.stdout.isatty() else 80, highlight=False, soft_wrap=False)


def print_json(objects: Iterable[Mapping[str, Any]]) -> None:
    """One object a line."""
    for one in objects:
        sys.stdout.write(json_line(one))
    sys.stdout.flush()


def json_line(one: Mapping[str, Any]) -> str:
    """An object on a line of its own."""
    return json.dumps(one, ensure_ascii=False, default=rfc3339) + "\n"


def write_octets(octets: bytes, target: Path | None) -> None:
    """To a file, or to stdout. Raises `CouldNot` for a file that cannot be written."""
    if target is None:
        sys.stdout.buffer.write(octets)
        sys.stdout.flush()
        return
    try:
        target.write_bytes(octets)
    except OSError as error:
        raise CouldNot(f"{target}: {(error.strerror or str(error)).lower()}") from error


def print_csv(columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> None:
    """Cells that a spreadsheet would take for a formula are neutralised."""
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(columns)
    for row in rows:
        writer.writerow([cell(row.get(column)) for column in columns])
        sys.stdout.flush()


def rfc3339(value: object) -> str:
    """A time with its offset, or a day. Raises TypeError for anything else, as json wants it."""
    if isinstance(value, datetime | date):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} has no JSON form")


def table(*columns: str, title: str | None = None) -> Table:
    """An empty table in the house's style; the last column takes what is left."""
    made = Table(
        title=title, title_justify="left", box=None, pad_edge=False, header_style="bold", expand=False
    )
    for column in columns[:-1]:
        made.add_column(column, overflow="fold")
    made.add_column(columns[-1], overflow="fold", ratio=1)
    return made


def partstat(value: str) -> Text:
    """A participation status in its colour."""
    return Text(value.lower(), style=_PARTSTAT.get(value, ""))


def plain(value: str | None) -> str:
    """Text from a mail for a rich console: no markup, no control characters that move the cursor."""
    return escape(one_line(value))


def one_line(value: str | None) -> str:
    """Text from a mail on one line, without control characters."""
    text = "".join(c if c.isprintable() else " " for c in value or "")
    return " ".join(text.split())


def day_and_time(value: datetime | date | None) -> str:
    """`2026-12-03 14:00`, or a day."""
    if value is None:
        return ""
    return f"{value:%Y-%m-%d %H:%M}" if isinstance(value, datetime) else f"{value:%Y-%m-%d}"


def progress_console() -> Console:
    """Where progress bars go: stderr, so that what is piped stays clean."""
    return Console(stderr=True)
