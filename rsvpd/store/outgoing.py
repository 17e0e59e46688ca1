"""The outgoing queue: rows are put in with what is to be sent, claimed by one process, and marked.

All take the session of `Database.begin()`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

import sqlalchemy
from sqlalchemy import ColumnElement, and_, case, func, literal, or_, update
from sqlalchemy.orm import aliased
from sqlmodel import Session, col, select

from rsvpd.ports import CouldNot
from rsvpd.store.tables import AttendeeRow, Instant, MeetingRow, OutgoingRow
from rsvpd.store.writes import stored_id


class Status(StrEnum):
    """What became of a mail."""

    PENDING = "pending"
    SENT = "sent"
    FAILED = "failed"
    DROPPED = "dropped"


_UNCLAIMED = col(OutgoingRow.claimed_by).is_(None)
_CLOCKS_DIFFER = timedelta(minutes=1)
"""No two clocks that rule differ by more, nor one and the same after its next question, unless it was set."""
_IN_TIME = timedelta(hours=1)
"""A mail that is tried later than that after it was due was not tried for want of somebody who could."""


def due(now: datetime) -> ColumnElement[bool]:
    """What may be tried now.

    What was never tried is due whatever the clock showed when it was put in, and so is
    what was put off by a clock that was set back since.
    """
    row = OutgoingRow
    set_back = col(row.put_off_at) > now + _CLOCKS_DIFFER
    return or_(col(row.first_tried_at).is_(None), col(row.due_at) <= now, set_back)


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail to put into the queue; one that is for nobody invited has no attendee, one about no single meeting none."""

    organizer: str
    meeting_id: int | None
    attendee_id: int | None
    recipient: str
    message_id: str
    method: str
    sequence: int
    raw: bytes


@dataclass(frozen=True, slots=True)
class Claimed:
    """A mail that only this process sends, as long as it is at work."""

    id: int
    organizer: str
    attendee_id: int | None
    recipient: str
    message_id: str
    uid: str | None
    method: str
    raw: bytes
    attempts: int
    created_at: datetime
    first_tried_at: datetime | None


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
    _show(session, [mail.attendee_id for mail in mails if mail.attendee_id is not None], "pending", None)


def supersede(session: Session, attendee_ids: Sequence[int]) -> None:
    """Never sends what still waits for these attendees: what is put in next says all of it anew."""
    for start in range(0, len(attendee_ids), 1000):
        whose = col(OutgoingRow.attendee_id).in_(attendee_ids[start : start + 1000])
        waits = col(OutgoingRow.status) == Status.PENDING.value
        change = update(OutgoingRow).where(whose, waits, _UNCLAIMED)
        session.execute(change.values(status=Status.DROPPED.value, words=_SUPERSEDED))


_SUPERSEDED = "a newer mail took its place before it was sent"


def told(session: Session, meeting_id: int) -> set[int]:
    """The ids of the attendees to whom a mail about the meeting was sent, or is being sent at this moment."""
    claimed = and_(col(OutgoingRow.status) == Status.PENDING.value, ~_UNCLAIMED)
    query = select(OutgoingRow.attendee_id).where(
        OutgoingRow.meeting_id == meeting_id, or_(col(OutgoingRow.status) == Status.SENT.value, claimed)
    )
    return {number for number in session.exec(query.distinct()) if number is not None}


