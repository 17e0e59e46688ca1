"""The tables. A row class says what is stored, never what it means: that is `itip`'s.

A UID may be of any length, which no index takes: it is looked up by its digest.
"""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, ClassVar

from sqlalchemy import (
    JSON,
    BigInteger,
    Dialect,
    Index,
    LargeBinary,
    MetaData,
    String,
    Text,
    UniqueConstraint,
    false,
    text,
)
from sqlalchemy import DateTime as SqlDateTime
from sqlalchemy.types import TypeDecorator
from sqlmodel import Field, SQLModel

SQLModel.metadata.naming_convention = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}
metadata: MetaData = SQLModel.metadata


class Instant(TypeDecorator[datetime]):
    """An aware datetime, kept in UTC; SQLite forgets the zone, so it is put back here."""

    impl = SqlDateTime(timezone=True)
    cache_ok = True

    def process_bind_param(  # noqa: D102
        self,
        value: datetime | None,
        dialect: Dialect,  # noqa: ARG002
    ) -> datetime | None:
        return value.astimezone(UTC) if value is not None else None

    def process_result_value(  # noqa: D102
        self,
        value: datetime | None,
        dialect: Dialect,  # noqa: ARG002
    ) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def _instant(**options: Any) -> Any:  # noqa: ANN401  what sqlmodel.Field returns
    return Field(sa_type=Instant, **options)


class MeetingRow(SQLModel, table=True):
    """A meeting of an organizer. Times are what the organizer wrote, in `zone`; `starts_at` is for queries."""

    __tablename__: ClassVar[str] = "meeting"
    __table_args__ = (UniqueConstraint("organizer", "uid_digest"),)

    id: int | None = Field(default=None, primary_key=True)
    organizer: str = Field(index=True)
    organizer_address: str
    organizer_name: str | None = None
    uid: str = Field(sa_type=Text)
    uid_digest: str = Field(index=True)
    folded_digest: str = Field(index=True)
    summary: str = Field(sa_type=Text)
    description: str | None = Field(default=None, sa_type=Text)
    location: str | None = Field(default=None, sa_type=Text)
    start: str
    end: str
    zone: str | None = None
    starts_at: datetime = _instant(index=True)
    ends_at: datetime = _instant()
    sequence: int = 0
    status: str = "CONFIRMED"
    cancelled_at: datetime | None = _instant(default=None)
    recurrence: str | None = Field(default=None, sa_type=Text)
    details: dict[str, Any] = Field(
        default_factory=dict, sa_type=JSON, sa_column_kwargs={"server_default": "{}"}
    )
    sends: bool = True
    created_at: datetime = _instant()
    modified_at: datetime = _instant()


class AttachmentRow(SQLModel, table=True):
    """A file that goes with a meeting; apart from it, for only what is sent needs the bytes."""

    __tablename__: ClassVar[str] = "attachment"

    id: int | None = Field(default=None, primary_key=True)
    meeting_id: int = Field(foreign_key="meeting.id", index=True, ondelete="CASCADE")
    name: str
    content_type: str
    data: bytes = Field(sa_type=LargeBinary)


class RevisionRow(SQLModel, table=True):
    """One state of a meeting that attendees were told of."""

    __tablename__: ClassVar[str] = "revision"

    id: int | None = Field(default=None, primary_key=True)
    meeting_id: int = Field(foreign_key="meeting.id", index=True, ondelete="CASCADE")
    sequence: int
    sent_at: datetime = _instant()
    significant: bool = True


class OverrideRow(SQLModel, table=True):
    """One occurrence that the organizer moved or cancelled."""

    __tablename__: ClassVar[str] = "override"
    __table_args__ = (UniqueConstraint("meeting_id", "occurrence"),)

    id: int | None = Field(default=None, primary_key=True)
    meeting_id: int = Field(foreign_key="meeting.id", index=True, ondelete="CASCADE")
    occurrence: str
    cancelled: bool = False
    start: str | None = None
    end: str | None = None
    sequence: int = 0


class AttendeeRow(SQLModel, table=True):
    """Somebody invited. From `answered` on it repeats what their answers add up to, for reading."""

    __tablename__: ClassVar[str] = "attendee"
    __table_args__ = (
        UniqueConstraint("meeting_id", "address"),
        Index("ix_attendee_counts", "meeting_id", "removed_at", "partstat"),
    )

    id: int | None = Field(default=None, primary_key=True)
    meeting_id: int = Field(foreign_key="meeting.id", index=True, ondelete="CASCADE")
    address: str = Field(index=True)
    bare_address: str = Field(index=True)
    email: str
    name: str | None = None
    role: str = "REQ-PARTICIPANT"
    cutype: str = "INDIVIDUAL"
    rsvp: bool = True
    initial_partstat: str = "NEEDS-ACTION"
    asked_sequence: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    delegated_from: str | None = None
    removed_at: datetime | None = _instant(default=None)
    delivery: str | None = None
    delivery_words: str | None = Field(default=None, sa_type=Text)
    partstat: str = "NEEDS-ACTION"
    answered_at: datetime | None = _instant(default=None)
    comment: str | None = Field(default=None, sa_type=Text)
    guests: int | None = None
    sent_by: str | None = None
    delegated_to: str | None = None
    client: str | None = None


