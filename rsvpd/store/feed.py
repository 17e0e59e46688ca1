"""The feed of changes, in an order that never changes afterwards.

Triggers put a row in for each change of what is shown, inside the transaction that
makes it. An id says when a row was written, not when it was committed: on PostgreSQL
a reader could pass a lower one that comes to light later. So a row gets its number
last, while the one row of `feed` is locked until the commit is visible: whoever sees a
number sees all below it. A number is missing only where a meeting was removed from the
record, and is never given again.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, text
from sqlmodel import Session, col, select

from rsvpd.store.tables import ChangeRow

_WAITING = text("SELECT EXISTS (SELECT 1 FROM change WHERE number IS NULL)")
_LOCKED = text("UPDATE feed SET last = last")
_NUMBERED = text(
    "UPDATE change SET number = waiting.number FROM ("
    "SELECT id, (SELECT last FROM feed) + row_number() OVER (ORDER BY id) AS number "
    "FROM change WHERE number IS NULL) AS waiting WHERE change.id = waiting.id"
)
_KEPT = text("UPDATE feed SET last = (SELECT max(number) FROM change)")


@dataclass(frozen=True, slots=True)
class ChangeView:
    """One change of what is shown. What it is about is named, not repeated: `uid`, `attendee`, `reply`."""

    number: int
    at: datetime
    kind: str
    organizer: str | None
    uid: str | None
    attendee: str | None
    partstat: str | None
    occurrence: str | None
    reply: int | None
    outcome: str | None
    proposal: int | None


def number(session: Session) -> None:
    """Gives what this transaction changed its place in the feed: the last thing before it commits."""
    session.flush()
    connection = session.connection()
    if not connection.execute(_WAITING).scalar_one():
        return
    for statement in (_LOCKED, _NUMBERED, _KEPT):
        connection.execute(statement)


def after(session: Session, place: int, *, organizer: str | None = None, limit: int) -> list[ChangeView]:
    """The changes above `place`, in their order; of one organizer, or all."""
    query = select(ChangeRow).where(col(ChangeRow.number) > place)
    if organizer is not None:
        query = query.where(ChangeRow.organizer == organizer)
    rows = session.exec(query.order_by(col(ChangeRow.number)).limit(limit)).all()
    return [_view(row) for row in rows]


def newest(session: Session, *, meeting_id: int | None = None, organizer: str | None = None) -> int:
    """The number of the last change: of a meeting, of an organizer, of all; 0 before the first."""
    query = select(func.max(ChangeRow.number))
    if meeting_id is not None:
        query = query.where(ChangeRow.meeting_id == meeting_id)
    if organizer is not None:
        query = query.where(ChangeRow.organizer == organizer)
    return session.exec(query).one() or 0


def _view(row: ChangeRow) -> ChangeView:
    return ChangeView(
        number=row.number or 0,
        at=row.at,
        kind=row.kind,
        organizer=row.organizer,
        uid=row.uid,
        attendee=row.attendee,
        partstat=row.partstat,
        occurrence=row.occurrence,
        reply=row.reply,
        outcome=row.outcome,
        proposal=row.proposal,
    )
