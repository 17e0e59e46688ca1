"""The README says what is so: no command, outcome or reason is missing, and its links lead somewhere."""

from __future__ import annotations

import re
import shlex

import pytest

from manual import (
    COMMANDS,
    README,
    ROOT,
    blocks,
    name,
    names,
    of_command,
    options,
    root_options,
    section,
    sections,
    usage,
)
from rsvpd.itip.model import MatchedBy, Outcome
from rsvpd.itip.verdicts import Reason

RUN = "python3 -m venv .venv && .venv/bin/pip install '.[demo]' && .venv/bin/rsvpd demo"
TEST = "tests/run"

NEVER_GIVEN = {"limit"}
"""Reasons that no rule gives."""


# Commands


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