class AliasRow(SQLModel, table=True):
    """A further address that an organizer recorded for a person."""

    __tablename__: ClassVar[str] = "alias"
    __table_args__ = (UniqueConstraint("address", "alias"),)

    id: int | None = Field(default=None, primary_key=True)
    address: str = Field(index=True)
    alias: str = Field(index=True)


class InboundRow(SQLModel, table=True):
    """The ledger: one row for each iTIP component that came in, however it ended. Never deleted by a rule."""

    __tablename__: ClassVar[str] = "inbound"
    __table_args__ = (
        UniqueConstraint("mailbox", "uidvalidity", "imap_uid", "component"),
        Index(
            "ix_inbound_unfinished",
            "mailbox",
            sqlite_where=text("unfinished"),
            postgresql_where=text("unfinished"),
        ),
    )

    id: int | None = Field(default=None, primary_key=True)
    mailbox: str = Field(index=True)
    uidvalidity: int | None = Field(default=None, sa_type=BigInteger)
    imap_uid: int | None = Field(default=None, sa_type=BigInteger)
    component: int = 0
    fingerprint: str = Field(index=True)
    organizer: str | None = None
    received_at: datetime = _instant()
    ordinal: int = Field(default=0, sa_type=BigInteger)
    recorded_at: datetime = _instant(index=True)
    message_id: str | None = Field(default=None, sa_type=Text)
    sender: str | None = None
    subject: str = Field(default="", sa_type=Text)
    envelope: dict[str, Any] = Field(sa_type=JSON)
    note: dict[str, Any] = Field(sa_type=JSON)
    source: str
    raw: bytes = Field(sa_type=LargeBinary)
    method: str | None = None
    uid: str | None = Field(default=None, sa_type=Text)
    uid_digest: str | None = Field(default=None, index=True)
    folded_digest: str | None = Field(default=None, index=True)
    attendee: str | None = None
    partstat: str | None = None
    occurrence: str | None = None
    sequence: int | None = None
    matched_by: str | None = None
    outcome: str = Field(index=True)
    reason: str | None = None
    words: str | None = Field(default=None, sa_type=Text)
    meeting_id: int | None = Field(default=None, foreign_key="meeting.id", index=True, ondelete="SET NULL")
    settled_by: str | None = None
    settled_at: datetime | None = _instant(default=None)
    unfinished: bool = Field(default=False, sa_column_kwargs={"server_default": false()})
    emptied_at: datetime | None = _instant(default=None)
    """When its bytes were taken away, so that it cannot be judged again."""


class AnswerRow(SQLModel, table=True):
    """A reply accepted into the record. Append-only: a status is a fold over these."""

    __tablename__: ClassVar[str] = "answer"

    id: int | None = Field(default=None, primary_key=True)
    attendee_id: int = Field(foreign_key="attendee.id", index=True, ondelete="CASCADE")
    inbound_id: int = Field(foreign_key="inbound.id", index=True)
    occurrence: str | None = None
    this_and_future: bool = False
    partstat: str
    sequence: int
    answered_at: datetime = _instant()
    received_at: datetime = _instant()
    ordinal: int = Field(sa_type=BigInteger)
    comment: str | None = Field(default=None, sa_type=Text)
    request_status: str | None = Field(default=None, sa_type=Text)
    guests: int | None = None
    sent_by: str | None = None
    delegated_to: str | None = None
    client: str | None = None


class ProposalStatus(StrEnum):
    """What became of a proposal; `overtaken` is one that a newer one, or a significant change, made void."""

    PENDING = "pending"
    OVERTAKEN = "overtaken"
    ACCEPTED = "accepted"
    DECLINED = "declined"


class ProposalRow(SQLModel, table=True):
    """A counter-proposal waiting for the organizer."""

    __tablename__: ClassVar[str] = "proposal"

    id: int | None = Field(default=None, primary_key=True)
    attendee_id: int = Field(foreign_key="attendee.id", index=True, ondelete="CASCADE")
    inbound_id: int = Field(foreign_key="inbound.id", index=True)
    occurrence: str | None = None
    start: str | None = None
    end: str | None = None
    location: str | None = Field(default=None, sa_type=Text)
    comment: str | None = Field(default=None, sa_type=Text)
    sequence: int = 0
    proposed_at: datetime = _instant()
    received_at: datetime = _instant()
    ordinal: int = Field(default=0, sa_type=BigInteger)
    status: str = ProposalStatus.PENDING.value
    settled_at: datetime | None = _instant(default=None)


