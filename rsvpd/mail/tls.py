"""TLS for every wire: certificates are always verified."""

from __future__ import annotations

import re
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

from rsvpd.config import OAuthSettings, ServerSettings, WebhookSettings
from rsvpd.ports import CouldNot

_DEEPEST = 20
_OBJECT = re.compile(r"<[^<>]* object at [^<>]*>:? ?")


def context(settings: ServerSettings | OAuthSettings | WebhookSettings) -> ssl.SSLContext:
    """A context that verifies against the system's certificates, or against `ca_file`.

    Connections share it, for each would hold a megabyte of certificates of its own:
    whoever changes anything about it takes `own_context`.
    """
    with _readable(settings.ca_file):
        return _shared(settings.ca_file, _changed_at(settings.ca_file))


def own_context(settings: ServerSettings | OAuthSettings) -> ssl.SSLContext:
    """The same for one user alone, who may change it."""
    with _readable(settings.ca_file):
        return ssl.create_default_context(cafile=settings.ca_file)


@lru_cache(maxsize=64)
def _shared(ca_file: Path | None, _changed_at: int) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=ca_file)


@contextmanager
def _readable(ca_file: Path | None) -> Iterator[None]:
    try:
        yield
    except (OSError, ssl.SSLError) as error:
        raise CouldNot(f"ca_file {ca_file}: cannot be read as certificates ({error})") from error


def _changed_at(ca_file: Path | None) -> int:
    system = ssl.get_default_verify_paths()
    trusted = [ca_file] if ca_file else [Path(place) for place in (system.cafile, system.capath) if place]
    return max((place.stat().st_mtime_ns for place in trusted if ca_file or place.exists()), default=0)


def words(error: Exception) -> str:
    """What a connection error says, on one line."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"the certificate cannot be trusted: {error.verify_message}"
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    return " ".join(str(error).split())[:300] or type(error).__name__


def innermost_words(error: Exception) -> str:
    """What an error of an HTTP library says, on one line: the innermost one knows it."""
    innermost = error
    for _ in range(_DEEPEST):
        inner = innermost.__cause__ or innermost.__context__ or _wrapped(innermost)
        if not isinstance(inner, Exception):
            break
        innermost = inner
    if isinstance(innermost, ssl.SSLError | TimeoutError) or getattr(innermost, "strerror", None):
        return words(innermost)
    return " ".join(_OBJECT.sub("", str(innermost) or type(error).__name__).split())[:300]


def _wrapped(error: Exception) -> object:
    """urllib3 hands errors on as `reason`, requests as an argument."""
    return getattr(error, "reason", None) or next(iter(error.args), None)
