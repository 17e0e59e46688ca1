"""What a single setting may be: durations, addresses, zones, URLs, and secrets in files."""

from __future__ import annotations

import ipaddress
import os
import re
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BeforeValidator, SecretStr

from rsvpd.itip.addresses import normalise
from rsvpd.ports import CouldNot

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_LONGEST = timedelta(days=3660)
"""Counted back from today it is still a day of the calendar."""
_PIECES = re.compile(r"(\d{1,6})\s*([smhdw])\s*")


class ConfigInvalid(CouldNot):
    """The settings cannot be used; the message names the key and what it may be."""


def _duration(value: object) -> object:
    if not isinstance(value, str):
        return value
    text = value.strip().lower()
    if not text or _PIECES.sub("", text):
        raise ValueError("write a duration such as 30s, 5m, 2h or 30d")
    duration = timedelta(seconds=sum(int(n) * _UNITS[unit] for n, unit in _PIECES.findall(text)))
    if duration > _LONGEST:
        raise ValueError("write a duration of at most 3660d")
    return duration


def _address(value: str) -> str:
    if normalise(value) is None:
        raise ValueError(f"{value!r} is no mail address")
    return value.strip()


def _zone(value: str) -> str:
    try:
        return ZoneInfo(value).key
    except (ValueError, OSError, KeyError) as error:
        raise ValueError(f"{value!r} is no zone; write an IANA name such as Europe/Berlin") from error


def _http_url(value: str) -> str:
    return _url(value, "https://cal.example.org/events/")


def _hook_url(value: str) -> str:
    url = _url(value, "https://hooks.example.org/rsvpd", query=True)
    if not url.isascii():
        raise ValueError("write the host in its xn-- form, and other letters of the path as %XX")
    return url


def _url(value: str, example: str, *, query: bool = False) -> str:
    """An address to ask; what belongs into other settings, or is never sent, is refused."""
    url = value.strip()
    wanted = f"write a URL such as {example}"
    try:
        parts = urlsplit(url)
        usable = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError as error:
        raise ValueError(wanted) from error
    if not usable or any(c.isspace() or not c.isprintable() for c in url):
        raise ValueError(wanted)
    if parts.username is not None or parts.password is not None:
        raise ValueError("leave the login out of it: username and password are settings of their own")
    if (parts.query and not query) or parts.fragment:
        raise ValueError("leave out what follows the path")
    return url


def _endpoint(value: str) -> str:
    """Where secrets are sent: TLS, unless it is this machine (RFC 6749 3.2)."""
    url = _url(value, "https://login.example.org/token")
    parts = urlsplit(url)
    if parts.scheme == "http" and not is_loopback(parts.hostname or ""):
        raise ValueError(f"http would send secrets to {parts.hostname} in the clear; use https")
    return url


_SOCKET_OCTETS = 107
"""What a Unix socket's address has room for (unix(7))."""


@dataclass(frozen=True, slots=True)
class Listener:
    """Where to listen: an address of this machine and a TCP port, or a Unix socket."""

    host: str = ""
    port: int = 0
    path: Path | None = None

    def __str__(self) -> str:
        """As one would write it."""
        return f"unix:{self.path}" if self.path else f"{self.host} port {self.port}"

    @property
    def is_private(self) -> bool:
        """Whether only this machine can reach it."""
        return self.path is not None or is_loopback(self.host)


def _listener(value: object) -> object:
    if not isinstance(value, str):
        return value
    if value.strip().startswith("unix:"):
        return _unix_socket(Path(value.strip().removeprefix("unix:")))
    host, _, port = value.strip().rpartition(":")
    wanted = "write an address and a port, such as 127.0.0.1:8025 or [::1]:8025, or unix:/run/rsvpd/http.sock"
    if not host or not port.isascii() or not port.isdecimal() or not 1 <= int(port) <= 65_535:
        raise ValueError(wanted)
    if not is_loopback(host):
        try:
            ipaddress.ip_address(host.strip("[]"))
        except ValueError as error:
            raise ValueError(f"{host} is no address of this machine; {wanted}") from error
    return Listener(host.strip("[]"), int(port))


def _unix_socket(path: Path) -> Listener:
    if not path.is_absolute() or len(bytes(path)) > _SOCKET_OCTETS:
        raise ValueError(
            f"unix: give a whole path of at most {_SOCKET_OCTETS} octets, such as unix:/run/rsvpd/http.sock"
        )
    return Listener(path=path)


def _folder(value: str) -> str:
    if not value or not value.isprintable():
        raise ValueError(
            f"{value!r} cannot be a folder's name: it is empty, or a sign in it cannot be printed"
        )
    return value


Duration = Annotated[timedelta, BeforeValidator(_duration)]
Address = Annotated[str, AfterValidator(_address)]
Zone = Annotated[str, AfterValidator(_zone)]
FolderName = Annotated[str, AfterValidator(_folder)]
HttpUrl = Annotated[str, AfterValidator(_http_url)]
Endpoint = Annotated[str, AfterValidator(_endpoint)]
HookUrl = Annotated[str, AfterValidator(_hook_url)]
Listen = Annotated[Listener, BeforeValidator(_listener)]


def secret_in(file: Path, key: str) -> str:
    """The first line of a file. Raises `ConfigInvalid`, naming the setting."""
    try:
        return file.read_text(encoding="utf-8").split("\n", 1)[0].rstrip("\r")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigInvalid(f"{key} {file}: {os_words(error)}") from error


def chosen_secret(value: SecretStr | None, file: Path | None, variable: str | None, key: str) -> str | None:
    """The secret from where the setting `key` says it is; None if nowhere. Raises `ConfigInvalid`."""
    if file is not None:
        return secret_in(file, f"{key}_file")
    if variable is not None:
        if variable not in os.environ:
            raise ConfigInvalid(f"{key}_env {variable}: no such variable is set")
        return os.environ[variable]
    return value.get_secret_value() if value is not None else None


def one_secret(value: SecretStr | None, file: Path | None, variable: str | None, key: str) -> bool:
    """Whether there is a secret. Raises ValueError where it stands in several places."""
    places = sum(place is not None for place in (value, file, variable))
    if places > 1:
        raise ValueError(f"give one of {key}, {key}_file and {key}_env")
    return places == 1


def os_words(error: Exception) -> str:
    """What the system says of a file."""
    return (error.strerror if isinstance(error, OSError) else None) or str(error)


def is_loopback(host: str) -> bool:
    """Whether `host` is this machine, so that nobody can listen."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower() == "localhost"
