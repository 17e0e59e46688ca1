"""Writes of the ledger and of the cursors. All take the session of `Database.begin()`."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from sqlmodel import Session, col, delete, or_, select, update

from rsvpd.itip.model import Arrival, Outcome
from rsvpd.itip.reading import Item, Note, ReadMail, Source
from rsvpd.itip.verdicts import Reason, Verdict
from rsvpd.ports import CouldNot
from rsvpd.store.convert import digest, envelope_json, envelope_of, folded_digest
from rsvpd.store.tables import CursorRow, InboundRow
from rsvpd.store.writes import stored_id


@dataclass(frozen=True, slots=True)
class Place:
    """Where a mail was found; `mailbox` is `ORGANIZER/FOLDER`, or `ingest` without IMAP numbers."""

    mailbox: str
    uidvalidity: int | None
    imap_uid: int | None
    organizer: str | None


def new_row(
    place: Place, mail: ReadMail, item: Item, number: int, arrival: Arrival, now: datetime
) -> InboundRow:
    """A ledger row that is not judged yet."""
    component = item.component
    row = InboundRow(
        mailbox=place.mailbox,
        uidvalidity=place.uidvalidity,
        imap_uid=place.imap_uid,
        organizer=place.organizer,
        component=number,
        fingerprint=mail.fingerprint,
        received_at=arrival.received_at,
        ordinal=arrival.ordinal,
        recorded_at=now,
        message_id=mail.envelope.message_id,
        sender=mail.envelope.from_address,
        subject=mail.envelope.subject,
        envelope=envelope_json(mail.envelope),
        note=asdict(item.note),
        source=item.source.value,
        raw=item.raw,
        method=component.method.value if component and component.method else None,
        sequence=component.sequence if component else None,
        outcome=Outcome.UNREADABLE.value,
        reason=Reason.UNREADABLE.value,
        words=item.problem,
    )
    if component:
        put_uid(row, component.uid)
    return row


def put_uid(row: InboundRow, uid: str) -> None:
    """Writes into a ledger row which UID it is about."""
    row.uid, row.uid_digest, row.folded_digest = uid, digest(uid), folded_digest(uid)


def kept_note(row: InboundRow) -> tuple[Source, Note, Arrival]:
    """What is needed to judge a ledger row again."""
    return (
        Source(row.source),
        Note(**row.note),
        Arrival(envelope_of(row.envelope), row.received_at, row.ordinal),
    )


def put_verdict(row: InboundRow, verdict: Verdict, meeting_id: int | None) -> None:
    """Writes into a ledger row how it was judged."""
    row.meeting_id = meeting_id
    row.attendee = verdict.attendee
    row.partstat = verdict.partstat.value if verdict.partstat else None
    row.occurrence = verdict.occurrence.key if verdict.occurrence else None
    row.matched_by = verdict.matched_by.value if verdict.matched_by else None
    row.outcome = verdict.outcome.value
    row.reason = verdict.reason.value if verdict.reason else None
    row.words = verdict.words


def known_numbers(session: Session, mailbox: str, uidvalidity: int, imap_uids: Collection[int]) -> set[int]:
    """Which of these mails have their ledger rows already."""
    query = select(InboundRow.imap_uid).where(
        InboundRow.mailbox == mailbox,
        InboundRow.uidvalidity == uidvalidity,
        col(InboundRow.imap_uid).in_(imap_uids),
    )
    return {uid for uid in session.exec(query) if uid is not None}


def moved(session: Session, mailbox: str, uidvalidity: int, mails: Mapping[int, str]) -> set[int]:
    """After a change of UIDVALIDITY: gives the rows of these mails (fingerprint by IMAP UID) their new numbers.

    Returns the IMAP UIDs that were found, so that nothing is recorded twice.
    """
    rows = session.exec(
        select(InboundRow)
        .where(
            InboundRow.mailbox == mailbox,
            or_(col(InboundRow.uidvalidity) != uidvalidity, col(InboundRow.uidvalidity).is_(None)),
            col(InboundRow.fingerprint).in_(set(mails.values())),
        )
        .order_by(col(InboundRow.uidvalidity), col(InboundRow.imap_uid), col(InboundRow.component))
    ).all()
    former: dict[str, dict[tuple[int | None, int | None], list[InboundRow]]] = {}
    for row in rows:
        former.setdefault(row.fingerprint, {}).setdefault((row.uidvalidity, row.imap_uid), []).append(row)
    found = set()
    for imap_uid, fingerprint in sorted(mails.items()):
        copies = former.get(fingerprint)
        if not copies:
            continue
        for row in copies.pop(next(iter(copies))):
            row.uidvalidity, row.imap_uid = uidvalidity, imap_uid
            session.add(row)
        found.add(imap_uid)
    session.flush()
    return found


def waiting_for_meeting(session: Session, uid: str) -> Sequence[InboundRow]:
    """Ledger rows that no meeting was known for, and that a meeting with this UID may explain."""
    query = select(InboundRow).where(
        InboundRow.outcome == Outcome.UNKNOWN_MEETING.value,
        col(InboundRow.emptied_at).is_(None),
        InboundRow.folded_digest == folded_digest(uid),
    )
    return session.exec(query.order_by(col(InboundRow.id))).all()


def waiting_for_attendee(session: Session, meeting_id: int, address: str) -> Sequence[InboundRow]:
    """Held rows of a meeting that only wait for this attendee to be on its list."""
    reasons = (Reason.DELEGATION_AWAITED.value, Reason.UNINVITED.value)
    query = select(InboundRow).where(
        InboundRow.meeting_id == meeting_id,
        InboundRow.outcome == Outcome.HELD.value,
        col(InboundRow.emptied_at).is_(None),
        InboundRow.attendee == address,
        col(InboundRow.reason).in_(reasons),
    )
    return session.exec(query.order_by(col(InboundRow.id))).all()


def by_number(session: Session, numbers: Collection[int]) -> dict[int, InboundRow]:
    """Ledger rows by their ids."""
    rows = session.exec(select(InboundRow).where(col(InboundRow.id).in_(numbers)))
    return {stored_id(row.id): row for row in rows}


def waiting_for_alias(session: Session, addresses: Collection[str]) -> Sequence[InboundRow]:
    """Held rows that came from, or speak of, one of these addresses, and that nobody decided on."""
    query = select(InboundRow).where(
        InboundRow.outcome == Outcome.HELD.value,
        col(InboundRow.emptied_at).is_(None),
        col(InboundRow.settled_by).is_(None),
        or_(col(InboundRow.attendee).in_(addresses), col(InboundRow.sender).in_(addresses)),
    )
    return session.exec(query.order_by(col(InboundRow.id))).all()


def number_of(session: Session, number: int) -> tuple[int, int]:
    """IMAP UID and UIDVALIDITY of the mail of a ledger row. Raises `CouldNot` if it was not set aside."""
    row = session.get(InboundRow, number)
    if row is None:
        raise CouldNot(f"there is no ledger row {number}; `rsvpd review list` shows what waits")
    if row.reason != Reason.NOT_FETCHED or row.imap_uid is None or row.uidvalidity is None:
        raise CouldNot(f"ledger row {number} is {row.outcome}: its mail was fetched; see `rsvpd replay`")
    return row.imap_uid, row.uidvalidity


def take_back(session: Session, number: int) -> None:
    """Takes out the row of a mail that was set aside: those of the mail itself take its place."""
    session.execute(delete(InboundRow).where(col(InboundRow.id) == number))


def cursor(session: Session, mailbox: str) -> CursorRow | None:
    """How far a folder was read; None before the first time."""
    return session.get(CursorRow, mailbox)


def advance(
    session: Session, mailbox: str, uidvalidity: int, last_uid: int, *, passed: int, now: datetime
) -> None:
    """Moves the cursor on; `passed` mails were none of our business."""
    row = session.get(CursorRow, mailbox)
    if row is None:
        row = CursorRow(mailbox=mailbox, uidvalidity=uidvalidity, last_uid=last_uid, polled_at=now)
    elif row.uidvalidity != uidvalidity:
        row.uidvalidity, row.last_uid = uidvalidity, last_uid
    row.last_uid = max(row.last_uid, last_uid)
    row.passed += passed
    row.polled_at = now
    session.add(row)


def unfinished(session: Session, mailbox: str, uidvalidity: int) -> list[int]:
    """IMAP UIDs of mails that are recorded and wait to be marked or moved, in order."""
    query = select(InboundRow.imap_uid).where(
        col(InboundRow.mailbox) == mailbox,
        col(InboundRow.unfinished),
        col(InboundRow.uidvalidity) == uidvalidity,
    )
    return sorted({uid for uid in session.exec(query) if uid is not None})


def finish(session: Session, mailbox: str, uidvalidity: int, imap_uids: Collection[int]) -> None:
    """Notes that these mails wait no longer."""
    change = update(InboundRow).where(
        col(InboundRow.mailbox) == mailbox,
        col(InboundRow.uidvalidity) == uidvalidity,
        col(InboundRow.imap_uid).in_(imap_uids),
    )
    session.execute(change.values(unfinished=False))