def claim(session: Session, organizer: str, now: datetime, *, member: str, limit: int) -> list[Claimed]:
    """The next due mails of an organizer, for this process: nobody else sends them while it is a member.

    What it claimed before and neither sent nor gave back comes again. One mail at a
    time for each attendee, oldest first, so that one that has to wait never comes
    after a newer one: a calendar would show again what was cancelled.
    """
    mine = col(OutgoingRow.claimed_by) == member
    earlier = aliased(OutgoingRow)
    overtaken = sqlalchemy.select(col(earlier.id)).where(
        col(earlier.attendee_id) == col(OutgoingRow.attendee_id),
        col(earlier.id) < col(OutgoingRow.id),
        col(earlier.status) == Status.PENDING.value,
    )
    query = (
        select(OutgoingRow)
        .where(*_pending(organizer), or_(_UNCLAIMED, mine), due(now), ~overtaken.exists())
        .order_by(col(OutgoingRow.due_at), col(OutgoingRow.id))
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    rows = session.exec(query).all()
    for row in rows:
        row.claimed_by = member
        session.add(row)
    meetings = {row.meeting_id for row in rows}
    uids = dict(
        session.exec(select(MeetingRow.id, MeetingRow.uid).where(col(MeetingRow.id).in_(meetings))).all()
    )
    return [_claimed(row, uids) for row in rows]


def organizers_due(session: Session, now: datetime, *, member: str) -> set[str]:
    """Whose mails may be tried now by this process."""
    free = or_(_UNCLAIMED, col(OutgoingRow.claimed_by) == member)
    waits = col(OutgoingRow.status) == Status.PENDING.value
    return set(session.exec(select(OutgoingRow.organizer).where(waits, free, due(now)).distinct()))


def _claimed(row: OutgoingRow, uids: Mapping[int | None, str]) -> Claimed:
    return Claimed(
        id=stored_id(row.id),
        organizer=row.organizer,
        attendee_id=row.attendee_id,
        recipient=row.recipient,
        message_id=row.message_id,
        uid=uids.get(row.meeting_id),
        method=row.method,
        raw=row.raw,
        attempts=row.attempts,
        created_at=row.created_at,
        first_tried_at=row.first_tried_at,
    )


def allowance(session: Session, organizer: str, now: datetime, per_minute: int) -> int:
    """How many more mails may be claimed if at most `per_minute` go out in any 60 seconds.

    What somebody has claimed counts as sent, and what a clock that was set back since
    saw sent does not. Whoever asks next waits for the
    end of this transaction, so that two do not take the same allowance.
    """
    if session.get_bind().dialect.name == "postgresql":  # SQLite has one writer anyway
        session.execute(select(func.pg_advisory_xact_lock(func.hashtext(f"outgoing {organizer}"))))
    sent_at = col(OutgoingRow.sent_at)
    counted = or_(
        and_(sent_at > now - timedelta(minutes=1), sent_at <= now + _CLOCKS_DIFFER),
        and_(col(OutgoingRow.status) == Status.PENDING.value, col(OutgoingRow.claimed_by).is_not(None)),
    )
    query = select(func.count()).where(OutgoingRow.organizer == organizer, counted)
    return per_minute - session.exec(query).one()


def mark_sent(session: Session, mail: Claimed, now: datetime) -> None:
    """The server took it."""
    _mark(
        session,
        mail,
        status=Status.SENT.value,
        sent_at=now,
        words=None,
        claimed_by=None,
        attempts=mail.attempts + 1,
    )
    _show_of(session, mail, "sent", None)


def mark_later(session: Session, mail: Claimed, due_at: datetime, words: str, tried_at: datetime) -> None:
    """The server could not take it now: it is due again at `due_at`."""
    _mark(
        session,
        mail,
        due_at=due_at,
        put_off_at=tried_at,
        words=words,
        claimed_by=None,
        attempts=mail.attempts + 1,
        first_tried_at=min(mail.first_tried_at or tried_at, tried_at),
    )
    _show_of(session, mail, "delayed", words)


def mark_failed(session: Session, mail: Claimed, words: str) -> None:
    """It will not be sent; why is kept."""
    _mark(session, mail, status=Status.FAILED.value, words=words, claimed_by=None, attempts=mail.attempts + 1)
    _show_of(session, mail, "failed", words)


def release(session: Session, mails: Sequence[Claimed], due_at: datetime) -> None:
    """Gives mails back that were claimed and not tried."""
    if mails:
        ids = [mail.id for mail in mails]
        session.execute(
            update(OutgoingRow).where(col(OutgoingRow.id).in_(ids)).values(claimed_by=None, due_at=due_at)
        )


def hold(session: Session, organizer: str, now: datetime, until: datetime, words: str) -> None:
    """Puts off everything of an organizer that is due before `until`; that is no attempt of any mail.

    What somebody has claimed is left to them.
    """
    held = (*_waiting(organizer), col(OutgoingRow.due_at) < until)
    whose = select(OutgoingRow.attendee_id).where(*held)
    session.execute(
        update(AttendeeRow)
        .where(col(AttendeeRow.id).in_(whose))
        .values(delivery="delayed", delivery_words=words)
    )
    tried_at = col(OutgoingRow.first_tried_at)
    first = case((tried_at <= now, tried_at), else_=literal(now, Instant))
    values = {"due_at": until, "put_off_at": now, "first_tried_at": first, "words": words}
    session.execute(update(OutgoingRow).where(*held).values(values))


def forgive(session: Session, organizer: str, now: datetime) -> None:
    """Does not count against a mail the time in which nobody tried: no daemon ran, or the clock was set ahead."""
    tried = col(OutgoingRow.first_tried_at).is_not(None)
    late = (*_waiting(organizer), tried, col(OutgoingRow.due_at) < now - _IN_TIME)
    query = select(OutgoingRow.id, OutgoingRow.first_tried_at, OutgoingRow.due_at).where(*late)
    for number, first_tried_at, due_at in session.exec(query).all():
        if first_tried_at is not None:
            first = min(first_tried_at + (now - due_at), now)
            change = update(OutgoingRow).where(col(OutgoingRow.id) == number)
            session.execute(change.values(first_tried_at=first))


def waiting_since(session: Session, organizer: str) -> datetime | None:
    """When the mail that has waited longest was first tried."""
    query = select(func.min(OutgoingRow.first_tried_at)).where(*_waiting(organizer))
    return session.exec(query).one()


def give_up(session: Session, organizer: str, *, before: datetime, words: str) -> int:
    """Fails what was first tried at `before` or earlier and still waits; how many."""
    late = (*_waiting(organizer), col(OutgoingRow.first_tried_at) <= before)
    found = session.exec(select(OutgoingRow.id, OutgoingRow.attendee_id).where(*late)).all()
    for start in range(0, len(found), 1000):
        ids = [number for number, _ in found[start : start + 1000]]
        session.execute(
            update(OutgoingRow)
            .where(col(OutgoingRow.id).in_(ids))
            .values(status=Status.FAILED.value, words=words)
        )
    _show(session, [attendee for _, attendee in found if attendee is not None], "failed", words)
    return len(found)


def _pending(organizer: str) -> tuple[ColumnElement[bool], ...]:
    return col(OutgoingRow.organizer) == organizer, col(OutgoingRow.status) == Status.PENDING.value


def _waiting(organizer: str) -> tuple[ColumnElement[bool], ...]:
    return (*_pending(organizer), _UNCLAIMED)


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


def retry(session: Session, ids: Sequence[int], now: datetime) -> None:
    """Has these mails sent as if for the first time. Raises `CouldNot` for one that cannot be, and does none."""
    rows = _settable(session, ids)
    emptied = next((row for row in rows if row.emptied_at is not None), None)
    if emptied is not None:
        raise CouldNot(
            f"outgoing mail {emptied.id} was erased and cannot be sent again; see `rsvpd meeting resend`"
        )
    for row in rows:
        _refuse_overtaken(session, row)
        row.status, row.due_at, row.attempts = Status.PENDING.value, now, 0
        row.first_tried_at = row.words = None
        session.add(row)
    _show(session, [row.attendee_id for row in rows if row.attendee_id is not None], "pending", None)


def drop(session: Session, ids: Sequence[int]) -> None:
    """Never sends these mails. Raises `CouldNot` for one that cannot be held back, and does none."""
    rows = _settable(session, ids)
    for row in rows:
        row.status, row.words = Status.DROPPED.value, row.words or _DROPPED
        session.add(row)
        _show(session, [row.attendee_id] if row.attendee_id is not None else [], "failed", row.words)


def _refuse_overtaken(session: Session, row: OutgoingRow) -> None:
    """An old mail never follows a newer one: a calendar would show again what was changed or cancelled."""
    newer = select(OutgoingRow.id).where(
        OutgoingRow.attendee_id == row.attendee_id,
        col(OutgoingRow.id) > row.id,
        col(OutgoingRow.status).in_((Status.PENDING.value, Status.SENT.value)),
    )
    if row.attendee_id is not None and session.exec(newer.limit(1)).first() is not None:
        raise CouldNot(
            f"outgoing mail {row.id} is out of date: {row.recipient} gets a newer one; "
            "`rsvpd meeting resend --to` sends the meeting as it is"
        )


_DROPPED = "taken out of the queue before it was sent"


def _settable(session: Session, ids: Sequence[int]) -> list[OutgoingRow]:
    """The rows, locked; none was sent, and nobody is sending one."""
    found: dict[int, OutgoingRow] = {}
    for start in range(0, len(ids), 1000):
        some = col(OutgoingRow.id).in_(ids[start : start + 1000])
        query = select(OutgoingRow).where(some).order_by(col(OutgoingRow.id)).with_for_update()
        found |= {stored_id(row.id): row for row in session.exec(query)}
    for number in ids:
        row = found.get(number)
        if row is None:
            raise CouldNot(f"there is no outgoing mail {number}; see `rsvpd outgoing list`")
        if row.status == Status.SENT.value:
            raise CouldNot(f"outgoing mail {number} was sent already")
        if row.status == Status.PENDING.value and row.claimed_by:
            raise CouldNot(f"outgoing mail {number} is being sent at this moment; try again in a minute")
    return list(found.values())
