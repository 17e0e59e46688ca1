"""Who is invited, and by whom."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Protocol

from email_validator import EmailNotValidError, validate_email

from rsvpd.drafts.refusals import WANTED, DraftRefused
from rsvpd.drafts.shape import AttendeeShape
from rsvpd.drafts.words import line
from rsvpd.itip import addresses
from rsvpd.itip.model import Attendee, CuType, Role

_ROLES = {
    "required": Role.REQ_PARTICIPANT,
    "optional": Role.OPT_PARTICIPANT,
    "chair": Role.CHAIR,
    "non-participant": Role.NON_PARTICIPANT,
} | {role.value.casefold(): role for role in Role}
_KINDS = {kind.value.casefold(): kind for kind in CuType if kind is not CuType.UNKNOWN}
_THINGS = frozenset({CuType.ROOM, CuType.RESOURCE})
_SPECIAL_USE = re.compile(r"(^|\.)(arpa|invalid|local|localhost|onion|test)$")


class Organizer(Protocol):
    """Who invites: a mail address, the name shown with it, and the IANA zone meant when none is given."""

    @property
    def address(self) -> str:
        """A mail address."""

    @property
    def display_name(self) -> str | None:
        """The name beside the address."""

    @property
    def zone(self) -> str | None:
        """An IANA zone or UTC."""


def attendees(shapes: Sequence[AttendeeShape], host: str) -> tuple[Attendee, ...]:
    """Everybody once, and not the organizer, whose address is `host`."""
    if not shapes:
        raise DraftRefused(f"attendees: none, {WANTED['attendees']}")
    found: dict[str, Attendee] = {}
    for number, shape in enumerate(shapes, 1):
        attendee = _attendee(f"attendee {number}", shape)
        if attendee.address == host:
            raise DraftRefused(
                f"attendee {number}: {host} is the organizer; Outlook then shows no buttons, leave it out"
            )
        if attendee.address in found:
            raise DraftRefused(f"attendee {number}: {attendee.address} is there twice, leave one out")
        found[attendee.address] = attendee
    return tuple(found.values())


def _attendee(place: str, shape: AttendeeShape) -> Attendee:
    kind = _KINDS.get((shape.cutype or "individual").strip().casefold())
    if kind is None:
        raise DraftRefused(f"{place}: unknown cutype {shape.cutype!r}, {WANTED['cutype']}")
    role = _ROLES.get((shape.role or _usual_role(kind)).strip().casefold())
    if role is None:
        raise DraftRefused(f"{place}: unknown role {shape.role!r}, {WANTED['role']}")
    return Attendee(
        address=address(place, shape.email),
        name=line(f"{place}: name", shape.name),
        role=role,
        cutype=kind,
        rsvp=shape.rsvp is not False,
    )


def _usual_role(kind: CuType) -> str:
    """Outlook writes rooms and equipment as NON-PARTICIPANT: they are booked, not asked to take part."""
    return "non-participant" if kind in _THINGS else "required"


def address(place: str, text: str) -> str:
    """`text` normalised, if it is one mail address (RFC 5321, RFC 6531); DNS is not asked."""
    line(place, text)
    found = addresses.normalise(text)
    if found is None:
        raise DraftRefused(f"{place}: {text!r} is no mail address, write it like ann@example.org")
    try:
        validate_email(_testable(found), check_deliverability=False, globally_deliverable=False)
    except EmailNotValidError as error:
        raise DraftRefused(f"{place}: {text!r} is no mail address: {_first_sentence(error)}") from None
    return found


def _testable(found: str) -> str:
    """`found` with a reserved top-level domain swapped: email-validator refuses intranets by name."""
    local, _, domain = found.rpartition("@")
    public = _SPECIAL_USE.sub(r"\1example", domain)
    return f"{local}@{public}"


def _first_sentence(error: EmailNotValidError) -> str:
    return str(error).split(". ", 1)[0].rstrip(".")
