"""Which of our invitations a mail without a calendar is about. All take the session of `Database.begin()`."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import update
from sqlmodel import Session, col, select

from rsvpd.itip.addresses import without_detail
from rsvpd.itip.bounces import Bounce, Delivery
from rsvpd.store.tables import AttendeeRow, MeetingRow, OutgoingRow
from rsvpd.store.writes import namesakes


@dataclass(frozen=True, slots=True)
class Invitation:
    """One mail of ours: for which meeting and attendee, None where only the meeting is known, of which SEQUENCE."""

    meeting: MeetingRow
    attendee_id: int | None
    address: str | None
    sequence: int


def answered_invitation(
    session: Session, message_ids: Collection[str], organizer: str | None
) -> Invitation | None:
    """The newest invitation that has one of these Message-IDs."""
    query = (
        select(OutgoingRow, MeetingRow)
        .join(MeetingRow, col(MeetingRow.id) == OutgoingRow.meeting_id)
        .where(col(OutgoingRow.message_id).in_(message_ids))
        .order_by(col(OutgoingRow.id).desc())
    )
    if organizer is not None:
        query = query.where(OutgoingRow.organizer == organizer)
    found = session.exec(query).first()
    if found is None:
        return None
    mail, meeting = found
    return Invitation(meeting, mail.attendee_id, mail.recipient, mail.sequence)


def numbered_invitation(
    session: Session, numbers: Collection[int], organizer: str | None
) -> Invitation | None:
    """The invitation of an attendee whose token a mail came to; that the token is true is judged later."""
    query = (
        select(AttendeeRow, MeetingRow)
        .join(MeetingRow, col(MeetingRow.id) == AttendeeRow.meeting_id)
        .where(col(AttendeeRow.id).in_(numbers))
    )
    if organizer is not None:
        query = query.where(MeetingRow.organizer == organizer)
    found = session.exec(query).first()
    if found is None:
        return None
    attendee, meeting = found
    return Invitation(meeting, attendee.id, attendee.address, meeting.sequence)


def failed_invitation(
    session: Session, bounce: Bounce, organizer: str | None, by_token: Invitation | None = None
) -> Invitation | None:
    """The invitation that a delivery report is about: by Message-ID, by token, by the UID of our REQUEST, by recipient."""
    known = [bounce.message_id] if bounce.message_id else []
    if bounce.envelope_id:  # we give the Message-ID, without its brackets
        known.append(f"<{bounce.envelope_id}>")
    if known and (found := answered_invitation(session, known, organizer)):
        return found
    if by_token is not None:
        return by_token
    if bounce.uid:
        same = namesakes(session, [bounce.uid], organizer)[bounce.uid]
        return next(filter(None, (_to(session, bounce.recipient, meeting) for meeting in same)), None)
    if bounce.recipient is None:
        return None
    # Only what we sent ourselves can be found by its recipient alone, and only if nothing else names the mail.
    return None if bounce.message_id else _newest_to(session, bounce.recipient, organizer)


def _to(session: Session, recipient: str | None, meeting: MeetingRow) -> Invitation | None:
    """The invitation to a meeting; where a report says nothing of whom, that of its only attendee."""
    query = select(AttendeeRow).where(AttendeeRow.meeting_id == meeting.id)
    if recipient is not None:
        query = query.where(AttendeeRow.bare_address == without_detail(recipient))
    attendees = session.exec(query.limit(2)).all()
    if len(attendees) == 2 and recipient is None:
        return Invitation(meeting, None, None, meeting.sequence)
    attendee = next(iter(attendees), None)
    return Invitation(meeting, attendee.id, attendee.address, meeting.sequence) if attendee else None


def _newest_to(session: Session, recipient: str, organizer: str | None) -> Invitation | None:
    query = select(OutgoingRow.message_id).where(OutgoingRow.recipient == recipient)
    if organizer is not None:
        query = query.where(OutgoingRow.organizer == organizer)
    newest = session.exec(query.order_by(col(OutgoingRow.id).desc())).first()
    return answered_invitation(session, [newest], organizer) if newest else None


def show_failure(session: Session, invitation: Invitation, bounce: Bounce) -> None:
    """Shows a delivery failure at its attendee; that a mail is delayed never hides that it failed."""
    if invitation.attendee_id is None:
        return
    change = update(AttendeeRow).where(col(AttendeeRow.id) == invitation.attendee_id)
    if bounce.action is Delivery.DELAYED:
        change = change.where(col(AttendeeRow.delivery).is_distinct_from(Delivery.FAILED.value))
    words = " ".join(filter(None, (bounce.status, bounce.text))) or None
    session.execute(change.values(delivery=bounce.action.value, delivery_words=words))


def attendee_of(session: Session, invitation: Invitation) -> str | None:
    """The address of the attendee whom an invitation went to, None if that is not known."""
    found = session.get(AttendeeRow, invitation.attendee_id) if invitation.attendee_id else None
    return found.address if found else invitation.address
