"""`/meetings/{number}`: who is coming, who said what when, and what waits for the organizer."""

from __future__ import annotations

from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from fastapi.responses import Response
from pydantic import BaseModel, Field, model_validator

from rsvpd.itip.model import MeetingStatus, PartStat
from rsvpd.letters.plain import one_line, paragraphs
from rsvpd.store import browsing, feed, history, pages
from rsvpd.store.browsing import Order, People
from rsvpd.store.convert import instant
from rsvpd.store.pages import Found
from rsvpd.store.writes import Transaction
from rsvpd.web.api.answering import cursor, key_of, moment_of
from rsvpd.web.api.problems import Refused
from rsvpd.web.pages import wording
from rsvpd.web.pages.outline import outline
from rsvpd.web.pages.pictures import Chart, bar, chart
from rsvpd.web.pages.showing import link, show
from rsvpd.web.pages.visitors import Visit, Visiting

router = APIRouter()

_SHOWN = 100
_ANSWERS = 12
"""Answers of one attendee that are told one by one."""
_STEPS = 96

Number = Annotated[int, Path(ge=1, lt=2**31)]


class Filter(BaseModel):
    """Which attendees to show, and how; a form sends what is not chosen as empty text."""

    partstat: PartStat | None = None
    q: str = Field("", max_length=200)
    order: Order = Order.INVITED
    undelivered: bool = False
    after: str | None = Field(None, max_length=200)
    done: str = Field("", max_length=20)

    @model_validator(mode="before")
    @classmethod
    def _without_what_is_empty(cls, given: dict[str, object]) -> dict[str, object]:
        return {name: value for name, value in given.items() if value != ""}

    @property
    def people(self) -> People:
        """The same as the store takes it."""
        partstats = [self.partstat] if self.partstat else []
        return People(partstats, one_line(self.q), self.undelivered, self.order)

    def kept(self) -> dict[str, str]:
        """What an address must say to show the same."""
        said = self.model_dump(
            mode="json", include={"partstat", "q", "order", "undelivered"}, exclude_defaults=True
        )
        return {name: "true" if value is True else str(value) for name, value in said.items()}


@router.get("/meetings/{number}")
def meeting(visit: Visiting, number: Number, given: Annotated[Filter, Query()]) -> Response:
    """The meeting."""
    here, kept = f"/meetings/{number}", given.kept()
    with visit.house.database.read() as session:
        found = found_by(session, visit, number)
        material = _about(session, visit, found) | _people(session, visit, found, given)
        frame = outline(session, visit, "meetings")
    following = material.pop("last")
    return show(
        "meeting.html",
        **frame,
        **material,
        number=number,
        done=given.done,
        q=given.q,
        partstat=given.partstat.value if given.partstat else "",
        order=given.order.value,
        undelivered=given.undelivered,
        following=link(here, **kept, after=following) if following else "",
        first=link(here, **kept) if given.after else "",
        searched=bool(given.q or given.partstat or given.undelivered),
    )


def found_by(session: Transaction, visit: Visit, number: int) -> Found:
    """The meeting with that number, if the visitor may see it. Raises `Refused`."""
    found = browsing.meeting(session, number, visit.caller.organizer)
    if found is None:
        raise Refused(HTTPStatus.NOT_FOUND, "There is no such meeting, or this token does not show it.")
    return found


def _about(session: Transaction, visit: Visit, found: Found) -> dict[str, Any]:
    """The meeting itself; the number of the last change is read first, so that none is missed."""
    newest = feed.newest(session)
    view, zone = found.view, wording.zone_of(visit.house, found.view.organizer)
    counts = wording.counted(pages.counts(session, found.id))
    waiting = pages.proposals(session, meeting_id=found.id, limit=_SHOWN)
    return {
        "newest": newest,
        "uid": view.uid,
        "summary": one_line(view.summary) or view.uid,
        "when": wording.when(view),
        "where": one_line(view.location),
        "description": paragraphs(view.description),
        "organizer": view.organizer,
        "cancelled": view.status == MeetingStatus.CANCELLED,
        "recurs": view.recurs,
        "sends": view.sends,
        "zone": zone,
        "counts": counts,
        "seats": sum(count.number for count in counts),
        "bar": bar(counts),
        "chart": _chart(session, visit.house.clock.now(), found, sum(count.number for count in counts), zone),
        "proposals": [wording.proposed(one, zone) for one in waiting.views],
        "lost": browsing.undelivered(session, found.id),
    }


def _chart(session: Transaction, now: datetime, found: Found, seats: int, zone: str) -> Chart | None:
    created_at, over = browsing.created_at(session, found.id), instant(found.view.end, found.view.zone)
    begin = min(created_at, history.first_at(session, found.id) or created_at)
    end = now if found.view.recurs or over > now else over
    end = max(end, begin + timedelta(minutes=_STEPS))
    return chart(history.arrivals(session, found.id, begin, end, steps=_STEPS), seats, zone)


def _people(session: Transaction, visit: Visit, found: Found, given: Filter) -> dict[str, Any]:
    place = key_of(given.after)
    if place is not None and given.order is Order.ANSWERED:
        moment_of(place[0])
    page = browsing.attendees(session, found.id, given.people, after=place, limit=_SHOWN)
    past = history.of(session, [person.id for person in page.views], each=_ANSWERS)
    zone, now = wording.zone_of(visit.house, found.view.organizer), visit.house.clock.now()
    rows = [wording.shown(person, past.get(person.id), found.view, zone, now) for person in page.views]
    return {"people": rows, "last": cursor(page.last)}
