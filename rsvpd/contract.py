"""What is said over HTTP, as types: `rsvpd.web` writes them, `rsvpd.client` reads them.

The keys are those of `--format json` on the command line.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, PlainSerializer, WithJsonSchema

from rsvpd.itip.model import PartStat


def _text(value: datetime | date) -> str:
    return value.isoformat()


Instant = Annotated[
    datetime,
    PlainSerializer(_text, when_used="json"),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
"""An instant, with its offset from UTC (RFC 3339)."""
When = Annotated[
    datetime | date,
    Field(union_mode="left_to_right"),
    PlainSerializer(_text, when_used="json"),
    WithJsonSchema({"type": "string", "examples": ["2030-12-03T14:00:00+01:00", "2030-12-03"]}),
]
"""A time with its offset from UTC, one without an offset if the meeting has no zone, or a day."""


class _Said(BaseModel):
    model_config = ConfigDict(frozen=True, from_attributes=True)


class Meeting(_Said):
    """A meeting without its attendees; `sends` is false for one that somebody else invites to."""

    uid: str
    organizer: str
    organizer_address: str
    summary: str
    description: str | None
    location: str | None
    start: When
    end: When
    zone: str | None
    sequence: int
    status: str
    recurs: bool
    sends: bool


class MeetingPage(_Said):
    """Meetings by their start; `next` is the cursor of the page that follows."""

    meetings: tuple[Meeting, ...]
    next: str | None


class ProposedTime(_Said):
    """The counter-proposal of an attendee that waits for the organizer."""

    start: When | None
    end: When | None
    location: str | None
    comment: str | None
    occurrence: str | None


class OccurrenceAnswer(_Said):
    """What an attendee answers for one occurrence, where it differs from the series."""

    occurrence: str
    partstat: PartStat


class Attendee(_Said):
    """One attendee with what they answer (PARTSTAT, RFC 5545 3.2.12)."""

    email: str
    name: str | None
    role: str
    partstat: PartStat
    answered_at: Instant | None
    comment: str | None
    guests: int | None
    sent_by: str | None
    delegated_to: str | None
    delegated_from: str | None
    delivery: str | None
    delivery_detail: str | None = Field(validation_alias=AliasChoices("delivery_detail", "delivery_words"))
    proposal: ProposedTime | None
    occurrences: tuple[OccurrenceAnswer, ...]


class AttendeePage(_Said):
    """Attendees in the order they were invited; `next` is the cursor of the page that follows."""

    attendees: tuple[Attendee, ...]
    next: str | None


class Attendance(_Said):
    """Who is coming: seats by participation status, whatever the filter, and a page of attendees."""

    uid: str
    summary: str
    organizer: str
    sequence: int
    status: str
    start: When
    end: When
    counts: dict[PartStat, int]
    attendees: tuple[Attendee, ...]
    next: str | None


class Reply(_Said):
    """A row of the ledger: a reply that came in, what was decided, and why."""

    id: int
    recorded_at: Instant
    received_at: Instant
    mailbox: str
    sender: str | None
    subject: str
    method: str | None
    uid: str | None
    attendee: str | None
    partstat: str | None
    occurrence: str | None
    sequence: int | None
    outcome: str
    reason: str | None
    words: str | None
    matched_by: str | None
    settled_by: str | None
    settled_at: Instant | None


class ReplyPage(_Said):
    """Rows of the ledger, the newest first; `next` is the cursor of the page that follows."""

    replies: tuple[Reply, ...]
    next: str | None


class Proposal(_Said):
    """A counter-proposal that waits for the organizer."""

    id: int
    uid: str
    summary: str
    attendee: str
    occurrence: str | None
    start: When | None
    end: When | None
    location: str | None
    comment: str | None
    proposed_at: Instant


class ProposalPage(_Said):
    """Counter-proposals that wait, the oldest first."""

    proposals: tuple[Proposal, ...]
    next: str | None


class Difference(_Said):
    """One thing that a change changes."""

    what: str
    before: str
    after: str


class Changed(_Said):
    """What a change of a meeting changed, and how many mails go out for it."""

    uid: str
    summary: str
    sequence: int
    asks_again: bool
    differences: tuple[Difference, ...]
    mails: int


class Preview(_Said):
    """A mail as it would go out; `raw` is all of it, but for its Message-ID."""

    to: str
    method: str
    subject: str
    raw: str


class Rehearsed(Changed):
    """What would be changed and mailed: nothing was done. `previews` are the first of the `mails`."""

    previews: tuple[Preview, ...]


class Decided(_Said):
    """How a counter-proposal was decided, and how many mails go out for it."""

    id: int
    decision: str
    mails: int


class Change(_Said):
    """One change of what is shown; what it is about is named, not repeated.

    `kind` is `meeting.created`, `.updated`, `.cancelled` or `.deleted`; `attendee.added`, `.removed`,
    `.answered`, `.delivery` or `.updated`; `occurrence.answered`; `proposal.made`, `.accepted`,
    `.declined`, `.overtaken` or `.updated`; `reply.recorded` or `.settled`. Others may come.
    """

    number: int
    at: Instant
    kind: str
    organizer: str | None
    uid: str | None
    attendee: str | None
    partstat: str | None
    occurrence: str | None
    reply: int | None
    outcome: str | None
    proposal: int | None


class ChangePage(_Said):
    """Changes in their order; ask again with `after` = `last` for what follows."""

    changes: tuple[Change, ...]
    last: int


class Missed(_Said):
    """Changes above `after`, up to `until`, were taken out of the feed before a webhook had them."""

    after: int
    until: int


class Tried(_Said):
    """What `rsvpd webhook test` sends."""

    webhook: str


class Event(_Said):
    """What a webhook is sent: `type` is the `kind` of a change, `changes.missed` or `test`."""

    type: str
    timestamp: Instant
    data: Change | Missed | Tried


class Problem(_Said):
    """What went wrong, and what to do (RFC 9457)."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    errors: tuple[dict[str, Any], ...] | None = None
