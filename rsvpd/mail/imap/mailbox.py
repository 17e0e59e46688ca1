"""An organizer's mailbox: one connection, kept for as long as its owner likes.

CONDSTORE (RFC 7162) would buy nothing: only new mails matter, which UIDNEXT tells,
while HIGHESTMODSEQ moves with every flag that somebody sets.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from datetime import datetime, timedelta
from enum import Enum, auto
from socket import SHUT_RDWR, socket
from typing import Any

from imapclient import SEEN, IMAPClient
from imapclient.imapclient import SENT

from rsvpd.config import Afterwards, ImapSettings, OrganizerSettings
from rsvpd.itip.ics.reading import Limits
from rsvpd.mail import sasl
from rsvpd.mail.imap import connecting, faults, finishing, idling
from rsvpd.mail.imap.folder import ImapFolder
from rsvpd.mail.imap.slots import Slots
from rsvpd.ports import AccessTokens, Finished, FolderState, FolderUnavailable, MailboxUnavailable, Throttled


class Idle(Enum):
    """What became of the wish to be told."""

    WAITING = auto()
    NEWS = auto()
    """Something came already: look again."""
    REFUSED = auto()
    """The server has no IDLE, or not now."""


class ImapMailbox:
    """An organizer's mailbox; connects at the first use, and again after the connection was lost."""

    def __init__(
        self,
        organizer: OrganizerSettings,
        settings: ImapSettings,
        limits: Limits,
        slots: Slots | None = None,
        tokens: AccessTokens | None = None,
    ) -> None:
        self.server = connecting.server_of(settings)
        self._settings = settings
        self._limits = limits
        self._tokens = tokens
        self._slots = slots or Slots()
        self._where = f"{organizer.name}: imap {settings.host}"
        self._client: IMAPClient | None = None
        self._selected: str | None = None
        self._names: dict[str, str] = {}
        self._idles = False
        self._refuses_idle = False

    def state(self, folder: str) -> FolderState:
        """UIDVALIDITY and UIDNEXT of a folder, which cost the same however many mails there are.

        The first of the watched folders is the one that is waited on, so it is
        selected again if it is not; RFC 9051 6.3.11 allows STATUS on it if it is.
        """
        with self._translated():
            client = self._connected()
            name = self._name(folder)
            if folder == self._settings.folders[0] and self._selected != name:
                return self._examine(name, folder)
            idling.forget_news(client)
            with faults.of_folder(self._where, folder):
                found = client.folder_status(name, ["UIDVALIDITY", "UIDNEXT"])
            return FolderState(int(found[b"UIDVALIDITY"]), _number(found.get(b"UIDNEXT")))

    @contextmanager
    def open(self, folder: str) -> Iterator[ImapFolder]:
        """Selects a folder with EXAMINE: nothing in it changes (RFC 9051 6.3.3)."""
        with self._translated():
            client = self._connected()
            name = self._name(folder)
            state = self._examine(name, folder)
        # What the caller does in between is not the mailbox's trouble.
        yield ImapFolder(client, name, state, self._limits, self._translated)

    def _examine(self, name: str, folder: str) -> FolderState:
        client = self._connected()
        self._selected = None
        try:
            with faults.of_folder(self._where, folder):
                found = client.select_folder(name, readonly=True)
        except FolderUnavailable:
            self._names.pop(folder, None)  # it may have been renamed
            raise
        self._selected = name
        idling.forget_news(client)
        return FolderState(int(found[b"UIDVALIDITY"]), _number(found.get(b"UIDNEXT")))

    def _name(self, folder: str) -> str:
        r"""The folder's own name, where it is asked for by its special use, such as \Junk (RFC 6154)."""
        if not folder.startswith("\\"):
            return folder
        if folder not in self._names:
            found = self._connected().find_special_folder(folder.encode())
            if found is None:
                raise FolderUnavailable(
                    f"{self._where}: no folder is marked as {folder}; write its name into folders"
                )
            self._names[folder] = found
        return self._names[folder]

    def idle(self, seen: FolderState | None) -> Idle:
        """Has the server tell what arrives in the first folder, whose state was `seen`."""
        with self._translated():
            client = self._connected()
            first = self._settings.folders[0]
            name = self._name(first)
            if self._refuses_idle or not client.has_capability("IDLE"):
                return Idle.REFUSED
            if self._selected != name and self._examine(name, first) != seen:
                return Idle.NEWS
            self._idles = idling.begin(client)
            self._refuses_idle = not self._idles
            if self._refuses_idle:
                return Idle.REFUSED
            return Idle.NEWS if idling.news_meanwhile(client) else Idle.WAITING

    def hear(self) -> bool:
        """Whether what the server said in IDLE is a reason to look; never waits."""
        with self._translated():
            return self._client is None or idling.news(self._client)

    @property
    def wire(self) -> socket | None:
        """What can be waited on while the mailbox idles."""
        return self._client.socket() if self._client and self._idles else None

    @property
    def may_stay(self) -> bool:
        """Whether its connection may stay open without work, or another mailbox of that server needs it."""
        return self._slots.spare(self.server, self._settings.connections_per_server)

    @property
    def finishes(self) -> bool:
        """Whether mails that were recorded shall be marked or moved."""
        return self._settings.afterwards is not Afterwards.NOTHING

    def finish(self, folder: str, uidvalidity: int, imap_uids: Sequence[int]) -> Finished:
        """Marks or moves mails of a folder, unless it was renumbered: the next look then finds them again."""
        with self._translated():
            client, name = self._connected(), self._name(folder)
            self._selected = None
            with faults.of_folder(self._where, folder):
                found = client.select_folder(name)
                if int(found[b"UIDVALIDITY"]) != uidvalidity:
                    return Finished.DONE
                if self._settings.afterwards is Afterwards.MARK:
                    return self._mark(client, found, imap_uids)
                return self._move(client, name, imap_uids)

    def _mark(self, client: IMAPClient, selected: Mapping[bytes, Any], imap_uids: Sequence[int]) -> Finished:
        if not finishing.may_mark(selected):
            return Finished.UNSUPPORTED
        finishing.mark(client, imap_uids)
        return Finished.DONE

    def _move(self, client: IMAPClient, source: str, imap_uids: Sequence[int]) -> Finished:
        if not finishing.may_move(client):
            return Finished.UNSUPPORTED
        target = self._name(self._settings.move_to or "")
        with faults.of_folder(self._where, f"{target} (move_to)"):
            finishing.move(client, imap_uids, source, target)
        return Finished.DONE

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
            self._examine(folder, folder)
            day = (sent_at - timedelta(days=1)).date()
            known = ["SINCE", day, "HEADER", "Message-ID", message_id] if message_id.isascii() else None
            if known is None or not client.search(known):
                client.append(folder, raw, flags=[SEEN], msg_time=sent_at)

    @contextmanager
    def connection(self) -> Iterator[IMAPClient]:
        """The connection itself, logged in, for the other modules of this room."""
        with self._translated():
            self._selected = None  # whoever has it may select another folder
            yield self._connected()

    def _translated(self) -> AbstractContextManager[None]:
        return faults.translated(self._where, self.drop)

    def _connected(self) -> IMAPClient:
        """A connection that takes commands."""
        if self._client is None:
            self._client = self._connect()
        elif self._idles:
            self._idles = False
            idling.end(self._client)
        return self._client

    def _connect(self) -> IMAPClient:
        limit = self._settings.connections_per_server
        if not self._slots.take(self.server, limit, self._settings.timeout.total_seconds()):
            raise Throttled(
                f"{self._where}: all {limit} connections are in use; raise connections_per_server"
            )
        try:
            check = sasl.WITH_TOKEN if self._tokens else sasl.WITH_PASSWORD
            with faults.connecting(self._where, self._settings.username, check=check):
                return connecting.connect(self._settings, self._tokens)
        except BaseException:
            self._slots.give_back(self.server)
            raise

    def _forget(self) -> IMAPClient | None:
        client, self._client = self._client, None
        self._selected, self._idles, self._refuses_idle = None, False, False
        self._names.clear()
        if client is not None:
            self._slots.give_back(self.server)
        return client

    def cut(self) -> None:
        """Ends the connection under whoever is waiting for it in another thread."""
        client = self._client
        if client is not None:
            with suppress(OSError):
                client.socket().shutdown(SHUT_RDWR)

    def drop(self) -> None:
        """Closes the connection without a word, for nobody may be listening; never waits."""
        client = self._forget()
        if client is not None:
            with suppress(OSError):
                client.shutdown()

    def close(self) -> None:
        """Logs out, quietly."""
        with suppress(MailboxUnavailable), self._translated():
            if self._client is not None:
                self._connected().logout()
        self.drop()


def _number(value: Any) -> int | None:  # noqa: ANN401  what IMAPClient found
    return int(value) if value is not None else None
