"""`init`, `db …`: setting up."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Annotated

import typer

from rsvpd.app import open_app
from rsvpd.cli.root import Chosen, app, database_app, settings
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
