"""Settings of reminders: whom, when, how often, in what words."""

from __future__ import annotations

from datetime import time, timedelta
from typing import Annotated, Self

from pydantic import Field, model_validator

from rsvpd.config.servers import Section
from rsvpd.config.values import Duration, Zone
from rsvpd.itip.addresses import domain, normalise
from rsvpd.itip.reminding import Quiet, Rule, Who

_DAY = timedelta(days=1)
_SHORTEST = timedelta(hours=1)

Ahead = Annotated[Duration, Field(gt=timedelta(0))]


class ReminderSettings(Section):
    """A rule by which attendees are reminded."""

    name: str = Field(min_length=1, max_length=100)
    """What it is called; what was sent is recorded under it."""
    organizers: tuple[str, ...] = ()
    """Only for meetings of these organizers; of all by default."""
    who: Annotated[tuple[Who, ...], Field(min_length=1)] = (Who.NEEDS_ACTION,)
    """Who is reminded: `needs-action`, `tentative`, `accepted`."""
    before_start: Ahead | None = None
    """So long before the meeting starts."""
    after_invitation: Ahead | None = None
    """So long after the invitation was sent."""
    at: time | None = None
    """At this time of day, on the day that is so long before or after."""
    every: Annotated[Duration, Field(ge=_SHORTEST)] | None = None
    """How long until the next reminder; without it there is one."""
    at_most: int | None = Field(default=None, ge=1)
    """How many reminders in all; by default as many as there is time for."""
    quiet: tuple[time, time] | None = None
    """From when to when nobody is reminded; it may go past midnight."""
    zones: dict[str, Zone] = Field(default_factory=dict)
    """Zones of attendees, by address or domain; that of the meeting for all others."""
    message: str | None = Field(default=None, max_length=10_000)
    """A word to the attendees; a template such as `Please answer: {{ summary }}, {{ when }}`."""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if (self.before_start is None) == (self.after_invitation is None):
            raise ValueError("give before_start or after_invitation, and not both")
        given = (self.before_start, self.after_invitation, self.every)
        if self.at is not None and any(one is not None and one % _DAY for one in given):
            raise ValueError("with at, count in whole days, such as 2d")
        if self.at_most is not None and self.at_most > 1 and self.every is None:
            raise ValueError("at_most needs every: how long until the next reminder")
        if self.quiet is not None and self.quiet[0] == self.quiet[1]:
            raise ValueError("quiet begins when it ends; write two different times")
        return self

    @property
    def rule(self) -> Rule:
        """The rule as the core takes it."""
        return Rule(
            name=self.name,
            who=frozenset(one.partstat for one in self.who),
            before_start=self.before_start,
            after_invitation=self.after_invitation,
            at=self.at,
            every=self.every,
            at_most=self.at_most,
            quiet=Quiet(*self.quiet) if self.quiet else None,
        )

    def concerns(self, organizer: str) -> bool:
        """Whether the rule is for meetings of this organizer."""
        return not self.organizers or organizer in self.organizers

    def zone_of(self, address: str, otherwise: str) -> str:
        """The zone of an attendee with this normalised address."""
        known = {normalise(key) or key.casefold(): zone for key, zone in self.zones.items()}
        return known.get(address) or known.get(domain(address)) or otherwise
