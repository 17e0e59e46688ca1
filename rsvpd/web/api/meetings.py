"""`/meetings`: create, list, look at, change and cancel."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from http import HTTPStatus
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Path, Query
from fastapi.responses import Response
from pydantic import BaseModel

from rsvpd.changes import Changed as MadeChange
from rsvpd.changes import Changes, Manner
from rsvpd.contract import Changed, Difference, Meeting, MeetingPage, Rehearsed
from rsvpd.itip.model import MeetingStatus
from rsvpd.store import feed, pages
from rsvpd.store.database import Database
from rsvpd.store.writes import Transaction
from rsvpd.web.api.answering import (
    PREVIEWED,
    Cursor,
    DryRun,
    Key,
    Limit,
    Made,
    Organizer,
    answer,
    cursor,
    key_of,
    moment_of,
    once,
    preview,
    rehearsed,
)
from rsvpd.web.api.callers import Asked, Reading, Writing
from rsvpd.web.api.document import RESPONSES, UNCHANGED
from rsvpd.web.api.shapes import Cancellation, MeetingIn, MeetingPatch, Told

_WOULD_BE: dict[int | str, dict[str, Any]] = {
    200: {"model": Rehearsed, "description": "With `dry_run`: what would be mailed."}
}

router = APIRouter(prefix="/meetings", tags=["meetings"], responses=RESPONSES)

Uid = Annotated[str, Path(min_length=1, max_length=1000, description="The meeting's UID (RFC 5545 3.8.4.7).")]


@router.get("", response_model=MeetingPage, responses=UNCHANGED)
def list_meetings(
    asked: Reading,
    organizer: Organizer = None,
    upcoming: Annotated[bool, Query(description="Only those that are not over.")] = False,
    status: Annotated[MeetingStatus | None, Query(description="Only those in this state.")] = None,
    after: Cursor = None,
    limit: Limit = 100,
) -> Response:
    """List meetings by their start."""
    chosen, key = asked.organizer(organizer), key_of(after)
    now = asked.house.clock.now()
    with asked.house.database.read() as session:
        headers = {}
        if not upcoming:  # which changes with the time alone
            headers = asked.unless_known(feed.newest(session, organizer=chosen))
        page = pages.meetings(
            session,
            organizer=chosen,
            upcoming_from=now if upcoming else None,
            status=status.value if status else None,
            after=(moment_of(key[0]), key[1]) if key else None,
            limit=limit,
        )
    found = tuple(map(Meeting.model_validate, page.views))
    return answer(MeetingPage(meetings=found, next=cursor(page.last)), headers)


@router.post("", response_model=Meeting, status_code=HTTPStatus.CREATED, responses=_WOULD_BE)
def create_meeting(
    asked: Writing, described: MeetingIn, key: Key = None, *, dry_run: DryRun = False
) -> Response:
    """Record a meeting and invite everybody."""
    fields = described.fields()
    chosen = asked.organizer(described.organizer)
    if chosen is not None:
        fields["organizer"] = chosen

    def tried(database: Database, _: Transaction) -> Rehearsed:
        would_be = replace(asked.house.invitations, database=database).create(fields)
        return Rehearsed(
            uid=would_be.uid,
            summary=would_be.summary,
            sequence=0,
            asks_again=False,
            differences=(),
            mails=len(would_be.mails),
            previews=tuple(map(preview, would_be.mails[:PREVIEWED])),
        )

    def work(database: Database, session: Transaction) -> Made:
        registered = replace(asked.house.invitations, database=database).create(fields)
        made = asked.meeting(session, registered.uid, chosen or asked.house.settings.named(None).name)
        return Made(Meeting.model_validate(made.view), HTTPStatus.CREATED, place_of(registered.uid))

    return rehearsed(asked, tried) if dry_run else once(asked, key, described, work)


def place_of(uid: str) -> str:
    """Where a meeting is."""
    return f"/api/v1/meetings/{quote(uid, safe='@:')}"


@router.get("/{uid}", response_model=Meeting, responses=UNCHANGED)
def get_meeting(asked: Reading, uid: Uid, organizer: Organizer = None) -> Response:
    """Look at one meeting."""
    with asked.house.database.read() as session:
        found = asked.meeting(session, uid, organizer)
        headers = asked.unless_known(feed.newest(session, meeting_id=found.id))
        return answer(Meeting.model_validate(found.view), headers)


@router.patch("/{uid}", response_model=Changed | Rehearsed)
def update_meeting(
    asked: Writing,
    uid: Uid,
    change: MeetingPatch,
    organizer: Organizer = None,
    key: Key = None,
    *,
    dry_run: DryRun = False,
) -> Response:
    """Change a meeting, or one occurrence of it, and tell everybody."""

    def update(changes: Changes, uid: str) -> MadeChange:
        return changes.update(
            uid,
            change.changes(),
            manner(change),
            occurrence=change.occurrence,
            significant=change.significant,
        )

    return changed(asked, uid, organizer, update, change, key=key, dry_run=dry_run)


@router.post("/{uid}/cancel", response_model=Changed | Rehearsed)
def cancel_meeting(
    asked: Writing,
    uid: Uid,
    how: Cancellation | None = None,
    organizer: Organizer = None,
    key: Key = None,
    *,
    dry_run: DryRun = False,
) -> Response:
    """Call off a meeting, or one occurrence of it, and tell everybody."""
    told = how or Cancellation()

    def cancel(changes: Changes, uid: str) -> MadeChange:
        return changes.cancel(uid, manner(told), occurrence=told.occurrence)

    return changed(asked, uid, organizer, cancel, told, key=key, dry_run=dry_run)


def changed(
    asked: Asked,
    uid: str,
    organizer: str | None,
    change: Callable[[Changes, str], MadeChange],
    body: BaseModel | None,
    *,
    key: str | None,
    dry_run: bool,
) -> Response:
    """Changes the meeting with that UID, if it may be seen, and no other of that UID; or only says what would be."""

    def made(database: Database, session: Transaction) -> MadeChange:
        found = asked.meeting(session, uid, organizer).view
        return change(replace(asked.house.changes, database=database, only=found.organizer), found.uid)

    if dry_run:
        return rehearsed(asked, lambda database, session: _rehearsed(made(database, session)))
    return once(asked, key, body, lambda database, session: Made(Changed(**_what(made(database, session)))))


def _rehearsed(made: MadeChange) -> Rehearsed:
    return Rehearsed(**_what(made), previews=tuple(map(preview, made.mails[:PREVIEWED])))


def _what(made: MadeChange) -> dict[str, Any]:
    return {
        "uid": made.uid,
        "summary": made.summary,
        "sequence": made.sequence,
        "asks_again": made.asks_again,
        "differences": tuple(map(Difference.model_validate, made.differences)),
        "mails": len(made.mails),
    }


def manner(said: Told) -> Manner:
    """How a change is made, as the command line says it."""
    return Manner(said.message) if said.notify is None else Manner(said.message, said.notify)
