"""The only importer of imapclient: reads an organizer's folders, read-only, and files what was sent.

Small mails are fetched whole in batches (64 us each in the client against 150 us
for a BODYSTRUCTURE); of a large one only the parts that can matter, found by its
structure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import Any

from imapclient import SEEN, IMAPClient
from imapclient.exceptions import IMAPClientError, LoginError
from imapclient.imapclient import SENT

from rsvpd.config import ImapSettings, OrganizerSettings, Security
from rsvpd.itip.ics.reading import Limits
from rsvpd.mail import structure, tls
from rsvpd.ports import Fetched, FolderState, LoginRefused, MailboxUnavailable

_PORTS = {Security.TLS: 993, Security.STARTTLS: 143, Security.NONE: 143}
_BATCH = 500
_BATCH_BYTES = 16 * 1024 * 1024
_WHOLE = 256 * 1024
"""Mails up to this size are fetched whole."""

_FAULTS = (IMAPClientError, OSError, ValueError, IndexError, KeyError, AssertionError, TypeError)
# What IMAPClient lets through when a server talks nonsense or goes away.


class ImapMailbox:
    """An organizer's mailbox; connects at the first use."""

    def __init__(self, organizer: OrganizerSettings, settings: ImapSettings, limits: Limits) -> None:
        self._settings = settings
        self._limits = limits
        self._where = f"{organizer.name}: imap {settings.host}"
        self._client: IMAPClient | None = None

    @contextmanager
    def open(self, folder: str) -> Iterator[ImapFolder]:
        """Selects a folder with EXAMINE: nothing in it changes (RFC 9051 6.3.3)."""
        with self._translated():
            client = self._connected()
            found = client.select_folder(folder, readonly=True)
            state = FolderState(int(found[b"UIDVALIDITY"]), _number(found.get(b"UIDNEXT")))
        # What the caller does in between is not the mailbox's trouble.
        yield ImapFolder(client, state, self._limits, self._translated)

    def file_sent(self, message_id: str, raw: bytes, sent_at: datetime) -> None:
        r"""Appends a mail to the folder of sent mails, \Seen, unless the folder has one with its Message-ID.

        It has one if an earlier run crashed before it could note that it filed the
        mail, or if the server itself keeps what its users send.
        """
        with self._translated():
            client = self._connected()
            folder = self._settings.sent_folder or client.find_special_folder(SENT)
            if folder is None:
                raise MailboxUnavailable(
                    f"{self._where}: no folder is for sent mails; set sent_folder, or save_sent = false"
                )
            client.select_folder(folder, readonly=True)
            day = (sent_at - timedelta(days=1)).date()
            known = ["SINCE", day, "HEADER", "Message-ID", message_id] if message_id.isascii() else None
            if known is None or not client.search(known):
                client.append(folder, raw, flags=[SEEN], msg_time=sent_at)

    def check(self) -> str:
        """Connects and logs in; the capabilities, for people."""
        with self._translated():
            words = (name.decode("ascii", "replace") for name in self._connected().capabilities())
            return ", ".join(sorted(words))

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except LoginError as error:
            self.close()
            raise LoginRefused(
                f"{self._where}: login refused for {self._settings.username} ({tls.words(error)}); "
                "check username and password"
            ) from error
        except TimeoutError as error:
            self.close()
            raise MailboxUnavailable(f"{self._where}: no answer in time") from error
        except _FAULTS as error:
            self.close()
            raise MailboxUnavailable(f"{self._where}: {tls.words(error)}") from error

    def _connected(self) -> IMAPClient:
        if self._client is None:
            self._client = self._connect()
        return self._client

    def _connect(self) -> IMAPClient:
        settings = self._settings
        encrypted = settings.security is not Security.NONE
        context = tls.context(settings) if encrypted else None
        client = IMAPClient(
            settings.host,
            settings.port or _PORTS[settings.security],
            ssl=settings.security is Security.TLS,
            ssl_context=context if settings.security is Security.TLS else None,
            timeout=settings.timeout.total_seconds(),
        )
        try:
            client.normalise_times = False
            if settings.security is Security.STARTTLS:
                client.starttls(context)
            _login(client, settings.username or "", settings.secret() or "")
        except BaseException:
            with suppress(OSError):  # what broke it may have closed it
                client.shutdown()
            raise
        return client

    def close(self) -> None:
        """Logs out, quietly."""
        client, self._client = self._client, None
        if client is None:
            return
        try:
            client.logout()
        except _FAULTS:
            client.shutdown()


class ImapFolder:
    """A folder that is selected."""

    def __init__(
        self,
        client: IMAPClient,
        state: FolderState,
        limits: Limits,
        translated: Callable[[], AbstractContextManager[None]],
    ) -> None:
        self._client = client
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


def _login(client: IMAPClient, username: str, password: str) -> None:
    """LOGIN knows ASCII alone; PLAIN is UTF-8 (RFC 4616 2)."""
    if (username + password).isascii():
        client.login(username, password)
        return
    answer = f"\0{username}\0{password}".encode()
    try:
        client.sasl_login("PLAIN", lambda _: answer)
    except IMAPClientError as error:
        raise LoginError(str(error)) from error


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


def _number(value: Any) -> int | None:  # noqa: ANN401  what IMAPClient found
    return int(value) if value is not None else None
