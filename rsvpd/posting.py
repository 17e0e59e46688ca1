"""iMIP mails for attendees, composed and put into the outgoing queue with bytes and Message-ID fixed."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from uuid import uuid4

from rsvpd import letters
from rsvpd.itip import ranking, trust
from rsvpd.itip.addresses import domain, with_detail
from rsvpd.itip.compose import Letter, Mailbox, compose
from rsvpd.itip.ics.writing import write
from rsvpd.itip.model import Attendee, Meeting, Method, Occurrence
from rsvpd.itip.pseudonyms import is_pseudonym
from rsvpd.letters import Style
from rsvpd.store import outgoing, writes
from rsvpd.store.outgoing import Mail
from rsvpd.store.writes import Stored, Transaction

_NAMED = 500
"""With more attendees than these each mail names its reader alone: so many names in so many mails are gigabytes."""


@dataclass(frozen=True, slots=True)
class Stationery:
    """How an organizer's mails look, and who sends them: the organizer, or `sender` on their behalf."""

    style: Style = field(default_factory=Style)
    show_attendees: bool = True
    sender: Mailbox | None = None


@dataclass(frozen=True, slots=True)
class Desk:
    """Where mails are written: each organizer's stationery, and the secret of reply tokens if they are used."""

    token_secret: bytes | None = None
    stationery: Mapping[str, Stationery] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Post:
    """What a mail is for.

    `before` is the meeting before a change, `people` whether it is told who was added or
    removed. `occurrence` is the one that is spoken of, `removed` says that the reader
    alone is no longer expected, `fills` that the message is a template.
    """

    method: Method
    before: Meeting | None = None
    people: bool = False
    occurrence: Occurrence | None = None
    message: str | None = None
    fills: bool = False
    reminder: bool = False
    removed: bool = False


def post(
    session: Transaction, stored: Stored, recipients: Sequence[str], what: Post, now: datetime, desk: Desk
) -> list[Mail]:
    """Puts one mail for each of these attendees into the queue; the mails.

    Nothing for a meeting whose invitations somebody else sends. With a secret each
    mail names an organizer address of its own, whose token proves the answer. A mail
    about the whole meeting takes the place of those that still wait for its reader.
    """
    if not stored.row.sends or not recipients:
        return []
    everyone = writes.load_everyone(session, stored.row)
    # Who was erased is still counted, but no mail can reach them, and no mail names them.
    listed = tuple(a for a in everyone.meeting.attendees if not is_pseudonym(a.address))
    everyone.meeting = replace(everyone.meeting, attendees=listed)
    meeting, wanted = everyone.meeting, set(recipients)
    if what.method is Method.REQUEST and meeting.details.announcement:
        what = replace(what, method=Method.PUBLISH)  # it asks nobody (RFC 5546 3.2.1)
    invited = tuple(_answered(a, meeting, what.occurrence) for a in meeting.attendees if not a.removed)
    readers = [attendee for attendee in invited if attendee.address in wanted]
    told = outgoing.told(session, everyone.id) if what.before is not None else set[int]()
    stationery = desk.stationery.get(stored.row.organizer, Stationery())
    writer = _Writer(everyone, what, now, desk, stationery, told)
    mails = [writer.mail(attendee, invited) for attendee in readers]
    if what.occurrence is None and what.method is not Method.DECLINECOUNTER:
        outgoing.supersede(session, [mail.attendee_id for mail in mails if mail.attendee_id is not None])
    outgoing.enqueue(session, mails, now)
    return mails


def _answered(attendee: Attendee, meeting: Meeting, occurrence: Occurrence | None) -> Attendee:
    """With what they answer: a change that asks nobody again must not put calendars back to NEEDS-ACTION."""
    return replace(attendee, partstat=ranking.partstat(attendee, meeting, occurrence))


@dataclass(frozen=True, slots=True)
class _Writer:
    stored: Stored
    what: Post
    now: datetime
    desk: Desk
    stationery: Stationery
    told: Collection[int]

    def mail(self, attendee: Attendee, invited: Sequence[Attendee]) -> Mail:
        meeting, row = self._addressed(attendee), self.stored.row
        asks = self.what.method is Method.REQUEST
        shows = asks and self.stationery.show_attendees and len(invited) <= _NAMED
        sender = self.stationery.sender
        ics = write(
            meeting,
            self.what.method,
            attendees=invited if shows else [attendee],
            stamped_at=self.now,
            created_at=row.created_at,
            modified_at=row.modified_at,
            occurrence=self.what.occurrence,
            sent_by=sender[0] if sender else None,
            cancels=self.what.method is Method.CANCEL and not self.what.removed,
        )
        message_id = f"<{uuid4()}@{domain(meeting.organizer)}>"
        raw = compose(
            ics=ics,
            method=self.what.method,
            letter=self._letter(attendee),
            sender=sender or (meeting.organizer, meeting.organizer_name),
            reply_to=(meeting.organizer, meeting.organizer_name) if sender else None,
            recipient=(attendee.address, attendee.name),
            message_id=message_id,
            date=self.now,
            attachments=meeting.details.attachments,
        )
        return Mail(
            organizer=row.organizer,
            meeting_id=self.stored.id,
            attendee_id=self.stored.numbers[attendee.address],
            recipient=attendee.address,
            message_id=message_id,
            method=self.what.method.value,
            sequence=meeting.sequence,
            raw=raw,
        )

    def _addressed(self, attendee: Attendee) -> Meeting:
        meeting, secret = self.stored.meeting, self.desk.token_secret
        if secret is None:
            return meeting
        number = self.stored.numbers[attendee.address]
        token = trust.make_token(secret, number, meeting.uid, attendee.address)
        return replace(meeting, organizer=with_detail(meeting.organizer, token))

    def _letter(self, attendee: Attendee) -> Letter:
        what, meeting = self.what, self.stored.meeting
        style = replace(
            self.stationery.style,
            message=what.message,
            fills=what.fills,
            show_attendees=self.stationery.show_attendees,
        )
        if what.method is Method.DECLINECOUNTER:
            return letters.proposal_declined(meeting, attendee, what.message)
        if what.removed:
            return letters.removed(meeting, attendee, style=style)
        if what.method is Method.CANCEL:
            return letters.cancelled(meeting, attendee, occurrence=what.occurrence, style=style)
        if what.before is not None and self._knows(attendee):
            return letters.updated(what.before, meeting, attendee, style=style, people=what.people)
        if what.method is Method.PUBLISH:
            return letters.announcement(meeting, attendee, style=style)
        return letters.invitation(meeting, attendee, style=style, reminder=what.reminder)

    def _knows(self, attendee: Attendee) -> bool:
        """Whether they have the meeting, or get the invitation before this mail; else this one is their invitation."""
        return self.what.occurrence is not None or self.stored.numbers[attendee.address] in self.told
