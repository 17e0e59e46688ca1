"""An organizer's mailbox: folders read-only, and the folder of sent mails."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime, timedelta
from typing import Any

from imapclient import SEEN, IMAPClient
from imapclient.imapclient import SENT

from rsvpd.config import ImapSettings, OrganizerSettings
from rsvpd.itip.ics.reading import Limits
from rsvpd.mail.imap import faults
from rsvpd.mail.imap.connecting import connect
from rsvpd.mail.imap.folder import ImapFolder
from rsvpd.ports import FolderState, MailboxUnavailable


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

    def _translated(self) -> AbstractContextManager[None]:
        return faults.translated(self._where, self._settings.username, self.close)

    def _connected(self) -> IMAPClient:
        if self._client is None:
            self._client = connect(self._settings)
        return self._client

    def close(self) -> None:
        """Logs out, quietly."""
        client, self._client = self._client, None
        if client is None:
            return
        try:
            client.logout()
        except faults.FAULTS:
            client.shutdown()


def _number(value: Any) -> int | None:  # noqa: ANN401  what IMAPClient found
    return int(value) if value is not None else None
