"""Counter-proposals, of which the newest waits for the organizer. All take the session of `Database.begin()`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import update
from sqlmodel import Session, col, select

from rsvpd.itip.model import Proposal, Rank, When
from rsvpd.store.convert import when_of, when_text
from rsvpd.store.tables import AttendeeRow, InboundRow, MeetingRow, ProposalRow, ProposalStatus
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
        .where(ProposalRow.status == ProposalStatus.PENDING.value)
        .order_by(col(ProposalRow.id))
    )
    return [pending_view(*row) for row in session.exec(query)]


def proposal(session: Session, number: int) -> Pending | None:
    """One proposal that waits."""
    return next((one for one in proposals(session) if one.number == number), None)


def settle(session: Session, number: int, status: ProposalStatus, now: datetime) -> None:
    """The organizer decided."""
    change = update(ProposalRow).where(col(ProposalRow.id) == number)
    session.execute(change.values(status=status.value, settled_at=now))


def add(session: Session, attendee_id: int, row: InboundRow, proposal: Proposal, rank: Rank) -> None:
    """Records a counter-proposal: the newest of an attendee waits, in whatever order they come in.

    Nothing if it is recorded already, as when the ledger is replayed or the mail came twice.
    """
    query = select(ProposalRow).where(
        ProposalRow.attendee_id == attendee_id, ProposalRow.occurrence == row.occurrence
    )
    others = session.exec(query).all()
    given = ProposalRow(
        attendee_id=attendee_id,
        inbound_id=stored_id(row.id),
        occurrence=row.occurrence,
        start=when_text(proposal.start) if proposal.start else None,
        end=when_text(proposal.end) if proposal.end else None,
        location=proposal.location,
        comment=proposal.comment,
        sequence=rank.sequence,
        proposed_at=rank.answered_at,
        received_at=rank.received_at,
        ordinal=rank.ordinal,
    )
    if any(other.inbound_id == row.id or _content(other) == _content(given) for other in others):
        return
    if any(_rank(other) > rank for other in others):
        given.status = ProposalStatus.OVERTAKEN.value
    for other in others:
        if other.status == ProposalStatus.PENDING.value and _rank(other) < rank:
            other.status = ProposalStatus.OVERTAKEN.value
            session.add(other)
    session.add(given)


def _rank(row: ProposalRow) -> Rank:
    return Rank(row.sequence, row.proposed_at, row.received_at, row.ordinal)


def _content(row: ProposalRow) -> tuple[object, ...]:
    """What a proposal says and when it was made, by which a copy is known."""
    return row.start, row.end, row.location, row.comment, row.sequence, row.proposed_at


def pending_view(row: ProposalRow, attendee: AttendeeRow, meeting: MeetingRow) -> Pending:
    """A proposal's row with those it belongs to."""
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
