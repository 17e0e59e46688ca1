"""What a person looks for: meetings and attendees searched, filtered and sorted, a page at a time by keyset."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, func, literal, literal_column, or_, tuple_
from sqlmodel import Session, col, select

from rsvpd.itip.model import PartStat
from rsvpd.store import queries
from rsvpd.store.pages import SEATS, Found, Page, page_of
from rsvpd.store.queries import AttendeeView, meeting_view
from rsvpd.store.tables import AttendeeRow, MeetingRow
from rsvpd.store.tables.columns import Instant
from rsvpd.store.writes import stored_id

_NEVER = datetime(1970, 1, 1, tzinfo=UTC)
_TROUBLE = ("failed", "delayed")


class Period(StrEnum):
    """Which meetings: those that are not over, the soonest first; those that are, the latest first; all."""

    UPCOMING = "upcoming"
    PAST = "past"
    ALL = "all"


class Order(StrEnum):
    """How attendees stand: as they were invited, by their name, or who answered last first."""

    INVITED = "invited"
    NAME = "name"
    ANSWERED = "answered"


@dataclass(frozen=True, slots=True)
class Meetings:
    """Which meetings are looked for, at the moment `now`."""

    now: datetime
    organizer: str | None = None
    period: Period = Period.UPCOMING
    words: str = ""


@dataclass(frozen=True, slots=True)
class People:
    """Which attendees are looked for; `undelivered` are those whose mail did not arrive, or is late."""

    partstats: Sequence[PartStat] = ()
    words: str = ""
    undelivered: bool = False
    order: Order = Order.INVITED


@dataclass(frozen=True, slots=True)
class Person:
    """An attendee by their id, for what is asked about them."""

    id: int
    view: AttendeeView


def meeting(session: Session, number: int, organizer: str | None) -> Found | None:
    """The meeting with that id, if it is of that organizer."""
    row = session.get(MeetingRow, number)
    if row is None or organizer not in {None, row.organizer}:
        return None
    return Found(number, meeting_view(row))


def created_at(session: Session, meeting_id: int) -> datetime:
    """When a meeting was recorded."""
    return session.get_one(MeetingRow, meeting_id).created_at


def meetings(
    session: Session, sought: Meetings, *, after: tuple[datetime, int] | None = None, limit: int
) -> Page[Found]:
    """Meetings by their start, after a key."""
    query = select(MeetingRow)
    if sought.organizer is not None:
        query = query.where(MeetingRow.organizer == sought.organizer)
    if sought.period is not Period.ALL:
        ahead = queries.is_upcoming(sought.now)
        query = query.where(ahead if sought.period is Period.UPCOMING else ~ahead)
    if sought.words:
        fields = (MeetingRow.summary, MeetingRow.location, MeetingRow.uid)
        query = query.where(_contains(sought.words, *fields))
    key = tuple_(col(MeetingRow.starts_at), col(MeetingRow.id))
    if sought.period is Period.UPCOMING:
        query = query.where(key > tuple_(*after)) if after else query
        query = query.order_by(col(MeetingRow.starts_at), col(MeetingRow.id))
    else:
        query = query.where(key < tuple_(*after)) if after else query
        query = query.order_by(col(MeetingRow.starts_at).desc(), col(MeetingRow.id).desc())
    rows = session.exec(query.limit(limit + 1)).all()
    return page_of(
        rows,
        limit,
        lambda row: Found(stored_id(row.id), meeting_view(row)),
        lambda row: (row.starts_at.isoformat(), stored_id(row.id)),
    )


def attendees(
    session: Session, meeting_id: int, sought: People, *, after: tuple[str, int] | None = None, limit: int
) -> Page[Person]:
    """Attendees of a meeting in the order asked for, after a key. Raises `ValueError` for a key of another order."""
    shown = func.coalesce(SEATS.c.partstat, AttendeeRow.partstat)
    first = _ORDERS[sought.order]
    query = (
        select(AttendeeRow, shown, first)
        .outerjoin(SEATS, SEATS.c.attendee_id == AttendeeRow.id)
        .where(AttendeeRow.meeting_id == meeting_id, col(AttendeeRow.removed_at).is_(None))
    )
    if sought.partstats:
        query = query.where(shown.in_([partstat.value for partstat in sought.partstats]))
    if sought.undelivered:
        query = query.where(col(AttendeeRow.delivery).in_(_TROUBLE))
    if sought.words:
        fields = (AttendeeRow.name, AttendeeRow.email, AttendeeRow.comment)
        query = query.where(_contains(sought.words, *fields))
    number = col(AttendeeRow.id)
    match sought.order:
        case Order.INVITED:
            query = query.where(number > after[1]) if after else query
            query = query.order_by(number)
        case Order.NAME:
            query = query.where(tuple_(first, number) > tuple_(*after)) if after else query
            query = query.order_by(first, number)
        case Order.ANSWERED:
            place = tuple_(literal(_moment(after[0]), Instant()), after[1]) if after else None
            query = query.where(tuple_(first, number) < place) if place is not None else query
            query = query.order_by(first.desc(), number.desc())
    rows = session.exec(query.limit(limit + 1)).all()
    people = [(row, PartStat(partstat)) for row, partstat, _ in rows[:limit]]
    views = queries.attendee_views(session, session.get_one(MeetingRow, meeting_id), people)
    found = tuple(Person(stored_id(row.id), view) for (row, _), view in zip(people, views, strict=True))
    return Page(found, _key(rows[limit - 1]) if len(rows) > limit else None)


def undelivered(session: Session, meeting_id: int) -> int:
    """To how many attendees no mail came, or not yet."""
    query = select(func.count()).where(
        AttendeeRow.meeting_id == meeting_id,
        col(AttendeeRow.removed_at).is_(None),
        col(AttendeeRow.delivery).in_(_TROUBLE),
    )
    return session.exec(query).one()


_ORDERS: dict[Order, ColumnElement[Any]] = {
    Order.INVITED: literal_column("''"),
    Order.NAME: func.lower(func.coalesce(func.nullif(AttendeeRow.name, ""), AttendeeRow.email)),
    Order.ANSWERED: func.coalesce(AttendeeRow.answered_at, literal(_NEVER, Instant())),
}


def _key(row: Any) -> tuple[str, int]:  # noqa: ANN401  a row of three
    person, _, first = row
    return first.isoformat() if isinstance(first, datetime) else str(first), stored_id(person.id)


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment


def _contains(words: str, *fields: object) -> ColumnElement[bool]:
    """Whether every word is in one of the fields, whatever its case."""
    tests = [
        or_(*(col(field).icontains(word, autoescape=True) for field in fields)) for word in words.split()
    ]
    found = tests[0]
    for test in tests[1:]:
        found &= test
    return found
