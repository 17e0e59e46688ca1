"""`/`: the meetings, each with a bar of its answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Query
from fastapi.responses import RedirectResponse, Response

from rsvpd.itip.model import MeetingStatus
from rsvpd.letters.plain import one_line
from rsvpd.store import browsing, feed, pages
from rsvpd.store.browsing import Meetings, Period
from rsvpd.store.pages import Found
from rsvpd.store.writes import Transaction
from rsvpd.web.api.answering import Cursor, cursor, key_of, moment_of
from rsvpd.web.pages import wording
from rsvpd.web.pages.outline import outline
from rsvpd.web.pages.pictures import Bar, bar
from rsvpd.web.pages.showing import link, show
from rsvpd.web.pages.visitors import Visiting
from rsvpd.web.pages.wording import Count

router = APIRouter()

_SHOWN = 25

Words = Annotated[str, Query(max_length=200)]


@dataclass(frozen=True, slots=True)
class Line:
    """A meeting in the list."""

    number: int
    summary: str
    day: str
    month: str
    when: str
    where: str
    organizer: str
    cancelled: bool
    recurs: bool
    counts: tuple[Count, ...]
    bar: Bar


@router.get("/")
def meetings(
    visit: Visiting,
    organizer: Annotated[str, Query(max_length=320)] = "",
    period: Period = Period.UPCOMING,
    q: Words = "",
    after: Cursor = None,
) -> Response:
    """The list."""
    chosen, place = visit.asked.organizer(organizer or None), key_of(after)
    house = visit.house
    sought = Meetings(house.clock.now(), chosen, period, one_line(q))
    with house.database.read() as session:
        newest = feed.newest(session)
        key = (moment_of(place[0]), place[1]) if place else None
        page = browsing.meetings(session, sought, after=key, limit=_SHOWN)
        lines = [_line(session, found) for found in page.views]
        frame = outline(session, visit, "meetings")
    kept = {"organizer": organizer, "period": "" if period is Period.UPCOMING else period.value, "q": q}
    following = cursor(page.last)
    return show(
        "meetings.html",
        **frame,
        lines=lines,
        period=period.value,
        periods=[(one.value, link("/", **{**kept, "period": one.value})) for one in Period],
        q=q,
        organizer=organizer,
        organizers=[] if visit.caller.organizer else [one.name for one in house.settings.organizer],
        following=link("/", **kept, after=following) if following else "",
        first=link("/", **kept) if after else "",
        newest=newest,
        searched=bool(q or organizer),
    )


@router.get("/meetings")
def by_uid(visit: Visiting, uid: Annotated[str, Query(min_length=1, max_length=1000)]) -> Response:
    """The meeting with a UID, which may have signs that no path can have."""
    with visit.house.database.read() as session:
        found = visit.asked.meeting(session, uid, None)
    return RedirectResponse(f"/meetings/{quote(str(found.id))}")


def _line(session: Transaction, found: Found) -> Line:
    meeting = found.view
    counts = wording.counted(pages.counts(session, found.id))
    return Line(
        number=found.id,
        summary=one_line(meeting.summary) or meeting.uid,
        day=str(meeting.start.day),
        month=wording.month(meeting.start),
        when=wording.when(meeting).brief,
        where=one_line(meeting.location),
        organizer=meeting.organizer,
        cancelled=meeting.status == MeetingStatus.CANCELLED,
        recurs=meeting.recurs,
        counts=counts,
        bar=bar(counts),
    )
