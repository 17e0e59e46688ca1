"""What a mailbox can do, and whether a mail of ours comes in. Takes nothing away but that mail."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.parser import BytesHeaderParser

from imapclient import SEEN, IMAPClient
from imapclient.exceptions import IMAPClientError
from imapclient.imapclient import JUNK, SENT

from rsvpd.mail.imap.mailbox import ImapMailbox

_HEADER = "BODY.PEEK[HEADER]"


@dataclass(frozen=True, slots=True)
class OwnMail:
    """A mail of ours, known by a Message-ID and a header field with a secret that nobody else has seen."""

    message_id: str
    field: str
    secret: str
    raw: bytes


@dataclass(frozen=True, slots=True)
class Arrived:
    """Where the mail was found, when the server says it came in, and its header."""

    folder: str
    imap_uid: int
    received_at: datetime
    header: bytes


def capabilities(mailbox: ImapMailbox) -> frozenset[str]:
    """What the server offers after the login, in capitals. Raises `MailboxUnavailable`."""
    with mailbox.connection() as client:
        return frozenset(name.decode("ascii", "replace").upper() for name in client.capabilities())


def folders(mailbox: ImapMailbox) -> list[str]:
    """The names of all folders."""
    with mailbox.connection() as client:
        return sorted(name for _, _, name in client.list_folders())


def sent_folder(mailbox: ImapMailbox, wanted: str | None) -> str | None:
    """The folder of sent mails: the one `wanted`, if it is there, else the one that the server marks."""
    with mailbox.connection() as client:
        if wanted is not None:
            return wanted if client.folder_exists(wanted) else None
        found: str | None = client.find_special_folder(SENT)
        return found


def junk_folder(mailbox: ImapMailbox) -> str | None:
    r"""The folder that the server marks as \Junk."""
    with mailbox.connection() as client:
        found: str | None = client.find_special_folder(JUNK)
        return found


def newest_arrival(mailbox: ImapMailbox, folder: str) -> datetime | None:
    """INTERNALDATE of the last mail of a folder."""
    with mailbox.connection() as client:
        count = int(client.select_folder(folder, readonly=True)[b"EXISTS"])
        if not count:
            return None
        uids = client.search([str(count)])
        found = client.fetch(uids, ["INTERNALDATE"])
        return _aware(found[uids[0]][b"INTERNALDATE"]) if uids else None


def find(mailbox: ImapMailbox, mail: OwnMail, names: Sequence[str]) -> Arrived | None:
    """The mail, in the first of these folders that has it; only if its secret is there too."""
    with mailbox.connection() as client:
        for folder in names:
            client.select_folder(folder, readonly=True)
            for uid in client.search(["HEADER", "Message-ID", mail.message_id]):
                found = client.fetch([uid], [_HEADER, "INTERNALDATE"]).get(uid, {})
                header = found.get(b"BODY[HEADER]", b"")
                if _is_own(header, mail):
                    return Arrived(folder, uid, _aware(found[b"INTERNALDATE"]), header)
    return None


def remove(mailbox: ImapMailbox, mail: OwnMail, arrived: Arrived) -> bool:
    """Takes the mail away, if nothing else can go with it (UID EXPUNGE, RFC 4315); whether it did."""
    with mailbox.connection() as client:
        if not client.has_capability("UIDPLUS"):
            return False
        client.select_folder(arrived.folder)
        found = client.fetch([arrived.imap_uid], [_HEADER]).get(arrived.imap_uid, {})
        if not _is_own(found.get(b"BODY[HEADER]", b""), mail):
            return False
        client.delete_messages([arrived.imap_uid])
        client.uid_expunge([arrived.imap_uid])
        return True


def append(mailbox: ImapMailbox, mail: OwnMail, folder: str) -> str | None:
    """Puts the mail into a folder, as sent mails are; why the server did not take it, or None."""
    with mailbox.connection() as client:
        return _refusal(client, mail, folder)


def _refusal(client: IMAPClient, mail: OwnMail, folder: str) -> str | None:
    try:
        client.append(folder, mail.raw, flags=[SEEN])
    except IMAPClientError as error:
        return " ".join(str(error).split())[:200]
    return None


def _is_own(header: bytes, mail: OwnMail) -> bool:
    parsed = BytesHeaderParser().parsebytes(header)
    return (
        str(parsed.get("Message-ID", "")).strip() == mail.message_id
        and str(parsed.get(mail.field, "")).strip() == mail.secret
    )


def _aware(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
