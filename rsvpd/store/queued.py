"""The outgoing queue as people look at it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import defer
from sqlmodel import Session, col, select

from rsvpd.store.outgoing import Status
from rsvpd.store.tables import MeetingRow, OutgoingRow
from rsvpd.store.writes import stored_id


@dataclass(frozen=True, slots=True)
class OutgoingView:
    """One mail of the outgoing queue, without its bytes."""

    id: int
    status: str
    organizer: str
    recipient: str
    uid: str | None
    summary: str | None
    method: str
    sequence: int
    message_id: str
    attempts: int
    words: str | None
    created_at: datetime
    due_at: datetime | None
    sent_at: datetime | None
    filed_at: datetime | None


def mails(
    session: Session,
    *,
    statuses: Sequence[str] = (),
    organizer: str | None = None,
    ids: Sequence[int] = (),
    limit: int | None = None,
) -> list[OutgoingView]:
    """The newest mails of the outgoing queue, oldest of them first; `due_at` only where it is still to be sent."""
    query = (
        select(OutgoingRow, MeetingRow)
        .outerjoin(MeetingRow, col(MeetingRow.id) == col(OutgoingRow.meeting_id))
        .options(defer(OutgoingRow.raw))  # type: ignore[arg-type]  # sqlmodel types it as bytes
    )
    if statuses:
        query = query.where(col(OutgoingRow.status).in_(statuses))
    if organizer is not None:
        query = query.where(OutgoingRow.organizer == organizer)
    if ids:
        query = query.where(col(OutgoingRow.id).in_(ids))
    rows = session.exec(query.order_by(col(OutgoingRow.id).desc()).limit(limit)).all()
    return [_outgoing_view(row, meeting) for row, meeting in reversed(rows)]


def _outgoing_view(row: OutgoingRow, meeting: MeetingRow | None) -> OutgoingView:
    return OutgoingView(
        id=stored_id(row.id),
        status=row.status,
        organizer=row.organizer,
        recipient=row.recipient,
        uid=meeting.uid if meeting else None,
        summary=meeting.summary if meeting else None,
        method=row.method,
        sequence=row.sequence,
        message_id=row.message_id,
        attempts=row.attempts,
        words=row.words,
        created_at=row.created_at,
        due_at=row.due_at if row.status == Status.PENDING else None,
        sent_at=row.sent_at,
        filed_at=row.filed_at,
    )
