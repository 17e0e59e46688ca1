"""`token …` and `openapi`: for programs that ask over HTTP."""

from __future__ import annotations

import json
import sys
from typing import Annotated

import typer

from rsvpd.cli import output
from rsvpd.cli.root import Format, FormatOption, app, opened, token_app
from rsvpd.ports import CouldNot
from rsvpd.store import access
from rsvpd.store.access import Scope, TokenView

_COLUMNS = ("name", "scope", "organizer", "created_at", "revoked_at")
_NAME_CHARACTERS = 100

Name = Annotated[str, typer.Argument(metavar="NAME", help="What it is called, such as the program's name.")]


@token_app.command()
def create(
    name: Name,
    scope: Annotated[
        Scope,
        typer.Option(help="read; write also invites and changes; admin also decides on held replies."),
    ] = Scope.READ,
    organizer: Annotated[str | None, typer.Option(help="Show only this organizer's meetings.")] = None,
) -> None:
    """Create a token for the HTTP API; it is printed this once, alone on a line.

    Example: [bold]rsvpd token create grafana --scope read >/etc/grafana/rsvpd.token[/]
    """
    if not name.isprintable() or not name.strip() or len(name) > _NAME_CHARACTERS:
        raise CouldNot("name: give a short name that can be printed")
    house = opened()
    bound = house.settings.named(organizer).name if organizer is not None else None
    with house.database.begin() as session:
        token = access.create(session, name, scope, bound, house.clock.now())
    typer.echo(token)


@token_app.command("list")
def list_(form: FormatOption = Format.TABLE) -> None:
    """Show every token there is or was; never the token itself."""
    with opened().database.read() as session:
        views = access.tokens(session)
    rows = [{column: getattr(view, column) for column in _COLUMNS} for view in views]
    if form is Format.JSON:
        output.print_json(rows)
    elif form is Format.CSV:
        output.print_csv(_COLUMNS, rows)
    elif not rows:
        typer.echo("No tokens yet. `rsvpd token create NAME` makes one.")
    else:
        _print(views)


def _print(views: list[TokenView]) -> None:
    table = output.table("scope", "organizer", "created (UTC)", "name")
    for view in views:
        gone = f"  [red]revoked[/] {output.day_and_time(view.revoked_at)}" if view.revoked_at else ""
        table.add_row(
            view.scope.value,
            output.plain(view.organizer or "all"),
            output.day_and_time(view.created_at),
            f"{output.plain(view.name)}{gone}",
        )
    output.console().print(table)


@token_app.command()
def revoke(name: Name) -> None:
    """Make a token good for nothing, at once.

    Example: [bold]rsvpd token revoke grafana[/]
    """
    house = opened()
    with house.database.begin() as session:
        access.revoke(session, name, house.clock.now())
    typer.echo(f"{name} is revoked.")


@app.command(rich_help_panel="For programs")
def openapi() -> None:
    """Print the OpenAPI document of the HTTP API.

    Example: [bold]rsvpd openapi >openapi.json[/]
    """
    from rsvpd.web import api  # noqa: PLC0415  it takes half a second to load

    json.dump(api.openapi(), sys.stdout, indent=2, ensure_ascii=False)
    sys.stdout.write("\n")
