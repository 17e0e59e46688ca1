"""The only importer of smtplib: hands mails over to an organizer's server.

A mail costs two round trips where the server offers PIPELINING (RFC 2920), else
four. smtplib cannot pipeline; what it can do, connecting, TLS, login and reading
replies, is left to it.
"""

from __future__ import annotations

import re
import smtplib
from base64 import b64decode, b64encode
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from rsvpd.config import OrganizerSettings, Security, SmtpSettings
from rsvpd.mail import sasl, tls
from rsvpd.ports import AccessTokens, Refused, Sent, TokenUnavailable, TransportLost, TransportUnavailable

_PORTS = {Security.TLS: 465, Security.STARTTLS: 587, Security.NONE: 25}
_SERVICE_CLOSING = 421
_START_CONTENT = 354
_CHALLENGE = 334
_AUTH_WORDS = 500
"""Characters after AUTH; a longer first response waits for a challenge (RFC 4954 4)."""
_ENVELOPE_ID = 100
"""Characters of an ENVID (RFC 3461 4.4)."""
_SETTINGS_WRONG = {530, 534, 535, 538}
"""The server wants another login or TLS (RFC 4954 6, RFC 3207 4): nothing that a mail could help."""

_Reply = tuple[int, bytes]


@dataclass(frozen=True, slots=True)
class _Mail:
    sender: str
    recipient: str
    raw: bytes
    envelope_id: str | None


class _NothingTaken(Exception):  # noqa: N818  a signal
    """The connection ended before the server took anything of this mail; what that means if it was new."""

    def __init__(self, meaning: TransportUnavailable) -> None:
        super().__init__(str(meaning))
        self.meaning = meaning


