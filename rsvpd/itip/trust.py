"""Which attendee a component speaks of, and whether its sender may speak for them (README, Trust).

From never proves anything alone; what was found is recorded with every row.
"""

from __future__ import annotations

import base64
import hmac
import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from rsvpd.itip import authentication
from rsvpd.itip.addresses import detail, domain, without_detail
from rsvpd.itip.model import Attendee, CalendarUser, Component, Envelope, MatchedBy, Meeting, PartStat

TOKEN = re.compile(r"([0-9a-z]{1,13})-([a-z2-7]{16})")
"""What a reply token looks like: the attendee's number, and an HMAC over attendee and meeting."""


_SILENT = frozenset({None, PartStat.NEEDS_ACTION})


class Uninvited(StrEnum):
    """What happens to an answer of somebody who is not on the list."""

    HOLD = "hold"
    ADD = "add"
    IGNORE = "ignore"


class SentBy(StrEnum):
    """Whether an assistant (SENT-BY, RFC 5545 3.2.18) may answer for an attendee."""

    SAME_DOMAIN = "same-domain"
    HOLD = "hold"
    ACCEPT = "accept"


class TextAnswers(StrEnum):
    """What happens to a mail that says its answer in the subject alone."""

    HOLD = "hold"
    APPLY = "apply"
    IGNORE = "ignore"


@dataclass(frozen=True, slots=True)
class Policy:
    """What the person who runs rsvpd decided about whom to believe."""

    uninvited: Uninvited = Uninvited.HOLD
    sent_by: SentBy = SentBy.SAME_DOMAIN
    text_answers: TextAnswers = TextAnswers.HOLD
    require_authentication: tuple[str, ...] = ()
    authserv_id: str | None = None


@dataclass(frozen=True, slots=True)
class Identity:
    """Whom a component speaks of.

    `claimed` is the address it names (or its sender's), `attendee` the person on
    the list, None if there is none; `matched_by` is how the sender was matched to
    them, NONE where the sender may not speak for them.
    """

    claimed: str | None
    attendee: Attendee | None
    matched_by: MatchedBy
    user: CalendarUser
    sent_by: str | None = None


def identify(component: Component, envelope: Envelope, meeting: Meeting, policy: Policy) -> Identity:
    """The attendee that `component` is about, and how its sender was matched (README, Which attendee)."""
    users = [user for user in component.attendees if user.address]
    by_token = _by_token(envelope, meeting)
    if by_token is not None:
        own = next((u for u in users if u.address and _is(by_token, u.address)), None)
        user = own or (users[0] if len(users) == 1 else _nobody_named(component))
        return Identity(by_token.address, by_token, MatchedBy.TOKEN, user)
    identities = [_identity(user, envelope, meeting, policy) for user in users]
    if not identities:
        return _identity(_nobody_named(component), envelope, meeting, policy)
    spoken_for = [i for i in identities if i.matched_by is not MatchedBy.NONE]
    invited = [i for i in spoken_for or identities if i.attendee is not None]
    found = invited or spoken_for or identities
    return next((i for i in found if i.user.partstat not in _SILENT), found[0])


def _nobody_named(component: Component) -> CalendarUser:
    """The ATTENDEE whose address is no mailbox (Exchange's `EX:/o=…`): its PARTSTAT is the sender's."""
    return next((user for user in component.attendees if not user.address), CalendarUser(None))


def _identity(user: CalendarUser, envelope: Envelope, meeting: Meeting, policy: Policy) -> Identity:
    claimed = user.address or envelope.from_address
    attendee = find_attendee(meeting, claimed) if claimed else None
    matched_by = _may_speak(user, claimed, attendee, envelope, policy)
    sent_by = envelope.from_address if matched_by is MatchedBy.SENT_BY else user.sent_by
    return Identity(claimed, attendee, matched_by, user, sent_by)


