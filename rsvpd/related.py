"""A mail without a calendar -> which of our invitations it is about, and what it amounts to."""

from __future__ import annotations

from dataclasses import dataclass

from rsvpd.itip import trust
from rsvpd.itip.model import CalendarUser, Component, Envelope, Method, Outcome
from rsvpd.itip.reading import Item, Source
from rsvpd.itip.verdicts import Finding, Reason, Refusal, Verdict
from rsvpd.store import correspondence
from rsvpd.store.correspondence import Invitation
from rsvpd.store.writes import Transaction


@dataclass(frozen=True, slots=True)
class Related:
    """The invitation, and either a component to be judged or a verdict that needs no judging."""

    invitation: Invitation
    component: Component | None = None
    verdict: Verdict | None = None


def relate(session: Transaction, item: Item, envelope: Envelope, organizer: str | None) -> Related | None:
    """What an item without a component of its own is about; None if it is none of our business."""
    if item.bounce is not None:
        return _bounced(session, item, organizer)
    if item.source is not Source.WORDS:
        return None
    invitation = _answered(session, envelope, organizer)
    if invitation is None:
        return None
    if item.note.automatic:
        return Related(
            invitation, verdict=_no_reply(Reason.AUTOMATIC, "a program answered, no person", envelope)
        )
    if item.answer is None:
        words = "answers an invitation in words that say no answer"
        return Related(invitation, verdict=_no_reply(Reason.TEXT_ANSWER, words, envelope))
    component = Component(
        kind="VEVENT",
        method=Method.REPLY,
        uid=invitation.meeting.uid,
        sequence=invitation.sequence,
        attendees=(CalendarUser(None, partstat=item.answer),),
        comment=item.note.comment,
    )
    return Related(invitation, component)


def _answered(session: Transaction, envelope: Envelope, organizer: str | None) -> Invitation | None:
    numbers = trust.token_numbers(envelope)
    by_token = correspondence.numbered_invitation(session, numbers, organizer) if numbers else None
    if by_token is not None or not envelope.answers_to:
        return by_token
    return correspondence.answered_invitation(session, envelope.answers_to, organizer)


def _no_reply(reason: Reason, words: str, envelope: Envelope) -> Verdict:
    return Verdict(
        Outcome.NOT_A_REPLY,
        Refusal(reason, words),
        attendee=envelope.from_address,
        findings=(Finding("words", words, "RFC 3834 5"),),
    )


def _bounced(session: Transaction, item: Item, organizer: str | None) -> Related | None:
    bounce = item.bounce
    invitation = correspondence.failed_invitation(session, bounce, organizer) if bounce else None
    if bounce is None or invitation is None:
        return None
    words = " ".join(filter(None, (bounce.action.value, bounce.status, bounce.text)))
    verdict = Verdict(
        Outcome.BOUNCED,
        Refusal(Reason.BOUNCE, words),
        attendee=correspondence.attendee_of(session, invitation),
        findings=(Finding("bounce", words, "RFC 3464 2.3"),),
    )
    return Related(invitation, verdict=verdict)
