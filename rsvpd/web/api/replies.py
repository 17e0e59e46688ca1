"""`/replies`, the ledger, and `/review`, what of it waits for a person."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Path, Query
from fastapi.responses import Response

from rsvpd.contract import Reply, ReplyPage
from rsvpd.itip.model import Outcome
from rsvpd.review import Review, Settled
from rsvpd.store import feed, pages
from rsvpd.store.database import Database
from rsvpd.store.pages import Page, Sought
from rsvpd.store.queries import LedgerView
from rsvpd.store.writes import Transaction
from rsvpd.web.api.answering import (
    Cursor,
    Key,
    Limit,
    Made,
    Moment,
    Organizer,
    answer,
    cursor,
    key_of,
    once,
)
from rsvpd.web.api.callers import Asked, Deciding, Reading
from rsvpd.web.api.document import RESPONSES, UNCHANGED
from rsvpd.web.api.problems import Refused

router = APIRouter(tags=["replies"], responses=RESPONSES)

Number = Annotated[int, Path(ge=1, lt=2**31, description="The id of the row.")]


@router.get("/replies", response_model=ReplyPage, responses=UNCHANGED)
def list_replies(
    asked: Reading,
    organizer: Organizer = None,
    uid: Annotated[str | None, Query(max_length=1000, description="Only this meeting's.")] = None,
    outcome: Annotated[
        list[Outcome] | None, Query(max_length=20, description="Only these outcomes; may be repeated.")
    ] = None,
    since: Annotated[
        Moment | None, Query(description="Only what arrived since; UTC without an offset.")
    ] = None,
    after: Cursor = None,
    limit: Limit = 100,
) -> Response:
    """Read the ledger, the newest first: every reply that came in, what was decided, and why."""
    chosen, key = asked.organizer(organizer), key_of(after)
    sought = Sought(chosen, uid, [one.value for one in outcome or ()], since=since)
    with asked.house.database.read() as session:
        headers = asked.unless_known(feed.newest(session, organizer=chosen))
        page = pages.replies(session, sought, before=key[1] if key else None, limit=limit)
    return answer(_page(page), headers)


@router.get("/review", response_model=ReplyPage, responses=UNCHANGED)
def list_review(
    asked: Reading,
    organizer: Organizer = None,
    outdated: Annotated[bool, Query(description="Also what answers an earlier state.")] = False,
    after: Cursor = None,
    limit: Limit = 100,
) -> Response:
    """List what waits for a person, the newest first."""
    chosen, key = asked.organizer(organizer), key_of(after)
    sought = Sought(chosen, review=True, outdated=outdated)
    with asked.house.database.read() as session:
        headers = asked.unless_known(feed.newest(session, organizer=chosen))
        page = pages.replies(session, sought, before=key[1] if key else None, limit=limit)
    return answer(_page(page), headers)


@router.post("/review/{number}/release", response_model=Reply)
def release_reply(asked: Deciding, number: Number, organizer: Organizer = None, key: Key = None) -> Response:
    """Let the answer of a held or outdated row count."""
    return _settle(asked, number, organizer, key, lambda review: review.release([number], asked.caller.name))


@router.post("/review/{number}/dismiss", response_model=Reply)
def dismiss_reply(asked: Deciding, number: Number, organizer: Organizer = None, key: Key = None) -> Response:
    """Take a held or outdated row off the list; it changes nothing."""
    return _settle(asked, number, organizer, key, lambda review: review.dismiss([number], asked.caller.name))


def _settle(
    asked: Asked,
    number: int,
    organizer: str | None,
    key: str | None,
    decide: Callable[[Review], list[Settled]],
) -> Response:
    def work(database: Database, session: Transaction) -> Made:
        if pages.reply(session, number, asked.organizer(organizer)) is None:
            raise Refused(
                HTTPStatus.NOT_FOUND, f"there is no ledger row {number}; GET /api/v1/review lists them"
            )
        (settled,) = decide(replace(asked.house.review, database=database))
        return Made(Reply.model_validate(settled.row))

    return once(asked, key, None, work)


def _page(page: Page[LedgerView]) -> ReplyPage:
    return ReplyPage(replies=tuple(map(Reply.model_validate, page.views)), next=cursor(page.last))
