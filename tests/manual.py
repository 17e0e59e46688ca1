"""The README as tests read it: sections, tables, code blocks, and the commands they speak of."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from typer.core import TyperArgument, TyperCommand, TyperGroup, TyperOption
from typer.main import get_command

from rsvpd.cli import app

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
NEXT_YEAR = f"{datetime.now(UTC).year + 1}-"

Table = list[list[str]]
"""Rows of cells, without the header."""


@dataclass(frozen=True)
class Section:
    """A heading with what follows it, down to the next heading that is not below it."""

    title: str
    body: str

    @property
    def tables(self) -> list[Table]:
        found = re.findall(r"(?m)^\|.*\n\|[-|]+\|\n((?:\|.*\n)+)", self.body)
        return [[_cells(line) for line in rows.splitlines()] for rows in found]


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("| ").split(" | ")]


def sections() -> Iterator[Section]:
    text = re.sub(r"(?ms)^ *```.*?^ *```$", lambda block: block[0].replace("\n#", "\n "), README)
    headings = list(re.finditer(r"(?m)^(#+) (.+)$", text))
    for number, heading in enumerate(headings):
        after = (h.start() for h in headings[number + 1 :] if len(h[1]) <= len(heading[1]))
        yield Section(heading[2], README[heading.end() : next(after, len(README))])


def section(title: str) -> Section:
    return next(one for one in sections() if one.title == title)


def blocks(language: str) -> list[str]:
    return re.findall(rf"(?ms)^```{language}\n(.*?)^```$", README)


def names(text: str) -> list[str]:
    return re.findall(r"`([^`]+)`", text)


def name(cell: str) -> str:
    (found,) = names(cell)
    return found


def in_next_year(text: str) -> str:
    """What is invited to must lie ahead, whenever this runs."""
    return text.replace("2030-", NEXT_YEAR)


def commands(group: object = None, path: tuple[str, ...] = ()) -> Iterator[tuple[str, TyperCommand]]:
    group = group or get_command(app)
    assert isinstance(group, TyperGroup)
    for word, command in group.commands.items():
        if isinstance(command, TyperGroup):
            yield from commands(command, (*path, word))
        else:
            assert isinstance(command, TyperCommand)
            yield " ".join((*path, word)), command


def options(command: TyperCommand | TyperGroup) -> set[str]:
    return {word for p in command.params if isinstance(p, TyperOption) for word in p.opts}


COMMANDS = dict(commands())
ROOT_COMMAND = get_command(app)


def usage(path: str) -> str:
    """`rsvpd meeting show UID`, as its heading says it."""
    arguments = [str(p.metavar) for p in COMMANDS[path].params if isinstance(p, TyperArgument)]
    return " ".join(["rsvpd", path, *arguments])


def root_options() -> set[str]:
    assert isinstance(ROOT_COMMAND, TyperGroup)
    return options(ROOT_COMMAND)


def of_command(path: str) -> Section:
    return section(f"`{usage(path)}`")
