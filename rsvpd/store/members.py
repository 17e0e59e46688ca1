"""The processes that work on a database, and what each of them has in hand. All take the session of `begin()`.

Plain SQL, so that it holds on whatever speaks PostgreSQL's protocol: a process is a
row that it renews, work is a row that names it, and who is not heard of any more loses
its row and with it, by foreign keys, all it had in hand.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, func, insert, update
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, select

from rsvpd.store.database import now
from rsvpd.store.tables import LeaseRow, MemberRow

LOST_AFTER = timedelta(seconds=18)
"""A process that was not heard of for so long works no more."""


@dataclass(frozen=True, slots=True)
class Others:
    """How many daemons there are, this one among them, and which work nobody has."""

    daemons: int
    mine: frozenset[str]
    taken: frozenset[str]


@dataclass(frozen=True, slots=True)
class Signs:
    """When each process was last heard of, and who should have been since."""

    last: dict[str, datetime]
    overdue: frozenset[str]


@dataclass(frozen=True, slots=True)
class Daemon:
    """A daemon that is at work: where, since when, and when it was last heard of."""

    name: str
    joined_at: datetime
    seen_at: datetime


def daemons(session: Session) -> list[Daemon]:
    """The daemons that are at work, the longest first."""
    moment = now(session)
    seen = col(MemberRow.seen_at).between(moment - LOST_AFTER, moment + LOST_AFTER)
    query = select(MemberRow).where(col(MemberRow.daemon), seen)
    rows = session.exec(query.order_by(col(MemberRow.joined_at), col(MemberRow.id)))
    return [Daemon(row.name, row.joined_at, row.seen_at) for row in rows]


def join(session: Session, member: str, name: str, *, daemon: bool) -> None:
    """Enters a process; `name` is for people."""
    moment = now(session)
    session.add(MemberRow(id=member, name=name, daemon=daemon, joined_at=moment, seen_at=moment))
    session.flush()


def seen(session: Session, member: str) -> bool:
    """Says that a process is at work; False if it was given up meanwhile."""
    change = update(MemberRow).where(col(MemberRow.id) == member).values(seen_at=now(session))
    return bool(session.connection().execute(change).rowcount)


def signs(session: Session, member: str) -> Signs:
    """When the other processes last said that they are at work, and for whom that is too long ago, or is to come."""
    last = dict(session.exec(select(MemberRow.id, MemberRow.seen_at).where(MemberRow.id != member)).all())
    moment = now(session)
    return Signs(last, frozenset(one for one, at in last.items() if abs(moment - at) > LOST_AFTER))


def forget(session: Session, signs: Mapping[str, datetime]) -> None:
    """Takes away what processes had in hand, unless they gave another sign since."""
    for member, seen_at in signs.items():
        silent = (col(MemberRow.id) == member, col(MemberRow.seen_at) == seen_at)
        session.execute(delete(MemberRow).where(*silent))


def forget_daemons(session: Session) -> None:
    """Takes away what daemons had in hand: for who knows that none is at work."""
    session.execute(delete(MemberRow).where(col(MemberRow.daemon)))


def leave(session: Session, member: str) -> None:
    """Takes a process out; what it had in hand is free at once."""
    session.execute(delete(MemberRow).where(col(MemberRow.id) == member))


def others(session: Session, member: str) -> Others:
    """Who shares the work, and who has what."""
    daemons = session.exec(select(func.count()).where(col(MemberRow.daemon))).one()
    held = session.exec(select(LeaseRow)).all()
    mine = frozenset(lease.name for lease in held if lease.holder == member)
    return Others(daemons, mine, frozenset(lease.name for lease in held) - mine)


def take(session: Session, member: str, name: str) -> bool:
    """Takes a piece of work in hand; False if another process was faster."""
    try:
        with session.begin_nested():
            session.execute(insert(LeaseRow).values(name=name, holder=member))
    except IntegrityError:
        return False
    return True


def give_up(session: Session, member: str, names: Collection[str]) -> None:
    """Leaves pieces of work to others."""
    mine = (col(LeaseRow.holder) == member, col(LeaseRow.name).in_(names))
    session.execute(delete(LeaseRow).where(*mine))
