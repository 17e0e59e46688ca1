"""Reading one folder, and never changing it.

Small mails are fetched whole in batches (64 us each in the client against 150 us
for a BODYSTRUCTURE); of a large one only the parts that can matter, found by its
structure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from typing import Any

from imapclient import IMAPClient

from rsvpd.itip.ics.reading import Limits
from rsvpd.mail import structure
from rsvpd.ports import Fetched, FolderState, MailboxUnavailable

_BATCH = 500
_BATCH_BYTES = 16 * 1024 * 1024
_WHOLE = 256 * 1024
"""Mails up to this size are fetched whole."""


class ImapFolder:
    """A folder that is selected."""

    def __init__(
        self,
        client: IMAPClient,
        name: str,
        state: FolderState,
        limits: Limits,
        translated: Callable[[], AbstractContextManager[None]],
    ) -> None:
        self._client = client
        self.name = name
        self._limits = limits
        self._translated = translated
        self.state = state

    def _search(self, *criteria: object) -> list[int]:
        with self._translated():
            return sorted(int(uid) for uid in self._client.search(list(criteria)))

    def _fetch(self, imap_uids: Sequence[int], items: Sequence[str]) -> Mapping[int, Mapping[bytes, Any]]:
        with self._translated():
            found: Mapping[int, Mapping[bytes, Any]] = self._client.fetch(imap_uids, items)
            return found

    def newer(self, last_uid: int) -> Sequence[int]:
        """IMAP UIDs above `last_uid`; `UID n:*` always returns the last mail, so it is filtered."""
        if self.state.uidnext is not None and last_uid + 1 >= self.state.uidnext:
            return []
        return [uid for uid in self._search("UID", f"{last_uid + 1}:*") if uid > last_uid]

    def since(self, moment: datetime) -> Sequence[int]:
        """IMAP UIDs of mails that arrived on the day of `moment` or later, wherever that day began."""
        day = (moment - timedelta(days=1)).date()
        return self._search("SINCE", day)

    def fetch(self, imap_uids: Sequence[int]) -> Iterator[Fetched]:
        """The mails, in order: small ones whole, large ones reduced to what can matter."""
        for start in range(0, len(imap_uids), _BATCH):
            batch = imap_uids[start : start + _BATCH]
            facts = self._fetch(batch, ["INTERNALDATE", "RFC822.SIZE"])
            for group in _grouped([uid for uid in batch if uid in facts], facts):
                yield from self._group(group, facts)

    def _group(self, imap_uids: Sequence[int], facts: Mapping[int, Mapping[bytes, Any]]) -> Iterator[Fetched]:
        if len(imap_uids) == 1 and _size(facts[imap_uids[0]]) > _WHOLE:
            yield from self._large(imap_uids[0], facts[imap_uids[0]])
            return
        whole = self._fetch(imap_uids, ["BODY.PEEK[]"])
        for uid in imap_uids:
            raw = whole.get(uid, {}).get(b"BODY[]")
            if raw is not None:
                yield Fetched(uid, _received_at(facts[uid]), raw)

    def _large(self, uid: int, facts: Mapping[bytes, Any]) -> Iterator[Fetched]:
        answer = self._fetch([uid], ["BODYSTRUCTURE", "BODY.PEEK[HEADER]"]).get(uid)
        if answer is None:
            return
        header = answer[b"BODY[HEADER]"]
        wanted = structure.wanted(answer[b"BODYSTRUCTURE"])
        if any(part.matters for part in wanted) and _size(facts) > self._limits.message_bytes:
            words = f"the mail is larger than the limit of {self._limits.message_bytes} bytes"
            yield Fetched(uid, _received_at(facts), header, problem=words)
            return
        # An encoded part is a third larger than what it holds, and broken into lines.
        ceiling = self._limits.calendar_bytes * 3 // 2
        if any(part.matters and part.size > ceiling for part in wanted):
            words = f"the calendar is larger than the limit of {self._limits.calendar_bytes} bytes"
            yield Fetched(uid, _received_at(facts), header, problem=words)
            return
        sections = [section for part in wanted for section in part.sections]
        bodies = self._fetch([uid], [f"BODY.PEEK[{s}]" for s in sections]).get(uid, {}) if sections else {}
        content = {s: bodies.get(f"BODY[{s}]".encode(), b"") or b"" for s in sections}
        yield Fetched(uid, _received_at(facts), structure.reduced(header, wanted, content))


def _grouped(imap_uids: Sequence[int], facts: Mapping[int, Mapping[bytes, Any]]) -> Iterator[list[int]]:
    """Runs of small mails that fit into memory together; each large mail alone."""
    group: list[int] = []
    held = 0
    for uid in imap_uids:
        size = _size(facts[uid])
        if group and (size > _WHOLE or held + size > _BATCH_BYTES):
            yield group
            group, held = [], 0
        group.append(uid)
        held += size
        if size > _WHOLE:
            yield group
            group, held = [], 0
    if group:
        yield group


def _size(facts: Mapping[bytes, Any]) -> int:
    return int(facts[b"RFC822.SIZE"])


def _received_at(facts: Mapping[bytes, Any]) -> datetime:
    moment = facts[b"INTERNALDATE"]
    if not isinstance(moment, datetime):
        raise MailboxUnavailable("the server gives no INTERNALDATE")
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