class OutgoingRow(SQLModel, table=True):
    """A mail to send. Bytes and Message-ID are fixed here, so that a repeat is the same mail."""

    __tablename__: ClassVar[str] = "outgoing"

    id: int | None = Field(default=None, primary_key=True)
    organizer: str
    meeting_id: int | None = Field(default=None, foreign_key="meeting.id", index=True, ondelete="SET NULL")
    attendee_id: int | None = Field(default=None, foreign_key="attendee.id", index=True, ondelete="SET NULL")
    recipient: str
    message_id: str = Field(sa_type=String(250), index=True)
    method: str
    sequence: int
    raw: bytes = Field(sa_type=LargeBinary)
    created_at: datetime = _instant()
    due_at: datetime = _instant(index=True)
    claimed_by: str | None = Field(default=None, foreign_key="member.id", index=True, ondelete="SET NULL")
    attempts: int = 0
    status: str = Field(default="pending", index=True)
    words: str | None = Field(default=None, sa_type=Text)
    first_tried_at: datetime | None = _instant(default=None)
    sent_at: datetime | None = _instant(default=None, index=True)
    filed_at: datetime | None = _instant(default=None)
    emptied_at: datetime | None = _instant(default=None)
    """When its bytes were taken away, so that it cannot be sent again."""


class MemberRow(SQLModel, table=True):
    """A process that works on this database, and when it was last heard of, by the database's clock."""

    __tablename__: ClassVar[str] = "member"

    id: str = Field(primary_key=True)
    name: str
    daemon: bool
    joined_at: datetime = _instant()
    seen_at: datetime = _instant()


class LeaseRow(SQLModel, table=True):
    """A piece of work that one process does at a time, and which."""

    __tablename__: ClassVar[str] = "lease"

    name: str = Field(primary_key=True)
    holder: str = Field(foreign_key="member.id", index=True, ondelete="CASCADE")


class SecretRow(SQLModel, table=True):
    """A key that belongs to this database."""

    __tablename__: ClassVar[str] = "secret"

    name: str = Field(primary_key=True)
    value: bytes = Field(sa_type=LargeBinary)


class CursorRow(SQLModel, table=True):
    """How far a folder has been read."""

    __tablename__: ClassVar[str] = "cursor"

    mailbox: str = Field(primary_key=True)
    uidvalidity: int = Field(sa_type=BigInteger)
    last_uid: int = Field(sa_type=BigInteger)
    passed: int = 0
    polled_at: datetime = _instant()


class CalendarCopyRow(SQLModel, table=True):
    """Which state of a meeting the organizer's own calendar has."""

    __tablename__: ClassVar[str] = "calendar_copy"

    meeting_id: int = Field(primary_key=True, foreign_key="meeting.id", ondelete="CASCADE")
    digest: str
    put_at: datetime = _instant()


class ReminderRow(SQLModel, table=True):
    """That a moment of a reminder rule was served for an attendee; what keeps it from being served twice.

    `sequence` is that of the revision they were asked about, `occurrence` empty for the
    whole meeting (a null would not be unique).
    """

    __tablename__: ClassVar[str] = "reminder"
    __table_args__ = (UniqueConstraint("attendee_id", "rule", "sequence", "occurrence", "number"),)

    id: int | None = Field(default=None, primary_key=True)
    attendee_id: int = Field(foreign_key="attendee.id", ondelete="CASCADE")
    rule: str
    sequence: int
    occurrence: str = ""
    number: int
    partstat: str
    starts_at: datetime = _instant()
    reminded_at: datetime = _instant()
    outgoing_id: int | None = Field(default=None, foreign_key="outgoing.id", index=True, ondelete="SET NULL")


class ReportRow(SQLModel, table=True):
    """A status report that was made: what the next one compares with, and what keeps it from being made twice."""

    __tablename__: ClassVar[str] = "report"
    __table_args__ = (UniqueConstraint("name", "organizer", "due_at"),)

    id: int | None = Field(default=None, primary_key=True)
    name: str
    organizer: str
    due_at: datetime = _instant()
    made_at: datetime = _instant()


class HealthRow(SQLModel, table=True):
    """What a part of the work last said of itself; `since` is when its trouble began."""

    __tablename__: ClassVar[str] = "health"

    part: str = Field(primary_key=True)
    told_at: datetime = _instant()
    worked_at: datetime | None = _instant(default=None)
    trouble: str | None = Field(default=None, sa_type=Text)
    since: datetime | None = _instant(default=None)
