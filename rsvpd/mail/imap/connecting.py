"""A connection that is logged in."""

from __future__ import annotations

import socket
from contextlib import suppress

from imapclient import IMAPClient
from imapclient.exceptions import IMAPClientError, LoginError

from rsvpd.config import ImapSettings, Security
from rsvpd.mail import sasl, tls
from rsvpd.mail.imap.slots import Server
from rsvpd.ports import AccessTokens

_PORTS = {Security.TLS: 993, Security.STARTTLS: 143, Security.NONE: 143}

_KEEPALIVE = {"TCP_KEEPIDLE": 60, "TCP_KEEPINTVL": 15, "TCP_KEEPCNT": 4}
"""Seconds and probes: a peer that is gone without a word is noticed within two minutes."""


def server_of(settings: ImapSettings) -> Server:
    """Host and port."""
    return settings.host, settings.port or _PORTS[settings.security]


def connect(settings: ImapSettings, tokens: AccessTokens | None = None) -> IMAPClient:
    """Connects and logs in, by password or by access token. Raises what IMAPClient and the socket raise."""
    return sasl.admitted(tokens, lambda token: _connect(settings, token), LoginError)


def _connect(settings: ImapSettings, token: str | None) -> IMAPClient:
    encrypted = settings.security is not Security.NONE
    context = tls.context(settings) if encrypted else None
    host, port = server_of(settings)
    client = IMAPClient(
        host,
        port,
        ssl=settings.security is Security.TLS,
        ssl_context=context if settings.security is Security.TLS else None,
        timeout=settings.timeout.total_seconds(),
    )
    try:
        client.normalise_times = False
        client._imap.debug = 0  # noqa: SLF001  else each line is formatted for a log that nobody reads
        if settings.security is Security.STARTTLS:
            client.starttls(context)
        _keep_alive(client.socket())
        if token is None:
            _login(client, settings.username or "", settings.secret() or "")
        else:
            _login_with(client, settings, token)
    except BaseException:
        with suppress(OSError):  # what broke it may have closed it
            client.shutdown()
        raise
    return client


def _keep_alive(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in _KEEPALIVE.items():
        if hasattr(socket, name):  # not on every system
            connection.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)


def _login(client: IMAPClient, username: str, password: str) -> None:
    """LOGIN knows ASCII alone; PLAIN is UTF-8 (RFC 4616 2)."""
    if (username + password).isascii():
        client.login(username, password)
        return
    answer = f"\0{username}\0{password}".encode()
    try:
        client.sasl_login("PLAIN", lambda _: answer)
    except IMAPClientError as error:
        raise LoginError(str(error)) from error


def _login_with(client: IMAPClient, settings: ImapSettings, token: str) -> None:
    offered = (name.decode("ascii", "replace").upper() for name in client.capabilities())
    way = sasl.mechanism(name.removeprefix("AUTH=") for name in offered)
    if way is None:
        raise IMAPClientError(sasl.NOT_OFFERED)
    login = sasl.TokenLogin(way, settings.username or "", token, *server_of(settings))
    try:
        client.sasl_login(way, login.respond)
    except LoginError as error:
        raise LoginError(login.said or str(error)) from error
