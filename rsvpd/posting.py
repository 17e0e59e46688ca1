"""iMIP mails for attendees, composed and put into the outgoing queue with bytes and Message-ID fixed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import uuid4

from rsvpd import letters
from rsvpd.itip.addresses import domain
from rsvpd.itip.compose import compose
from rsvpd.itip.ics.writing import write
from rsvpd.itip.model import Attendee, Method
from rsvpd.store import outgoing, writes
from rsvpd.store.writes import Stored, Transaction


def post_request(session: Transaction, stored: Stored, recipients: Sequence[str], now: datetime) -> int:
    """Puts the current REQUEST for these attendees into the queue; how many (RFC 5546 3.2.2).

    Nothing for a meeting whose invitations somebody else sends.
    """
    if not stored.row.sends:
        return 0
    full = writes.load_everyone(session, stored.row)
    meeting = full.meeting
    invited = [a for a in meeting.attendees if not a.removed]
    ics = write(
        meeting,
        Method.REQUEST,
        attendees=invited,
        stamped_at=now,
        created_at=stored.row.created_at,
        modified_at=stored.row.modified_at,
    )
    wanted = set(recipients)
    mails = [
        _mail(full, attendee, ics, Method.REQUEST, now) for attendee in invited if attendee.address in wanted
    ]
    outgoing.enqueue(session, mails, now)
    return len(mails)


def _mail(stored: Stored, attendee: Attendee, ics: bytes, method: Method, now: datetime) -> outgoing.Mail:
    meeting = stored.meeting
    message_id = f"<{uuid4()}@{domain(meeting.organizer)}>"
    raw = compose(
        ics=ics,
        method=method,
        letter=letters.invitation(meeting, attendee),
        sender=(meeting.organizer, meeting.organizer_name),
        recipient=(attendee.address, attendee.name),
        message_id=message_id,
        date=now,
    )
    return outgoing.Mail(
        organizer=stored.row.organizer,
        meeting_id=stored.id,
        attendee_id=stored.numbers[attendee.address],
        recipient=attendee.address,
        message_id=message_id,
        method=method.value,
        sequence=meeting.sequence,
        raw=raw,
    )
