"""Who may ask over HTTP. All take the session of `Database.begin()` or `read()`.

A token is `rsvpd_ID_SECRET`, its secret 256 random bits. Kept is the SHA-256 of the
secret alone: nobody can guess among 2^256, so that a hash which is slow on purpose, as
for passwords that people choose, would protect nothing and cost each request.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlmodel import Session, col, select

from rsvpd.ports import CouldNot
from rsvpd.store.tables import AccessTokenRow
from rsvpd.store.writes import stored_id

_TOKEN = re.compile(r"rsvpd_(?P<id>[0-9]{1,9})_(?P<secret>[A-Za-z0-9_-]{43})", re.ASCII)
_NOBODY = hashlib.sha256(b"").hexdigest()


class Scope(StrEnum):
    """What a token is good for; each includes the one before."""

    READ = "read"
    WRITE = "write"
    ADMIN = "admin"

    def includes(self, other: Scope) -> bool:
        """Whether what needs `other` may be done."""
        order = list(Scope)
        return order.index(self) >= order.index(other)


@dataclass(frozen=True, slots=True)
class TokenView:
    """A token without its secret; `organizer` is the only one whose meetings it shows."""

    id: int
    name: str
    scope: Scope
    organizer: str | None
    created_at: datetime
    revoked_at: datetime | None


def create(session: Session, name: str, scope: Scope, organizer: str | None, now: datetime) -> str:
    """A new token, which is shown this once. Raises `CouldNot` if the name is taken."""
    if session.exec(select(AccessTokenRow).where(AccessTokenRow.name == name)).first() is not None:
        raise CouldNot(f"there is, or was, a token {name} already; take another name")
    secret = secrets.token_urlsafe(32)
    row = AccessTokenRow(
        name=name, digest=_digest(secret), scope=scope.value, organizer=organizer, created_at=now
    )
    session.add(row)
    session.flush()
    return f"rsvpd_{row.id}_{secret}"


def tokens(session: Session) -> list[TokenView]:
    """Every token there is or was, oldest first."""
    return [_view(row) for row in session.exec(select(AccessTokenRow).order_by(col(AccessTokenRow.id)))]


def revoke(session: Session, name: str, now: datetime) -> None:
    """From now on it is good for nothing. Raises `CouldNot` if there is none."""
    row = session.exec(select(AccessTokenRow).where(AccessTokenRow.name == name)).first()
    if row is None or row.revoked_at is not None:
        raise CouldNot(f"there is no token {name}; `rsvpd token list` shows them")
    row.revoked_at = now
    session.add(row)


def bearer(session: Session, token: str) -> TokenView | None:
    """Whose token it is; None for one that is wrong or revoked."""
    found = _TOKEN.fullmatch(token)
    row = session.get(AccessTokenRow, int(found["id"])) if found else None
    digest = row.digest if row else _NOBODY
    right = hmac.compare_digest(digest, _digest(found["secret"] if found else ""))
    return _view(row) if row is not None and right and row.revoked_at is None else None


def numbered(session: Session, number: int) -> TokenView | None:
    """The token with that id; None for one that is revoked."""
    row = session.get(AccessTokenRow, number)
    return _view(row) if row is not None and row.revoked_at is None else None


def digest_of(session: Session, number: int) -> str:
    """What is kept of the token with that id."""
    row = session.get(AccessTokenRow, number)
    return row.digest if row is not None else _NOBODY


def revoked(session: Session) -> frozenset[int]:
    """The ids of the tokens that are good for nothing any more."""
    query = select(AccessTokenRow.id).where(col(AccessTokenRow.revoked_at).is_not(None))
    return frozenset(number for number in session.exec(query) if number is not None)


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _view(row: AccessTokenRow) -> TokenView:
    return TokenView(
        id=stored_id(row.id),
        name=row.name,
        scope=Scope(row.scope),
        organizer=row.organizer,
        created_at=row.created_at,
        revoked_at=row.revoked_at,
    )
