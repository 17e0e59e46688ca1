"""The README says what is so: no setting, command, outcome or key is missing, and what it shows works."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from typer.core import TyperArgument, TyperCommand, TyperGroup, TyperOption
from typer.main import get_command

from rsvpd.cli import app
from rsvpd.config import OrganizerSettings, Settings, parse
from rsvpd.drafts import draft
from rsvpd.drafts.shape import DraftShape
from rsvpd.itip.model import MatchedBy, Outcome
from rsvpd.itip.verdicts import Reason
from rsvpd.store.queries import OccurrenceView, ProposalView

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
TEMPLATE = files("rsvpd").joinpath("templates/rsvpd.toml").read_text(encoding="utf-8")

RUN = "python3 -m venv .venv && .venv/bin/pip install '.[demo]' && .venv/bin/rsvpd demo"
TEST = "tests/run"

NEXT_YEAR = f"{datetime.now(UTC).year + 1}-"
NEVER_GIVEN = {"limit"}
"""Reasons that no rule gives."""
NOT_TO_BEGIN_WITH = {
    *(f"organizer.{part}.password{way}" for part in ("imap", "caldav") for way in ("", "_env")),
    *(f"organizer.oauth.{key}" for key in ("client_secret", "client_secret_env")),
    *(f"organizer.oauth.{key}" for key in ("service_account_file", "subject")),
}
"""What the template leaves out: a secret is better in a file of its own, and only one grant can be shown."""


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("RSVPD_")]:
        monkeypatch.delenv(name)


# How the README is read

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


# Settings


def models(annotation: object) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from models(argument)


def settings(model: type[BaseModel] = Settings, prefix: str = "") -> Iterator[tuple[str, FieldInfo]]:
    """Every setting with its section, such as `organizer.imap.host`."""
    for key, info in model.model_fields.items():
        nested = list(models(info.annotation))
        if not nested:
            yield f"{prefix}{key}", info
        for one in nested:
            yield from settings(one, f"{prefix}{key}.")


FIELDS = dict(settings())


def documented() -> dict[str, str]:
    """Every setting in the tables, with what stands under Default."""
    found = {}
    for one in sections():
        if one.title.startswith("Settings "):
            for place in re.findall(r"`\[+([\w.]+)\]+`", one.title) or [""]:
                for row in one.tables[0]:
                    found[f"{place}.{name(row[0])}".lstrip(".")] = row[1]
    return found


def configured(key: str = "", value: object = None) -> Settings:
    """The least there is to configure, and one more setting."""
    organizer: dict[str, Any] = {
        "name": "events",
        "address": "events@example.org",
        "imap": {"host": "imap.example.org", "username": "u", "password": "p"},
        "smtp": {"host": "smtp.example.org"},
        "caldav": {"url": "https://cal.example.org/"},
        "oauth": {"client_id": "c", "token_endpoint": "https://login.example.org/token"},
    }
    reminder: dict[str, Any] = {"name": "no answer yet", "before_start": "2d"}
    report = {"name": "every morning", "cron": "0 8 * * *"}
    keys: dict[str, Any] = {"organizer": [organizer], "reminder": [reminder], "report": [report]}
    if key:
        *place, last = key.split(".")
        table = keys
        for step in place:
            inner = table.setdefault(step, {})
            table = inner[0] if isinstance(inner, list) else inner
        table[last] = value
    return parse(keys, Path("rsvpd.toml"))


def is_default(key: str, value: object) -> bool:
    return configured(key, value) == configured()


def test_every_setting_is_documented_and_nothing_else() -> None:
    assert documented().keys() == FIELDS.keys()


@pytest.mark.parametrize(("key", "info"), FIELDS.items())
def test_the_documented_default_is_the_default(key: str, info: FieldInfo) -> None:
    stated = documented()[key]
    if info.is_required():
        assert stated == "required"
    elif info.default is None:
        assert stated == "unset"
    else:
        assert is_default(key, tomllib.loads(f"value = {name(stated)}")["value"])


def _flat(table: Mapping[str, Any], prefix: str = "") -> dict[str, object]:
    found: dict[str, object] = {}
    for key, value in table.items():
        if f"{prefix}{key}" in FIELDS:
            found[f"{prefix}{key}"] = value
            continue
        for inner in value if isinstance(value, list) else [value]:
            found |= _flat(inner, f"{prefix}{key}.")
    return found


def _in_either(keys: Iterable[str]) -> set[str]:
    """IMAP and SMTP share most settings; the template shows each at one of them at least."""
    return {key.replace("organizer.smtp.", "organizer.imap.") for key in keys}


def test_the_template_shows_every_setting() -> None:
    whole = re.sub(r"(?m)^# (?=\[|\w+ = )", "", TEMPLATE)
    shown = _flat(tomllib.loads(whole))

    assert _in_either(shown) == _in_either(FIELDS) - NOT_TO_BEGIN_WITH
    assert parse(tomllib.loads(whole), Path("rsvpd.toml")).organizer
    assert parse(tomllib.loads(TEMPLATE), Path("rsvpd.toml")).organizer


def test_what_the_template_comments_out_is_the_default() -> None:
    whole = _flat(tomllib.loads(re.sub(r"(?m)^# (?=\[|\w+ = )", "", TEMPLATE)))
    commented = whole.keys() - _flat(tomllib.loads(TEMPLATE)).keys()
    with_default = [
        key
        for key, info in FIELDS.items()
        if key in commented and not info.is_required() and info.default is not None
    ]

    assert len(with_default) > 10
    assert [key for key in with_default if not is_default(key, whole[key])] == []


@pytest.mark.parametrize("text", blocks("toml"))
def test_configurations_shown_can_be_used(text: str) -> None:
    assert parse(tomllib.loads(text), Path("rsvpd.toml")).organizer


@pytest.mark.parametrize("words", re.findall(r"`(RSVPD_\w+=[^`]+)`", section("Configuration").body))
def test_variables_shown_override(words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    variable, _, value = shlex.split(words)[0].partition("=")
    monkeypatch.setenv(variable, value)

    given = configured("authserv_id", "mx.example.org")
    monkeypatch.delenv(variable)
    assert given != configured("authserv_id", "mx.example.org")


# Commands


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


def test_every_command_has_its_place_and_nothing_else() -> None:
    headings = [name(one.title) for one in sections() if one.title.startswith("`rsvpd")]
    assert sorted(headings) == sorted(map(usage, COMMANDS))


@pytest.mark.parametrize("path", COMMANDS.keys())
def test_every_option_is_documented_and_nothing_else(path: str) -> None:
    explained = set(re.findall(r"`(--[a-z-]+)", of_command(path).body))
    assert explained - root_options() == {word for word in options(COMMANDS[path]) if word.startswith("--")}


def test_the_options_of_all_commands_are_documented() -> None:
    said = section("Commands").body.split("\n### ", 1)[0]
    short = {word for command in COMMANDS.values() for word in options(command) if not word.startswith("--")}
    assert root_options() | short | {"--format", "--help", "-h"} <= set(
        re.findall(r"(?<![\w-])-[-\w]+", said)
    )


@pytest.mark.parametrize("path", COMMANDS.keys())
def test_every_command_has_an_example_that_parses(path: str) -> None:
    examples = re.findall(r"(?m)^    (rsvpd .*)$", of_command(path).body)
    assert examples
    for example in examples:
        program, _, rest = re.split(r" >+ | < ", example)[0].partition(f" {path}")
        assert program in {"rsvpd", "rsvpd --config /etc/rsvpd/rsvpd.toml"}
        COMMANDS[path].make_context(path, shlex.split(rest))


def test_the_two_commands_stand_there() -> None:
    assert {f"{RUN}\n", f"{TEST}\n"} <= set(blocks("sh"))
    assert (ROOT / TEST).is_file()


# What is decided


def test_every_outcome_is_explained_and_nothing_else() -> None:
    assert [name(row[0]) for row in section("Outcomes").tables[0]] == [str(o) for o in Outcome]


def test_every_way_to_match_a_sender_is_explained_and_nothing_else() -> None:
    assert [name(row[0]) for row in section("Trust").tables[0]] == [str(m) for m in MatchedBy]


def test_every_reason_is_explained_and_nothing_else() -> None:
    held, others = section("Held replies").tables
    said = {name(row[0]) for row in held} | {code for row in others for code in names(row[1])}
    assert said == {str(reason) for reason in Reason} - NEVER_GIVEN


def test_links_lead_somewhere() -> None:
    anchors = {re.sub(r"[^\w -]", "", one.title.lower()).replace(" ", "-") for one in sections()}
    assert set(re.findall(r"\]\(#([^)]*)\)", README)) <= anchors
    assert all((ROOT / file).is_file() for file in re.findall(r"\]\(([\w./]+)\)", README))


# What is shown works


@dataclass(frozen=True)
class Step:
    """A line that is typed, and what is printed."""

    command: str
    printed: list[str]


def session() -> list[Step]:
    (text,) = blocks("console")
    steps = re.split(r"(?m)^\$ ", in_next_year(text))[1:]
    return [Step(first, rest.splitlines()) for first, _, rest in (step.partition("\n") for step in steps)]


def in_next_year(text: str) -> str:
    """What is invited to must lie ahead, whenever this runs."""
    return text.replace("2030-", NEXT_YEAR)


def rsvpd(folder: Path, words: Sequence[str]) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-m", "rsvpd", *words],
        cwd=folder,
        check=True,
        capture_output=True,
        encoding="utf-8",
        env=os.environ | {"PYTHONUTF8": "1"},
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
