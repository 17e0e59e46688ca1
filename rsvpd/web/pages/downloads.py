"""A meeting to take away: its attendees as CSV and XLSX, itself as .ics; the same as the command line writes."""

from __future__ import annotations

from http import HTTPStatus
from typing import NoReturn

from fastapi import APIRouter
from fastapi.responses import Response

from rsvpd.config import Attached
from rsvpd.itip.ics.exporting import stored_object
from rsvpd.reports import About, attachment
from rsvpd.store import calendar_copies
from rsvpd.web.api.problems import Refused
from rsvpd.web.pages import wording
from rsvpd.web.pages.meeting import Number, found_by
from rsvpd.web.pages.visitors import Visit, Visiting

router = APIRouter(prefix="/meetings/{number}")


@router.get("/attendees.csv")
def as_csv(visit: Visiting, number: Number) -> Response:
    """Everybody, as CSV."""
    return _table(visit, number, Attached.CSV)


@router.get("/attendees.xlsx")
def as_xlsx(visit: Visiting, number: Number) -> Response:
    """The meeting and everybody, as XLSX."""
    return _table(visit, number, Attached.XLSX)


@router.get("/meeting.ics")
def as_ics(visit: Visiting, number: Number) -> Response:
    """The meeting with everybody's answer, for a calendar."""
    with visit.house.database.read() as session:
        found_by(session, visit, number)
        whole = calendar_copies.whole_numbered(session, number)
    if whole is None:
        _gone()
    octets = stored_object(whole.meeting, created_at=whole.created_at, modified_at=whole.modified_at)
    return _file("meeting.ics", "text/calendar; charset=utf-8", octets)


def _table(visit: Visit, number: int, form: Attached) -> Response:
    house = visit.house
    with house.database.read() as session:
        meeting = found_by(session, visit, number).view
    views = house.reports.found(About(uids=(meeting.uid,), organizer=meeting.organizer))
    zone = wording.zone_of(house, meeting.organizer)
    made = attachment(form, views, zone, house.clock.now())
    return _file(made.name, made.content_type, made.data)


def _file(name: str, content_type: str, octets: bytes) -> Response:
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(octets, headers=headers, media_type=content_type)


def _gone() -> NoReturn:
    raise Refused(HTTPStatus.NOT_FOUND, "The meeting is no more.")
