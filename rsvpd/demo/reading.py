"""The daemon's own database made a picture."""

from __future__ import annotations

from datetime import datetime
from typing import Self

from rsvpd.demo.attendees import BOARD_UID, INVITED, UNINVITED
from rsvpd.demo.picture import Entry, Picture, Seat
from rsvpd.itip.addresses import normalise
from rsvpd.itip.verdicts import Reason
from rsvpd.store import pages, queries
from rsvpd.store.database import Database
from rsvpd.store.pages import Sought

_ROWS = 1_000
_NAMES = {person.address: person.name for person in (*INVITED, UNINVITED)}


class Reading:
    """The database at this URL, open for reading while the daemon writes; a context manager."""

    def __init__(self, url: str) -> None:
        """Prepare; nothing is opened before the first picture."""
        self._database = Database(url)

    def __enter__(self) -> Self:
        """Nothing yet."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close every connection."""
        self._database.close()

    def picture(self) -> Picture:
        """What is recorded now; StoreUnavailable where it cannot be read."""
        with self._database.read() as session:
            rows = pages.replies(session, Sought(), limit=_ROWS).views[::-1]
            meetings = {view.meeting.uid: view for view in queries.attendance(session)}
        ledger = tuple(_entry(row, meetings.get(row.uid or "")) for row in rows)
        for view in meetings.values():
            if view.meeting.uid != BOARD_UID:
                seats = tuple(map(_seat, view.attendees))
                return Picture(view.meeting.summary, _when(view.meeting), seats, ledger)
        return Picture(ledger=ledger)


def _when(meeting: queries.MeetingView) -> str:
    start = meeting.start
    day = f"{start:%a %d %b %Y %H:%M}" if isinstance(start, datetime) else f"{start:%a %d %b %Y}"
    return f"{day} · {meeting.location}" if meeting.location else day


def _seat(attendee: queries.AttendeeView) -> Seat:
    return Seat(
        address=normalise(attendee.email) or attendee.email,
        name=attendee.name or attendee.email,
        partstat=attendee.partstat.value,
        invited=attendee.delivery == "sent",
        answered_at=attendee.answered_at,
        client=attendee.client or "",
        comment=(attendee.comment or "").strip(),
        guests=attendee.guests or 0,
    )


def _entry(row: queries.LedgerView, attendance: queries.AttendanceView | None) -> Entry:
    who = row.attendee or row.sender or ""
    meeting = attendance.meeting if attendance else None
    return Entry(
        number=row.id,
        received_at=row.received_at,
        outcome=row.outcome,
        words=_why(row, meeting),
        who=_NAMES.get(who, who),
        meeting=meeting.summary if meeting and meeting.uid == BOARD_UID else "",
        partstat=row.partstat or "",
    )


def _why(row: queries.LedgerView, meeting: queries.MeetingView | None) -> str:
    """The reason in a few words; `rsvpd replies` has more room."""
    if row.reason == Reason.OLD_SEQUENCE and meeting:
        return f"SEQUENCE {row.sequence}, now {meeting.sequence}"
    return (row.reason or "").replace("_", " ")
