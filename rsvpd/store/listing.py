"""Who is on the list of a meeting that an organizer changes. All take the session of `Database.begin()`."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import update
from sqlmodel import Session, col, select

from rsvpd.itip.model import Attendee
from rsvpd.store import writes
from rsvpd.store.tables import AttendeeRow
from rsvpd.store.writes import Stored


def put_attendee(session: Session, stored: Stored, attendee: Attendee) -> None:
    """Invites somebody, also one who was removed before: what they answered then does not come back."""
    query = select(AttendeeRow).where(
        AttendeeRow.meeting_id == stored.id, AttendeeRow.address == attendee.address
    )
    row = session.exec(query).first()
    if row is None:
        writes.add_attendee(session, stored, attendee)
        return
    row.name, row.role = attendee.name, attendee.role.value
    row.cutype, row.rsvp = attendee.cutype.value, attendee.rsvp
    row.removed_at = row.delegated_from = None
    row.initial_partstat, row.asked_sequence = attendee.partstat.value, stored.meeting.sequence
    session.add(row)
    session.flush()
    writes.refold(session, stored.row)
    stored.meeting = writes.load_everyone(session, stored.row).meeting


def remove_attendees(session: Session, stored: Stored, addresses: Collection[str], now: datetime) -> None:
    """Takes attendees off the list; their rows and answers stay as history."""
    for some in writes.chunks(addresses):
        change = update(AttendeeRow).where(
            col(AttendeeRow.meeting_id) == stored.id, col(AttendeeRow.address).in_(some)
        )
        session.execute(change.values(removed_at=now))
    session.expire_all()
