"""`/events`: every change as it happens, for the page that is open; read alone, and from our own pages alone."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Header, Query
from fastapi.responses import Response, StreamingResponse

from rsvpd.web.api.problems import Refused
from rsvpd.web.api.stream import Stream
from rsvpd.web.pages.visitors import Visiting

router = APIRouter()

PATH = "/events"


@router.get(PATH)
def events(
    visit: Visiting,
    after: Annotated[int, Query(ge=0, lt=2**63)],
    last_event_id: Annotated[str | None, Header(alias="Last-Event-ID", pattern="^[0-9]{1,18}$")] = None,
    site: Annotated[str, Header(alias="Sec-Fetch-Site")] = "same-origin",
) -> Response:
    """What changes after what the page shows; whoever comes back misses nothing."""
    if site != "same-origin":
        raise Refused(HTTPStatus.FORBIDDEN, "Only our own pages listen here; programs take /api/v1/changes.")
    stream: Stream = visit.asked.request.app.state.stream
    place = int(last_event_id) if last_event_id else after
    return StreamingResponse(
        stream.events(place, visit.caller, visit.caller.organizer),
        media_type="text/event-stream",
        headers={"X-Accel-Buffering": "no"},
    )
