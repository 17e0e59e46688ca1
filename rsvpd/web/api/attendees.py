"""`/meetings/{uid}/attendees` and `/attendance`: the people, and what they answer."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query
from fastapi.responses import Response

from rsvpd.changes import Changed as MadeChange
from rsvpd.changes import Changes, Manner
from rsvpd.contract import Attendance, Attendee, AttendeePage, Changed, Rehearsed
from rsvpd.itip.model import PartStat
from rsvpd.store import browsing, feed, pages
from rsvpd.store.browsing import People
from rsvpd.web.api.answering import Cursor, DryRun, Key, Limit, Organizer, answer, cursor, key_of
from rsvpd.web.api.callers import Reading, Writing
from rsvpd.web.api.document import RESPONSES, UNCHANGED
from rsvpd.web.api.meetings import Uid, changed, manner
from rsvpd.web.api.shapes import Additions

router = APIRouter(prefix="/meetings/{uid}", tags=["attendees"], responses=RESPONSES)

PartStats = Annotated[
    list[PartStat] | None,
    Query(alias="partstat", max_length=10, description="Only who answers so; may be repeated."),
]


@router.get("/attendees", response_model=AttendeePage, responses=UNCHANGED)
def list_attendees(
    asked: Reading,
    uid: Uid,
    organizer: Organizer = None,
    partstats: PartStats = None,
    after: Cursor = None,
    limit: Limit = 100,
) -> Response:
    """List the people who are invited, in the order of their invitation."""
    key = key_of(after)
    with asked.house.database.read() as session:
        found = asked.meeting(session, uid, organizer)
        headers = asked.unless_known(feed.newest(session, meeting_id=found.id))
        page = browsing.attendees(session, found.id, People(partstats or ()), after=key, limit=limit)
    people = tuple(Attendee.model_validate(person.view) for person in page.views)
    return answer(AttendeePage(attendees=people, next=cursor(page.last)), headers)


@router.get("/attendance", response_model=Attendance, responses=UNCHANGED)
def get_attendance(
    asked: Reading,
    uid: Uid,
    organizer: Organizer = None,
    partstats: PartStats = None,
    after: Cursor = None,
    limit: Limit = 100,
) -> Response:
    """Say who is coming: seats by participation status, and a page of attendees."""
    key = key_of(after)
    with asked.house.database.read() as session:
        found = asked.meeting(session, uid, organizer)
        headers = asked.unless_known(feed.newest(session, meeting_id=found.id))
        counts = pages.counts(session, found.id)
        page = browsing.attendees(session, found.id, People(partstats or ()), after=key, limit=limit)
    meeting = found.view
    said = Attendance(
        uid=meeting.uid,
        summary=meeting.summary,
        organizer=meeting.organizer,
        sequence=meeting.sequence,
        status=meeting.status,
        start=meeting.start,
        end=meeting.end,
        counts=counts,
        attendees=tuple(Attendee.model_validate(person.view) for person in page.views),
        next=cursor(page.last),
    )
    return answer(said, headers)


@router.post("/attendees", response_model=Changed | Rehearsed)
def add_attendees(
    asked: Writing,
    uid: Uid,
    added: Additions,
    organizer: Organizer = None,
    key: Key = None,
    *,
    dry_run: DryRun = False,
) -> Response:
    """Invite more people."""

    def add(changes: Changes, uid: str) -> MadeChange:
        return changes.add(uid, added.fields()["attendees"], manner(added))

    return changed(asked, uid, organizer, add, added, key=key, dry_run=dry_run)


@router.delete("/attendees/{email}", response_model=Changed | Rehearsed)
def remove_attendee(
    asked: Writing,
    uid: Uid,
    email: Annotated[str, Path(min_length=1, max_length=320)],
    organizer: Organizer = None,
    *,
    dry_run: DryRun = False,
) -> Response:
    """Take somebody off the list, who alone is told."""

    def remove(changes: Changes, uid: str) -> MadeChange:
        return changes.remove(uid, [email], Manner())

    return changed(asked, uid, organizer, remove, None, key=None, dry_run=dry_run)
