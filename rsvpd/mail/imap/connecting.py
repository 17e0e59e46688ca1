"""A connection that is logged in."""

from __future__ import annotations

from contextlib import suppress

from imapclient import IMAPClient
from imapclient.exceptions import IMAPClientError, LoginError

from rsvpd.config import ImapSettings, Security
from rsvpd.mail import tls

_PORTS = {Security.TLS: 993, Security.STARTTLS: 143, Security.NONE: 143}


def connect(settings: ImapSettings) -> IMAPClient:
    """Connects and logs in. Raises what IMAPClient and the socket raise."""
    encrypted = settings.security is not Security.NONE
    context = tls.context(settings) if encrypted else None
    client = IMAPClient(
        settings.host,
        settings.port or _PORTS[settings.security],
        ssl=settings.security is Security.TLS,
        ssl_context=context if settings.security is Security.TLS else None,
        timeout=settings.timeout.total_seconds(),
    )
    try:
        client.normalise_times = False
        if settings.security is Security.STARTTLS:
            client.starttls(context)
        _login(client, settings.username or "", settings.secret() or "")
    except BaseException:
        with suppress(OSError):  # what broke it may have closed it
            client.shutdown()
        raise
    return client


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
