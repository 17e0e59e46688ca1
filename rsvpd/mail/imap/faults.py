"""What IMAPClient and the socket raise -> the one line that a person reads."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from imapclient.exceptions import IMAPClientError, LoginError

from rsvpd.mail import tls
from rsvpd.ports import LoginRefused, MailboxUnavailable

FAULTS = (IMAPClientError, OSError, ValueError, IndexError, KeyError, AssertionError, TypeError)
"""What IMAPClient lets through when a server talks nonsense or goes away."""


@contextmanager
def translated(where: str, username: str | None, close: Callable[[], None]) -> Iterator[None]:
    """Raises `MailboxUnavailable` or `LoginRefused` for what goes wrong inside, after closing."""
    try:
        yield
    except LoginError as error:
        close()
        raise LoginRefused(
            f"{where}: login refused for {username} ({tls.words(error)}); check username and password"
        ) from error
    except TimeoutError as error:
        close()
        raise MailboxUnavailable(f"{where}: no answer in time") from error
    except FAULTS as error:
        close()
        raise MailboxUnavailable(f"{where}: {tls.words(error)}") from error
