"""Tables for spreadsheets, CSV and XLSX, in which nothing that attendees wrote is ever a formula."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import xlsxwriter

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet takes for the beginning of a formula, at once or after a look at the whole cell."""
_LONGEST = 32_767
"""Characters of a cell in XLSX."""
_WIDEST = 48

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table with a name."""

    name: str
    columns: Sequence[str]
    rows: Sequence[Row]


def cell(value: object) -> str:
    """A value as a cell of CSV; what would be taken for a formula is given a leading apostrophe."""
    if value is None:
        return ""
    text = value.isoformat() if isinstance(value, datetime | date) else str(value)
    return f"'{text}" if text.startswith(_FORMULA) else text


def csv_of(columns: Sequence[str], rows: Iterable[Row], *, piped: bool = False) -> bytes:
    """CSV for a file: with a byte order mark, by which spreadsheet programs know UTF-8; `piped` for programs."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n" if piped else "\r\n")
    writer.writerow(columns)
    writer.writerows([cell(row.get(column)) for column in columns] for row in rows)
    return out.getvalue().encode("utf-8" if piped else "utf-8-sig")


def xlsx_of(sheets: Sequence[Sheet]) -> bytes:
    """XLSX with a sheet for each table. Text is written as text, whatever it begins with; times lose their zone."""
    out = io.BytesIO()
    options = {
        "in_memory": True,
        "strings_to_formulas": False,
        "strings_to_urls": False,
        "strings_to_numbers": False,
    }
    with xlsxwriter.Workbook(out, options) as book:
        head = book.add_format({"bold": True, "bottom": 1})
        forms = {
            datetime: book.add_format({"num_format": "yyyy-mm-dd hh:mm", "align": "left"}),
            date: book.add_format({"num_format": "yyyy-mm-dd", "align": "left"}),
        }
        for sheet in sheets:
            page = book.add_worksheet(sheet.name)
            page.freeze_panes(1, 0)
            page.autofilter(0, 0, max(len(sheet.rows), 1), len(sheet.columns) - 1)
            for number, column in enumerate(sheet.columns):
                page.write_string(0, number, column, head)
                page.set_column(number, number, _width(column, sheet.rows))
            for line, row in enumerate(sheet.rows, 1):
                for number, column in enumerate(sheet.columns):
                    _put(page, line, number, row.get(column), forms)
    return out.getvalue()


def _put(page: Any, line: int, number: int, value: object, forms: Mapping[type[date], Any]) -> None:  # noqa: ANN401  untyped
    if isinstance(value, datetime):
        page.write_datetime(line, number, value.replace(tzinfo=None), forms[datetime])
    elif isinstance(value, date):
        page.write_datetime(line, number, value, forms[date])
    elif isinstance(value, int):
        page.write_number(line, number, int(value))
    elif value is not None:
        page.write_string(line, number, str(value)[:_LONGEST])


def _width(column: str, rows: Sequence[Row]) -> int:
    longest = max((len(cell(row.get(column))) for row in rows[:1000]), default=0)
    return min(max(len(column), longest) + 2, _WIDEST)
