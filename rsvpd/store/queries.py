"""Every read, as frozen views: the one place that the command line, reports and pages ask."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import ColumnElement, func, or_
from sqlmodel import Session, col, select

from rsvpd.itip import seats
from rsvpd.itip.apart import occurrences_apart
from rsvpd.itip.model import Meeting, PartStat, When
from rsvpd.itip.seats import Seat
from rsvpd.store.convert import attendee_of, digest, meeting_of, when_of
from rsvpd.store.tables import (
    AnswerRow,
    AttendeeRow,
    CursorRow,
    InboundRow,
    MeetingRow,
    OutgoingRow,
    OverrideRow,
    ProposalRow,
    ProposalStatus,
    RevisionRow,
)
from rsvpd.store.writes import stored_id

_FEW = 1_000
"""People who can be named in a query."""


@dataclass(frozen=True, slots=True)
class LedgerView:
    """One row of the ledger."""

    id: int
    recorded_at: datetime
    received_at: datetime
    mailbox: str
    sender: str | None
    subject: str
    method: str | None
    uid: str | None
    attendee: str | None
    partstat: str | None
    occurrence: str | None
    sequence: int | None
    outcome: str
    reason: str | None
    words: str | None
    matched_by: str | None
    settled_by: str | None
    settled_at: datetime | None


@dataclass(frozen=True, slots=True)
class OccurrenceView:
    """What an attendee answers for one occurrence, where it differs from the series."""

    occurrence: str
    partstat: PartStat


@dataclass(frozen=True, slots=True)
class ProposalView:
    """A counter-proposal that waits for the organizer."""

    start: When | None
    end: When | None
    location: str | None
    comment: str | None
    occurrence: str | None


@dataclass(frozen=True, slots=True)
class AttendeeView:
    """One attendee with what they answer."""

    email: str
    name: str | None
    role: str
    partstat: PartStat
    answered_at: datetime | None
    comment: str | None
    guests: int | None
    sent_by: str | None
    delegated_to: str | None
    delegated_from: str | None
    delivery: str | None
    delivery_words: str | None
    client: str | None
    proposal: ProposalView | None = None
    occurrences: tuple[OccurrenceView, ...] = ()


@dataclass(frozen=True, slots=True)
class MeetingView:
    """A meeting without its attendees."""

    uid: str
    organizer: str
    organizer_address: str
    summary: str
    description: str | None
    location: str | None
    start: When
    end: When
    zone: str | None
    sequence: int
    status: str
    recurs: bool
    sends: bool


@dataclass(frozen=True, slots=True)
class AttendanceView:
    """Who is coming: a meeting, its attendees, and seats by participation status."""

    meeting: MeetingView
    counts: dict[PartStat, int]
    attendees: tuple[AttendeeView, ...] = field(default=())


@dataclass(frozen=True, slots=True)
class MailboxView:
    """How far a folder was read."""

    mailbox: str
    last_uid: int
    passed: int
    polled_at: datetime


def ledger_view(row: InboundRow) -> LedgerView:
    """A row of the ledger as a view."""
    return LedgerView(
        id=stored_id(row.id),
        recorded_at=row.recorded_at,
        received_at=row.received_at,
        mailbox=row.mailbox,
        sender=row.sender,
        subject=row.subject,
        method=row.method,
        uid=row.uid,
        attendee=row.attendee,
        partstat=row.partstat,
        occurrence=row.occurrence,
        sequence=row.sequence,
        outcome=row.outcome,
        reason=row.reason,
        words=row.words,
        matched_by=row.matched_by,
        settled_by=row.settled_by,
        settled_at=row.settled_at,
    )


def meetings(
    session: Session,
    *,
    uids: Sequence[str] = (),
    organizer: str | None = None,
    upcoming_from: datetime | None = None,
) -> list[MeetingView]:
    """Meetings by their start; all, or those with these UIDs, of one organizer, or not over yet."""
    return [meeting_view(row) for row in _meeting_rows(session, uids, organizer, upcoming_from)]


def _meeting_rows(
    session: Session, uids: Sequence[str], organizer: str | None, upcoming_from: datetime | None
) -> Sequence[MeetingRow]:
    query = select(MeetingRow)
    if uids:
        query = query.where(col(MeetingRow.uid_digest).in_([digest(uid) for uid in uids]))
    if organizer is not None:
        query = query.where(MeetingRow.organizer == organizer)
    if upcoming_from is not None:
        query = query.where(is_upcoming(upcoming_from))
    return session.exec(query.order_by(col(MeetingRow.starts_at), col(MeetingRow.id))).all()


def is_upcoming(moment: datetime) -> ColumnElement[bool]:
    """Whether a meeting is not over at `moment`; of a series, as long as it has one."""
    return or_(col(MeetingRow.ends_at) >= moment, col(MeetingRow.recurrence).is_not(None))


def meeting_view(row: MeetingRow) -> MeetingView:
    """A row of a meeting as a view."""
    return MeetingView(
        uid=row.uid,
        organizer=row.organizer,
        organizer_address=row.organizer_address,
        summary=row.summary,
        description=row.description,
        location=row.location,
        start=when_of(row.start, row.zone),
        end=when_of(row.end, row.zone),
        zone=row.zone,
        sequence=row.sequence,
        status=row.status,
        recurs=row.recurrence is not None,
        sends=row.sends,
    )


def attendance(
    session: Session,
    *,
    uids: Sequence[str] = (),
    organizer: str | None = None,
    upcoming_from: datetime | None = None,
) -> Iterator[AttendanceView]:
    """Who is coming, meeting by meeting."""
    for row in _meeting_rows(session, uids, organizer, upcoming_from):
        yield _attendance(session, row)


def _attendance(session: Session, row: MeetingRow) -> AttendanceView:
    query = select(AttendeeRow).where(AttendeeRow.meeting_id == row.id, col(AttendeeRow.removed_at).is_(None))
    people = session.exec(query.order_by(col(AttendeeRow.id))).all()
    line = [Seat(p.address, PartStat(p.partstat), p.delegated_to, p.delegated_from) for p in people]
    shown = seats.shown(line)
    attendees = attendee_views(session, row, [(person, shown[person.address]) for person in people])
    return AttendanceView(meeting_view(row), seats.counts(line), attendees)


def attendee_views(
    session: Session, row: MeetingRow, people: Sequence[tuple[AttendeeRow, PartStat]]
) -> tuple[AttendeeView, ...]:
    """Attendees of a meeting, each with the participation status to show, as views."""
    apart = _occurrences(session, row, [person for person, _ in people]) if row.recurrence is not None else {}
    proposals = _proposals(session, row)
    return tuple(
        _attendee_view(p, shown, proposals.get(stored_id(p.id)), apart.get(stored_id(p.id), ()))
        for p, shown in people
    )


def _attendee_view(
    row: AttendeeRow, partstat: PartStat, proposal: ProposalView | None, apart: tuple[OccurrenceView, ...]
) -> AttendeeView:
    return AttendeeView(
        email=row.email,
        name=row.name,
        role=row.role,
        partstat=partstat,
        answered_at=row.answered_at,
        comment=row.comment,
        guests=row.guests,
        sent_by=row.sent_by,
        delegated_to=row.delegated_to,
        delegated_from=row.delegated_from,
        delivery=row.delivery,
        delivery_words=row.delivery_words,
        client=row.client,
        proposal=proposal,
        occurrences=apart,
    )


def _proposals(session: Session, meeting: MeetingRow) -> dict[int, ProposalView]:
    query = (
        select(ProposalRow)
        .join(AttendeeRow, col(AttendeeRow.id) == ProposalRow.attendee_id)
        .where(AttendeeRow.meeting_id == meeting.id, ProposalRow.status == ProposalStatus.PENDING.value)
    )
    return {
        row.attendee_id: ProposalView(
            start=when_of(row.start, meeting.zone) if row.start else None,
            end=when_of(row.end, meeting.zone) if row.end else None,
            location=row.location,
            comment=row.comment,
            occurrence=row.occurrence,
        )
        for row in session.exec(query.order_by(col(ProposalRow.id)))
    }


def _occurrences(
    session: Session, row: MeetingRow, people: Sequence[AttendeeRow]
) -> dict[int, tuple[OccurrenceView, ...]]:
    """For attendees to whom single occurrences are not what the series is: those occurrences."""
    meeting = _whole(session, row)
    overrides = meeting.recurrence.overrides if meeting.recurrence else ()
    query = (
        select(AnswerRow)
        .join(AttendeeRow, col(AttendeeRow.id) == AnswerRow.attendee_id)
        .where(AttendeeRow.meeting_id == row.id)
    )
    if len(people) <= _FEW:
        query = query.where(col(AnswerRow.attendee_id).in_([person.id for person in people]))
    if not any(override.sequence for override in overrides):
        apart = select(AnswerRow.attendee_id).where(col(AnswerRow.occurrence).is_not(None))
        query = query.where(col(AnswerRow.attendee_id).in_(apart))
    answers: dict[int, list[AnswerRow]] = {}
    for answer in session.exec(query.order_by(col(AnswerRow.id))):
        answers.setdefault(answer.attendee_id, []).append(answer)
    by_id = {stored_id(p.id): p for p in people}
    return {
        number: tuple(
            OccurrenceView(occurrence.key, partstat)
            for occurrence, partstat in occurrences_apart(attendee_of(by_id[number], given), meeting).items()
        )
        for number, given in answers.items()
        if number in by_id
    }


def _whole(session: Session, row: MeetingRow) -> Meeting:
    revisions = session.exec(select(RevisionRow).where(RevisionRow.meeting_id == row.id)).all()
    overrides = session.exec(select(OverrideRow).where(OverrideRow.meeting_id == row.id)).all()
    return meeting_of(row, revisions, overrides)


def mailboxes(session: Session) -> list[MailboxView]:
    """Every folder that was ever read."""
    rows = session.exec(select(CursorRow).order_by(col(CursorRow.mailbox))).all()
    return [MailboxView(r.mailbox, r.last_uid, r.passed, r.polled_at) for r in rows]


def outgoing_counts(session: Session) -> dict[str, int]:
    """Mails in the outgoing queue by status."""
    query = select(OutgoingRow.status, func.count()).group_by(OutgoingRow.status)
    return dict(session.exec(query).all())
