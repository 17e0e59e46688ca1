"""`/changes`: what changes, as a feed to fetch or as server-sent events (HTML 9.2)."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query
from fastapi.responses import Response, StreamingResponse

from rsvpd.contract import Change, ChangePage
from rsvpd.store import feed
from rsvpd.store.feed import Wanted
from rsvpd.web.api.answering import Limit, Organizer, answer
from rsvpd.web.api.callers import Reading
from rsvpd.web.api.document import RESPONSES
from rsvpd.web.api.problems import Refused
from rsvpd.web.api.stream import Stream

router = APIRouter(tags=["changes"], responses=RESPONSES)

_EVENTS = "text/event-stream"
_STREAMED: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "A page of changes; with `Accept: text/event-stream` all that come, as events.",
        "content": {
            _EVENTS: {
                "schema": {"type": "string"},
                "example": 'id: 7\nevent: attendee.answered\ndata: {"number":7,"kind":"attendee.answered"}\n\n',
            }
        },
    },
    410: RESPONSES[409]
    | {
        "description": "The feed does not reach so far, or no longer so far back; read anew, and begin at its end."
    },
}


@router.get("/changes", response_model=ChangePage, responses=_STREAMED)
def list_changes(
    asked: Reading,
    organizer: Organizer = None,
    after: Annotated[
        int | None, Query(ge=0, lt=2**63, description="The number of the last change that is known.")
    ] = None,
    limit: Limit = 100,
    last_event_id: Annotated[
        str | None, Header(alias="Last-Event-ID", pattern="^[0-9]{1,18}$", examples=["7"])
    ] = None,
    accept: Annotated[str, Header(include_in_schema=False)] = "",
) -> Response:
    """Read what has changed since, or listen for what changes.

    No change is left out and none told twice: events carry numbers, and begin after
    `Last-Event-ID`, else after `after`, else with the next change. A page without `after`
    begins with the first change there is. Where what came after a number is not all kept
    any more, the answer is 410.
    """
    chosen = asked.organizer(organizer)
    wanted = Wanted(organizers=(chosen,) if chosen else ())
    streamed = _EVENTS in accept.lower()
    with asked.house.database.read() as session:
        newest = feed.newest(session)
        place = int(last_event_id) if last_event_id and streamed else after
        if place is not None and place > newest:
            raise Refused(
                HTTPStatus.GONE,
                f"the feed ends at {newest}, before {place}: read everything anew, then ask for what is after {newest}",
            )
        if streamed and place is not None:
            feed.after(session, place, limit=1)  # refuses a place that is not in the feed any more
        if not streamed:
            views = feed.after(session, place, wanted, limit=limit)
            # A full page may end before the newest; another one says how far it was looked.
            last = views[-1].number if len(views) == limit else max(newest, place or 0)
            last = max([last, *(view.number for view in views)])
            return answer(ChangePage(changes=tuple(map(Change.model_validate, views)), last=last))
    stream: Stream = asked.request.app.state.stream
    events = stream.events(newest if place is None else place, asked.caller, chosen)
    return StreamingResponse(events, media_type=_EVENTS, headers={"X-Accel-Buffering": "no"})
