"""A mail without a calendar -> which of our invitations it is about, and what it amounts to."""

from __future__ import annotations

from dataclasses import dataclass

from rsvpd.itip import trust
from rsvpd.itip.bounces import Bounce
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


def relate(
    session: Transaction, item: Item, envelope: Envelope, organizer: str | None, secret: bytes | None
) -> Related | None:
    """What an item without a component of its own is about; None if it is none of our business.

    `secret` is that of reply tokens, which say whose failure a report is that says nothing else.
    """
    if item.bounce is not None:
        return _bounced(session, item.bounce, organizer, _by_token(session, envelope, organizer, secret))
    return _in_words(session, item, envelope, organizer) if item.source is Source.WORDS else None


def _in_words(session: Transaction, item: Item, envelope: Envelope, organizer: str | None) -> Related | None:
    invitation = _answered(session, envelope, organizer)
    if invitation is None:
        return None
    if item.note.automatic:
        return Related(
            invitation, verdict=_no_reply(Reason.AUTOMATIC, "a program answered, no person", envelope)
        )
    if item.answer is None and item.note.sealed:
        return Related(invitation, verdict=_sealed(envelope))
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


def _sealed(envelope: Envelope) -> Verdict:
    """Whoever has the key can read it, and give it to `rsvpd ingest` as it then is."""
    words = "answers an invitation, but is encrypted: save it decrypted, then `rsvpd ingest` that"
    return Verdict(
        Outcome.HELD,
        Refusal(Reason.ENCRYPTED, words),
        attendee=envelope.from_address,
        findings=(Finding("encrypted", words, "RFC 3156 4, RFC 8551 3.3"),),
    )


def _by_token(
    session: Transaction, envelope: Envelope, organizer: str | None, secret: bytes | None
) -> Invitation | None:
    """The invitation whose true token is in an address that a mail came to."""
    numbers = trust.token_numbers(envelope) if secret else ()
    found = correspondence.numbered_invitation(session, numbers, organizer) if numbers else None
    if found is None or found.attendee_id is None or found.address is None or secret is None:
        return None
    token = trust.make_token(secret, found.attendee_id, found.meeting.uid, found.address)
    return found if trust.has_token(envelope, token) else None


def _bounced(
    session: Transaction, bounce: Bounce, organizer: str | None, by_token: Invitation | None
) -> Related | None:
    invitation = correspondence.failed_invitation(session, bounce, organizer, by_token)
    if invitation is None:
        return None
    words = " ".join(filter(None, (bounce.action.value, bounce.status, bounce.text)))
    verdict = Verdict(
        Outcome.BOUNCED,
        Refusal(Reason.BOUNCE, words),
        attendee=correspondence.attendee_of(session, invitation),
        findings=(Finding("bounce", words, "RFC 3464 2.3"),),
    )
    return Related(invitation, verdict=verdict)
