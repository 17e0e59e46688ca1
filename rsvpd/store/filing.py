"""Mails that were sent and whose copy belongs into the organizer's folder of sent mails.

All take the session of `Database.begin()` or `read()`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy
from sqlalchemy import ColumnElement, Select, func, update
from sqlalchemy.orm import aliased
from sqlmodel import Session, col, select

from rsvpd.store.outgoing import Status
from rsvpd.store.tables import OutgoingRow
from rsvpd.store.writes import stored_id


@dataclass(frozen=True, slots=True)
class Copy:
    """A mail that was sent and whose copy is not filed yet."""

    id: int
    message_id: str
    raw: bytes
    sent_at: datetime


def copies_due(session: Session, organizer: str, since: datetime) -> list[Copy]:
    """One mail for each batch of which none is filed: the first that was sent, at `since` or later.

    A batch is what was put in together for one meeting with one METHOD. What is about
    no single meeting is for the organizer's own use and has no copy.
    """
    unfiled = _unfiled(since, col(OutgoingRow.organizer) == organizer)
    query = select(OutgoingRow).where(col(OutgoingRow.id).in_(unfiled)).order_by(col(OutgoingRow.id))
    return [
        Copy(stored_id(row.id), row.message_id, row.raw, row.sent_at or row.created_at)
        for row in session.exec(query)
    ]


def organizers_due(session: Session, since: datetime) -> set[str]:
    """Who has such mails."""
    query = select(OutgoingRow.organizer).where(col(OutgoingRow.id).in_(_unfiled(since)))
    return set(session.exec(query.distinct()))


def _unfiled(since: datetime, *whose: ColumnElement[bool]) -> Select[int]:
    batch = (col(OutgoingRow.meeting_id), col(OutgoingRow.method), col(OutgoingRow.created_at))
    firsts = (
        sqlalchemy.select(func.min(OutgoingRow.id).label("id"), *batch)
        .where(
            *whose,
            col(OutgoingRow.status) == Status.SENT.value,
            col(OutgoingRow.sent_at) >= since,
            col(OutgoingRow.emptied_at).is_(None),
            col(OutgoingRow.meeting_id).is_not(None),
        )
        .group_by(*batch)
        .subquery()
    )
    other = aliased(OutgoingRow)
    filed = sqlalchemy.select(col(other.id)).where(
        col(other.meeting_id) == firsts.c.meeting_id,
        col(other.method) == firsts.c.method,
        col(other.created_at) == firsts.c.created_at,
        col(other.filed_at).is_not(None),
    )
    return sqlalchemy.select(firsts.c.id).where(~filed.exists())


def mark_filed(session: Session, copy: Copy, now: datetime) -> None:
    """Its copy is where the organizer keeps what was sent."""
    session.execute(update(OutgoingRow).where(col(OutgoingRow.id) == copy.id).values(filed_at=now))
