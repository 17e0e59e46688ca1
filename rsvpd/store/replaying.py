"""The store's side of judging the whole ledger again. All take the session of `Database.begin()` or `rehearse()`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import delete
from sqlmodel import Session, col, select

from rsvpd.itip.model import Meeting, MeetingStatus, Recurrence
from rsvpd.store import writes
from rsvpd.store.tables import AnswerRow, AttendeeRow, InboundRow, MeetingRow, ProposalRow, ProposalStatus
from rsvpd.store.writes import Stored


def states(session: Session) -> dict[str, str]:
    """Every attendee's participation status, by address and UID."""
    query = select(AttendeeRow, MeetingRow.uid).join(MeetingRow, col(MeetingRow.id) == AttendeeRow.meeting_id)
    return {f"{person.address} in {uid}": person.partstat for person, uid in session.exec(query)}


def forget_answers(session: Session) -> None:
    """Empties the record of answers, which is only a reading of the ledger, where that can be read again."""
    whole = select(InboundRow.id).where(col(InboundRow.emptied_at).is_(None))
    session.exec(delete(AnswerRow).where(col(AnswerRow.inbound_id).in_(whole)))
    session.exec(
        delete(ProposalRow).where(
            col(ProposalRow.status) == ProposalStatus.PENDING.value, col(ProposalRow.inbound_id).in_(whole)
        )
    )


def rows_after(session: Session, number: int, limit: int) -> Sequence[InboundRow]:
    """The next ledger rows that can be read again, in the order in which they were recorded."""
    query = select(InboundRow).where(col(InboundRow.id) > number, col(InboundRow.emptied_at).is_(None))
    return session.exec(query.order_by(col(InboundRow.id)).limit(limit)).all()


def as_of(stored: Stored, moment: datetime) -> Meeting:
    """The meeting as far as it was known at `moment`: for judging again what was judged then."""
    meeting = stored.meeting
    revisions = tuple(r for r in meeting.revisions if r.sent_at <= moment) or meeting.revisions[:1]
    cancelled_at = stored.row.cancelled_at
    called_off = cancelled_at is not None and cancelled_at <= moment
    return replace(
        meeting,
        revisions=revisions,
        sequence=max((r.sequence for r in revisions), default=meeting.sequence),
        status=MeetingStatus.CANCELLED if called_off else MeetingStatus.CONFIRMED,
        recurrence=_recurrence(meeting.recurrence, moment),
    )


def _recurrence(recurrence: Recurrence | None, moment: datetime) -> Recurrence | None:
    """Without the occurrences that were moved or cancelled since."""
    if recurrence is None:
        return None
    known = [o for o in recurrence.overrides if o.known_at is None or o.known_at <= moment]
    return replace(recurrence, overrides=tuple(known))


def refold(session: Session) -> None:
    """Folds the answers of everybody again."""
    for row in session.exec(select(MeetingRow)).all():
        writes.refold(session, row)
    session.flush()
    session.expire_all()
