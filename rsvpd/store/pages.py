"""Reads a page at a time, by keyset: as quick at the end of a hundred thousand as at the beginning.

Each takes one row more than it shows, to know whether another page follows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

from sqlalchemy import ColumnElement, column, func, or_, table, tuple_
from sqlmodel import Session, col, select

from rsvpd.itip.model import Outcome, PartStat
from rsvpd.itip.verdicts import Reason
from rsvpd.store import owners, queries
from rsvpd.store.convert import digest
from rsvpd.store.pending import Pending, pending_view
from rsvpd.store.queries import LedgerView, MeetingView, ledger_view, meeting_view
from rsvpd.store.tables import AttendeeRow, InboundRow, MeetingRow, ProposalRow, ProposalStatus
from rsvpd.store.writes import stored_id

_Row = TypeVar("_Row")
_View = TypeVar("_View")

SEATS = table(
    "delegated_seat", column("attendee_id"), column("partstat"), column("seat"), column("seat_partstat")
)
"""The view that says in SQL what `itip.seats` does, for those whom a delegation concerns."""


@dataclass(frozen=True, slots=True)
class Page(Generic[_View]):
    """Some views, and the key of the last one if others follow."""

    views: tuple[_View, ...]
    last: tuple[str, int] | None


@dataclass(frozen=True, slots=True)
class Found:
    """A meeting by its id, for what is asked about it."""

    id: int
    view: MeetingView


@dataclass(frozen=True, slots=True)
class Sought:
    """Which rows of the ledger; for `review` those alone that wait for a person, with what is `outdated` or without."""

    organizer: str | None = None
    uid: str | None = None
    outcomes: Sequence[str] = ()
    since: datetime | None = None
    review: bool = False
    outdated: bool = False

    def tests(self) -> Iterator[ColumnElement[bool]]:
        """What must hold for a row."""
        if self.organizer is not None:
            yield _of(self.organizer)
        if self.uid is not None:
            yield col(InboundRow.uid_digest) == digest(self.uid)
        if self.outcomes:
            yield col(InboundRow.outcome).in_(self.outcomes)
        if self.since is not None:
            yield col(InboundRow.received_at) >= self.since
        if self.review:
            outcomes = [Outcome.HELD.value, *([Outcome.OUTDATED.value] if self.outdated else [])]
            set_aside = col(InboundRow.reason) == Reason.NOT_FETCHED.value
            yield or_(col(InboundRow.outcome).in_(outcomes), set_aside)
            yield col(InboundRow.settled_by).is_(None)


def find(session: Session, uid: str, organizer: str | None) -> Found | None:
    """The meeting with this very UID, of one organizer or of any; raises `CouldNot` if several have one."""
    query = select(MeetingRow).where(MeetingRow.uid_digest == digest(uid))
    if organizer is not None:
        query = query.where(MeetingRow.organizer == organizer)
    row = owners.only(session.exec(query).all(), "?organizer=")
    return Found(stored_id(row.id), meeting_view(row)) if row is not None else None


def meetings(
    session: Session,
    *,
    organizer: str | None = None,
    upcoming_from: datetime | None = None,
    status: str | None = None,
    after: tuple[datetime, int] | None = None,
    limit: int,
) -> Page[MeetingView]:
    """Meetings by their start, after a key."""
    query = select(MeetingRow)
    if organizer is not None:
        query = query.where(MeetingRow.organizer == organizer)
    if upcoming_from is not None:
        query = query.where(queries.is_upcoming(upcoming_from))
    if status is not None:
        query = query.where(MeetingRow.status == status)
    if after is not None:
        query = query.where(tuple_(col(MeetingRow.starts_at), col(MeetingRow.id)) > tuple_(*after))
    rows = session.exec(query.order_by(col(MeetingRow.starts_at), col(MeetingRow.id)).limit(limit + 1)).all()
    return page_of(rows, limit, meeting_view, lambda row: (row.starts_at.isoformat(), stored_id(row.id)))


def counts(session: Session, meeting_id: int) -> dict[PartStat, int]:
    """Seats of a meeting by participation status: of everybody, put right for those whom a delegation concerns."""
    listed = (AttendeeRow.meeting_id == meeting_id, col(AttendeeRow.removed_at).is_(None))
    everybody = select(AttendeeRow.partstat, func.count()).where(*listed).group_by(AttendeeRow.partstat)
    found = Counter(dict(session.exec(everybody).all()))
    concerned = (
        select(AttendeeRow.partstat, SEATS.c.seat, SEATS.c.seat_partstat)
        .join(SEATS, SEATS.c.attendee_id == AttendeeRow.id)
        .where(*listed)
    )
    for partstat, seat, shown in session.exec(concerned):
        found[partstat] -= 1
        found[shown] += seat
    return {partstat: found[partstat.value] for partstat in PartStat}


def replies(session: Session, sought: Sought, *, before: int | None = None, limit: int) -> Page[LedgerView]:
    """Rows of the ledger, the newest first, before an id."""
    query = select(InboundRow).where(*sought.tests())
    if before is not None:
        query = query.where(col(InboundRow.id) < before)
    rows = session.exec(query.order_by(col(InboundRow.id).desc()).limit(limit + 1)).all()
    return page_of(rows, limit, ledger_view, lambda row: ("", stored_id(row.id)))


def reply(session: Session, number: int, organizer: str | None) -> LedgerView | None:
    """One row of the ledger, if it is of that organizer."""
    query = select(InboundRow).where(InboundRow.id == number)
    row = session.exec(query.where(_of(organizer)) if organizer is not None else query).first()
    return ledger_view(row) if row is not None else None


def _of(organizer: str) -> ColumnElement[bool]:
    """What came to an organizer's mailbox, or by hand for a meeting of theirs."""
    theirs = select(MeetingRow.id).where(MeetingRow.organizer == organizer)
    return or_(
        col(InboundRow.organizer) == organizer,
        col(InboundRow.organizer).is_(None) & col(InboundRow.meeting_id).in_(theirs),
    )


def proposals(
    session: Session,
    *,
    organizer: str | None = None,
    number: int | None = None,
    meeting_id: int | None = None,
    after: int = 0,
    limit: int,
) -> Page[Pending]:
    """Counter-proposals that wait, the oldest first, after an id; or only the one with that id, or a meeting's."""
    query = (
        select(ProposalRow, AttendeeRow, MeetingRow)
        .join(AttendeeRow, col(AttendeeRow.id) == ProposalRow.attendee_id)
        .join(MeetingRow, col(MeetingRow.id) == AttendeeRow.meeting_id)
        .where(ProposalRow.status == ProposalStatus.PENDING.value, col(ProposalRow.id) > after)
    )
    if organizer is not None:
        query = query.where(MeetingRow.organizer == organizer)
    if number is not None:
        query = query.where(ProposalRow.id == number)
    if meeting_id is not None:
        query = query.where(MeetingRow.id == meeting_id)
    rows = session.exec(query.order_by(col(ProposalRow.id)).limit(limit + 1)).all()
    return page_of(rows, limit, lambda row: pending_view(*row), lambda row: ("", stored_id(row[0].id)))


def page_of(
    rows: Sequence[_Row], limit: int, view: Callable[[_Row], _View], key: Callable[[_Row], tuple[str, int]]
) -> Page[_View]:
    """The first `limit` of the rows, of which one more was read if there is one."""
    shown = rows[:limit]
    return Page(tuple(map(view, shown)), key(shown[-1]) if len(rows) > limit else None)
