"""What a reply says, taken as an answer: nothing of it is decided here (README, What is taken from a reply)."""

from __future__ import annotations

from collections.abc import Iterator

from rsvpd.itip import quirks, ranking, trust
from rsvpd.itip.model import (
    Answer,
    Arrival,
    Component,
    Meeting,
    Method,
    Occurrence,
    PartStat,
    Proposal,
)
from rsvpd.itip.trust import Identity

MAX_DELEGATIONS = 4
"""Steps of delegation from the one who was invited; a chain beyond that is held."""


def answer_in(
    component: Component,
    identity: Identity,
    occurrence: Occurrence | None,
    arrival: Arrival,
    meeting: Meeting,
) -> Answer:
    """The answer that a component gives. Never ROLE, RSVP, CN, SUMMARY or times: they are the organizer's."""
    user = identity.user
    address = identity.attendee.address if identity.attendee else identity.claimed
    return Answer(
        attendee=address or "",
        partstat=user.partstat or PartStat.NEEDS_ACTION,
        rank=ranking.rank(component, arrival, meeting),
        occurrence=occurrence,
        this_and_future=component.this_and_future and occurrence is not None,
        comment=user.comment or _comment(component, meeting),
        request_status=component.request_status,
        guests=user.guests,
        sent_by=identity.sent_by,
        delegated_to=_delegate(component, identity),
        client=quirks.client_name(component.prodid),
    )


def _comment(component: Component, meeting: Meeting) -> str | None:
    """The attendee's words, unless the client only sent our own description back."""
    ours = " ".join((meeting.description or "").split())
    given = " ".join((component.comment or "").split())
    return None if not given or given == ours else component.comment


def _delegate(component: Component, identity: Identity) -> str | None:
    """DELEGATED-TO, else the ATTENDEE that the reply lists as delegated from this one (RFC 5546 3.2.2.3)."""
    if identity.user.partstat is not PartStat.DELEGATED:
        return None
    listed = (u.address for u in component.attendees if u.address and identity.claimed in u.delegated_from)
    return next(iter(identity.user.delegated_to), None) or next(listed, None)


def delegation_problem(answer: Answer, identity: Identity, meeting: Meeting) -> str | None:
    """Why a delegation cannot be followed: it turns back, or the chain is too long (RFC 5546 3.2.2.3)."""
    if answer.delegated_to is None:
        return None
    chain = [answer.attendee]
    attendee = identity.attendee
    while attendee and attendee.delegated_from and len(chain) <= MAX_DELEGATIONS:
        chain.append(attendee.delegated_from)
        attendee = trust.find_attendee(meeting, attendee.delegated_from)
    if answer.delegated_to in {*chain, meeting.organizer} or answer.attendee in _onward(answer, meeting):
        return f"the delegation to {answer.delegated_to} turns back on itself"
    if len(chain) > MAX_DELEGATIONS:
        return f"the delegation to {answer.delegated_to} is more than {MAX_DELEGATIONS} steps from who was invited"
    return None


def _onward(answer: Answer, meeting: Meeting) -> Iterator[str]:
    """To whom a delegate, who may have been invited too, delegated in turn."""
    address = answer.delegated_to
    for _ in range(MAX_DELEGATIONS + 1):
        delegate = trust.find_attendee(meeting, address or "")
        onward = ranking.current(ranking.standing(delegate.answers, meeting)) if delegate else None
        address = onward.delegated_to if onward else None
        if address:
            yield address


def proposal_in(component: Component, identity: Identity, meeting: Meeting) -> Proposal | None:
    """What a COUNTER proposes (RFC 5546 3.2.7), or a proposed time hidden in a REPLY."""
    words = identity.user.comment or _comment(component, meeting)
    if component.method is Method.COUNTER:
        return Proposal(component.start, component.end, component.location, words)
    if identity.user.proposed_start is None:
        return None
    return Proposal(identity.user.proposed_start, identity.user.proposed_end, None, words)