class SmtpTransport:
    """One connection, for many mails."""

    def __init__(self, settings: SmtpSettings, where: str, tokens: AccessTokens | None = None) -> None:
        self._settings = settings
        self._tokens = tokens
        self._where = where
        self._connection: smtplib.SMTP | None = None

    def send(self, sender: str, recipient: str, raw: bytes, envelope_id: str | None = None) -> Sent | Refused:
        """Hands over one mail; the connection is made anew if the server closed it in between."""
        mail = _Mail(sender, recipient, raw, envelope_id)
        if self._connection is not None:
            with suppress(_NothingTaken):
                return self._hand_over(self._connection, mail)
        try:
            return self._hand_over(self._connected(), mail)
        except _NothingTaken as error:
            raise error.meaning from error

    def extensions(self) -> list[str]:
        """Connects and logs in; what the server said it can do (RFC 5321 2.2)."""
        return sorted(name.upper() for name in self._connected().esmtp_features)

    def _hand_over(self, connection: smtplib.SMTP, mail: _Mail) -> Sent | Refused:
        """One transaction (RFC 5321 3.3)."""
        commands = _commands(connection, mail)
        if isinstance(commands, Refused):
            return commands
        replies: list[_Reply] = []
        all_sent = False
        try:
            _ask(connection, commands, replies)
            if refusal := _refusal(replies):
                return self._refused(connection, refusal, replies)
            connection.send(_quoted(mail.raw))
            all_sent = True
            reply = connection.getreply()
            return Sent() if _is_fine(reply) else self._refused(connection, reply, [])
        except (smtplib.SMTPException, OSError) as error:
            self.close()
            lost = TransportLost(f"{self._where}: {_said(error)}", others_wait=all_sent)
            raise (lost if replies or _is_timeout(error) else _NothingTaken(lost)) from error

    def _refused(self, connection: smtplib.SMTP, refusal: _Reply, replies: list[_Reply]) -> Refused:
        """What a reply that is not fine means; `replies` are those to the commands, if it is one of them."""
        code, said = refusal[0], f"{refusal[0]} {_words(refusal[1])}"
        if code == _SERVICE_CLOSING:
            self.close()
            if replies[:1] == [refusal]:
                raise _NothingTaken(TransportUnavailable(f"{self._where}: {said}"))
            raise TransportLost(f"{self._where}: {said}", others_wait=True)
        if not 400 <= code < 600:
            raise smtplib.SMTPServerDisconnected(f"the server makes no sense: {said}")
        if replies:
            self._end_transaction(connection, replies)
            if code in _SETTINGS_WRONG:
                raise TransportUnavailable(f"{self._where}: {said}; check username, password and security")
        return Refused(said, permanent=code >= 500)

    def _end_transaction(self, connection: smtplib.SMTP, replies: list[_Reply]) -> None:
        """Makes the connection ready for the next mail; a server that hangs up instead has said its word."""
        try:
            if replies[-1][0] == _START_CONTENT:
                # Content is wanted although nobody gets it (RFC 2920 3.1): none.
                connection.send(b".\r\n")
                connection.getreply()
            connection.rset()
        except (smtplib.SMTPException, OSError):
            self.close()

    def _connected(self) -> smtplib.SMTP:
        if self._connection is None:
            try:
                self._connection = sasl.admitted(self._tokens, self._connect, smtplib.SMTPAuthenticationError)
            except TokenUnavailable as error:
                raise TransportUnavailable(str(error)) from error
            except smtplib.SMTPAuthenticationError as error:
                said = _words(error.smtp_error)
                raise TransportUnavailable(
                    f"{self._where}: login refused for {self._settings.username} ({error.smtp_code} {said}); "
                    f"check {sasl.WITH_TOKEN if self._tokens else sasl.WITH_PASSWORD}"
                ) from error
            except (smtplib.SMTPException, OSError) as error:
                raise TransportUnavailable(f"{self._where}: {_said(error)}") from error
        return self._connection

    def _connect(self, token: str | None) -> smtplib.SMTP:
        settings = self._settings
        port = server_of(settings)[1]
        seconds = settings.timeout.total_seconds()
        connection: smtplib.SMTP
        if settings.security is Security.TLS:
            connection = smtplib.SMTP_SSL(settings.host, port, timeout=seconds, context=tls.context(settings))
        else:
            connection = smtplib.SMTP(settings.host, port, timeout=seconds)
        try:
            self._greet(connection, token)
        except BaseException:
            connection.close()
            raise
        return connection

    def _greet(self, connection: smtplib.SMTP, token: str | None) -> None:
        settings = self._settings
        connection.ehlo_or_helo_if_needed()
        if settings.security is Security.STARTTLS:
            connection.starttls(context=tls.context(settings))
            connection.ehlo()
        if token is not None:
            self._log_in_with(connection, token)
        elif settings.username:
            self._log_in(connection, settings.username)

    def _log_in(self, connection: smtplib.SMTP, username: str) -> None:
        try:
            _log_in(connection, username, self._settings.secret() or "")
        except smtplib.SMTPNotSupportedError as error:
            raise TransportUnavailable(
                f"{self._where}: the server offers no login here; remove username, or use another port"
            ) from error

    def _log_in_with(self, connection: smtplib.SMTP, token: str) -> None:
        settings = self._settings
        way = sasl.mechanism(connection.esmtp_features.get("auth", "").split())
        if way is None:
            raise TransportUnavailable(f"{self._where}: {sasl.NOT_OFFERED}")
        port = server_of(settings)[1]
        login = sasl.TokenLogin(way, settings.username or "", token, settings.host, port)
        first = b64encode(login.initial()).decode()
        if len(way) + len(first) <= _AUTH_WORDS:
            code, said = connection.docmd("AUTH", f"{way} {first}")
        else:
            code, said = connection.docmd("AUTH", way)
            code, said = connection.docmd(first) if code == _CHALLENGE else (code, said)
        if code == _CHALLENGE:
            answer = login.respond(_decoded(said))
            code, said = connection.docmd(b64encode(answer).decode())
        if 400 <= code < 500:
            raise smtplib.SMTPResponseException(code, said)  # not now (RFC 4954 6), whatever the token
        if not _is_fine((code, said)):
            raise smtplib.SMTPAuthenticationError(code, login.said.encode() or said)

    def close(self) -> None:
        """Ends the connection, quietly."""
        connection, self._connection = self._connection, None
        if connection is None:
            return
        try:
            connection.quit()
        except (smtplib.SMTPException, OSError):
            connection.close()


def server_of(settings: SmtpSettings) -> tuple[str, int]:
    """Host and port."""
    return settings.host, settings.port or _PORTS[settings.security]


@contextmanager
def transport(organizer: OrganizerSettings, tokens: AccessTokens | None = None) -> Iterator[SmtpTransport]:
    """A connection to the organizer's server, closed at the end."""
    if organizer.smtp is None:
        raise TransportUnavailable(f"{organizer.name}: no [organizer.smtp] is configured, so nothing is sent")
    opened = SmtpTransport(organizer.smtp, f"{organizer.name}: smtp {organizer.smtp.host}", tokens)
    try:
        yield opened
    finally:
        opened.close()


def _log_in(connection: smtplib.SMTP, username: str, password: str) -> None:
    """By the best way that smtplib knows; it knows none beyond ASCII, where PLAIN is UTF-8 (RFC 4616 2)."""
    if (username + password).isascii():
        connection.login(username, password)
        return
    if "PLAIN" not in connection.esmtp_features.get("auth", "").upper().split():
        raise smtplib.SMTPNotSupportedError("no AUTH PLAIN")
    message = f"\0{username}\0{password}".encode()
    code, said = connection.docmd("AUTH", f"PLAIN {b64encode(message).decode()}")
    if not _is_fine((code, said)):
        raise smtplib.SMTPAuthenticationError(code, said)


