"""Taking away what is kept no longer. All take the session of `Database.begin()`, a small piece each."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ColumnElement, delete, func, or_, update
from sqlmodel import Session, col, select

from rsvpd.itip.model import Outcome
from rsvpd.itip.occurrences import ended_before
from rsvpd.store import writes
from rsvpd.store.outgoing import Status
from rsvpd.store.tables import (
    AnswerRow,
    AttendeeRow,
    ChangeRow,
    InboundRow,
    MeetingRow,
    OutgoingRow,
    ProposalRow,
    ProposalStatus,
)
from rsvpd.store.writes import stored_id


def empty_ledger(session: Session, before: datetime, now: datetime, limit: int) -> int:
    """Takes the bytes away of ledger rows recorded before; not of what waits for a person. How many."""
    proposed = select(ProposalRow.inbound_id).where(ProposalRow.status == ProposalStatus.PENDING.value)
    query = select(InboundRow.id).where(
        col(InboundRow.recorded_at) < before,
        col(InboundRow.emptied_at).is_(None),
        func.length(InboundRow.raw) > 0,
        ~_waits(),
        col(InboundRow.id).not_in(proposed),
    )
    ids = session.exec(query.order_by(col(InboundRow.id)).limit(limit)).all()
    session.execute(update(InboundRow).where(col(InboundRow.id).in_(ids)).values(raw=b"", emptied_at=now))
    return len(ids)


def empty_outgoing(session: Session, before: datetime, now: datetime, limit: int) -> int:
    """Takes the bytes away of mails that were sent before. How many."""
    query = select(OutgoingRow.id).where(
        col(OutgoingRow.sent_at) < before,
        OutgoingRow.status == Status.SENT.value,
        col(OutgoingRow.emptied_at).is_(None),
    )
    ids = session.exec(query.order_by(col(OutgoingRow.id)).limit(limit)).all()
    session.execute(update(OutgoingRow).where(col(OutgoingRow.id).in_(ids)).values(raw=b"", emptied_at=now))
    return len(ids)


def finished_after(
    session: Session, number: int, before: datetime, limit: int
) -> tuple[list[int], int | None]:
    """Of the next meetings after `number`: those that are over, and the last that was looked at.

    A meeting stays while a mail of it is still to be sent, or a reply to it waits for a person.
    """
    pending = select(OutgoingRow.meeting_id).where(
        OutgoingRow.status == Status.PENDING.value, col(OutgoingRow.meeting_id).is_not(None)
    )
    held = select(InboundRow.meeting_id).where(_waits(), col(InboundRow.meeting_id).is_not(None))
    query = select(MeetingRow).where(
        col(MeetingRow.id) > number,
        or_(col(MeetingRow.ends_at) < before, col(MeetingRow.recurrence).is_not(None)),
        col(MeetingRow.id).not_in(pending),
        col(MeetingRow.id).not_in(held),
    )
    rows = session.exec(query.order_by(col(MeetingRow.id)).limit(limit)).all()
    over = [stored_id(row.id) for row in rows if ended_before(writes.load(session, row).meeting, before)]
    return over, stored_id(rows[-1].id) if rows else None


def remove_meeting(session: Session, number: int) -> None:
    """Removes a meeting with its attendees, answers, proposals, files, mails, and its rows of the ledger."""
    session.execute(delete(ChangeRow).where(col(ChangeRow.meeting_id) == number))
    attendees = select(AttendeeRow.id).where(AttendeeRow.meeting_id == number)
    replies = select(InboundRow.id).where(InboundRow.meeting_id == number)
    for table in (AnswerRow, ProposalRow):
        session.execute(
            delete(table).where(
                or_(col(table.attendee_id).in_(attendees), col(table.inbound_id).in_(replies))
            )
        )
    session.execute(delete(OutgoingRow).where(col(OutgoingRow.meeting_id) == number))
    session.execute(delete(InboundRow).where(col(InboundRow.meeting_id) == number))
    session.execute(delete(MeetingRow).where(col(MeetingRow.id) == number))  # the rest goes with it


def _waits() -> ColumnElement[bool]:
    """Whether a ledger row is held, and nobody has decided."""
    return (col(InboundRow.outcome) == Outcome.HELD.value) & col(InboundRow.settled_by).is_(None)
