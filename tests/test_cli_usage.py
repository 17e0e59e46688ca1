"""`rsvpd` as it is used: help, wrong use, and what a process of its own gives back."""

from __future__ import annotations

import itertools
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest
import typer.main
from click import Command, Group

import house
from house import ALICE, UID, Done, run
from rsvpd.cli import app


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A configuration with one organizer."""
    return house.config(tmp_path)


def commands(group: Command, *path: str) -> Iterator[tuple[tuple[str, ...], Command]]:
    yield path, group
    for name, inner in getattr(group, "commands", {}).items():
        yield from commands(inner, *path, name)


EVERY = list(commands(cast("Group", typer.main.get_command(app))))


class TestUsage:
    @pytest.mark.parametrize("path", [path for path, _ in EVERY], ids=" ".join)
    def test_every_command_has_help(self, path: tuple[str, ...]) -> None:
        done = run(*path, "--help")

        assert (done.code, done.err) == (0, "")
        command = dict(EVERY)[path]
        assert (command.help or "").strip()
        for parameter in command.params:
            assert getattr(parameter, "help", None), f"{parameter.name} of {path} has no help"

    @pytest.mark.parametrize(
        "arguments",
        [
            ["nonsense"],
            ["attendance", "--format", "xml"],
            ["attendance", "--nonsense"],
            ["ingest"],
            ["meeting", "show"],
            ["meeting", "import"],
            ["replies", "--limit", "0"],
            ["replies", "--outcome", "fine"],
            ["replies", "--since", "yesterday"],
        ],
        ids=" ".join,
    )
    def test_wrong_use_ends_with_2(self, file: Path, arguments: list[str]) -> None:
        done = run("--config", file, *arguments)

        assert (done.code, done.out) == (2, "")
        assert done.err

    def test_the_version(self) -> None:
        assert run("--version").out.startswith("rsvpd ")


class TestProcess:
    def of(self, *arguments: str | Path, **environment: str) -> Done:
        process = house.start(*arguments, **environment)
        out, err = process.communicate(timeout=30)
        return Done(process.returncode, out, err)

    def test_statuses_reach_the_shell(self, file: Path) -> None:
        assert self.of("--config", file, "attendance") == Done(
            0, "No meetings yet. `rsvpd meeting create` makes one.\n", ""
        )
        assert self.of("--config", file, "attendance", "nothing").code == 1
        assert self.of("--config", file, "attendance", "--nothing").code == 2

    def test_a_reader_that_went_away_is_no_trouble(self, file: Path) -> None:
        for number in range(30):
            (file.parent / f"{number}.ics").write_bytes(house.invite(f"{number}@example.org", ALICE))
        run("--config", file, "meeting", "import", *(file.parent / f"{n}.ics" for n in range(30)))
        command: list[str | Path] = [
            sys.executable,
            "-m",
            "rsvpd",
            "--config",
            file,
            "attendance",
            "--format",
            "json",
        ]
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=house.environment()
        ) as process:
            assert process.stdout
            assert process.stderr
            process.stdout.close()
            assert process.stderr.read() == b""

    @pytest.mark.parametrize("form", ["json", "csv", "table"])
    def test_a_terminal_that_knows_only_ascii_gets_no_traceback(self, file: Path, form: str) -> None:
        (file.parent / "x.ics").write_bytes(house.invite(UID, ALICE, SUMMARY="Übersicht: 日本語"))
        run("--config", file, "meeting", "import", file.parent / "x.ics")
        done = self.of("--config", file, "attendance", "--format", form, PYTHONIOENCODING="ascii")

        assert (done.code, done.err) == (0, "")

    def test_a_file_name_of_any_bytes(self, file: Path, tmp_path: Path) -> None:
        name = tmp_path / b"r\xe9ply.eml".decode("utf-8", "surrogateescape")
        name.write_bytes(house.plain_reply(house.facts()))
        for form in ("json", "csv", "table"):
            done = self.of("--config", file, "ingest", name, "--format", form, PYTHONIOENCODING="utf-8")
            assert (done.code, done.err) == (0, "")


def test_examples_in_the_help_are_of_commands_that_exist() -> None:
    known = {" ".join(path) for path, _ in EVERY}
    shown = itertools.chain.from_iterable(
        line.split("rsvpd ")[1:] for _, command in EVERY for line in (command.help or "").splitlines()
    )
    for words in shown:
        first = words.replace("[/]", " ").split()
        assert first[0] in known or first[0].startswith("-"), words
