"""What a person decides: proposals accepted or declined, held replies released or dismissed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import RedirectResponse, Response

from rsvpd.itip.verdicts import Reason
from rsvpd.letters.plain import one_line
from rsvpd.proposals import Proposals
from rsvpd.review import Review, Settled
from rsvpd.store import feed, pages
from rsvpd.store.pages import Sought
from rsvpd.store.queries import LedgerView
from rsvpd.web.api.answering import Cursor, cursor, key_of
from rsvpd.web.api.problems import Refused
from rsvpd.web.pages import wording
from rsvpd.web.pages.meeting import Number
from rsvpd.web.pages.outline import outline
from rsvpd.web.pages.showing import link, show
from rsvpd.web.pages.visitors import Deciding, Sent, Visit, Visiting, Writing, ours

router = APIRouter()

_SHOWN = 50


@router.get("/review")
def review(
    visit: Visiting,
    outdated: bool = False,
    after: Cursor = None,
    done: Annotated[str, Query(max_length=20)] = "",
) -> Response:
    """What waits for a person, the newest first: held replies, and every proposal."""
    organizer, place = visit.caller.organizer, key_of(after)
    sought = Sought(organizer, review=True, outdated=outdated)
    with visit.house.database.read() as session:
        newest = feed.newest(session)
        page = pages.replies(session, sought, before=place[1] if place else None, limit=_SHOWN)
        waiting = pages.proposals(session, organizer=organizer, limit=_SHOWN)
        proposals = [
            wording.proposed(one, wording.zone_of(visit.house, one.meeting.organizer))
            for one in waiting.views
        ]
        frame = outline(session, visit, "review")
    following = cursor(page.last)
    kept = "true" if outdated else ""
    return show(
        "review.html",
        **frame,
        rows=[_shown(row, visit) for row in page.views],
        proposals=proposals,
        outdated=outdated,
        done=done,
        newest=newest,
        following=link("/review", outdated=kept, after=following) if following else "",
        first=link("/review", outdated=kept) if after else "",
    )


@router.post("/review/{number}/release")
def release(sent: Deciding, number: Number) -> Response:
    """Let the answer of a held or outdated row count."""
    return _settle(sent, number, "released", lambda review: review.release([number], sent.visit.caller.name))


@router.post("/review/{number}/dismiss")
def dismiss(sent: Deciding, number: Number) -> Response:
    """Take a held or outdated row off the list; it changes nothing."""
    return _settle(sent, number, "dismissed", lambda review: review.dismiss([number], sent.visit.caller.name))


@router.post("/proposals/{number}/accept")
def accept(sent: Writing, number: Number) -> Response:
    """Move the meeting to what was proposed, and ask everybody again."""
    return _answer(sent, number, "accepted", lambda proposals: proposals.accept(number))


@router.post("/proposals/{number}/decline")
def decline(sent: Writing, number: Number) -> Response:
    """Keep the meeting as it is, and tell the attendee."""
    words = sent.form.get("message", "").strip() or None
    return _answer(sent, number, "declined", lambda proposals: proposals.decline(number, words))


def _settle(sent: Sent, number: int, done: str, decide: Callable[[Review], list[Settled]]) -> Response:
    house = sent.visit.house
    with house.database.begin() as session:
        if pages.reply(session, number, sent.visit.caller.organizer) is None:
            raise Refused(HTTPStatus.NOT_FOUND, "There is no such reply, or this token does not show it.")
        decide(replace(house.review, database=house.database.joined(session)))
    return _back(sent, "/review", done)


def _answer(sent: Sent, number: int, done: str, decide: Callable[[Proposals], int]) -> Response:
    house, organizer = sent.visit.house, sent.visit.caller.organizer
    with house.database.begin() as session:
        if not pages.proposals(session, organizer=organizer, number=number, limit=1).views:
            raise Refused(
                HTTPStatus.NOT_FOUND, "That proposal is answered already, or this token does not show it."
            )
        decide(replace(house.proposals, database=house.database.joined(session)))
    return _back(sent, "/review", done)


def _back(sent: Sent, otherwise: str, done: str) -> Response:
    """To the page that the form was on, which says what was done."""
    path = ours(sent.form.get("back", "")).partition("?")[0]
    return RedirectResponse(link(otherwise if path == "/" else path, done=done), HTTPStatus.SEE_OTHER)


def _shown(row: LedgerView, visit: Visit) -> dict[str, object]:
    zone = wording.zone_of(visit.house, row.mailbox.partition("/")[0])
    return {
        "id": row.id,
        "outcome": row.outcome,
        "fetched": row.reason != Reason.NOT_FETCHED,
        "sender": one_line(row.sender),
        "subject": one_line(row.subject),
        "attendee": one_line(row.attendee),
        "answer": wording.answer(row.partstat),
        "uid": row.uid or "",
        "occurrence": row.occurrence or "",
        "why": one_line(row.words),
        "received": f"{wording.at(row.received_at, zone)} {zone}",
    }
