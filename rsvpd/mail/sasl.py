"""Logins with an access token: XOAUTH2, and OAUTHBEARER (RFC 7628), for IMAP and SMTP."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TypeVar

from rsvpd.ports import AccessTokens

Connection = TypeVar("Connection")

_MECHANISMS = ("OAUTHBEARER", "XOAUTH2")
"""The standard before what Google made up and Microsoft alone needs."""

WITH_PASSWORD = "username and password"  # noqa: S105  what to check
WITH_TOKEN = "username, and that the grant is for this mailbox and for IMAP and SMTP"  # noqa: S105  likewise
NOT_OFFERED = "the server offers no login by access token here (OAUTHBEARER or XOAUTH2); give a password"


@dataclass(slots=True)
class TokenLogin:
    """The client's side of one login."""

    mechanism: str
    username: str
    token: str = field(repr=False)
    host: str
    port: int
    said: str = ""
    """What the server says of a token that it refuses: JSON, such as `{"status":"401"}`."""

    def initial(self) -> bytes:
        """The first response (RFC 7628 3.1)."""
        if self.mechanism == "XOAUTH2":
            return f"user={self.username}\1auth=Bearer {self.token}\1\1".encode()
        name = self.username.replace("=", "=3D").replace(",", "=2C")
        return f"n,a={name},\1host={self.host}\1port={self.port}\1auth=Bearer {self.token}\1\1".encode()

    def respond(self, challenge: bytes) -> bytes:
        """The response to a challenge; one that is not empty is the refusal, which is acknowledged."""
        if not challenge:
            return self.initial()
        text = "".join(c if c.isprintable() else " " for c in challenge.decode("utf-8", "replace"))
        self.said = " ".join(text.split())[:200]
        return b"" if self.mechanism == "XOAUTH2" else b"\1"  # RFC 7628 3.2.3


def mechanism(offered: Iterable[str]) -> str | None:
    """The way to log in with a token that the server offers, if any."""
    known = {name.upper() for name in offered}
    return next((name for name in _MECHANISMS if name in known), None)


def admitted(
    tokens: AccessTokens | None,
    connect: Callable[[str | None], Connection],
    refused: type[Exception],
) -> Connection:
    """The connection, logged in by password, or by token; a token that is refused is renewed once."""
    token = tokens.current() if tokens else None
    try:
        return connect(token)
    except refused:
        other = tokens.renewed(token) if tokens and token else None
        if other is None:
            raise
    return connect(other)
