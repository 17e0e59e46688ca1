"""What a status report says of meetings, as frozen views: who is coming, and what is new since a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import func
from sqlmodel import Session, col, select

from rsvpd.itip import ranking
from rsvpd.itip.model import Meeting, MeetingStatus, Outcome, PartStat
from rsvpd.store import queries, writes
from rsvpd.store.convert import answer_of, attendee_of, digest
from rsvpd.store.queries import AttendanceView
from rsvpd.store.tables import AnswerRow, AttendeeRow, InboundRow, MeetingRow, ReportRow, RevisionRow
from rsvpd.store.writes import stored_id


@dataclass(frozen=True, slots=True)
class PersonView:
    """Somebody by their address, and their name if it is known."""

    email: str
    name: str | None


@dataclass(frozen=True, slots=True)
class AnswerChangeView:
    """An attendee who answers otherwise than at the time compared with."""

    email: str
    name: str | None
    before: PartStat
    after: PartStat
    comment: str | None
    recorded_at: datetime


@dataclass(frozen=True, slots=True)
class ReportView:
    """One meeting in a report.

    `since` is the time compared with, None for none: then nothing is new. `revised_at`
    is when attendees were last told of a change since; `held` are replies to it that
    wait for a person; `guests` are those whom the ones who accepted bring.
    """

    attendance: AttendanceView
    since: datetime | None
    answers: tuple[AnswerChangeView, ...]
    removed: tuple[PersonView, ...]
    revised_at: datetime | None
    held: int
    guests: int

    @property
    def changed(self) -> bool:
        """Whether anything is new."""
        return bool(self.answers or self.removed or self.revised_at)


def report(
    session: Session,
    *,
    uids: Sequence[str] = (),
    organizer: str | None = None,
    upcoming_from: datetime | None = None,
    until: datetime | None = None,
    since: datetime | None = None,
) -> list[ReportView]:
    """Meetings by their start: those with these UIDs, or those on that are not over and begin by `until`."""
    query = select(MeetingRow)
    if uids:
        query = query.where(col(MeetingRow.uid_digest).in_([digest(uid) for uid in uids]))
    if organizer is not None:
        query = query.where(MeetingRow.organizer == organizer)
    if upcoming_from is not None:
        query = query.where(
            (col(MeetingRow.ends_at) >= upcoming_from) | col(MeetingRow.recurrence).is_not(None),
            col(MeetingRow.status) != MeetingStatus.CANCELLED.value,
        )
    if until is not None:
        query = query.where(col(MeetingRow.starts_at) <= until)
    rows = session.exec(query.order_by(col(MeetingRow.starts_at), col(MeetingRow.id))).all()
    return [_view(session, row, since) for row in rows]


def _view(session: Session, row: MeetingRow, since: datetime | None) -> ReportView:
    (attendance,) = queries.attendance(session, uids=[row.uid], organizer=row.organizer)
    held = select(func.count()).where(
        InboundRow.meeting_id == row.id,
        InboundRow.outcome == Outcome.HELD.value,
        col(InboundRow.settled_by).is_(None),
    )
    view = ReportView(
        attendance=attendance,
        since=since,
        answers=(),
        removed=(),
        revised_at=None,
        held=session.exec(held).one(),
        guests=sum(a.guests or 0 for a in attendance.attendees if a.partstat is PartStat.ACCEPTED),
    )
    return view if since is None else _compared(session, row, view, since)


def _compared(session: Session, row: MeetingRow, view: ReportView, since: datetime) -> ReportView:
    gone = select(AttendeeRow).where(AttendeeRow.meeting_id == row.id, col(AttendeeRow.removed_at) > since)
    # The first revision is the invitation itself.
    revised = select(func.max(RevisionRow.sent_at)).where(
        RevisionRow.meeting_id == row.id,
        col(RevisionRow.sent_at) > since,
        RevisionRow.sent_at > row.created_at,
    )
    return replace(
        view,
        answers=_answers(session, row, since),
        removed=tuple(PersonView(a.email, a.name) for a in session.exec(gone.order_by(col(AttendeeRow.id)))),
        revised_at=session.exec(revised).one(),
    )


def _answers(session: Session, row: MeetingRow, since: datetime) -> tuple[AnswerChangeView, ...]:
    query = (
        select(AttendeeRow, AnswerRow, InboundRow.recorded_at)
        .join(AnswerRow, col(AnswerRow.attendee_id) == AttendeeRow.id)
        .join(InboundRow, col(InboundRow.id) == AnswerRow.inbound_id)
        .where(AttendeeRow.meeting_id == row.id, col(AttendeeRow.removed_at).is_(None))
    )
    fresh = select(AnswerRow.attendee_id).join(InboundRow, col(InboundRow.id) == AnswerRow.inbound_id)
    query = query.where(col(AttendeeRow.id).in_(fresh.where(col(InboundRow.recorded_at) > since)))
    given: dict[int, list[tuple[AnswerRow, datetime]]] = {}
    people: dict[int, AttendeeRow] = {}
    for person, answer, recorded_at in session.exec(query):
        number = stored_id(person.id)
        people[number] = person
        given.setdefault(number, []).append((answer, recorded_at))
    meeting = writes.load(session, row).meeting
    found = (_change(people[number], answers, meeting, since) for number, answers in given.items())
    return tuple(sorted((one for one in found if one is not None), key=lambda one: one.recorded_at))


def _change(
    person: AttendeeRow, answers: Sequence[tuple[AnswerRow, datetime]], meeting: Meeting, since: datetime
) -> AnswerChangeView | None:
    now = attendee_of(person, [answer for answer, _ in answers])
    then = replace(now, answers=tuple(answer_of(person.address, a) for a, at in answers if at <= since))
    before, after = ranking.partstat(then, meeting), ranking.partstat(now, meeting)
    if before is after:
        return None
    return AnswerChangeView(
        email=person.email,
        name=person.name,
        before=before,
        after=after,
        comment=person.comment,
        recorded_at=max(at for _, at in answers),
    )


@dataclass(frozen=True, slots=True)
class Made:
    """The last report of a name: the moment of its schedule that it served, and when it was made."""

    due_at: datetime
    made_at: datetime


def last_made(session: Session, name: str, organizer: str) -> Made | None:
    """The last report of that name for an organizer."""
    query = select(ReportRow).where(ReportRow.name == name, ReportRow.organizer == organizer)
    row = session.exec(query.order_by(col(ReportRow.id).desc()).limit(1)).first()
    return Made(row.due_at, row.made_at) if row else None


def all_last_made(session: Session) -> dict[tuple[str, str], Made]:
    """The last report of each name and organizer."""
    newest = select(func.max(ReportRow.id)).group_by(col(ReportRow.name), col(ReportRow.organizer))
    rows = session.exec(select(ReportRow).where(col(ReportRow.id).in_(newest)))
    return {(row.name, row.organizer): Made(row.due_at, row.made_at) for row in rows}


def lock(session: Session, organizer: str) -> None:
    """Two processes do not make an organizer's reports at the same time."""
    if session.get_bind().dialect.name == "postgresql":  # SQLite has one writer anyway
        session.execute(select(func.pg_advisory_xact_lock(func.hashtext(f"reports {organizer}"))))


def record(session: Session, name: str, organizer: str, due_at: datetime, now: datetime) -> None:
    """Records that a report was made, in the transaction that puts its mails into the queue."""
    session.add(ReportRow(name=name, organizer=organizer, due_at=due_at, made_at=now))
    session.flush()
