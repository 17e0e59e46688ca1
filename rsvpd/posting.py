"""iMIP mails for attendees, composed and put into the outgoing queue with bytes and Message-ID fixed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from uuid import uuid4

from rsvpd import letters
from rsvpd.itip import trust
from rsvpd.itip.addresses import domain, with_detail
from rsvpd.itip.compose import Letter, compose
from rsvpd.itip.ics.writing import write
from rsvpd.itip.model import Attendee, Method
from rsvpd.store import outgoing, writes
from rsvpd.store.writes import Stored, Transaction


def post_request(
    session: Transaction, stored: Stored, recipients: Sequence[str], now: datetime, token_secret: bytes | None
) -> int:
    """Puts the current REQUEST for these attendees into the queue; how many (RFC 5546 3.2.2).

    Nothing for a meeting whose invitations somebody else sends. With a secret each
    invitation names an organizer address of its own, whose token proves the answer.
    """
    if not stored.row.sends:
        return 0
    everyone = writes.load_everyone(session, stored.row)
    wanted = set(recipients)
    invited = [a for a in everyone.meeting.attendees if not a.removed]
    mails = [
        _mail(
            everyone,
            attendee,
            Method.REQUEST,
            letters.invitation(everyone.meeting, attendee),
            invited,
            now,
            token_secret,
        )
        for attendee in invited
        if attendee.address in wanted
    ]
    outgoing.enqueue(session, mails, now)
    return len(mails)


def post_decline(
    session: Transaction,
    stored: Stored,
    address: str,
    words: str | None,
    now: datetime,
    token_secret: bytes | None,
) -> int:
    """Puts a DECLINECOUNTER for one attendee into the queue (RFC 5546 3.2.8); how many."""
    attendee = stored.attendee(address)
    if attendee is None or not stored.row.sends:
        return 0
    letter = letters.proposal_declined(stored.meeting, attendee, words)
    mail = _mail(stored, attendee, Method.DECLINECOUNTER, letter, [attendee], now, token_secret)
    outgoing.enqueue(session, [mail], now)
    return 1


def _mail(
    stored: Stored,
    attendee: Attendee,
    method: Method,
    letter: Letter,
    listed: Sequence[Attendee],
    now: datetime,
    secret: bytes | None,
) -> outgoing.Mail:
    meeting = stored.meeting
    if secret is not None:
        token = trust.make_token(secret, stored.numbers[attendee.address], meeting.uid, attendee.address)
        meeting = replace(meeting, organizer=with_detail(meeting.organizer, token))
    ics = write(
        meeting,
        method,
        attendees=listed,
        stamped_at=now,
        created_at=stored.row.created_at,
        modified_at=stored.row.modified_at,
    )
    message_id = f"<{uuid4()}@{domain(meeting.organizer)}>"
    raw = compose(
        ics=ics,
        method=method,
        letter=letter,
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
