"""A connection that is logged in."""

from __future__ import annotations

import socket
from contextlib import suppress

from imapclient import IMAPClient
from imapclient.exceptions import IMAPClientError, LoginError

from rsvpd.config import ImapSettings, Security
from rsvpd.mail import tls
from rsvpd.mail.imap.slots import Server

_PORTS = {Security.TLS: 993, Security.STARTTLS: 143, Security.NONE: 143}

_KEEPALIVE = {"TCP_KEEPIDLE": 60, "TCP_KEEPINTVL": 15, "TCP_KEEPCNT": 4}
"""Seconds and probes: a peer that is gone without a word is noticed within two minutes."""


def server_of(settings: ImapSettings) -> Server:
    """Host and port."""
    return settings.host, settings.port or _PORTS[settings.security]


def connect(settings: ImapSettings) -> IMAPClient:
    """Connects and logs in. Raises what IMAPClient and the socket raise."""
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
        if settings.security is Security.STARTTLS:
            client.starttls(context)
        _keep_alive(client.socket())
        _login(client, settings.username or "", settings.secret() or "")
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
