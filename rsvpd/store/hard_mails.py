"""Mails that their server does not give out. All take the session of `Database.begin()` or `read()`."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import delete
from sqlmodel import Session, col

from rsvpd.store.tables import HardMailRow


@dataclass(frozen=True, slots=True)
class HardMail:
    """The first mail of a folder that could not be fetched: how often it was tried, since when, and what went wrong."""

    imap_uid: int
    tries: int
    since: datetime
    words: str


def of(session: Session, mailbox: str, uidvalidity: int) -> HardMail | None:
    """What is in the way of reading a folder on."""
    row = session.get(HardMailRow, mailbox)
    if row is None or row.uidvalidity != uidvalidity:
        return None
    return HardMail(row.imap_uid, row.tries, row.since, row.words)


def note(
    session: Session, mailbox: str, uidvalidity: int, imap_uid: int, words: str, now: datetime
) -> HardMail:
    """This mail could not be fetched, once more."""
    before = of(session, mailbox, uidvalidity)
    same = before is not None and before.imap_uid == imap_uid
    tries, since = (before.tries, min(before.since, now)) if before and same else (0, now)
    hard = HardMail(imap_uid, tries + 1, since, words)
    session.merge(HardMailRow(mailbox=mailbox, uidvalidity=uidvalidity, **asdict(hard)))
    return hard


def forget(session: Session, mailbox: str) -> None:
    """Nothing is in the way any more."""
    session.execute(delete(HardMailRow).where(col(HardMailRow.mailbox) == mailbox))
