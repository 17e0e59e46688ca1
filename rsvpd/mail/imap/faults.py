"""What IMAPClient and the socket raise -> the one line that a person reads."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from imapclient.exceptions import (
    IMAPClientAbortError,
    IMAPClientError,
    IMAPClientReadOnlyError,
    LoginError,
    ProtocolError,
)

from rsvpd.mail import tls
from rsvpd.ports import (
    FolderUnavailable,
    GrantRefused,
    LoginRefused,
    MailboxUnavailable,
    Throttled,
    TokenUnavailable,
    Unreachable,
)

FAULTS = (
    IMAPClientError,
    OSError,
    ValueError,
    IndexError,
    KeyError,
    AttributeError,
    AssertionError,
    TypeError,
)
"""What IMAPClient lets through when a server talks nonsense or goes away."""

_PATIENCE = re.compile(r"\[(?:LIMIT|UNAVAILABLE|INUSE|SERVERBUG|CONTACTADMIN|THROTTLED)\b", re.IGNORECASE)
"""Response codes by which a server says that it is not our fault (RFC 5530 3); THROTTLED is Gmail's."""
_TIMING = re.compile(r" *\(\d[\d.]* \+ [\d.+ ]+ secs\)")
"""How long Dovecot took, which makes the same trouble another line each time."""
_GONE = re.compile(r"EOF|unterminated line|illegal in state", re.IGNORECASE)


@contextmanager
def translated(where: str, drop: Callable[[], None]) -> Iterator[None]:
    """Raises `MailboxUnavailable` for what goes wrong inside, after dropping the connection."""
    try:
        yield
    except FAULTS as error:
        drop()
        if _PATIENCE.search(str(error)):
            raise _throttled(where, error) from error
        raise MailboxUnavailable(f"{where}: {_words(error)}") from error


@contextmanager
def connecting(where: str, username: str | None, *, check: str) -> Iterator[None]:
    """Raises `Unreachable`, or what is more exact, for what goes wrong on the way in.

    `check` is what a person shall look at whose login is refused.
    """
    try:
        yield
    except LoginError as error:
        if _PATIENCE.search(str(error)):
            raise _throttled(where, error) from error
        raise LoginRefused(
            f"{where}: login refused for {username} ({_words(error)}); check {check}"
        ) from error
    except GrantRefused as error:
        raise LoginRefused(str(error)) from error
    except TokenUnavailable as error:
        raise Unreachable(str(error)) from error
    except FAULTS as error:
        if _PATIENCE.search(str(error)):
            raise _throttled(where, error) from error
        raise Unreachable(f"{where}: {_words(error)}") from error


@contextmanager
def of_folder(where: str, folder: str) -> Iterator[None]:
    """Raises `FolderUnavailable` where the server says no to one folder; the connection goes on."""
    try:
        yield
    except IMAPClientReadOnlyError as error:
        raise FolderUnavailable(
            f"{where}: folder {folder}: only to be read; give the account the right to write, "
            'or set afterwards = "nothing"'
        ) from error
    except IMAPClientError as error:
        broken = isinstance(error, IMAPClientAbortError | ProtocolError) or _GONE.search(str(error))
        if broken or _PATIENCE.search(str(error)):
            raise
        raise FolderUnavailable(f"{where}: folder {folder}: {_words(error)}") from error


def _throttled(where: str, error: Exception) -> Throttled:
    return Throttled(f"{where}: the server asks for patience ({_words(error)})")


def _words(error: Exception) -> str:
    if isinstance(error, IMAPClientError) and _GONE.search(str(error)):
        return "the server closed the connection"
    if isinstance(error, IMAPClientError | OSError):
        return _TIMING.sub("", tls.words(error))
    return f"the server answers what is no IMAP ({tls.words(error)})"
