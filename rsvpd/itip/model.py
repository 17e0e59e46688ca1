"""The words of RFC 5545, RFC 5546 and RFC 6047 as closed enums and frozen values.

Everything here is data: no clock, no storage, no parsing. Instants are aware
datetimes in UTC (`..._at`); a calendar time that the organizer wrote (`start`,
`end`, a RECURRENCE-ID) is a `When`: an aware datetime, a `date` for an all-day
value, or a naive datetime for a floating one (RFC 5545 3.3.5, form 1).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import TypeAlias

When: TypeAlias = datetime | date


class Method(StrEnum):
    """METHOD, what an iTIP message asks for (RFC 5546 1.4)."""

    PUBLISH = "PUBLISH"
    REQUEST = "REQUEST"
    REPLY = "REPLY"
    ADD = "ADD"
    CANCEL = "CANCEL"
    REFRESH = "REFRESH"
    COUNTER = "COUNTER"
    DECLINECOUNTER = "DECLINECOUNTER"


class PartStat(StrEnum):
    """Participation status of an attendee of a VEVENT (RFC 5545 3.2.12)."""

    NEEDS_ACTION = "NEEDS-ACTION"
    ACCEPTED = "ACCEPTED"
    DECLINED = "DECLINED"
    TENTATIVE = "TENTATIVE"
    DELEGATED = "DELEGATED"


class Role(StrEnum):
    """ROLE, how much an attendee's presence matters (RFC 5545 3.2.16)."""

    CHAIR = "CHAIR"
    REQ_PARTICIPANT = "REQ-PARTICIPANT"
    OPT_PARTICIPANT = "OPT-PARTICIPANT"
    NON_PARTICIPANT = "NON-PARTICIPANT"


class CuType(StrEnum):
    """CUTYPE, what kind of calendar user an attendee is (RFC 5545 3.2.3)."""

    INDIVIDUAL = "INDIVIDUAL"
    GROUP = "GROUP"
    RESOURCE = "RESOURCE"
    ROOM = "ROOM"
    UNKNOWN = "UNKNOWN"


class Classification(StrEnum):
    """CLASS, who may see the meeting (RFC 5545 3.8.1.3)."""

    PUBLIC = "PUBLIC"
    PRIVATE = "PRIVATE"
    CONFIDENTIAL = "CONFIDENTIAL"


class MeetingStatus(StrEnum):
    """STATUS of a VEVENT (RFC 5545 3.8.1.11)."""

    CONFIRMED = "CONFIRMED"
    TENTATIVE = "TENTATIVE"
    CANCELLED = "CANCELLED"


class Outcome(StrEnum):
    """How one iTIP component ended: exactly one of these for each ledger row."""

    APPLIED = "applied"
    UNCHANGED = "unchanged"
    OUTDATED = "outdated"
    PROPOSAL = "proposal"
    REFRESH = "refresh"
    HELD = "held"
    UNKNOWN_MEETING = "unknown_meeting"
    CANCELLED = "cancelled"
    BOUNCED = "bounced"
    NOT_A_REPLY = "not_a_reply"
    UNREADABLE = "unreadable"


class MatchedBy(StrEnum):
    """How the sender was matched to the attendee; From never proves anything alone."""

    TOKEN = "token"  # noqa: S105  a kind of match, not a secret
    FROM = "from"
    ALIAS = "alias"
    SENT_BY = "sent-by"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class CalendarUser:
    """An ATTENDEE or ORGANIZER property as a mail said it (RFC 5545 3.8.4.1, 3.8.4.3).

    `address` is normalised (see `addresses`), or None where the calendar user
    address names no mailbox (`urn:uuid:…`, Exchange's `EX:/o=…`).
    """

    address: str | None
    name: str | None = None
    partstat: PartStat | None = None
    role: Role | None = None
    cutype: CuType | None = None
    rsvp: bool | None = None
    guests: int | None = None
    comment: str | None = None
    sent_by: str | None = None
    delegated_to: tuple[str, ...] = ()
    delegated_from: tuple[str, ...] = ()
    proposed_start: datetime | None = None
    proposed_end: datetime | None = None


@dataclass(frozen=True, slots=True)
class Occurrence:
    """One occurrence of a series, named by RECURRENCE-ID (RFC 5545 3.8.4.4).

    `at` is an instant in UTC or a date once it has been resolved against a
    meeting; straight from a mail it may still be floating.
    """

    at: When

    @property
    def key(self) -> str:
        """Text that orders and compares as the occurrence does: RFC 3339 in UTC, or a date."""
        if isinstance(self.at, datetime):
            return (self.at if self.at.tzinfo is UTC else self.at.astimezone(UTC)).isoformat()
        return self.at.isoformat()

    @classmethod
    def from_key(cls, key: str) -> Occurrence:
        """The occurrence that `key` came from."""
        return cls(datetime.fromisoformat(key) if "T" in key else date.fromisoformat(key))


@dataclass(frozen=True, slots=True)
class Proposal:
    """What a COUNTER, or a proposed time inside a REPLY, asks for (RFC 5546 3.2.7)."""

    start: When | None = None
    end: When | None = None
    location: str | None = None
    comment: str | None = None


@dataclass(frozen=True, slots=True)
class Component:
    """One component of an iTIP object, as read from a mail and not yet judged.

    `method` is None for one that iTIP does not know. `sequence` is None where
    the mail has none; `replied_at` is the time that Outlook states beside a
    DTSTAMP that means something else.
    """

    kind: str
    method: Method | None
    uid: str
    sequence: int | None = None
    dtstamp: datetime | None = None
    replied_at: datetime | None = None
    recurrence_id: When | None = None
    this_and_future: bool = False
    attendees: tuple[CalendarUser, ...] = ()
    organizer: CalendarUser | None = None
    start: When | None = None
    end: When | None = None
    summary: str | None = None
    location: str | None = None
    comment: str | None = None
    request_status: tuple[str, ...] = ()
    prodid: str | None = None


