"""What attendees answered, one answer after the other, and when the answers of today came in."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import BigInteger, cast, extract, func
from sqlmodel import Session, col, select

from rsvpd.itip.model import PartStat
from rsvpd.store.tables import AnswerRow, AttendeeRow, InboundRow


@dataclass(frozen=True, slots=True)
class AnswerView:
    """One answer in the record; `settled_by` is who let it count, where a person did."""

    partstat: PartStat
    answered_at: datetime
    occurrence: str | None
    comment: str | None
    guests: int | None
    sent_by: str | None
    delegated_to: str | None
    client: str | None
    settled_by: str | None


@dataclass(frozen=True, slots=True)
class Past:
    """The latest answers of an attendee, the newest first, and how many there are before them."""

    answers: tuple[AnswerView, ...]
    earlier: int


def of(session: Session, attendee_ids: Collection[int], *, each: int) -> Mapping[int, Past]:
    """What each of these attendees answered; at most `each` answers, by their rank."""
    rank = (
        col(AnswerRow.sequence).desc(),
        col(AnswerRow.answered_at).desc(),
        col(AnswerRow.received_at).desc(),
        col(AnswerRow.ordinal).desc(),
        col(AnswerRow.id).desc(),
    )
    whose = col(AnswerRow.attendee_id)
    place = func.row_number().over(partition_by=whose, order_by=rank)
    total = func.count().over(partition_by=whose)
    numbered = (
        select(col(AnswerRow.id).label("id"), place.label("place"), total.label("total"))
        .where(whose.in_(attendee_ids))
        .subquery()
    )
    query = (
        select(AnswerRow, InboundRow.settled_by, numbered.c.total)
        .join(numbered, numbered.c.id == AnswerRow.id)
        .join(InboundRow, col(InboundRow.id) == AnswerRow.inbound_id)
        .where(numbered.c.place <= each)
        .order_by(whose, numbered.c.place)
    )
    found: dict[int, list[AnswerView]] = {}
    totals: dict[int, int] = {}
    for row, settled_by, count in session.exec(query):
        found.setdefault(row.attendee_id, []).append(_view(row, settled_by))
        totals[row.attendee_id] = count
    return {number: Past(tuple(views), totals[number] - len(views)) for number, views in found.items()}


def _view(row: AnswerRow, settled_by: str | None) -> AnswerView:
    return AnswerView(
        partstat=PartStat(row.partstat),
        answered_at=row.answered_at,
        occurrence=row.occurrence,
        comment=row.comment,
        guests=row.guests,
        sent_by=row.sent_by,
        delegated_to=row.delegated_to,
        client=row.client,
        settled_by=settled_by,
    )


@dataclass(frozen=True, slots=True)
class Arrivals:
    """How many of the answers of today had come in at equal steps of time, by participation status.

    `sums[n]` is how it stood at `begin + n * step`.
    """

    begin: datetime
    step: timedelta
    sums: tuple[Mapping[PartStat, int], ...]


def first_at(session: Session, meeting_id: int) -> datetime | None:
    """When the first of the answers was given that stand today."""
    query = select(func.min(AttendeeRow.answered_at)).where(
        AttendeeRow.meeting_id == meeting_id,
        col(AttendeeRow.removed_at).is_(None),
        AttendeeRow.partstat != PartStat.NEEDS_ACTION.value,
    )
    return session.exec(query).one()


def arrivals(session: Session, meeting_id: int, begin: datetime, end: datetime, *, steps: int) -> Arrivals:
    """When the answers that stand today were given, from `begin` to `end`; those before or after count at its ends."""
    first = int(begin.timestamp())
    width = max((int(end.timestamp()) - first) // steps, 1)
    given = cast(extract("epoch", col(AttendeeRow.answered_at)), BigInteger)
    bucket = (given - first) // width
    query = (
        select(bucket, AttendeeRow.partstat, func.count())
        .where(AttendeeRow.meeting_id == meeting_id, col(AttendeeRow.removed_at).is_(None))
        .where(col(AttendeeRow.answered_at).is_not(None))
        .where(AttendeeRow.partstat != PartStat.NEEDS_ACTION.value)
        .group_by(bucket, AttendeeRow.partstat)
    )
    new: list[Counter[PartStat]] = [Counter() for _ in range(steps + 1)]
    for place, partstat, count in session.exec(query):
        new[min(max(place + 1, 0), steps)][PartStat(partstat)] += count
    sums, so_far = [], Counter[PartStat]()
    for some in new:
        so_far += some
        sums.append(dict(so_far))
    return Arrivals(datetime.fromtimestamp(first, UTC), timedelta(seconds=width), tuple(sums))
