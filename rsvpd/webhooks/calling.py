"""Calls to the receiver of a webhook; the only importer of httpcore.

The address that is checked is the one that is connected to, so that a name that
resolves to another one in between leads nowhere (DNS rebinding). Redirects are not
followed, proxies of the environment not used, certificates always verified.
"""

from __future__ import annotations

import ipaddress
import socket
import ssl
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any

import httpcore
from httpcore import SOCKET_OPTION

from rsvpd import __version__
from rsvpd.config import WebhookSettings
from rsvpd.mail import tls
from rsvpd.ports import ReceiverUnavailable

_KEPT = 1024
"""Octets of an answer's body that are looked at."""
_FAILURES = (httpcore.TimeoutException, httpcore.NetworkError, httpcore.ProtocolError, OSError)
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


@dataclass(frozen=True, slots=True)
class Answer:
    """What the receiver said; `retry_after` are the seconds that it asks to wait."""

    status: int
    retry_after: int | None
    body: bytes
    seconds: float

    @property
    def words(self) -> str:
        """`503 Service Unavailable`."""
        with suppress(ValueError):
            return f"{self.status} {HTTPStatus(self.status).phrase}"
        return str(self.status)


def is_public(address: str) -> bool:
    """Whether an IP address is one of the internet: not of this machine, nor of a network of one's own.

    An IPv4 address inside an IPv6 one counts as what it leads to: mapped (RFC 4291
    2.5.5.2), 6to4 (RFC 3056), Teredo (RFC 4380), NAT64 (RFC 6052).
    """
    ip = ipaddress.ip_address(address)
    if isinstance(ip, ipaddress.IPv6Address):
        inner = ip.ipv4_mapped or ip.sixtofour or (ip.teredo and ip.teredo[1])
        if ip in _NAT64:
            inner = ipaddress.IPv4Address(int(ip) & 0xFFFF_FFFF)
        if inner:
            return is_public(str(inner))
        if ip.is_site_local:
            return False
    return ip.is_global and not (ip.is_multicast or ip.is_reserved)


@dataclass(slots=True)
class Receiver:
    """A connection to a receiver, kept for several calls."""

    settings: WebhookSettings
    pool: httpcore.ConnectionPool
    guard: _Guard

    def post(self, headers: Mapping[str, str], body: bytes) -> Answer:
        """One call. Raises `ReceiverUnavailable` where there is no answer within the webhook's timeout."""
        seconds = self.settings.timeout.total_seconds()
        began_at = time.monotonic()
        self.guard.deadline = began_at + seconds
        all_headers = _OURS | dict(headers)
        limits = dict.fromkeys(("connect", "read", "write", "pool"), seconds)
        try:
            with self.pool.stream(
                "POST",
                self.settings.url,
                headers=[*all_headers.items()],
                content=body,
                extensions={"timeout": limits},
            ) as response:
                found = dict(response.headers)
                retry_after = _seconds(found.get(b"retry-after") or found.get(b"Retry-After"))
                kept = _beginning(response.iter_stream())
                return Answer(response.status, retry_after, kept, time.monotonic() - began_at)
        except _FAILURES as error:
            raise ReceiverUnavailable(f"{self.settings.name}: {tls.innermost_words(error)}") from error


_OURS = {"Content-Type": "application/json", "User-Agent": f"rsvpd/{__version__}", "Accept": "*/*"}


@contextmanager
def receiver(settings: WebhookSettings) -> Iterator[Receiver]:
    """Connects when the first call is made; closed at the end. Raises `CouldNot` for a `ca_file` that is none."""
    guard = _Guard(settings)
    context = tls.context(settings) if settings.url.startswith("https:") else None
    with httpcore.ConnectionPool(ssl_context=context, max_connections=1, network_backend=guard) as pool:
        yield Receiver(settings, pool, guard)


def _beginning(chunks: Iterable[bytes]) -> bytes:
    """The status is known: whatever becomes of the body changes nothing."""
    kept = b""
    with suppress(*_FAILURES):
        for chunk in chunks:
            kept += chunk
            if len(kept) >= _KEPT:
                break
    return kept[:_KEPT]


def _seconds(said: bytes | None) -> int | None:
    """Retry-After (RFC 9110 10.2.3): seconds, or the time of day."""
    text = (said or b"").decode("ascii", "replace").strip()
    if text.isdecimal() and len(text) < 9:
        return int(text)
    with suppress(ValueError, TypeError):
        return max(int(parsedate_to_datetime(text).timestamp() - time.time()), 0)
    return None


@dataclass(slots=True)
class _Guard(httpcore.NetworkBackend):
    """Connects to addresses that are allowed, and ends a call when its time is up."""

    settings: WebhookSettings
    deadline: float = 0.0
    plain: httpcore.SyncBackend = field(default_factory=httpcore.SyncBackend)

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ARG002  the deadline is what counts
        local_address: str | None = None,
        socket_options: Iterable[SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        trouble: Exception | None = None
        for address in self._allowed(host, port):
            try:
                made = self.plain.connect_tcp(address, port, self.left(), local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                trouble = error
            else:
                return _Bounded(made, self)
        raise trouble or httpcore.ConnectError(f"{host} has no address")

    def left(self) -> float:
        """Seconds. Raises `ReadTimeout` when there are none."""
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise httpcore.ReadTimeout("no answer in time")
        return left

    def _allowed(self, host: str, port: int) -> list[str]:
        found = socket.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM)
        addresses = list(dict.fromkeys(str(address[0]) for *_, address in found))
        if self.settings.allow_private:
            return addresses
        public = [address for address in addresses if is_public(address)]
        if not public:
            raise ReceiverUnavailable(
                f"{self.settings.name}: {host} is {addresses[0]}, which is not an address of the internet; "
                "set allow_private = true if it shall be called"
            )
        return public


@dataclass(slots=True)
class _Bounded(httpcore.NetworkStream):
    """A connection on which no single wait, and no number of them, goes past the deadline."""

    inner: httpcore.NetworkStream
    guard: _Guard

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ARG002
        return self.inner.read(max_bytes, self.guard.left())

    def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ARG002
        self.inner.write(buffer, self.guard.left())

    def close(self) -> None:
        self.inner.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ARG002
    ) -> httpcore.NetworkStream:
        return _Bounded(self.inner.start_tls(ssl_context, server_hostname, self.guard.left()), self.guard)

    def get_extra_info(self, info: str) -> Any:  # noqa: ANN401  the library's signature
        return self.inner.get_extra_info(info)
