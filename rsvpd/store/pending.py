"""Counter-proposals that wait for the organizer. All take the session of `Database.begin()`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import update
from sqlmodel import Session, col, select

from rsvpd.itip.model import When
from rsvpd.store.convert import when_of
from rsvpd.store.tables import AttendeeRow, MeetingRow, ProposalRow
from rsvpd.store.writes import stored_id


@dataclass(frozen=True, slots=True)
class Pending:
    """A proposal with the meeting it is for and the attendee who made it."""

    number: int
    meeting: MeetingRow
    attendee: str
    occurrence: str | None
    start: When | None
    end: When | None
    location: str | None
    comment: str | None
    proposed_at: datetime


def proposals(session: Session) -> list[Pending]:
    """Every proposal that waits, oldest first."""
    query = (
        select(ProposalRow, AttendeeRow, MeetingRow)
        .join(AttendeeRow, col(AttendeeRow.id) == ProposalRow.attendee_id)
        .join(MeetingRow, col(MeetingRow.id) == AttendeeRow.meeting_id)
        .where(ProposalRow.status == "pending")
        .order_by(col(ProposalRow.id))
    )
    return [_pending(*row) for row in session.exec(query)]


def proposal(session: Session, number: int) -> Pending | None:
    """One proposal that waits."""
    return next((one for one in proposals(session) if one.number == number), None)


def settle(session: Session, number: int, status: str, now: datetime) -> None:
    """The organizer decided: `accepted` or `declined`."""
    change = update(ProposalRow).where(col(ProposalRow.id) == number)
    session.execute(change.values(status=status, settled_at=now))


def _pending(row: ProposalRow, attendee: AttendeeRow, meeting: MeetingRow) -> Pending:
    return Pending(
        number=stored_id(row.id),
        meeting=meeting,
        attendee=attendee.address,
        occurrence=row.occurrence,
        start=when_of(row.start, meeting.zone) if row.start else None,
        end=when_of(row.end, meeting.zone) if row.end else None,
        location=row.location,
        comment=row.comment,
        proposed_at=row.proposed_at,
    )
