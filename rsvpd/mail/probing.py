"""What lies before every login: the server's name, its port and its certificate, each tried on its own."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from rsvpd.config import Security, ServerSettings
from rsvpd.mail import tls
from rsvpd.ports import CouldNot

Opening = Callable[[socket.socket], bool]
"""Asks for TLS on a connection that begins without (STARTTLS); False if the server does not want it."""

_LINE = 8192
_NO_CHECK_TIME = 0x200000
"""X509_V_FLAG_NO_CHECK_TIME of OpenSSL, which Python has no name for."""


class ProbeFailed(CouldNot):
    """What is not as it must be, and what to do about it."""

    def __init__(self, words: str, advice: str) -> None:
        super().__init__(words)
        self.advice = advice


@dataclass(frozen=True, slots=True)
class Certificate:
    """What a server's certificate says, and the TLS version that was agreed on."""

    names: tuple[str, ...]
    begins_at: datetime
    ends_at: datetime
    version: str


def addresses(host: str, port: int) -> list[str]:
    """The addresses of a name. Raises `ProbeFailed`."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except socket.gaierror as error:
        if error.errno == socket.EAI_AGAIN:
            raise ProbeFailed(
                f"the name servers give no answer for {host}", "check host, and /etc/resolv.conf"
            ) from error
        raise ProbeFailed(f"{host} has no address", "check host for a typing mistake") from error
    except UnicodeError as error:
        raise ProbeFailed(f"{host} is no name of a server", "check host for a typing mistake") from error
    return list(dict.fromkeys(str(place[4][0]) for place in found))


@contextmanager
def connected(host: str, port: int, seconds: float) -> Iterator[socket.socket]:
    """A connection without TLS. Raises `ProbeFailed`."""
    try:
        wire = socket.create_connection((host, port), seconds)
    except TimeoutError as error:
        raise ProbeFailed(
            f"port {port} gives no answer in {seconds:.0f} s", "check port, and the firewalls on the way"
        ) from error
    except ConnectionRefusedError as error:
        raise ProbeFailed(
            f"nothing listens on port {port}", "check port, and that the server runs"
        ) from error
    except OSError as error:
        raise ProbeFailed(tls.words(error), "check host and the network") from error
    with wire:
        yield wire


def certificate(settings: ServerSettings, port: int, opening: Opening, now: datetime) -> Certificate:
    """The certificate of a server that can be trusted. Raises `ProbeFailed`, and `CouldNot` for `ca_file`."""
    context = tls.context(settings)
    try:
        return _shaken_hands(settings, port, opening, context)
    except ssl.SSLCertVerificationError as error:
        raise _untrusted(settings, port, opening, error, now) from error
    except ssl.SSLError as error:
        raise ProbeFailed(
            f"port {port} speaks no TLS that we know ({error.reason or 'it hung up'})",
            f"check port, and whether security must be {_other(settings.security)}",
        ) from error
    except TimeoutError as error:
        raise ProbeFailed(
            f"port {port} is silent where TLS begins",
            f"check port, and whether security must be {_other(settings.security)}",
        ) from error
    except OSError as error:
        raise ProbeFailed(tls.words(error), "try again; if it stays so, ask who runs the server") from error


def _other(security: Security) -> str:
    return f'"{Security.STARTTLS if security is Security.TLS else Security.TLS}"'


def _shaken_hands(
    settings: ServerSettings, port: int, opening: Opening, context: ssl.SSLContext
) -> Certificate:
    with connected(settings.host, port, settings.timeout.total_seconds()) as wire:
        if settings.security is Security.STARTTLS and not opening(wire):
            raise ProbeFailed(
                f"the server offers no STARTTLS on port {port}", 'set security = "tls" with the port for it'
            )
        with context.wrap_socket(wire, server_hostname=settings.host) as safe:
            found = safe.getpeercert() or {}
            return Certificate(
                names=tuple(str(pair[1]) for pair in found.get("subjectAltName", ())),
                begins_at=_instant(found["notBefore"]),
                ends_at=_instant(found["notAfter"]),
                version=safe.version() or "TLS",
            )


def _instant(text: object) -> datetime:
    return datetime.fromtimestamp(ssl.cert_time_to_seconds(str(text)), UTC)


def _untrusted(
    settings: ServerSettings,
    port: int,
    opening: Opening,
    error: ssl.SSLCertVerificationError,
    now: datetime,
) -> ProbeFailed:
    """Which of chain, time and name it is: looks again, at the chain alone."""
    lenient = tls.own_context(settings)
    lenient.check_hostname = False
    lenient.verify_flags |= _NO_CHECK_TIME
    try:
        found = _shaken_hands(settings, port, opening, lenient)
    except (OSError, ProbeFailed):
        return ProbeFailed(
            f"nobody we trust vouches for the certificate ({error.verify_message})",
            "have the server send its whole chain, or name its authority in ca_file",
        )
    if found.ends_at < now:
        return ProbeFailed(
            f"the certificate ended on {found.ends_at:%Y-%m-%d}", "renew it on the server, then reload that"
        )
    if found.begins_at > now:
        return ProbeFailed(
            f"the certificate begins on {found.begins_at:%Y-%m-%d %H:%M} UTC",
            "check the clocks of both machines",
        )
    return ProbeFailed(
        f"the certificate is for {', '.join(found.names) or 'nobody'}, not for {settings.host}",
        "set host to a name that it has, or have this one added",
    )


def imap_starttls(wire: socket.socket) -> bool:
    """RFC 9051 6.2.1."""
    lines = wire.makefile("rb", buffering=0)
    lines.readline(_LINE)
    wire.sendall(b"a STARTTLS\r\n")
    while line := lines.readline(_LINE):
        if line.startswith(b"a "):
            return line[2:4].upper() == b"OK"
    return False


def smtp_starttls(wire: socket.socket) -> bool:
    """RFC 3207 4."""
    lines = wire.makefile("rb", buffering=0)

    def reply(command: bytes = b"") -> bytes:
        wire.sendall(command)
        while line := lines.readline(_LINE):
            if line[3:4] != b"-":
                return line[:3]
        return b""

    greeted = reply() == b"220" and reply(b"EHLO rsvpd.invalid\r\n") == b"250"
    return greeted and reply(b"STARTTLS\r\n") == b"220"
