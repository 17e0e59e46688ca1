"""Reminders in the store: who may be due, what was served, and what has outlived its reason."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, and_, column, exists, func, or_, table, update
from sqlmodel import Session, col, select

from rsvpd.itip.model import MeetingStatus, Method, PartStat
from rsvpd.store.outgoing import Mail, Status
from rsvpd.store.tables import (
    AnswerRow,
    AttendeeRow,
    InboundRow,
    MeetingRow,
    OutgoingRow,
    ReminderRow,
    RevisionRow,
)
from rsvpd.store.writes import stored_id

_SEAT = table("delegated_seat", column("attendee_id"), column("partstat"))
"""A delegator whose delegate declined shows as waited for again."""
_SHOWN: ColumnElement[str] = func.coalesce(_SEAT.c.partstat, col(AttendeeRow.partstat))
_PORTION = 1000


@dataclass(frozen=True, slots=True)
class Asked:
    """An attendee who was invited: what they show, when the invitation went out, and what was served.

    `served` is the number of the last moment of each rule and occurrence that was.
    """

    id: int
    address: str
    name: str | None
    partstat: PartStat
    rsvp: bool
    invited_at: datetime
    served: dict[tuple[str, str], int]


@dataclass(frozen=True, slots=True)
class Served:
    """A moment of a rule that is served by a mail."""

    attendee_id: int
    rule: str
    sequence: int
    occurrence: str
    number: int
    partstat: PartStat
    starts_at: datetime
    mail: Mail


def organizers(session: Session, now: datetime) -> set[str]:
    """Who has meetings of which somebody may be reminded."""
    return set(session.exec(select(MeetingRow.organizer).where(*_lie_ahead(now)).distinct()))


def _lie_ahead(now: datetime) -> tuple[ColumnElement[bool], ...]:
    return (
        col(MeetingRow.sends).is_(True),
        col(MeetingRow.status) != MeetingStatus.CANCELLED.value,
        or_(col(MeetingRow.starts_at) > now, col(MeetingRow.recurrence).is_not(None)),
    )


def meetings(
    session: Session, organizer: str, now: datetime, uid_digest: str | None = None
) -> list[MeetingRow]:
    """Meetings of an organizer that rsvpd invites to, that are on and not over."""
    query = select(MeetingRow).where(MeetingRow.organizer == organizer, *_lie_ahead(now))
    if uid_digest is not None:
        query = query.where(MeetingRow.uid_digest == uid_digest)
    return list(session.exec(query.order_by(col(MeetingRow.starts_at), col(MeetingRow.id))))


def asked(
    session: Session, meeting_id: int, sequence: int, partstats: Collection[PartStat] = ()
) -> list[Asked]:
    """Who is invited, whose REQUEST of this revision was sent and did not fail; with these statuses, or any."""
    invited = (
        select(col(OutgoingRow.attendee_id), func.min(OutgoingRow.sent_at).label("sent_at"))
        .where(
            OutgoingRow.meeting_id == meeting_id,
            OutgoingRow.method == Method.REQUEST.value,
            col(OutgoingRow.sequence) >= sequence,
            col(OutgoingRow.sent_at).is_not(None),
        )
        .group_by(col(OutgoingRow.attendee_id))
        .subquery()
    )
    query = (
        select(AttendeeRow, _SHOWN, invited.c.sent_at)
        .join(invited, invited.c.attendee_id == AttendeeRow.id)
        .outerjoin(_SEAT, _SEAT.c.attendee_id == AttendeeRow.id)
        .where(
            AttendeeRow.meeting_id == meeting_id,
            col(AttendeeRow.removed_at).is_(None),
            col(AttendeeRow.delivery).is_distinct_from(Status.FAILED.value),
        )
    )
    if partstats:
        query = query.where(_SHOWN.in_([one.value for one in partstats]))
    rows = session.exec(query.order_by(col(AttendeeRow.id))).all()
    served = _served(session, meeting_id, sequence)
    return [
        Asked(
            id=stored_id(row.id),
            address=row.address,
            name=row.name,
            partstat=PartStat(shown),
            rsvp=row.rsvp,
            invited_at=sent_at,
            served=served.get(stored_id(row.id), {}),
        )
        for row, shown, sent_at in rows
    ]


def _served(session: Session, meeting_id: int, sequence: int) -> dict[int, dict[tuple[str, str], int]]:
    key = (col(ReminderRow.attendee_id), col(ReminderRow.rule), col(ReminderRow.occurrence))
    query = (
        select(*key, func.max(ReminderRow.number))
        .join(AttendeeRow, col(AttendeeRow.id) == ReminderRow.attendee_id)
        .where(AttendeeRow.meeting_id == meeting_id, ReminderRow.sequence == sequence)
        .group_by(*key)
    )
    found: dict[int, dict[tuple[str, str], int]] = {}
    for attendee, rule, occurrence, number in session.exec(query):
        found.setdefault(attendee, {})[rule, occurrence] = number
    return found


def lock(session: Session, organizer: str, meeting_id: int, ids: Sequence[int]) -> list[int]:
    """Holds these attendees for the rest of the transaction; those who are free.

    An answer to one of them that comes in now waits for its end, and one that is
    being recorded leaves its attendee to the next look. Two processes do not look at
    the same time.
    """
    if session.get_bind().dialect.name == "postgresql":  # SQLite has one writer anyway
        session.execute(select(func.pg_advisory_xact_lock(func.hashtext(f"reminders {organizer}"))))
    query = select(AttendeeRow.id).where(AttendeeRow.meeting_id == meeting_id, col(AttendeeRow.id).in_(ids))
    locked = session.exec(query.order_by(col(AttendeeRow.id)).with_for_update(skip_locked=True))
    return [stored_id(number) for number in locked]


def record(session: Session, served: Sequence[Served], now: datetime) -> None:
    """Records what the mails, which are in the queue, serve: in the same transaction."""
    session.flush()
    message_ids = list({one.mail.message_id for one in served})
    numbers: dict[str, int] = {}
    for start in range(0, len(message_ids), _PORTION):
        some = col(OutgoingRow.message_id).in_(message_ids[start : start + _PORTION])
        numbers |= {
            message_id: stored_id(number)
            for number, message_id in session.exec(select(OutgoingRow.id, OutgoingRow.message_id).where(some))
        }
    session.add_all(
        ReminderRow(
            attendee_id=one.attendee_id,
            rule=one.rule,
            sequence=one.sequence,
            occurrence=one.occurrence,
            number=one.number,
            partstat=one.partstat.value,
            starts_at=one.starts_at,
            reminded_at=now,
            outgoing_id=numbers[one.mail.message_id],
        )
        for one in served
    )
    session.flush()


def among(session: Session, outgoing_ids: Sequence[int]) -> set[int]:
    """Which of these mails are reminders."""
    query = select(ReminderRow.outgoing_id).where(col(ReminderRow.outgoing_id).in_(outgoing_ids))
    return {number for number in session.exec(query) if number is not None}


def withdraw(session: Session, outgoing_id: int, now: datetime) -> bool:
    """Drops a reminder that has outlived its reason, which is looked at here, before it is sent; whether it has.

    Its attendee answered or was removed, the meeting was called off, has begun, or asks anew.
    """
    asks_anew = exists().where(
        col(RevisionRow.meeting_id) == col(MeetingRow.id),
        col(RevisionRow.significant).is_(True),
        col(RevisionRow.sequence) > col(ReminderRow.sequence),
    )
    answered = (
        exists()
        .where(col(AnswerRow.attendee_id) == col(AttendeeRow.id))
        .where(
            col(InboundRow.id) == col(AnswerRow.inbound_id),
            col(InboundRow.recorded_at) >= col(ReminderRow.reminded_at),
        )
    )
    query = (
        select(AttendeeRow.id)
        .join(ReminderRow, col(ReminderRow.attendee_id) == AttendeeRow.id)
        .join(MeetingRow, col(MeetingRow.id) == AttendeeRow.meeting_id)
        .outerjoin(_SEAT, _SEAT.c.attendee_id == AttendeeRow.id)
        .where(ReminderRow.outgoing_id == outgoing_id)
        .where(
            or_(
                col(AttendeeRow.removed_at).is_not(None),
                col(MeetingRow.status) == MeetingStatus.CANCELLED.value,
                col(ReminderRow.starts_at) <= now,
                and_(col(ReminderRow.occurrence) == "", col(ReminderRow.partstat) != _SHOWN),
                answered,
                asks_anew,
            )
        )
    )
    number = session.exec(query).first()
    if number is None:
        return False
    drop = update(OutgoingRow).where(col(OutgoingRow.id) == outgoing_id)
    session.execute(drop.values(status=Status.DROPPED.value, words=_OUTLIVED, claimed_by=None))
    # Their invitation was sent, or they would not have been reminded.
    show = update(AttendeeRow).where(col(AttendeeRow.id) == number)
    session.execute(show.values(delivery=Status.SENT.value, delivery_words=None))
    return True


_OUTLIVED = "a reminder that is not needed any more: there is an answer, or the meeting has changed or begun"
