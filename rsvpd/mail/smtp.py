"""The only importer of smtplib: hands mails over to an organizer's server."""

from __future__ import annotations

import smtplib
from collections.abc import Iterator
from contextlib import contextmanager

from rsvpd.config import OrganizerSettings, Security, SmtpSettings
from rsvpd.mail import tls
from rsvpd.ports import Refused, Sent, TransportUnavailable

_PORTS = {Security.TLS: 465, Security.STARTTLS: 587, Security.NONE: 25}
_SERVICE_CLOSING = 421


class SmtpTransport:
    """One connection, for many mails."""

    def __init__(self, settings: SmtpSettings, where: str) -> None:
        self._settings = settings
        self._where = where
        self._connection: smtplib.SMTP | None = None

    def send(self, sender: str, recipient: str, raw: bytes) -> Sent | Refused:
        """Hands over one mail; the connection is made anew if the server closed it."""
        try:
            connection = self._connected()
            options = ["SMTPUTF8"] if not (sender + recipient).isascii() else []
            connection.sendmail(sender, [recipient], raw, mail_options=options)
        except smtplib.SMTPRecipientsRefused as error:
            code, words = next(iter(error.recipients.values()))
            return _refused(code, words)
        except (smtplib.SMTPSenderRefused, smtplib.SMTPDataError) as error:
            return _refused(error.smtp_code, error.smtp_error)
        except smtplib.SMTPNotSupportedError:
            return Refused(f"the server cannot take the address {recipient} (no SMTPUTF8)", permanent=True)
        except (smtplib.SMTPException, OSError) as error:
            self.close()
            raise TransportUnavailable(f"{self._where}: {tls.words(error)}") from error
        return Sent()

    def check(self) -> str:
        """Connects and logs in; what the server said it can do, for people."""
        try:
            connection = self._connected()
            return ", ".join(sorted(name.upper() for name in connection.esmtp_features)) or "no extensions"
        except (smtplib.SMTPException, OSError) as error:
            self.close()
            raise TransportUnavailable(f"{self._where}: {tls.words(error)}") from error

    def _connected(self) -> smtplib.SMTP:
        if self._connection is not None:
            if self._alive(self._connection):
                return self._connection
            self.close()
        self._connection = self._connect()
        return self._connection

    @staticmethod
    def _alive(connection: smtplib.SMTP) -> bool:
        try:
            return connection.noop()[0] == 250
        except (smtplib.SMTPException, OSError):
            return False

    def _connect(self) -> smtplib.SMTP:
        settings = self._settings
        port = settings.port or _PORTS[settings.security]
        seconds = settings.timeout.total_seconds()
        connection: smtplib.SMTP
        if settings.security is Security.TLS:
            connection = smtplib.SMTP_SSL(settings.host, port, timeout=seconds, context=tls.context(settings))
        else:
            connection = smtplib.SMTP(settings.host, port, timeout=seconds)
        try:
            self._greet(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _greet(self, connection: smtplib.SMTP) -> None:
        settings = self._settings
        connection.ehlo()
        if settings.security is Security.STARTTLS:
            connection.starttls(context=tls.context(settings))
            connection.ehlo()
        if not settings.username:
            return
        try:
            connection.login(settings.username, settings.secret() or "")
        except smtplib.SMTPAuthenticationError as error:
            said = _words(error.smtp_error)
            raise TransportUnavailable(
                f"{self._where}: login refused for {settings.username} ({error.smtp_code} {said}); "
                "check username and password"
            ) from error
        except smtplib.SMTPNotSupportedError as error:
            raise TransportUnavailable(
                f"{self._where}: the server offers no login here; remove username, or use another port"
            ) from error

    def close(self) -> None:
        """Ends the connection, quietly."""
        connection, self._connection = self._connection, None
        if connection is None:
            return
        try:
            connection.quit()
        except (smtplib.SMTPException, OSError):
            connection.close()


@contextmanager
def transport(organizer: OrganizerSettings) -> Iterator[SmtpTransport]:
    """A connection to the organizer's server, closed at the end."""
    if organizer.smtp is None:
        raise TransportUnavailable(f"{organizer.name}: no [organizer.smtp] is configured, so nothing is sent")
    opened = SmtpTransport(organizer.smtp, f"{organizer.name}: smtp {organizer.smtp.host}")
    try:
        yield opened
    finally:
        opened.close()


def _refused(code: int, words: bytes | str) -> Refused:
    if code == _SERVICE_CLOSING:
        raise smtplib.SMTPServerDisconnected(f"{code} {_words(words)}")
    return Refused(f"{code} {_words(words)}", permanent=500 <= code < 600)


def _words(words: bytes | str) -> str:
    text = words.decode("utf-8", "replace") if isinstance(words, bytes) else words
    return " ".join(text.split())[:500]
