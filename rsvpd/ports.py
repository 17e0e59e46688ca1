"""What the outside must offer to rsvpd, and how it can fail.

The exceptions are for what stops work; each one's message is the one line a
person reads: what happened, and what to do.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, auto
from typing import Protocol


class CouldNot(Exception):  # noqa: N818  reads as what it is: «could not …»
    """Something foreseeable that stops work; the message says what and what to do."""


class StoreUnavailable(CouldNot):
    """The database cannot be used: away, locked, full, or of another version."""


class MailboxUnavailable(CouldNot):
    """The IMAP server cannot be used: away, login refused, folder gone."""


class CalendarUnavailable(CouldNot):
    """The CalDAV server cannot be used: away, login refused, calendar gone."""


class FolderUnavailable(MailboxUnavailable):
    """One folder cannot be used: gone, or refused. The others of the mailbox can."""


class Unreachable(MailboxUnavailable):
    """There is no connection to the IMAP server: no folder of the mailbox can be used."""


class LoginRefused(Unreachable):
    """The IMAP server does not let us in: asking again at once might lock the account."""


class Throttled(Unreachable):
    """The IMAP server asks for patience: too many connections, or out of order for a while (RFC 5530 3)."""


class TokenUnavailable(CouldNot):
    """No access token can be had now: the authorization server is away, or makes no sense."""


class GrantRefused(TokenUnavailable):
    """The authorization server gives no access token until a person does something."""


class TransportUnavailable(CouldNot):
    """The SMTP server cannot be used now: every mail waits."""


class TransportLost(TransportUnavailable):
    """The connection ended while the server had one mail in hand.

    `others_wait`: another mail would fare no better now. The server said that it
    closes (421), or had the whole mail and gave no answer, so that this one may
    come twice.
    """

    def __init__(self, words: str, *, others_wait: bool) -> None:
        super().__init__(words)
        self.others_wait = others_wait


class ReceiverUnavailable(CouldNot):
    """The receiver of a webhook cannot be reached, or takes nothing: everything for it waits."""


@dataclass(frozen=True, slots=True)
class FolderState:
    """What SELECT said of a folder (RFC 9051 6.3.2)."""

    uidvalidity: int
    uidnext: int | None


@dataclass(frozen=True, slots=True)
class Fetched:
    """One mail as it came from a mailbox: whole, or reduced to the parts that can matter.

    `problem` names the limit that a mail past it broke; its bytes are then the header alone.
    `missing`: the server does not give it out, and nothing but its number is known of it.
    """

    imap_uid: int
    received_at: datetime
    raw: bytes
    problem: str | None = None
    missing: bool = False


class Finished(Enum):
    """What became of the wish to mark or move mails that were recorded."""

    DONE = auto()
    UNSUPPORTED = auto()
    """The server has no way to do it: it is lived without."""


class Folder(Protocol):
    """A folder opened for reading only: nothing is marked as seen."""

    name: str
    state: FolderState

    def newer(self, last_uid: int) -> Sequence[int]:
        """IMAP UIDs above `last_uid`, in order."""
        ...

    def since(self, moment: datetime) -> Sequence[int]:
        """IMAP UIDs of mails that arrived on or after the day of `moment`, in order."""
        ...

    def fetch(self, imap_uids: Sequence[int]) -> Iterator[Fetched]:
        """The mails, in order; those that were removed meanwhile are left out."""
        ...


class Mailbox(Protocol):
    """An organizer's mailbox. Every use may raise `MailboxUnavailable`."""

    def state(self, folder: str) -> FolderState:
        """How a folder is numbered now, asked in the cheapest way."""
        ...

    def open(self, folder: str) -> AbstractContextManager[Folder]:
        """Selects a folder, read-only."""
        ...

    @property
    def finishes(self) -> bool:
        """Whether mails that were recorded shall be marked or moved."""
        ...

    def finish(self, folder: str, uidvalidity: int, imap_uids: Sequence[int]) -> Finished:
        """Marks or moves mails, as the organizer wants; again does no harm, and those that are gone are left out."""
        ...

    def close(self) -> None:
        """Logs out, quietly."""
        ...


@dataclass(frozen=True, slots=True)
class Sent:
    """The server took the mail."""


@dataclass(frozen=True, slots=True)
class Refused:
    """The server refused this mail: for good, or for now."""

    words: str
    permanent: bool


class Transport(Protocol):
    """A connection to an organizer's SMTP server, for many mails.

    May raise `TransportLost` for the mail in hand, and `TransportUnavailable`
    where the server cannot be asked at all.
    """

    def send(self, sender: str, recipient: str, raw: bytes, envelope_id: str | None = None) -> Sent | Refused:
        """Hands over one mail for one recipient.

        `envelope_id` is what delivery reports shall name the mail by (ENVID, RFC
        3461 4.4), where the server can; at most 100 characters count.
        """
        ...


class SentFolder(Protocol):
    """Where an organizer keeps what was sent. May raise `MailboxUnavailable`."""

    def file_sent(self, message_id: str, raw: bytes, sent_at: datetime) -> None:
        """Puts a mail there, seen, unless one with this Message-ID is there already."""
        ...


class Calendar(Protocol):
    """An organizer's own calendar. Every use may raise `CalendarUnavailable`."""

    def put(self, uid: str, ics: bytes) -> Refused | None:
        """Puts the object of that UID there, in the place of the one before; why not, if it is refused."""
        ...


class Worker(Protocol):
    """A process beside others on one database."""

    @property
    def id(self) -> str:
        """What the database knows it by."""
        ...

    @property
    def sure(self) -> bool:
        """Whether nobody can have taken it for dead; if not, it must stop what it does."""
        ...


class AccessTokens(Protocol):
    """An organizer's access tokens. Every use may raise `TokenUnavailable`."""

    def current(self) -> str:
        """One that holds for some minutes still."""
        ...

    def renewed(self, refused: str) -> str | None:
        """Another one, in the place of one that a server refused; None if another would fare no better."""
        ...


class Clock(Protocol):
    """What time it is."""

    def now(self) -> datetime:
        """The instant, aware and in UTC."""
        ...