def find_attendee(meeting: Meeting, address: str) -> Attendee | None:
    """Who on the list has this address: as written, then as an alias, then without its plus-detail."""
    attendees = meeting.attendees
    found = [a for a in attendees if a.address == address] or [a for a in attendees if address in a.aliases]
    if not found:
        bare = without_detail(address)
        found = [a for a in attendees if without_detail(a.address) == bare]
    return min(found, key=lambda attendee: attendee.removed, default=None)


def _is(attendee: Attendee, address: str) -> bool:
    return (
        address == attendee.address
        or address in attendee.aliases
        or without_detail(address) == without_detail(attendee.address)
    )


def _may_speak(
    user: CalendarUser, claimed: str | None, attendee: Attendee | None, envelope: Envelope, policy: Policy
) -> MatchedBy:
    senders = [address for address in (envelope.from_address, envelope.sender) if address]
    if claimed is None:
        return MatchedBy.NONE
    for sender in senders:
        if sender == claimed or without_detail(sender) == without_detail(claimed):
            return MatchedBy.FROM
        if attendee and sender == attendee.address:
            return MatchedBy.ALIAS if claimed in attendee.aliases else MatchedBy.FROM
        if attendee and sender in attendee.aliases:
            return MatchedBy.ALIAS
    if user.sent_by and user.sent_by == envelope.from_address and _accepts(user.sent_by, claimed, policy):
        return MatchedBy.SENT_BY
    return MatchedBy.NONE


def _accepts(assistant: str, claimed: str, policy: Policy) -> bool:
    same = policy.sent_by is SentBy.SAME_DOMAIN and domain(assistant) == domain(claimed)
    return same or policy.sent_by is SentBy.ACCEPT


def make_token(secret: bytes, number: int, uid: str, address: str) -> str:
    """The reply token of an attendee: their number in the store, and an HMAC over meeting and address.

    It needs no table, cannot be guessed, and is lower case, for some servers fold local parts.
    """
    digest = hmac.digest(secret, f"{number}\0{uid}\0{address}".encode(), "sha256")
    return f"{_base36(number)}-{base64.b32encode(digest[:10]).decode('ascii').lower()}"


def _base36(number: int) -> str:
    digits = ""
    while number:
        number, rest = divmod(number, 36)
        digits = "0123456789abcdefghijklmnopqrstuvwxyz"[rest] + digits
    return digits or "0"


def token_numbers(envelope: Envelope) -> tuple[int, ...]:
    """The attendees' numbers in whatever looks like a token in the addresses a mail came to."""
    return tuple(int(found[1], 36) for found in _tokens(envelope))


def has_token(envelope: Envelope, token: str) -> bool:
    """Whether a mail came to an address with this very token."""
    return any(hmac.compare_digest(token, found[0]) for found in _tokens(envelope))


def _tokens(envelope: Envelope) -> Iterator[re.Match[str]]:
    for address in envelope.recipients:
        found = TOKEN.fullmatch(detail(address) or "")
        if found:
            yield found


def _by_token(envelope: Envelope, meeting: Meeting) -> Attendee | None:
    for found in _tokens(envelope):
        for attendee in meeting.attendees:
            if attendee.token and not attendee.removed and hmac.compare_digest(attendee.token, found[0]):
                return attendee
    return None


def failed_authentication(envelope: Envelope, policy: Policy) -> str | None:
    """The required methods that did not pass, in the topmost header of our own server (RFC 8601), or None.

    Headers of other servers are ignored, for anybody can write them.
    """
    own = next((h for h in envelope.authentication_results if _is_own(h, policy)), "")
    header = authentication.read(own)
    passed = {one.method for one in header.results if one.result == "pass"} if header else set()
    missing = [m for m in policy.require_authentication if m.lower() not in passed]
    return ", ".join(missing) or None


def _is_own(header: str, policy: Policy) -> bool:
    """Whether our server wrote the header, also where the rest of it cannot be read."""
    stated = authentication.written_by(header)
    return bool(stated) and stated == (policy.authserv_id or "").lower()
