"""What each part of the work last said of itself, and how much waits. Kept here so that any process can tell.

A part is a job on an organizer, such as `poll events`, or one of its folders: `poll events/INBOX`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import sqlalchemy
from sqlalchemy import and_, case, func
from sqlmodel import Session, col, select

from rsvpd.itip.model import Outcome
from rsvpd.itip.verdicts import Reason
from rsvpd.store.outgoing import Status, due
from rsvpd.store.tables import HealthRow, InboundRow, OutgoingRow, ProposalRow, ProposalStatus


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the work: when it spoke, when it last worked, and what is wrong since when."""

    part: str
    told_at: datetime
    worked_at: datetime | None = None
    trouble: str | None = None
    since: datetime | None = None

    def shifted(self, jump: timedelta) -> Part:
        """The same, by a clock that was set by so much."""
        worked_at, since = (at + jump if at else None for at in (self.worked_at, self.since))
        return replace(self, told_at=self.told_at + jump, worked_at=worked_at, since=since)


@dataclass(frozen=True, slots=True)
class Queue:
    """An organizer's outgoing mails: how many wait, since when, since when one is due that nobody takes."""

    organizer: str
    waiting: int
    failed: int
    oldest_at: datetime | None
    due_since: datetime | None


@dataclass(frozen=True, slots=True)
class Waiting:
    """How much waits for a person."""

    held: int
    proposals: int
    unfetched: int


def note(session: Session, parts: Iterable[Part]) -> None:
    """Writes down what parts said; each has one row, which keeps when it last worked and a trouble's age."""
    for part in parts:
        row = session.get(HealthRow, part.part) or HealthRow(part=part.part, told_at=part.told_at)
        since = [at for at in (row.since if row.trouble else None, part.since) if at]
        row.since = min(since, default=None) if part.trouble else None
        row.told_at, row.trouble = part.told_at, part.trouble
        row.worked_at = part.worked_at or row.worked_at
        session.add(row)


def parts(session: Session) -> dict[str, Part]:
    """Every part by its name."""
    rows = session.exec(select(HealthRow).order_by(HealthRow.part))
    return {row.part: Part(row.part, row.told_at, row.worked_at, row.trouble, row.since) for row in rows}


def queues(session: Session, now: datetime) -> list[Queue]:
    """The outgoing queue of each organizer that has something in it."""
    pending = col(OutgoingRow.status) == Status.PENDING.value
    free = col(OutgoingRow.claimed_by).is_(None)
    query = (
        sqlalchemy.select(
            col(OutgoingRow.organizer),
            func.sum(case((pending, 1), else_=0)),
            func.sum(case((pending, 0), else_=1)),
            func.min(case((pending, OutgoingRow.created_at))),
            func.min(case((and_(pending, free, due(now)), OutgoingRow.due_at))),
        )
        .where(col(OutgoingRow.status).in_((Status.PENDING.value, Status.FAILED.value)))
        .group_by(col(OutgoingRow.organizer))
        .order_by(col(OutgoingRow.organizer))
    )
    return [Queue(*row) for row in session.execute(query)]


def waiting(session: Session) -> Waiting:
    """What waits for a person: held replies, proposals of another time, and mails that were set aside."""
    open_ = col(InboundRow.settled_by).is_(None)
    held = select(func.count()).where(InboundRow.outcome == Outcome.HELD.value, open_)
    unfetched = select(func.count()).where(InboundRow.reason == Reason.NOT_FETCHED.value, open_)
    proposals = select(func.count()).where(ProposalRow.status == ProposalStatus.PENDING.value)
    return Waiting(session.exec(held).one(), session.exec(proposals).one(), session.exec(unfetched).one())
