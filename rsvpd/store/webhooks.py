"""How far each webhook was told of changes: a place in the feed, which only ever moves on.

One process at a time has a webhook in hand, as with outgoing mails: it loses it when it is taken for dead.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import and_, func, or_, update
from sqlmodel import Session, col, select

from rsvpd.config import WebhookSettings
from rsvpd.store import feed
from rsvpd.store.feed import Wanted
from rsvpd.store.tables import WebhookRow

_FARTHEST = timedelta(hours=4)
"""A next try is never further away, unless the clock was set back."""
MOST_COUNTED = 10_000
"""Changes that wait are counted up to here."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a webhook is in the feed; `prefix` makes the ids of its events differ from those of other databases."""

    name: str
    prefix: str
    number: int
    attempts: int


@dataclass(frozen=True, slots=True)
class WebhookView:
    """How it goes with a webhook: `waiting` changes, the first of them made at `oldest_at`; what is wrong since when."""

    name: str
    waiting: int
    oldest_at: datetime | None
    delivered_at: datetime | None
    trouble: str | None
    since: datetime | None
    stopped_at: datetime | None
    next_at: datetime | None


def due(session: Session, name: str, now: datetime) -> bool:
    """Whether there may be something to do: a quick look, without a claim."""
    row = session.get(WebhookRow, name)
    if row is None:
        return True
    waits = row.stopped_at is not None or now < row.due_at < now + _FARTHEST
    return not waits and row.number < feed.newest(session)


def claim(session: Session, name: str, now: datetime, *, member: str) -> Place | None:
    """Takes a webhook in hand; None if another process has it, or it is not due.

    One that is new begins at the end of the feed: it is told of what changes from now on.
    """
    if session.get(WebhookRow, name) is None:
        begin = feed.newest(session)
        prefix = secrets.token_hex(4)
        session.add(WebhookRow(name=name, prefix=prefix, number=begin, due_at=now, created_at=now))
        session.flush()
    free = or_(col(WebhookRow.claimed_by).is_(None), col(WebhookRow.claimed_by) == member)
    come = or_(col(WebhookRow.due_at) <= now, col(WebhookRow.due_at) >= now + _FARTHEST)
    ready = and_(col(WebhookRow.stopped_at).is_(None), come)
    change = update(WebhookRow).where(col(WebhookRow.name) == name, free, ready).values(claimed_by=member)
    if not session.connection().execute(change).rowcount:
        return None
    row = session.exec(
        select(WebhookRow).where(WebhookRow.name == name).execution_options(populate_existing=True)
    ).one()
    return Place(row.name, row.prefix, row.number, row.attempts)


def release(session: Session, name: str, member: str) -> None:
    """Leaves it to others."""
    mine = (col(WebhookRow.name) == name, col(WebhookRow.claimed_by) == member)
    session.execute(update(WebhookRow).where(*mine).values(claimed_by=None))


def advance(session: Session, name: str, number: int, delivered_at: datetime | None) -> None:
    """Everything up to `number` was told, at `delivered_at`, or None of it concerned the webhook."""
    values: dict[str, object] = {"number": number}
    if delivered_at is not None:
        values |= {"delivered_at": delivered_at, "attempts": 0, "failing_since": None, "words": None}
    behind = (col(WebhookRow.name) == name, col(WebhookRow.number) < number)
    session.execute(update(WebhookRow).where(*behind).values(**values))


def put_off(session: Session, place: Place, due_at: datetime, words: str, now: datetime) -> None:
    """It is tried again at `due_at`, unless somebody else got further meanwhile."""
    row = session.get(WebhookRow, place.name)
    if row is not None and row.number == place.number:
        row.attempts, row.due_at, row.words = place.attempts + 1, due_at, words
        row.failing_since = row.failing_since or now
        session.add(row)


def stop(session: Session, place: Place, words: str, now: datetime) -> None:
    """Nothing is sent to it until a person resumes it."""
    change = update(WebhookRow).where(col(WebhookRow.name) == place.name)
    session.execute(change.values(stopped_at=now, failing_since=now, words=words))


def resume(session: Session, name: str, now: datetime, *, skip: bool) -> bool:
    """Lets it go on at once, with `skip` from the end of the feed; False if nothing is known of it yet."""
    values: dict[str, object] = {"due_at": now, "attempts": 0, "stopped_at": None}
    if skip:
        values |= {"number": feed.newest(session), "failing_since": None, "words": None}
    change = update(WebhookRow).where(col(WebhookRow.name) == name).values(**values)
    return bool(session.connection().execute(change).rowcount)


def behind(session: Session, names: Iterable[str]) -> int | None:
    """The least far place of these webhooks; None if none of them waits for anything that may be sent."""
    query = select(func.min(WebhookRow.number)).where(
        col(WebhookRow.name).in_(list(names)), col(WebhookRow.stopped_at).is_(None)
    )
    return session.exec(query).one()


def wanted(webhook: WebhookSettings) -> Wanted:
    """Which changes a webhook is told of."""
    return Wanted(organizers=webhook.organizers, kinds=webhook.chosen_kinds)


def views(session: Session, webhooks: Iterable[WebhookSettings]) -> list[WebhookView]:
    """How it goes with each of these, in this order."""
    rows = {row.name: row for row in session.exec(select(WebhookRow))}
    return [_view(session, one, rows.get(one.name)) for one in webhooks]


def _view(session: Session, webhook: WebhookSettings, row: WebhookRow | None) -> WebhookView:
    if row is None:
        return WebhookView(webhook.name, 0, None, None, None, None, None, None)
    waiting, oldest_at = feed.waiting(session, row.number, wanted(webhook), MOST_COUNTED)
    next_at = row.due_at if row.failing_since and row.stopped_at is None else None
    return WebhookView(
        row.name, waiting, oldest_at, row.delivered_at, row.words, row.failing_since, row.stopped_at, next_at
    )
