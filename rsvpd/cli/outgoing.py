"""`outgoing …`: the mails that wait, and those that nobody took."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from rsvpd.app import App
from rsvpd.cli import output
from rsvpd.cli.root import Format, FormatOption, opened, outgoing_app
from rsvpd.store import outgoing, queued
from rsvpd.store.outgoing import Status
from rsvpd.store.queued import OutgoingView

Numbers = Annotated[list[int], typer.Argument(metavar="ID…", help="Ids of mails, as `outgoing list` shows.")]


@outgoing_app.command("list")
def list_(
    status: Annotated[
        list[Status] | None, typer.Option(help="Only these; by default what is pending or failed.")
    ] = None,
    organizer: Annotated[str | None, typer.Option(help="Only this organizer's.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="The newest so many.")] = 100,
    form: FormatOption = Format.TABLE,
) -> None:
    """Show the outgoing queue.

    Example: [bold]rsvpd outgoing list --status failed[/]
    """
    house = opened()
    name = house.settings.named(organizer).name if organizer else None
    statuses = [one.value for one in status or (Status.PENDING, Status.FAILED)]
    with house.database.read() as session:
        views = queued.mails(session, statuses=statuses, organizer=name, limit=limit)
    _print(views, form)


@outgoing_app.command()
def retry(
    numbers: Annotated[
        list[int] | None, typer.Argument(metavar="[ID]…", help="Ids of mails, as `outgoing list` shows.")
    ] = None,
    all_failed: Annotated[bool, typer.Option("--all-failed", help="Everything that failed.")] = False,
    form: FormatOption = Format.TABLE,
) -> None:
    """Send mails again that failed or wait, as if for the first time; the same bytes.

    Example: [bold]rsvpd outgoing retry --all-failed[/]
    """
    if bool(numbers) == all_failed:
        raise typer.BadParameter("give the IDs of mails, or --all-failed")
    house = opened()
    ids = list(dict.fromkeys(numbers or ())) or _failed(house)
    with house.database.begin() as session:
        outgoing.retry(session, ids, house.clock.now())
    _print_these(house, ids, form)


@outgoing_app.command()
def drop(numbers: Numbers, form: FormatOption = Format.TABLE) -> None:
    """Take mails out of the queue: they are never sent, and failed ones are off the list."""
    house = opened()
    ids = list(dict.fromkeys(numbers))
    with house.database.begin() as session:
        outgoing.drop(session, ids)
    _print_these(house, ids, form)


def _failed(house: App) -> list[int]:
    with house.database.read() as session:
        return [view.id for view in queued.mails(session, statuses=[Status.FAILED.value])]


def _print_these(house: App, ids: list[int], form: Format) -> None:
    views: list[OutgoingView] = []
    with house.database.read() as session:
        for start in range(0, len(ids), 1000):
            views += queued.mails(session, ids=ids[start : start + 1000])
    _print(views, form)


def _print(views: list[OutgoingView], form: Format) -> None:
    rows = [_json(view) for view in views]
    if form is Format.JSON:
        output.print_json(rows)
    elif form is Format.CSV:
        output.print_csv(OutgoingView.__slots__, rows)
    elif not views:
        typer.echo("No such mails.")
    else:
        _print_table(views)


def _json(view: OutgoingView) -> dict[str, Any]:
    return {name: getattr(view, name) for name in OutgoingView.__slots__}


def _print_table(views: list[OutgoingView]) -> None:
    table = output.table("id", "status", "recipient", "next try or sent", "mail and what was said")
    for view in views:
        words = f"\n[dim]{output.plain(view.words)}[/]" if view.words else ""
        table.add_row(
            str(view.id),
            view.status,
            output.plain(view.recipient),
            output.day_and_time(view.due_at or view.sent_at),
            f"{view.method.lower()} {output.plain(view.summary)}{words}",
        )
    output.console().print(table)
