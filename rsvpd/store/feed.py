"""The feed of changes, in an order that never changes afterwards.

Triggers put a row in for each change of what is shown, inside the transaction that
makes it. An id says when a row was written, not when it was committed: on PostgreSQL
a reader could pass a lower one that comes to light later. So a row gets its number
last, while the one row of `feed` is locked until the commit is visible: whoever sees a
number sees all below it. A number is missing only where a meeting was removed from the
record, and is never given again.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import takewhile

from sqlalchemy import ColumnElement, delete, func, text, update
from sqlmodel import Session, col, select

from rsvpd.ports import CouldNot
from rsvpd.store.tables import ChangeRow, FeedRow

_WAITING = text("SELECT EXISTS (SELECT 1 FROM change WHERE number IS NULL)")
_LOCKED = text("UPDATE feed SET last = last")
_NUMBERED = text(
    "UPDATE change SET number = waiting.number FROM ("
    "SELECT id, (SELECT last FROM feed) + row_number() OVER (ORDER BY id) AS number "
    "FROM change WHERE number IS NULL) AS waiting WHERE change.id = waiting.id"
)
_KEPT = text("UPDATE feed SET last = (SELECT max(number) FROM change)")


class FeedPruned(CouldNot):
    """What came after that place is not all kept any more; `first` is the number that the rest comes after."""

    def __init__(self, place: int, first: int, last: int) -> None:
        super().__init__(
            f"the feed begins after {first}, so that what came after {place} is not all there any more: "
            f"read everything anew, then ask for what is after {last}"
        )
        self.first = first


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which changes: of these organizers, of these kinds; where none is named, of all."""

    organizers: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()

    def tests(self) -> Iterator[ColumnElement[bool]]:
        """What must hold for a row."""
        if self.organizers:
            yield col(ChangeRow.organizer).in_(self.organizers)
        if self.kinds:
            yield col(ChangeRow.kind).in_(self.kinds)


EVERYTHING = Wanted()


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


def after(
    session: Session, place: int | None, wanted: Wanted = EVERYTHING, *, limit: int
) -> list[ChangeView]:
    """The changes above `place`, in their order, or from the first there is. Raises `FeedPruned`."""
    query = select(ChangeRow).where(col(ChangeRow.number) > (place or 0), *wanted.tests())
    rows = session.exec(query.order_by(col(ChangeRow.number)).limit(limit)).all()
    if place is not None:  # looked at last: what is taken away meanwhile is then noticed
        feed = _feed(session)
        if place < feed.pruned:
            raise FeedPruned(place, feed.pruned, feed.last)
    return [_view(row) for row in rows]


def newest(session: Session, *, meeting_id: int | None = None, organizer: str | None = None) -> int:
    """The number of the last change: of a meeting, of an organizer, of all; 0 before the first.

    It never goes back: where the last one was taken away, it is the number up to which all were.
    """
    feed = _feed(session)
    if meeting_id is None and organizer is None:
        return feed.last
    query = select(func.max(ChangeRow.number))
    if meeting_id is not None:
        query = query.where(ChangeRow.meeting_id == meeting_id)
    if organizer is not None:
        query = query.where(ChangeRow.organizer == organizer)
    return max(session.exec(query).one() or 0, feed.pruned)


def waiting(session: Session, place: int, wanted: Wanted, most: int) -> tuple[int, datetime | None]:
    """How many changes above `place` there are, counted up to `most`, and when the first of them was made."""
    query = select(ChangeRow.at).where(col(ChangeRow.number) > place, *wanted.tests())
    first = session.exec(query.order_by(col(ChangeRow.number)).limit(1)).first()
    counted = select(func.count()).select_from(query.limit(most).subquery())
    return session.exec(counted).one(), first


def prune(session: Session, before: datetime, limit: int, *, keep_after: int | None = None) -> int:
    """Takes away the first changes, up to one that is not older than `before` or above `keep_after`; how many.

    At most `limit`, in the session of `begin()`.
    """
    query = select(ChangeRow.number, ChangeRow.at).where(col(ChangeRow.number).is_not(None))
    if keep_after is not None:
        query = query.where(col(ChangeRow.number) <= keep_after)
    first = session.exec(query.order_by(col(ChangeRow.number)).limit(limit)).all()
    old = [number for number, _ in takewhile(lambda one: one[1] < before, first)]
    if old:
        session.execute(update(FeedRow).values(pruned=old[-1]))
        session.execute(delete(ChangeRow).where(col(ChangeRow.number) <= old[-1]))
    return len(old)


def _feed(session: Session) -> FeedRow:
    return session.exec(select(FeedRow)).one()


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
