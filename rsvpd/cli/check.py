"""`check`: the doctor."""

from __future__ import annotations

import sys
from dataclasses import asdict
from typing import Annotated

import typer
from pydantic import TypeAdapter, ValidationError

from rsvpd import checking
from rsvpd.checking import Finding, Mark, Wanted
from rsvpd.cli import output
from rsvpd.cli.root import Chosen, Format, FormatOption, app
from rsvpd.config.values import Duration

_COLUMNS = ("organizer", "check", "result", "words", "advice")


def _duration(value: str) -> str:
    try:
        TypeAdapter(Duration).validate_python(value)
    except ValidationError as error:
        raise typer.BadParameter("write a duration such as 30s, 5m or 2h") from error
    return value


@app.command(rich_help_panel="Start here")
def check(
    loop: Annotated[
        bool,
        typer.Option("--loop", help="Send a small mail to each organizer's own address, and see it arrive."),
    ] = False,
    timeout: Annotated[
        str,
        typer.Option(
            metavar="DURATION", callback=_duration, help="How long one organizer may take: 90s, 10m."
        ),
    ] = "90s",
    form: FormatOption = Format.TABLE,
) -> None:
    """Try everything that the configuration names: a line each, and what to do where one fails.

    For each organizer, all at the same time: name, port and certificate of the
    servers, login, folders, where sent mails go, and the clocks. Nothing is
    changed. Status 1 if anything fails.

        rsvpd check --loop
    """
    found = []
    limit = TypeAdapter(Duration).validate_python(timeout)
    for finding in checking.examine(Chosen.file, Wanted(loop=loop, limit=limit)):
        found.append(finding)
        if form is Format.TABLE:
            sys.stdout.write(_line(finding) + "\n")
            sys.stdout.flush()
    rows = [asdict(finding) for finding in found]
    if form is Format.JSON:
        output.print_json(rows)
    elif form is Format.CSV:
        output.print_csv(_COLUMNS, rows)
    if any(finding.result is Mark.FAIL for finding in found):
        raise typer.Exit(1)


def _line(finding: Finding) -> str:
    about = f"{finding.organizer} {finding.check}" if finding.organizer else finding.check
    advice = f"; {finding.advice}" if finding.advice else ""
    return f"{finding.result}  {about}: {output.one_line(finding.words + advice)}"
