"""What is done on the server with mails that were recorded. Doing it twice does no more than doing it once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from imapclient import DELETED, IMAPClient

KEYWORD = "$RsvpProcessed"

_KEYWORDS_OF_ANY_KIND = b"\\*"
_MESSAGE_ID = "BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)]"


def may_mark(selected: Mapping[bytes, Any]) -> bool:
    """Whether the folder keeps our keyword: by PERMANENTFLAGS, or where that is missing, FLAGS (RFC 9051 7.1)."""
    kept = selected.get(b"PERMANENTFLAGS", selected.get(b"FLAGS", ()))
    return any(flag == _KEYWORDS_OF_ANY_KIND or flag.lower() == KEYWORD.lower().encode() for flag in kept)


def mark(client: IMAPClient, imap_uids: Sequence[int]) -> None:
    """Gives the mails the keyword; those that are gone are left out."""
    client.add_flags(imap_uids, [KEYWORD], silent=True)


def may_move(client: IMAPClient) -> bool:
    """With neither of these, only an EXPUNGE of whatever anybody deleted would take the mails away."""
    return bool(client.has_capability("MOVE") or client.has_capability("UIDPLUS"))


def move(client: IMAPClient, imap_uids: Sequence[int], source: str, target: str) -> None:
    """Moves the mails of the selected folder; those that are gone are left out (RFC 6851, RFC 4315)."""
    if client.has_capability("MOVE"):
        client.move(imap_uids, target)
        return
    there = _already_there(client, imap_uids, source, target)
    missing = [uid for uid in imap_uids if uid not in there]
    if missing:
        client.copy(missing, target)
    client.add_flags(imap_uids, [DELETED], silent=True)
    client.uid_expunge(imap_uids)


def _already_there(client: IMAPClient, imap_uids: Sequence[int], source: str, target: str) -> set[int]:
    """Which of them a run that crashed before the EXPUNGE had copied."""
    found = client.fetch(imap_uids, [_MESSAGE_ID])
    names = {uid: _message_id(fetched) for uid, fetched in found.items()}
    client.select_folder(target, readonly=True)
    there = {uid for uid, name in names.items() if name and client.search(["HEADER", "Message-ID", name])}
    client.select_folder(source)
    return there


def _message_id(fetched: Mapping[bytes, Any]) -> str:
    header = next((value for key, value in fetched.items() if key.startswith(b"BODY[")), b"") or b""
    return " ".join(header.decode("ascii", "ignore").partition(":")[2].split())
