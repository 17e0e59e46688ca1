"""The store's side of the organizer's own calendar: which meetings changed since they were put there."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from typing import Protocol, TypeAlias

from sqlalchemy import ColumnElement, Executable, select
from sqlmodel import Session, col

from rsvpd.itip.model import Meeting
from rsvpd.store import writes
from rsvpd.store.convert import digest
from rsvpd.store.tables import AnswerRow, AttendeeRow, CalendarCopyRow, MeetingRow

_Tests: TypeAlias = tuple[ColumnElement[bool], ...]
_FORM = 1
"""To be raised when what is written into calendars changes, so that all of it is put there again."""


class _Hash(Protocol):
    def update(self, data: bytes, /) -> None: ...
    def hexdigest(self) -> str: ...


_PERSON = (
    col(AttendeeRow.meeting_id),
    col(AttendeeRow.address),
    col(AttendeeRow.name),
    col(AttendeeRow.role),
    col(AttendeeRow.cutype),
    col(AttendeeRow.rsvp),
    col(AttendeeRow.partstat),
    col(AttendeeRow.answered_at),
    col(AttendeeRow.delegated_to),
    col(AttendeeRow.delegated_from),
)
_ANSWER = (
    col(AttendeeRow.meeting_id),
    col(AnswerRow.attendee_id),
    col(AnswerRow.occurrence),
    col(AnswerRow.this_and_future),
    col(AnswerRow.partstat),
    col(AnswerRow.sequence),
    col(AnswerRow.answered_at),
    col(AnswerRow.delegated_to),
)


@dataclass(frozen=True, slots=True)
class Changed:
    """A meeting that the calendar has not, or not as it is now."""

    meeting_id: int
    organizer: str
    digest: str


@dataclass(frozen=True, slots=True)
class Whole:
    """A meeting with everybody and their answers, and when it was written."""

    meeting: Meeting
    created_at: datetime
    modified_at: datetime


def changed(session: Session, places: Mapping[str, str], since: datetime) -> list[Changed]:
    """What calendars lack: meetings that rsvpd sends, not over before `since`, of the organizers in `places`.

    `places` says where each of them has their calendar.

    Compared is what is stored, not what would be written, so that a look costs three
    queries and no calendar object.
    """
    ours = (
        col(MeetingRow.organizer).in_(places),
        col(MeetingRow.sends).is_(True),
        (col(MeetingRow.ends_at) >= since) | col(MeetingRow.recurrence).is_not(None),
    )
    stored: dict[int, str | None] = {}
    hashes: dict[int, _Hash] = {}
    whose: dict[int, str] = {}
    for number, organizer, modified_at, copied in session.execute(_copies(ours)):
        stored[number], whose[number] = copied, organizer
        hashes[number] = hashlib.sha256(repr((_FORM, places[organizer], modified_at)).encode())
    for row in chain(session.execute(_people(ours)), session.execute(_answers(ours))):
        hashes[row[0]].update(repr(tuple(row)).encode())
    found = ((number, one.hexdigest()) for number, one in hashes.items())
    return [Changed(number, whose[number], now) for number, now in sorted(found) if stored[number] != now]


def _copies(ours: _Tests) -> Executable:
    meeting = (col(MeetingRow.id), col(MeetingRow.organizer), col(MeetingRow.modified_at))
    query = select(*meeting, col(CalendarCopyRow.digest))
    return query.outerjoin(CalendarCopyRow, col(CalendarCopyRow.meeting_id) == MeetingRow.id).where(*ours)


def _people(ours: _Tests) -> Executable:
    query = select(*_PERSON).join(MeetingRow, col(MeetingRow.id) == AttendeeRow.meeting_id)
    return query.where(*ours, col(AttendeeRow.removed_at).is_(None)).order_by(col(AttendeeRow.id))


def _answers(ours: _Tests) -> Executable:
    """Answers to single occurrences; what those to the series add up to is in the attendees' rows."""
    query = (
        select(*_ANSWER)
        .join(AttendeeRow, col(AttendeeRow.id) == AnswerRow.attendee_id)
        .join(MeetingRow, col(MeetingRow.id) == AttendeeRow.meeting_id)
    )
    return query.where(*ours, col(AnswerRow.occurrence).is_not(None)).order_by(col(AnswerRow.id))


def whole_of(session: Session, uid: str, organizer: str | None) -> list[Whole]:
    """The meeting of that UID with everybody and their answers, of one organizer or of each that has one."""
    query = select(MeetingRow).where(col(MeetingRow.uid_digest) == digest(uid))
    if organizer is not None:
        query = query.where(col(MeetingRow.organizer) == organizer)
    return [_whole(session, row) for row in session.execute(query.order_by(col(MeetingRow.id))).scalars()]


def whole_numbered(session: Session, meeting_id: int) -> Whole | None:
    """The meeting of that row, None if it is gone."""
    row = session.get(MeetingRow, meeting_id)
    return _whole(session, row) if row is not None else None


def _whole(session: Session, row: MeetingRow) -> Whole:
    return Whole(writes.load_everyone(session, row).meeting, row.created_at, row.modified_at)


def mark_put(session: Session, one: Changed, now: datetime) -> None:
    """Records that the calendar has this state of a meeting."""
    session.merge(CalendarCopyRow(meeting_id=one.meeting_id, digest=one.digest, put_at=now))
