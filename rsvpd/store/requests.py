"""Requests made with an Idempotency-Key, each answered once (draft-ietf-httpapi-idempotency-key-header).

All take the session of the transaction that does what is asked: key and work are kept or lost together.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session, col, select

from rsvpd.store.tables import RequestRow

KEPT_FOR = timedelta(hours=24)
"""How long a key is known."""


@dataclass(frozen=True, slots=True)
class Answered:
    """How a request was answered; `fingerprint` is of what was asked."""

    fingerprint: str
    status: int
    location: str | None
    body: bytes


def claim(session: Session, token_id: int, key: str, fingerprint: str, now: datetime) -> Answered | None:
    """Takes a key; if it was used before, how that was answered. Waits for another request that has it in hand."""
    session.execute(delete(RequestRow).where(col(RequestRow.made_at) < now - KEPT_FOR))
    insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    taken = insert(RequestRow).values(token_id=token_id, key=key, fingerprint=fingerprint, made_at=now)
    if session.connection().execute(taken.on_conflict_do_nothing()).rowcount:
        return None
    query = select(RequestRow).where(RequestRow.token_id == token_id, RequestRow.key == key)
    row = session.exec(query).one()
    return Answered(row.fingerprint, row.status or 0, row.location, row.body or b"")


def keep(session: Session, token_id: int, key: str, answered: Answered) -> None:
    """Keeps the answer beside its key."""
    change = update(RequestRow).where(col(RequestRow.token_id) == token_id, col(RequestRow.key) == key)
    session.execute(change.values(status=answered.status, location=answered.location, body=answered.body))
