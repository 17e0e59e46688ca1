"""`init`, `check`, `db …`: setting up."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from importlib.resources import files
from pathlib import Path
from typing import Annotated

import typer

from rsvpd.app import App, open_app
from rsvpd.cli import output
from rsvpd.cli.root import Chosen, Format, FormatOption, app, database_app, settings
from rsvpd.config import OrganizerSettings, Settings, load
from rsvpd.ports import CouldNot
from rsvpd.store.database import Database


@app.command(rich_help_panel="Start here")
def init(
    file: Annotated[
        Path | None, typer.Argument(metavar="[FILE]", help="Where; by default ./rsvpd.toml.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there.")] = False,
) -> None:
    """Write a commented configuration to start from."""
    target = file or Chosen.file or Path("rsvpd.toml")
    text = files("rsvpd").joinpath("templates/rsvpd.toml").read_text(encoding="utf-8")
    try:
        with target.open("w" if force else "x", encoding="utf-8") as opened:
            target.chmod(0o600)  # passwords may come to stand in it
            opened.write(text)
    except FileExistsError as error:
        raise CouldNot(f"{target} is there already; --force replaces it") from error
    except OSError as error:
        raise CouldNot(f"{target}: {(error.strerror or str(error)).lower()}") from error
    typer.echo(f"Wrote {target}. Put in your organizer and its servers, then run `rsvpd check`.")


@app.command(rich_help_panel="Start here")
def check(form: FormatOption = Format.TABLE) -> None:
    """Try everything that the configuration names: a line each, pass or fail."""
    findings = list(_findings())
    if form is Format.TABLE:
        for name, trouble, words in findings:
            mark = "fail" if trouble else "pass"
            sys.stdout.write(f"{mark}  {name}: {trouble or words}\n")
    else:
        rows = [{"check": n, "passed": t is None, "words": t or w} for n, t, w in findings]
        if form is Format.JSON:
            output.print_json(rows)
        else:
            output.print_csv(("check", "passed", "words"), rows)
    if any(trouble for _, trouble, _ in findings):
        raise typer.Exit(1)


def _findings() -> Iterator[tuple[str, str | None, str]]:
    try:
        found, path = load(Chosen.file)
    except CouldNot as error:
        yield "configuration", str(error), ""
        return
    names = ", ".join(organizer.name for organizer in found.organizer)
    yield "configuration", None, f"{path}, organizers: {names or 'none'}"
    yield _tried("schema", partial(_schema, found))
    for organizer in found.organizer:
        if organizer.oauth is not None:
            yield _tried(f"oauth {organizer.name}", partial(_oauth, found, organizer))
        if organizer.imap is not None:
            yield _tried(f"imap {organizer.name}", partial(_imap, found, organizer))
        if organizer.smtp is not None:
            yield _tried(f"smtp {organizer.name}", partial(_smtp, found, organizer))
        if organizer.caldav is not None:
            yield _tried(f"caldav {organizer.name}", partial(_caldav, found, organizer))


def _schema(found: Settings) -> str:
    if Database(found.database.url).is_empty():
        return "the database is empty; the first command that needs it sets it up"
    return open_app(found).database.revision() or "none"


def _tried(name: str, attempt: Callable[[], str]) -> tuple[str, str | None, str]:
    try:
        return name, None, attempt()
    except CouldNot as error:
        return name, str(error), ""


def _imap(found: Settings, organizer: OrganizerSettings) -> str:
    with App(found, Database(found.database.url)).mailbox(organizer) as mailbox:
        mailbox.check()
        folders = organizer.imap.folders if organizer.imap else ()
        for folder in folders:
            with mailbox.open(folder):
                pass
        return f"logged in, folders: {', '.join(folders)}"


def _oauth(found: Settings, organizer: OrganizerSettings) -> str:
    token = App(found, Database(found.database.url)).tokens(organizer).good()
    return f"access token good until {datetime.fromtimestamp(token.expires_at, UTC):%Y-%m-%d %H:%M} UTC"


def _smtp(found: Settings, organizer: OrganizerSettings) -> str:
    with App(found, Database(found.database.url)).transport(organizer) as transport:
        return f"ready, offers {transport.check()}"


def _caldav(found: Settings, organizer: OrganizerSettings) -> str:
    with App(found, Database(found.database.url)).calendar(organizer) as calendar:
        return f"logged in, calendar: {calendar.check()}"


@database_app.command()
def upgrade() -> None:
    """Bring the schema to what this version needs."""
    database = Database(settings().database.url)
    before = database.revision()
    if before is not None and not database.knows(before):
        open_app(settings())  # refuses with the reason
    database.migrate()
    typer.echo(f"schema {before or 'none'} -> {database.revision()}")


@database_app.command()
def current() -> None:
    """Print the schema's revision, and the one this version needs."""
    database = Database(settings().database.url)
    typer.echo(f"{database.revision() or 'none'} (needed: {database.newest_revision()})")