def _decoded(challenge: bytes) -> bytes:
    """What a server says of a token that it refuses; it need not make sense."""
    try:
        return b64decode(challenge) or b"refused"
    except ValueError:
        return challenge


def _commands(connection: smtplib.SMTP, mail: _Mail) -> list[bytes] | Refused:
    """MAIL, RCPT and DATA with what the server offers: SIZE, 8BITMIME, SMTPUTF8 and DSN."""
    for address in (mail.sender, mail.recipient):
        if not address.isprintable():
            return Refused(f"no address: {address!r}", permanent=True)
    of_mail = [f"SIZE={len(mail.raw)}"] if connection.has_extn("size") else []
    of_recipient = []
    if not mail.raw.isascii() and connection.has_extn("8bitmime"):
        of_mail.append("BODY=8BITMIME")
    if not (mail.sender + mail.recipient).isascii():
        if not connection.has_extn("smtputf8"):
            return Refused(
                f"the server cannot take the address {mail.recipient} (no SMTPUTF8)", permanent=True
            )
        of_mail.append("SMTPUTF8")
    if connection.has_extn("dsn"):
        of_mail += ["RET=HDRS", *_envelope_id(mail.envelope_id)]
        of_recipient += ["NOTIFY=FAILURE,DELAY", *_original_recipient(mail.recipient)]
    lines = (
        " ".join([f"MAIL FROM:{smtplib.quoteaddr(mail.sender)}", *of_mail]),
        " ".join([f"RCPT TO:{smtplib.quoteaddr(mail.recipient)}", *of_recipient]),
        "DATA",
    )
    return [f"{line}\r\n".encode() for line in lines]


def _envelope_id(value: str | None) -> list[str]:
    if not value or not value.isascii():
        return []
    coded = _xtext(value)
    return [f"ENVID={coded}"] if len(coded) <= _ENVELOPE_ID else []


def _original_recipient(address: str) -> list[str]:
    """ORCPT, so that a report from where the mail was forwarded to names whom we wrote to."""
    return [f"ORCPT=rfc822;{_xtext(address)}"] if address.isascii() else []


def _xtext(value: str) -> str:
    """RFC 3461 4: printable ASCII, with `+`, `=` and everything else as `+` and two hexadecimal digits."""
    return re.sub(r"[^!-*,-<>-~]", lambda found: f"+{ord(found[0]):02X}", value)


def _ask(connection: smtplib.SMTP, commands: list[bytes], replies: list[_Reply]) -> None:
    """Fills `replies`: with PIPELINING one to each command, else up to the first that is not fine."""
    pipelining = connection.has_extn("pipelining")
    if pipelining:
        connection.send(b"".join(commands))
    for command in commands:
        if not pipelining:
            connection.send(command)
        replies.append(connection.getreply())
        if replies[-1][0] == _SERVICE_CLOSING or (not pipelining and _refusal(replies)):
            return


def _refusal(replies: list[_Reply]) -> _Reply | None:
    """The first reply to MAIL, RCPT and DATA that is not what goes on (RFC 5321 4.3.2)."""
    for number, reply in enumerate(replies):
        wanted = reply[0] == _START_CONTENT if number == 2 else _is_fine(reply)
        if not wanted:
            return reply
    return None


def _is_fine(reply: _Reply) -> bool:
    return 200 <= reply[0] < 300


def _quoted(raw: bytes) -> bytes:
    """The content as it goes over the wire: dots at the start of a line doubled (RFC 5321 4.5.2)."""
    end = b"" if raw.endswith(b"\r\n") else b"\r\n"
    return re.sub(rb"(?m)^\.", b"..", raw) + end + b".\r\n"


def _said(error: Exception) -> str:
    """What went wrong, on one line."""
    if _is_timeout(error):
        return "no answer in time"
    if isinstance(error, smtplib.SMTPResponseException):
        return f"{error.smtp_code} {_words(error.smtp_error)}"
    return tls.words(error)


def _is_timeout(error: Exception) -> bool:
    """Whether the server kept silent; smtplib wraps that into words."""
    return isinstance(error, TimeoutError) or isinstance(error.__context__, TimeoutError)


def _words(words: bytes | str) -> str:
    text = words.decode("utf-8", "replace") if isinstance(words, bytes) else words
    return " ".join(text.split())[:500]
