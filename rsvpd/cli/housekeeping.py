"""`erase`, `db backup`, `db clean`: what is kept, and for how long."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rsvpd.cli import output
from rsvpd.cli.root import app, database_app, opened, settings
from rsvpd.housekeeping import Erased
from rsvpd.ports import CouldNot
from rsvpd.store import upkeep
from rsvpd.store.database import Database

_LINGERS = (
    "Another program is reading, so old pages stay beside the file: run `rsvpd db clean` once more later."
)


@app.command(rich_help_panel="Database")
def erase(
    address: Annotated[str, typer.Argument(metavar="ADDRESS", help="An address of the person.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what it would touch, and do nothing.")
    ] = False,
) -> None:
    """Replace a person by a pseudonym, everywhere in the database. It cannot be undone.

    Their addresses, aliases and names, what they wrote, and the mails to and from
    them. Counts stay right. The same address gets the same pseudonym again.

        rsvpd erase ann@example.com --dry-run
    """
    house = opened().housekeeping
    planned = house.erase(address, rehearse=True)
    if not planned.touched:
        typer.echo(f"Nothing in the database names {output.one_line(address)}.")
        return
    _show(planned, "would be changed" if dry_run or not yes else "are changed")
    if dry_run:
        return
    if not yes and not _confirmed():
        raise CouldNot("nothing was erased")
    done = house.erase(address, rehearse=False)
    typer.echo(f"Erased: {sum(done.touched.values())} rows changed.")
    if done.lingers:
        typer.echo(_LINGERS)


def _confirmed() -> bool:
    try:
        return typer.confirm("Erase? It cannot be undone.")
    except typer.Abort as aborted:
        raise CouldNot("nothing was erased; --yes erases without asking") from aborted


def _show(erased: Erased, what: str) -> None:
    people = [*erased.addresses, *erased.names]
    typer.echo(f"Erases {', '.join(map(output.one_line, people))}.")
    for table, count in erased.touched.items():
        typer.echo(f"  {count:>6}  rows of {table} {what}")
    for name in erased.files:
        typer.echo(f"  the file {output.one_line(name)} of a meeting names them and is left as it is")


@database_app.command()
def backup(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where to.")],
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there.")] = False,
) -> None:
    """Copy a SQLite database as it is at one moment, also while the daemon writes.

    rsvpd db backup /var/backups/rsvpd.db
    """
    # Not `opened`, which refuses an older schema: before an upgrade is when one wants a backup.
    size = upkeep.backup(Database(settings().database.url), file, replace=force)
    typer.echo(f"Wrote {file}: {size:,} bytes, checked.")


@database_app.command()
def clean() -> None:
    """Do now what the daemon does once a day: take away what is kept no longer, and give room back.

    rsvpd db clean
    """
    kept = opened().housekeeping.tidy(whole=True)
    typer.echo(
        f"Emptied {kept.replies} replies and {kept.mails} mails, removed {kept.meetings} meetings "
        f"and {kept.changes} changes, gave back {kept.freed:,} bytes."
    )
    if kept.lingers:
        typer.echo(_LINGERS)
