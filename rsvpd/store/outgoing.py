"""The outgoing queue: rows are put in with what is to be sent, claimed under a lease, and marked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import update
from sqlmodel import Session, col, or_, select

from rsvpd.store.tables import AttendeeRow, OutgoingRow
from rsvpd.store.writes import stored_id


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail to put into the queue."""

    organizer: str
    meeting_id: int
    attendee_id: int
    recipient: str
    message_id: str
    method: str
    sequence: int
    raw: bytes


@dataclass(frozen=True, slots=True)
class Claimed:
    """A mail that this process may send until its lease ends."""

    id: int
    organizer: str
    attendee_id: int | None
    recipient: str
    message_id: str
    raw: bytes
    attempts: int
    created_at: datetime


def enqueue(session: Session, mails: Sequence[Mail], now: datetime) -> None:
    """Puts mails into the queue, due at once; their attendees show as `pending`."""
    session.add_all(
        OutgoingRow(
            organizer=mail.organizer,
            meeting_id=mail.meeting_id,
            attendee_id=mail.attendee_id,
            recipient=mail.recipient,
            message_id=mail.message_id,
            method=mail.method,
            sequence=mail.sequence,
            raw=mail.raw,
            created_at=now,
            due_at=now,
        )
        for mail in mails
    )
    _show(session, [mail.attendee_id for mail in mails], "pending", None)


def claim(session: Session, organizer: str, now: datetime, *, lease: timedelta, limit: int) -> list[Claimed]:
    """The next due mails of an organizer, leased to the caller: nobody else sends them meanwhile."""
    query = (
        select(OutgoingRow)
        .where(
            OutgoingRow.organizer == organizer,
            OutgoingRow.status == "pending",
            OutgoingRow.due_at <= now,
            or_(col(OutgoingRow.leased_until).is_(None), col(OutgoingRow.leased_until) < now),
        )
        .order_by(col(OutgoingRow.due_at), col(OutgoingRow.id))
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    rows = session.exec(query).all()
    for row in rows:
        row.leased_until = now + lease
        session.add(row)
    return [_claimed(row) for row in rows]


def _claimed(row: OutgoingRow) -> Claimed:
    return Claimed(
        id=stored_id(row.id),
        organizer=row.organizer,
        attendee_id=row.attendee_id,
        recipient=row.recipient,
        message_id=row.message_id,
        raw=row.raw,
        attempts=row.attempts,
        created_at=row.created_at,
    )


def mark_sent(session: Session, mail: Claimed, now: datetime) -> None:
    """The server took it."""
    _mark(
        session, mail, status="sent", sent_at=now, words=None, leased_until=None, attempts=mail.attempts + 1
    )
    _show_of(session, mail, "sent", None)


def mark_later(session: Session, mail: Claimed, due_at: datetime, words: str) -> None:
    """The server could not take it now: it is due again at `due_at`."""
    _mark(session, mail, due_at=due_at, words=words, leased_until=None, attempts=mail.attempts + 1)
    _show_of(session, mail, "delayed", words)


def mark_failed(session: Session, mail: Claimed, words: str) -> None:
    """It will not be sent; why is kept."""
    _mark(session, mail, status="failed", words=words, leased_until=None, attempts=mail.attempts + 1)
    _show_of(session, mail, "failed", words)


def release(session: Session, mails: Sequence[Claimed], due_at: datetime) -> None:
    """Gives mails back that were claimed and not tried."""
    if mails:
        ids = [mail.id for mail in mails]
        session.execute(
            update(OutgoingRow).where(col(OutgoingRow.id).in_(ids)).values(leased_until=None, due_at=due_at)
        )


def _mark(session: Session, mail: Claimed, **values: object) -> None:
    session.execute(update(OutgoingRow).where(col(OutgoingRow.id) == mail.id).values(**values))


def _show_of(session: Session, mail: Claimed, delivery: str, words: str | None) -> None:
    if mail.attendee_id is not None:
        _show(session, [mail.attendee_id], delivery, words)


def _show(session: Session, attendee_ids: Sequence[int], delivery: str, words: str | None) -> None:
    for start in range(0, len(attendee_ids), 1000):
        some = attendee_ids[start : start + 1000]
        session.execute(
            update(AttendeeRow)
            .where(col(AttendeeRow.id).in_(some))
            .values(delivery=delivery, delivery_words=words)
        )
