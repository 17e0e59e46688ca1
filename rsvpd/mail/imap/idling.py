"""IDLE (RFC 2177) on a connection that others watch: nothing here waits for what the server may say.

IMAPClient's own `idle` takes an EXISTS that comes before the continuation for an
error, and its `idle_check` overlooks what came together with the continuation.
"""

from __future__ import annotations

import re
import ssl
from collections.abc import Sequence

from imapclient import IMAPClient
from imapclient.exceptions import IMAPClientAbortError

_QUIET = re.compile(rb"\* (?:OK\b|\d+ (?:EXPUNGE|RECENT|FETCH)\b|FLAGS\b)", re.IGNORECASE)
_BYE = re.compile(rb"\* BYE\b\s*(.*)", re.IGNORECASE)


def forget_news(client: IMAPClient) -> None:
    """What the server said up to here is known."""
    client._imap.untagged_responses.pop("EXISTS", None)  # noqa: SLF001  no other way to it


def begin(client: IMAPClient) -> bool:
    """Puts the connection into IDLE; False if the server refuses."""
    wire = client._imap  # noqa: SLF001  see above
    tag = wire._command("IDLE")  # noqa: SLF001
    while wire._get_response() is not None:  # noqa: SLF001  None is the continuation
        if wire.tagged_commands[tag]:
            del wire.tagged_commands[tag]
            return False
    client._idle_tag = tag  # noqa: SLF001
    return True


def end(client: IMAPClient) -> None:
    """DONE, and whatever the server still says before it is done with IDLE."""
    client.idle_done()


def news_meanwhile(client: IMAPClient) -> bool:
    """Whether the server spoke of mails after `forget_news` and before it was in IDLE."""
    return "EXISTS" in client._imap.untagged_responses or _tells(_lines(client))  # noqa: SLF001


def news(client: IMAPClient) -> bool:
    """Whether what can be read now is a reason to look; never waits.

    A socket that can be read but gives no line is one. Raises
    `IMAPClientAbortError` where the server says that it closes.
    """
    lines = _lines(client)
    return not lines or _tells(lines)


def _tells(lines: Sequence[bytes]) -> bool:
    for line in lines:
        if bye := _BYE.match(line):
            raise IMAPClientAbortError(
                f"the server closed the connection: {bye[1].decode('utf-8', 'replace')}"
            )
    return any(not _QUIET.match(line) for line in lines)


def _lines(client: IMAPClient) -> list[bytes]:
    """What came up to now, without the last line if it is not whole."""
    connection = client.socket()
    timeout = connection.gettimeout()
    connection.setblocking(False)
    lines: list[bytes] = []
    try:
        while True:
            lines.append(client._imap._get_line())  # noqa: SLF001
    except (BlockingIOError, ssl.SSLWantReadError):
        return lines
    except IMAPClientAbortError:  # nothing more, or the end, or half a line
        return lines
    finally:
        connection.settimeout(timeout)
