"""What an attendee answers, apart from how their client writes it down."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from typing import NamedTuple


class Party(NamedTuple):
    """Somebody with an address and a name."""

    address: str
    name: str

    @property
    def domain(self) -> str:
        """What stands behind the last at sign."""
        return self.address.rpartition("@")[2]


ORGANIZER = Party("events@example.org", "Orga Nizer")
ATTENDEE = Party("alice@example.com", "Alice Example")
ANSWERED_AT = datetime(2026, 11, 23, 10, 25, 42, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class Facts:
    """One answer; every builder renders these facts in the shape of one client.

    `dtstamp` is the moment of the answer. Clients whose DTSTAMP is stale write
    `invited_at`, the DTSTAMP of the invitation, in its place.
    """

    uid: str = "4f0c9a52b7d14e0f9d6c@rsvpd.example.org"
    summary: str = "Budget review"
    location: str = "Room 4.2, main"
    organizer: Party = ORGANIZER
    attendee: Party = ATTENDEE
    partstat: str = "ACCEPTED"
    method: str = "REPLY"
    component: str = "VEVENT"
    sequence: int | None = 0
    start: datetime | date = datetime(2026, 12, 3, 13, 0, tzinfo=UTC)
    end: datetime | date = datetime(2026, 12, 3, 14, 0, tzinfo=UTC)
    zone: str | None = "Europe/Zurich"
    recurrence_id: datetime | date | None = None
    dtstamp: datetime = ANSWERED_AT
    invited_at: datetime = ANSWERED_AT - timedelta(days=3)
    sent_at: datetime | None = None
    """The Date header, if it is not what the client would make of `dtstamp`."""
    comment: str | None = None
    guests: int | None = None
    delegated_to: str | None = None
    sent_by: str | None = None
    proposed_start: datetime | date | None = None
    proposed_end: datetime | date | None = None
    others: tuple[Party, ...] = ()
    """Further attendees, for clients that echo the whole list."""
    sender: Party | None = None
    """From, if it is not the attendee."""
    to: str | None = None
    """The address the answer goes to, if it is not the organizer's."""
    language: str = "en"
    message_id: str | None = None
    in_reply_to: str | None = None

    @property
    def written_at(self) -> datetime:
        """The Date header."""
        return self.sent_at or self.dtstamp

    @property
    def author(self) -> Party:
        """The From header."""
        return self.sender or self.attendee

    @property
    def recipient(self) -> Party:
        """The To header."""
        return Party(self.to or self.organizer.address, self.organizer.name)

    @property
    def shown_start(self) -> datetime | date:
        """DTSTART: a COUNTER shows the proposed time."""
        return self.start if self.method != "COUNTER" else self.proposed_start or self.start

    @property
    def shown_end(self) -> datetime | date:
        """DTEND: a COUNTER shows the proposed time."""
        return self.end if self.method != "COUNTER" else self.proposed_end or self.end

    @property
    def all_day(self) -> bool:
        """Whether the meeting has dates instead of times."""
        return not isinstance(self.start, datetime)

    @property
    def token(self) -> str:
        """Hex digits that differ between different answers and nowhere else."""
        return sha256(repr(replace(self, message_id=None)).encode()).hexdigest()

    def message_id_at(self, host: str) -> str:
        """The Message-ID without angle brackets, as a client at `host` makes it."""
        return self.message_id or f"{self.token[:24]}@{host}"
