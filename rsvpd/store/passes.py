"""What a browser shows in place of a token: its number, when it was given, and a seal over both and the token's hash.

The token itself leaves the browser once, and is kept nowhere. The token's row is read
at each request, so that revoking it ends every pass at once. All take the session of
`Database.begin()` or `read()`.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlmodel import Session

from rsvpd.store import access
from rsvpd.store.access import TokenView
from rsvpd.store.tables import SecretRow

LASTS = timedelta(days=30)
"""After which the token is asked for again."""

_KEY = "passes"
_KEY_BYTES = 32
_PASS = re.compile(r"(?P<id>[0-9]{1,9})\.(?P<given>[0-9]{1,11})\.(?P<seal>[0-9a-f]{64})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Holder:
    """Whose pass it is, and what the forms of this pass, and of no other, contain."""

    caller: TokenView
    form_token: str


def prepare(session: Session) -> None:
    """Makes the key of this database's passes if there is none. Takes the session of `begin()`."""
    if session.get(SecretRow, _KEY) is None:
        session.add(SecretRow(name=_KEY, value=secrets.token_bytes(_KEY_BYTES)))


def give(session: Session, caller: TokenView, now: datetime) -> str:
    """A pass for whoever showed the token. Raises `LookupError` before `prepare`."""
    given = int(now.timestamp())
    return f"{caller.id}.{given}.{_seal(session, caller.id, given)}"


def holder(session: Session, shown: str, now: datetime) -> Holder | None:
    """Whose pass it is; None for one that is forged, too old, or of a revoked token."""
    found = _PASS.fullmatch(shown)
    if found is None:
        return None
    number, given = int(found["id"]), int(found["given"])
    try:
        seal = _seal(session, number, given)
    except LookupError:
        return None
    caller = access.numbered(session, number)
    if not hmac.compare_digest(seal, found["seal"]) or caller is None:
        return None
    if now - datetime.fromtimestamp(given, UTC) > LASTS:
        return None
    return Holder(caller, _sign(session, f"forms of {shown}"))


def _seal(session: Session, number: int, given: int) -> str:
    return _sign(session, f"{number}.{given}.{access.digest_of(session, number)}")


def _sign(session: Session, words: str) -> str:
    row = session.get(SecretRow, _KEY)
    if row is None:
        raise LookupError(_KEY)
    return hmac.new(row.value, words.encode(), hashlib.sha256).hexdigest()
