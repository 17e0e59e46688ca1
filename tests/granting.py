"""An organizer whose servers want access tokens, and the state that a login leaves behind."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import house
from house import Keys
from rig.authorization import AuthorizationServer, Client
from rig.dovecot import Dovecot
from rsvpd.app import App
from rsvpd.config import parse
from rsvpd.mail.access import OAuthTokens
from rsvpd.mail.tokens import Token
from rsvpd.store.database import Database


def oauth(server: AuthorizationServer, client: Client, **keys: object) -> Keys:
    """The keys of [organizer.oauth] for a client of the rig."""
    plain: Keys = {"client_id": client.client_id, "client_secret": client.secret}
    endpoints = {"token_endpoint": server.token_endpoint, "device_endpoint": server.device_endpoint}
    return given(plain | endpoints | {"scopes": ["mail"], "timeout": "5s"} | keys)


def organizer(dovecot: Dovecot, login: Keys, mailbox: str, **keys: object) -> Keys:
    """An organizer whose mailbox is opened with an access token."""
    imap = given(house.imap(dovecot, mailbox, password=None))
    named: Keys = {"address": mailbox, "imap": imap, "oauth": login}
    return house.organizer(**(named | keys))


def given(keys: Keys) -> Keys:
    """The keys that have a value."""
    return {name: value for name, value in keys.items() if value is not None}


def open_house(folder: Path, one: Keys) -> App:
    """The house of one organizer, whose tokens are in this folder."""
    keys: dict[str, Any] = {"organizer": [one], "state_directory": str(folder / "state")}
    return App(parse(keys, folder / "rsvpd.toml"), Database(f"sqlite:///{folder}/rsvpd.db"))


def tokens(app: App) -> OAuthTokens:
    """The tokens of its organizer."""
    return app.tokens(app.settings.organizer[0])


def look(app: App) -> None:
    """Log in to the mailbox and open its INBOX."""
    with app.mailbox(app.settings.organizer[0]) as mailbox, mailbox.open("INBOX"):
        pass


def kept(app: App) -> Token:
    """What is in the file."""
    token = tokens(app)._file.load()
    assert token is not None
    return token


def keep(app: App, token: Token) -> None:
    """Put this into the file."""
    file = tokens(app)._file
    with file.locked(), file.replacing() as put:
        put(token)


def log_in(app: App, client: Client) -> str:
    """What a person's login leaves behind once its access token has run out: the refresh token."""
    refresh_token = client.grant()
    keep(app, Token("a-old", 0, 0, tokens(app)._issued_for, refresh_token))
    return refresh_token


def age(app: App, seconds: float) -> None:
    """Let the kept token have been issued so much earlier."""
    token = kept(app)
    issued_at, expires_at = token.issued_at - seconds, token.expires_at - seconds
    keep(app, replace(token, issued_at=issued_at, expires_at=expires_at))
