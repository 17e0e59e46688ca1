"""`/proposals`: other times that attendees propose."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from http import HTTPStatus

from fastapi import APIRouter
from fastapi.responses import Response

from rsvpd.contract import Decided, Proposal, ProposalPage
from rsvpd.proposals import Proposals
from rsvpd.store import feed, pages
from rsvpd.store.database import Database
from rsvpd.store.pending import Pending
from rsvpd.store.writes import Transaction
from rsvpd.web.api.answering import Cursor, Key, Limit, Made, Organizer, answer, cursor, key_of, once
from rsvpd.web.api.callers import Asked, Reading, Writing
from rsvpd.web.api.document import RESPONSES, UNCHANGED
from rsvpd.web.api.problems import Refused
from rsvpd.web.api.replies import Number
from rsvpd.web.api.shapes import Declining

router = APIRouter(prefix="/proposals", tags=["proposals"], responses=RESPONSES)


@router.get("", response_model=ProposalPage, responses=UNCHANGED)
def list_proposals(
    asked: Reading, organizer: Organizer = None, after: Cursor = None, limit: Limit = 100
) -> Response:
    """List counter-proposals that wait for the organizer, the oldest first."""
    chosen, key = asked.organizer(organizer), key_of(after)
    with asked.house.database.read() as session:
        headers = asked.unless_known(feed.newest(session, organizer=chosen))
        page = pages.proposals(session, organizer=chosen, after=key[1] if key else 0, limit=limit)
    return answer(ProposalPage(proposals=tuple(map(_said, page.views)), next=cursor(page.last)), headers)


@router.post("/{number}/accept", response_model=Decided)
def accept_proposal(asked: Writing, number: Number, organizer: Organizer = None, key: Key = None) -> Response:
    """Move the meeting to what was proposed, and ask everybody again."""

    def accept(proposals: Proposals) -> Decided:
        return Decided(id=number, decision="accepted", mails=proposals.accept(number))

    return _decide(asked, number, organizer, key, accept)


@router.post("/{number}/decline", response_model=Decided)
def decline_proposal(
    asked: Writing,
    number: Number,
    how: Declining | None = None,
    organizer: Organizer = None,
    key: Key = None,
) -> Response:
    """Keep the meeting as it is, and tell the attendee (DECLINECOUNTER, RFC 5546 3.2.8)."""
    words = how.message if how else None

    def decline(proposals: Proposals) -> Decided:
        return Decided(id=number, decision="declined", mails=proposals.decline(number, words))

    return _decide(asked, number, organizer, key, decline, how)


def _decide(
    asked: Asked,
    number: int,
    organizer: str | None,
    key: str | None,
    decide: Callable[[Proposals], Decided],
    how: Declining | None = None,
) -> Response:
    def work(database: Database, session: Transaction) -> Made:
        chosen = asked.organizer(organizer)
        if not pages.proposals(session, organizer=chosen, number=number, limit=1).views:
            raise Refused(
                HTTPStatus.NOT_FOUND, f"no proposal {number} is pending; GET /api/v1/proposals lists them"
            )
        return Made(decide(replace(asked.house.proposals, database=database)))

    return once(asked, key, how, work)


def _said(one: Pending) -> Proposal:
    return Proposal(
        id=one.number,
        uid=one.meeting.uid,
        summary=one.meeting.summary,
        attendee=one.attendee,
        occurrence=one.occurrence,
        start=one.start,
        end=one.end,
        location=one.location,
        comment=one.comment,
        proposed_at=one.proposed_at,
    )
