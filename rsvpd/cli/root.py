"""The `rsvpd` command itself: what every command shares."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from rsvpd import __version__
from rsvpd.app import App, open_app
from rsvpd.config import Settings, load
from rsvpd.logs import log_to

app = typer.Typer(
    help="""Who is coming? Sends meeting invitations by mail and records the replies of every calendar client.

    Start with [bold]rsvpd demo[/] to see it work, then [bold]rsvpd init[/], [bold]rsvpd check[/] and
    [bold]rsvpd run[/].""",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Exit status: 0 done, 1 could not, 2 wrong use.",
)
meeting_app = typer.Typer(
    help="Create, import and show meetings.", no_args_is_help=True, rich_markup_mode="rich"
)
database_app = typer.Typer(help="The database's schema.", no_args_is_help=True, rich_markup_mode="rich")
review_app = typer.Typer(help="What waits for a person.", no_args_is_help=True, rich_markup_mode="rich")
attendee_app = typer.Typer(help="The people on the list.", no_args_is_help=True, rich_markup_mode="rich")
outgoing_app = typer.Typer(help="The mails that are sent.", no_args_is_help=True, rich_markup_mode="rich")
proposal_app = typer.Typer(
    help="Other times that attendees propose.", no_args_is_help=True, rich_markup_mode="rich"
)
oauth_app = typer.Typer(
    help="Logins with access tokens instead of passwords.", no_args_is_help=True, rich_markup_mode="rich"
)
token_app = typer.Typer(help="Who may ask over HTTP.", no_args_is_help=True, rich_markup_mode="rich")
webhook_app = typer.Typer(
    help="Programs that are told of changes.", no_args_is_help=True, rich_markup_mode="rich"
)
for _part, _name in (
    (meeting_app, "meeting"),
    (attendee_app, "attendee"),
    (proposal_app, "proposal"),
    (review_app, "review"),
    (outgoing_app, "outgoing"),
    (oauth_app, "oauth"),
    (token_app, "token"),
    (webhook_app, "webhook"),
    (database_app, "db"),
):
    app.add_typer(_part, name=_name)


class Format(StrEnum):
    """How a command prints what it found."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"


class Chosen:
    """Which configuration the person chose."""

    file: Path | None = None


FormatOption = Annotated[Format, typer.Option("--format", "-f", help="How to print it.")]


def _version(value: bool) -> None:  # noqa: FBT001  Typer's callback
    if value:
        typer.echo(f"rsvpd {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    config: Annotated[
        Path | None,
        typer.Option(
            "--config",
            "-c",
            envvar="RSVPD_CONFIG",
            metavar="FILE",
            help="The settings; by default ./rsvpd.toml, then /etc/rsvpd/rsvpd.toml.",
        ),
    ] = None,
    version: Annotated[  # noqa: ARG001  its callback does it
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    Chosen.file = config
    log_to(sys.stderr)


def settings() -> Settings:
    """The settings chosen on the command line."""
    return load(Chosen.file)[0]


def opened() -> App:
    """The house, opened with these settings."""
    return open_app(settings())
