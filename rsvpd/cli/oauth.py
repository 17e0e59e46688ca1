"""`oauth login`: the one time that a person is needed for access tokens."""

from __future__ import annotations

from typing import Annotated

import typer

from rsvpd.app import App
from rsvpd.cli import output
from rsvpd.cli.root import oauth_app, settings
from rsvpd.config import Grant
from rsvpd.mail.access import OAuthTokens
from rsvpd.ports import CouldNot
from rsvpd.store.database import Database


@oauth_app.command()
def login(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The organizer's name or address.")],
) -> None:
    """Have a person grant access to an organizer's mailbox, once.

    Prints an address to open in any browser, on any machine, and what to enter there.
    """
    found = settings()
    organizer = found.named(name)
    tokens = App(found, Database(found.database.url)).tokens(organizer)
    oauth = organizer.oauth
    if oauth is None or oauth.grant is not Grant.REFRESH_TOKEN:
        raise CouldNot(
            f'{organizer.name}: only grant = "refresh-token" needs a login; `rsvpd check` tries the others'
        )
    if oauth.device_endpoint:
        _by_device(tokens, organizer.address)
    elif oauth.authorization_endpoint:
        _by_browser(tokens, organizer.address)
    else:
        raise CouldNot(f"{organizer.name}: a login needs device_endpoint or authorization_endpoint")
    typer.echo("Granted, and kept. `rsvpd check` tries it on the mail servers.")


def _by_device(tokens: OAuthTokens, address: str) -> None:
    server = tokens.server()
    code = server.device_code()
    minutes = max(1, round(code.expires_in / 60))
    typer.echo(f"Open   {output.one_line(code.verification_uri)}")
    typer.echo(f"enter  {output.one_line(code.user_code)}")
    typer.echo(f"and log in as {address}, within {minutes} minutes. Waiting …")
    tokens.keep(server.by_device_code(code))


def _by_browser(tokens: OAuthTokens, address: str) -> None:
    server = tokens.server()
    begun = server.browser_login()
    typer.echo(f"Open this address, and log in as {address}:\n\n{begun.address}\n")
    typer.echo("The browser ends at a page that cannot be shown. Copy the address of that page to here.")
    tokens.keep(server.by_browser(begun, typer.prompt("Address", prompt_suffix=": ").strip()))
