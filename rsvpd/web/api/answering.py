"""How answers are given: JSON, pages, and once for each Idempotency-Key."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email import message_from_bytes
from email.policy import default
from http import HTTPStatus
from typing import Annotated

from fastapi import Header, Query
from fastapi.responses import Response
from pydantic import AfterValidator, BaseModel

from rsvpd.contract import Preview, Rehearsed
from rsvpd.store import requests
from rsvpd.store.database import Database
from rsvpd.store.outgoing import Mail
from rsvpd.store.requests import Answered
from rsvpd.store.writes import Transaction
from rsvpd.web.api.callers import Asked
from rsvpd.web.api.problems import Refused

JSON = "application/json"

Limit = Annotated[int, Query(ge=1, le=1000, description="At most so many; `next` leads to the others.")]
Cursor = Annotated[str | None, Query(max_length=200, description="`next` of the page before.")]
Organizer = Annotated[
    str | None, Query(max_length=320, description="Only this organizer's: the name in the settings.")
]
Key = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=200,
        pattern="^[!-~]+$",
        description="The same key gets the same answer for 24 hours, and nothing is done twice.",
        examples=["6f2d7c7e-0d5c-4f4e-9b1e-3f6f8f0b7a11"],
    ),
]


def _in_utc(moment: datetime) -> datetime:
    try:
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("is out of range") from error


DryRun = Annotated[
    bool, Query(description="Only say what would be changed, and show the mails; nothing is done.")
]
PREVIEWED = 100
"""Mails that a dry run shows at most."""

Moment = Annotated[datetime, AfterValidator(_in_utc)]
"""An instant that was asked for; UTC if it names no zone."""


@dataclass(frozen=True, slots=True)
class Made:
    """What a POST made, and where it is."""

    said: BaseModel
    status: HTTPStatus = HTTPStatus.OK
    location: str | None = None


def answer(said: BaseModel, headers: Mapping[str, str] | None = None) -> Response:
    """What was asked for."""
    return Response(said.model_dump_json(), headers=dict(headers or {}), media_type=JSON)


def once(
    asked: Asked, key: str | None, body: BaseModel | None, work: Callable[[Database, Transaction], Made]
) -> Response:
    """Does `work` in one transaction, and answers; with a key that was used before only answers, as then."""
    database, caller = asked.house.database, asked.caller.id
    with database.begin() as session:
        if key is None:
            return _answer(_answered("", work(database.joined(session), session)))
        fingerprint = _fingerprint(asked, body)
        known = requests.claim(session, caller, key, fingerprint, asked.house.clock.now())
        if known is not None:
            if known.fingerprint != fingerprint:
                raise Refused(
                    HTTPStatus.UNPROCESSABLE_ENTITY,
                    f"Idempotency-Key {key} was used for another request; take a new one",
                )
            return _answer(known)
        answered = _answered(fingerprint, work(database.joined(session), session))
        requests.keep(session, caller, key, answered)
    return _answer(answered)


def rehearsed(asked: Asked, work: Callable[[Database, Transaction], Rehearsed]) -> Response:
    """Does `work` in a transaction that is rolled back, and answers what would have been done."""
    database = asked.house.database
    with database.rehearse() as session:
        return answer(work(database.joined(session), session))


def preview(mail: Mail) -> Preview:
    """A mail as it would go out."""
    subject = message_from_bytes(mail.raw, policy=default)["Subject"]
    return Preview(to=mail.recipient, method=mail.method, subject=str(subject), raw=mail.raw.decode())


def _fingerprint(asked: Asked, body: BaseModel | None) -> str:
    said = body.model_dump_json(exclude_unset=True) if body is not None else ""
    parts = (asked.request.method, asked.request.url.path, asked.request.url.query, said)
    return hashlib.sha256(repr(parts).encode()).hexdigest()


def _answered(fingerprint: str, made: Made) -> Answered:
    return Answered(fingerprint, made.status.value, made.location, made.said.model_dump_json().encode())


def _answer(answered: Answered) -> Response:
    headers = {"Location": answered.location} if answered.location else {}
    return Response(answered.body, answered.status, headers, media_type=JSON)


def cursor(last: tuple[str, int] | None) -> str | None:
    """Where the next page begins, as text that says nothing."""
    return base64.urlsafe_b64encode(json.dumps(last).encode()).decode().rstrip("=") if last else None


def key_of(text: str | None) -> tuple[str, int] | None:
    """What `cursor` wrote. Raises `Refused`."""
    if text is None:
        return None
    try:
        padded = text.encode("ascii") + b"=" * (-len(text) % 4)
        first, number = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
    except (ValueError, TypeError, RecursionError, binascii.Error) as error:
        raise _no_cursor(text) from error
    if not isinstance(first, str) or type(number) is not int or not 0 <= number < 2**31:
        raise _no_cursor(text)
    return first, number


def moment_of(text: str) -> datetime:
    """The instant in a cursor. Raises `Refused`."""
    try:
        return _in_utc(datetime.fromisoformat(text))
    except ValueError as error:
        raise _no_cursor(text) from error


def _no_cursor(text: str) -> Refused:
    return Refused(
        HTTPStatus.UNPROCESSABLE_ENTITY, f"cursor: {text!r} is none; give `next` of the page before"
    )