@dataclass(frozen=True, slots=True)
class Envelope:
    """What the header of a mail says: who sent it, where to, when (RFC 5322, RFC 6047 2.3)."""

    from_address: str | None = None
    from_name: str | None = None
    sender: str | None = None
    recipients: tuple[str, ...] = ()
    date: datetime | None = None
    message_id: str | None = None
    answers_to: tuple[str, ...] = ()
    subject: str = ""
    auto_submitted: str | None = None
    authentication_results: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Arrival:
    """A mail's envelope with when (INTERNALDATE, UTC) and in which order it came in."""

    envelope: Envelope
    received_at: datetime
    ordinal: int = 0


@dataclass(frozen=True, slots=True, order=True)
class Rank:
    """What makes one answer of an attendee newer than another (RFC 5546 2.1.4, 2.1.5)."""

    sequence: int
    answered_at: datetime
    received_at: datetime
    ordinal: int


@dataclass(frozen=True, slots=True)
class Revision:
    """One state of a meeting that was sent out: its SEQUENCE, and when attendees could know it."""

    sequence: int
    sent_at: datetime
    significant: bool = True


@dataclass(frozen=True, slots=True)
class Override:
    """A single occurrence that the organizer moved or cancelled.

    `sequence` is the SEQUENCE of the change that asked about it again: answers to
    earlier ones do not count for it. `known_at` is since when it has been so, where
    that is recorded; it makes no other override of it.
    """

    occurrence: Occurrence
    cancelled: bool = False
    start: When | None = None
    end: When | None = None
    sequence: int = 0
    known_at: datetime | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Recurrence:
    """RRULE, RDATE and EXDATE as unfolded content lines (RFC 5545 3.8.5), and the overrides."""

    lines: tuple[str, ...] = ()
    overrides: tuple[Override, ...] = ()


@dataclass(frozen=True, slots=True)
class Alarm:
    """A reminder that the attendee's own calendar shows (VALARM, ACTION:DISPLAY, RFC 5545 3.6.6).

    `before` is how long before the start, or before the end if `from_end`.
    """

    before: timedelta
    from_end: bool = False


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that goes with the meeting, inside the calendar object and beside it in the mail (RFC 5545 3.8.1.1)."""

    name: str
    content_type: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Details:
    """What a meeting says beside what, when, where and who.

    `html` is the description as HTML, sanitised; `priority` is 1 (highest) to 9, 0 is
    undefined (RFC 5545 3.8.1.9). An announcement (METHOD:PUBLISH) asks for no answer.
    """

    html: str | None = None
    conference: str | None = None
    url: str | None = None
    priority: int = 0
    classification: Classification = Classification.PUBLIC
    transparent: bool = False
    categories: tuple[str, ...] = ()
    alarms: tuple[Alarm, ...] = ()
    attachments: tuple[Attachment, ...] = ()
    announcement: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """A reply accepted into the record: what one attendee says of a series or an occurrence."""

    attendee: str
    partstat: PartStat
    rank: Rank
    occurrence: Occurrence | None = None
    this_and_future: bool = False
    comment: str | None = None
    request_status: tuple[str, ...] = ()
    guests: int | None = None
    sent_by: str | None = None
    delegated_to: str | None = None
    client: str | None = None


@dataclass(frozen=True, slots=True)
class Attendee:
    """Somebody invited to a meeting, with the answers recorded so far.

    `address` is normalised; `aliases` are further addresses the organizer
    recorded for this person. `asked_sequence` is the SEQUENCE at which one who had
    been removed was invited again: answers to earlier ones are not in `answers`.
    """

    address: str
    name: str | None = None
    role: Role = Role.REQ_PARTICIPANT
    cutype: CuType = CuType.INDIVIDUAL
    rsvp: bool = True
    partstat: PartStat = PartStat.NEEDS_ACTION
    delegated_from: str | None = None
    removed: bool = False
    aliases: frozenset[str] = frozenset()
    answers: tuple[Answer, ...] = ()
    asked_sequence: int = 0
    token: str | None = None


@dataclass(frozen=True, slots=True)
class Meeting:
    """The organizer's VEVENT. For judging a reply only the attendees it may concern need be in it."""

    uid: str
    organizer: str
    start: When
    end: When
    summary: str = ""
    organizer_name: str | None = None
    description: str | None = None
    location: str | None = None
    zone: str | None = None
    sequence: int = 0
    status: MeetingStatus = MeetingStatus.CONFIRMED
    recurrence: Recurrence | None = None
    revisions: tuple[Revision, ...] = ()
    attendees: tuple[Attendee, ...] = field(default=())
    details: Details = Details()

    @property
    def all_day(self) -> bool:
        """Whether the meeting is given in days (VALUE=DATE)."""
        return not isinstance(self.start, datetime)

    @property
    def significant_sequence(self) -> int:
        """SEQUENCE of the last change that asked everybody again."""
        return max((r.sequence for r in self.revisions if r.significant), default=self.sequence)

    def asked_at(self, occurrence: Occurrence | None) -> int:
        """SEQUENCE of the last change that asked again about the series (None) or this occurrence."""
        overrides = self.recurrence.overrides if self.recurrence and occurrence else ()
        moved = (o.sequence for o in overrides if occurrence and o.occurrence.key == occurrence.key)
        return max(self.significant_sequence, next(moved, 0))
