"""Reads conversation files: what an organizer and the attendees sent each other, and what is to be seen then.

A file is a list of steps; a line that begins with `> ` starts one, `#` at the start of a line is a comment:

    > invite
    (an .ics, or the lines of its VEVENT: the organizer sends or changes a meeting)

    > mail bob@example.com
    (a whole mail, or METHOD and the lines of a VEVENT; `to:` and `date:` may stand before them)

    > expect
    applied from                    how the rows of the last mail ended, and how its sender was matched
    bob@example.com ACCEPTED        what reports show; `-` for somebody who is not on the list
    bob@example.com 1997-07-08 DECLINED      for the occurrence that begins so (in UTC)
    bob@example.com delegated to dave@example.com
    bob@example.com proposes 1997-07-01 16:00 "a comment"
    bob@example.com says "a comment"
    seats ACCEPTED 2, DECLINED 1    all other counts are zero
    meeting CANCELLED
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path

FOLDER = Path(__file__).parent / "conversations"
_OPTION = re.compile(r"(to|date|sender): (.*)")


@dataclass(frozen=True)
class Step:
    """One step: its verb, what stands behind it, its lines, and where it is."""

    verb: str
    argument: str
    lines: tuple[str, ...]
    place: str


@dataclass
class _Draft:
    verb: str
    argument: str
    place: str
    lines: list[str] = field(default_factory=list)

    def done(self) -> Step:
        return Step(self.verb, self.argument, tuple(self.lines), self.place)


def steps(path: Path) -> Iterator[Step]:
    """The steps of a conversation."""
    draft: _Draft | None = None
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if line.startswith("> "):
            if draft:
                yield draft.done()
            verb, _, argument = line[2:].partition(" ")
            draft = _Draft(verb, argument.strip(), f"{path.name}:{number}")
        elif draft and line.strip() and not line.startswith("#"):
            draft.lines.append(line)
    if draft:
        yield draft.done()


def calendar(lines: tuple[str, ...]) -> bytes:
    """An .ics: as it stands, or around the lines of one VEVENT or more, with METHOD taken out of them."""
    if lines[0].startswith("BEGIN:VCALENDAR"):
        return ("\r\n".join(lines) + "\r\n").encode()
    methods = [line for line in lines if line.startswith("METHOD:")]
    rest = [line for line in lines if line not in methods]
    events = rest if rest[0].startswith("BEGIN:") else ["BEGIN:VEVENT", *rest, "END:VEVENT"]
    head = ["BEGIN:VCALENDAR", "PRODID:-//Example/ExampleCalendarClient//EN", "VERSION:2.0", *methods]
    return ("\r\n".join([*head, *events, "END:VCALENDAR"]) + "\r\n").encode()


def mail(step: Step) -> bytes:
    """A mail: as it stands, or around a calendar, written when the calendar was."""
    lines = list(step.lines)
    if lines[0].startswith(("From:", "Received:", "Return-Path:")):
        return _whole(lines)
    options: dict[str, str] = {}
    while option := _OPTION.fullmatch(lines[0]):
        options[option[1]] = option[2]
        lines.pop(0)
    ics = calendar(tuple(lines))
    method = re.search(rb"METHOD:(\w+)", ics)
    rows = [
        f"From: {step.argument}",
        f"Sender: {options['sender']}" if "sender" in options else "",
        f"To: {options.get('to', 'a@example.com')}",
        f"Date: {options.get('date') or _written(ics)}",
        "Subject: Answer",
        "MIME-Version: 1.0",
        f"Content-Type: text/calendar; charset=utf-8; method={method[1].decode() if method else ''}",
        "Content-Transfer-Encoding: 8bit",
    ]
    return ("\r\n".join(filter(None, rows)) + "\r\n\r\n").encode() + ics


def _whole(lines: list[str]) -> bytes:
    """A mail as it stands; a line with a lone dot stands for a blank one."""
    return ("\r\n".join("" if line == "." else line for line in lines) + "\r\n").encode()


def _written(ics: bytes) -> str:
    stamp = re.search(rb"DTSTAMP:(\d{8}T\d{6})Z", ics)
    if stamp is None:
        raise AssertionError("a mail needs a DTSTAMP or `date:`")
    return format_datetime(datetime.strptime(stamp[1].decode(), "%Y%m%dT%H%M%S").replace(tzinfo=UTC))
