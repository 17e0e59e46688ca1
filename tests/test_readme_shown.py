"""What the README shows works: the session, meetings, keys of JSON, a migration."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from pathlib import Path

import pytest

from house import environment
from manual import COMMANDS, ROOT, blocks, in_next_year, name, names, of_command, options, section
from rsvpd.config import OrganizerSettings
from rsvpd.drafts import draft
from rsvpd.drafts.shape import DraftShape
from rsvpd.store.queries import OccurrenceView, ProposalView


@dataclass(frozen=True)
class Step:
    """A line that is typed, and what is printed."""

    command: str
    printed: list[str]


def session() -> list[Step]:
    (text,) = blocks("console")
    steps = re.split(r"(?m)^\$ ", in_next_year(text))[1:]
    return [Step(first, rest.splitlines()) for first, _, rest in (step.partition("\n") for step in steps)]


def rsvpd(folder: Path, words: Sequence[str]) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-m", "rsvpd", *words],
        cwd=folder,
        check=True,
        capture_output=True,
        encoding="utf-8",
        env=environment(PYTHONUTF8="1"),
    )
    return [line.rstrip() for line in done.stdout.splitlines()]


def test_the_session_is_real(tmp_path: Path) -> None:
    (mail,) = blocks("eml")
    (tmp_path / "ann.eml").write_text(mail, encoding="utf-8")
    for step in session():
        program, *words = shlex.split(step.command)
        assert program == "rsvpd"
        assert rsvpd(tmp_path, words) == step.printed

    assert _keys(tmp_path, "ingest", "ann.eml") == _documented_keys("JSON of `ingest`", 0)
    assert _keys(tmp_path, "attendance") == _documented_keys("JSON of `attendance`", 0)
    (line,) = rsvpd(tmp_path, ["attendance", "--format", "json"])
    assert list(json.loads(line)["attendees"][0]) == _documented_keys("JSON of `attendance`", 1)


def _keys(folder: Path, *words: str) -> list[str]:
    (line,) = rsvpd(folder, [*words, "--format", "json"])
    return list(json.loads(line))


def _documented_keys(title: str, number: int) -> list[str]:
    return [name(row[0]) for row in section(title).tables[number]]


@pytest.mark.parametrize(("key", "view"), [("proposal", ProposalView), ("occurrences", OccurrenceView)])
def test_the_keys_inside_an_attendee_are_listed(key: str, view: type[ProposalView | OccurrenceView]) -> None:
    rows = section("JSON of `attendance`").tables[1]
    (said,) = (row[1] for row in rows if name(row[0]) == key)
    assert names(said) == [field.name for field in fields(view)]


@pytest.mark.parametrize("text", blocks("json"))
def test_meetings_shown_can_be_created(text: str) -> None:
    organizer = OrganizerSettings(name="events", address="events@example.org")
    meeting = draft(json.loads(in_next_year(text)), organizer=organizer, now=datetime.now(UTC))
    assert meeting.attendees


def test_the_flags_and_keys_of_a_meeting_are_listed() -> None:
    (rows,) = of_command("meeting create").tables
    (text,) = blocks("json")
    keys = {key for row in rows for key in names(row[1])}
    assert json.loads(text).keys() <= keys
    assert keys == {field.alias or key for key, field in DraftShape.model_fields.items()}
    flags = {flag for row in rows for flag in names(row[0])}  # none for what only a file says
    assert flags == options(COMMANDS["meeting create"]) - {"--format", "-f"}


def test_a_migration_is_written_as_shown(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "alembic", tmp_path / "alembic", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    (snippet,) = blocks("python")
    assert 'rev_id="0002"' in snippet
    program = snippet.replace("0002", "9999")
    subprocess.run([sys.executable, "-c", program], cwd=tmp_path, check=True, capture_output=True)

    (written,) = (tmp_path / "alembic" / "versions").glob("9999_*.py")
    compile(written.read_text(encoding="utf-8"), written.name, "exec")
