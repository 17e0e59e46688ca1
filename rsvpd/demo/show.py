"""How a picture looks on a terminal: the attendance, one bar, and what the ledger says.

Everything here is made from a `Picture` alone. A frame fits into 80 columns
and 24 lines, and shows more of the ledger where there is more room.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from rich.console import Console, Group, RenderableType
from rich.table import Column, Table
from rich.text import Text

from rsvpd.demo.picture import WAITING, Entry, Picture, Seat

WIDTH = 100
_STYLES = {"ACCEPTED": "green", "TENTATIVE": "yellow", "DECLINED": "red", WAITING: "dim"}
_MARKS = {"ACCEPTED": "✓", "TENTATIVE": "?", "DECLINED": "✗", WAITING: "·"}
_ASCII = str.maketrans({"✓": "+", "✗": "x", "·": "-", "━": "=", "…": ".", "“": '"', "”": '"'})
_OUTCOMES = {"applied": "dim", "unchanged": "dim", "held": "magenta", "outdated": "cyan"}
_LINES_BESIDE_LEDGER = 21
_LEDGER_LINES = range(2, 9)


def frame(picture: Picture, footer: str, out: Console) -> RenderableType:
    """The whole picture for a live display."""
    room = out.height - _LINES_BESIDE_LEDGER
    shown = min(max(room, _LEDGER_LINES.start), _LEDGER_LINES.stop - 1)
    rows = [fact(entry, out) for entry in _chosen(picture.ledger, shown)]
    # Always the same height: a display that jumps is hard to read.
    rows += [Text()] * (shown - len(rows))
    return Group(_attendance(picture, out), Text(), *rows, _line(footer, "dim", out))


def _attendance(picture: Picture, out: Console) -> RenderableType:
    """Title, one row for each seat, and the bar."""
    title = (
        Text(no_wrap=True, overflow="ellipsis")
        .append(picture.title, "bold")
        .append(f"  {picture.when}", "dim")
    )
    return Group(_spelled(title, out), Text(), _seats(picture, out), Text(), _bar(picture, out))


def summary(picture: Picture, out: Console) -> RenderableType:
    """What is left on the terminal: the attendance, and the rows of the ledger that did not just go into it."""
    if not picture.seats:
        return Text("The demo ended before anybody was invited.")
    rows = [fact(entry, out) for entry in picture.ledger if _remarkable(entry)]
    return Group(_attendance(picture, out), Text(), *rows)


def fact(entry: Entry, out: Console) -> Text:
    """One row of the ledger as one line."""
    line = Text(no_wrap=True, overflow="ellipsis")
    line.append(f"{_clock(entry.received_at)}  ", "dim")
    line.append(f"{entry.outcome:<10}", _OUTCOMES.get(entry.outcome, "yellow"))
    said = f"{entry.who}: {_word(entry.partstat)}" if entry.partstat else entry.who
    line.append(said, "" if _remarkable(entry) else "dim")
    line.append(f" · {entry.meeting}" if entry.meeting else "", "dim")
    line.append(f" · {entry.words}" if entry.words else "", "dim")
    return _spelled(line, out)


def _remarkable(entry: Entry) -> bool:
    return entry.outcome != "applied"


def _chosen(ledger: Sequence[Entry], room: int) -> list[Entry]:
    """What fits: the newest rows, but none of them pushes a remarkable one away."""
    kept = [entry for entry in ledger if _remarkable(entry)][-(room - 1) :]
    plain = [entry for entry in ledger if not _remarkable(entry)]
    newest = plain[max(0, len(plain) - (room - len(kept))) :]
    return sorted([*kept, *newest], key=lambda entry: entry.number)


def _seats(picture: Picture, out: Console) -> Table:
    columns = (
        Column("attendee", min_width=15, no_wrap=True),
        Column("answer", min_width=11, no_wrap=True),
        Column("at", min_width=8, no_wrap=True),
        Column("with", min_width=15, no_wrap=True),
        Column("", ratio=1, no_wrap=True, overflow="ellipsis"),
    )
    width = min(out.width, WIDTH)
    table = Table(*columns, box=None, width=width, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for seat in picture.seats:
        style = _STYLES.get(seat.partstat, "")
        waiting = seat.partstat == WAITING
        word = ("invited" if seat.invited else "") if waiting else _word(seat.partstat)
        table.add_row(
            _line(seat.name, "dim" if waiting else "", out),
            _line(f"{_MARKS.get(seat.partstat, ' ')} {word}", style, out),
            _line(_clock(seat.answered_at), "dim", out),
            _line(seat.client, "dim", out),
            _line(_note(seat, picture.before(seat)), "", out),
        )
    return table


def _bar(picture: Picture, out: Console) -> Text:
    seats, counts = max(len(picture.seats), 1), picture.counts
    width = min(out.width, WIDTH)
    bar, words = Text(no_wrap=True), Text("\n", no_wrap=True)
    done = 0
    for kind, style in _STYLES.items():
        done += counts[kind]
        bar.append("━" * (width * done // seats - len(bar)), style)
        words.append(f"{counts[kind]} {_word(kind)}", style).append(" · ", "dim")
    words.append(f"{picture.guests} guests", "" if picture.guests else "dim")
    return _spelled(bar.append_text(words), out)


def _note(seat: Seat, before: str) -> str:
    guests = f"+{seat.guests}" if seat.guests else ""
    comment = f"“{seat.comment}”" if seat.comment else ""
    return " ".join(filter(None, (guests, comment, before and f"{_word(before)} before")))


def _word(partstat: str) -> str:
    return "waiting" if partstat == WAITING else partstat.lower()


def _clock(at: datetime | None) -> str:
    return f"{at.astimezone():%H:%M:%S}" if at else ""


def _line(text: str, style: str, out: Console) -> Text:
    return _spelled(Text(text, style=style, no_wrap=True, overflow="ellipsis"), out)


def _spelled(text: Text, out: Console) -> Text:
    """The same line in signs that the terminal has."""
    if out.options.ascii_only:
        text.plain = text.plain.translate(_ASCII)
    return text
