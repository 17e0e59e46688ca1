"""Meetings, and who is invited to them."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import JSON, Index, LargeBinary, Text, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from rsvpd.store.tables.columns import instant

_HAS = text("delegated_from IS NOT NULL")
_DELEGATES = text("partstat = 'DELEGATED' AND removed_at IS NULL")
"""They are few, and found without a look at everybody."""


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
    starts_at: datetime = instant(index=True)
    ends_at: datetime = instant()
    sequence: int = 0
    status: str = "CONFIRMED"
    cancelled_at: datetime | None = instant(default=None)
    recurrence: str | None = Field(default=None, sa_type=Text)
    details: dict[str, Any] = Field(
        default_factory=dict, sa_type=JSON, sa_column_kwargs={"server_default": "{}"}
    )
    sends: bool = True
    created_at: datetime = instant()
    modified_at: datetime = instant()


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
    sent_at: datetime = instant()
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
    known_at: datetime | None = instant(default=None)
    """Since when it has been so; null where that was before it was recorded."""


class AttendeeRow(SQLModel, table=True):
    """Somebody invited. From `answered` on it repeats what their answers add up to, for reading."""

    __tablename__: ClassVar[str] = "attendee"
    __table_args__ = (
        UniqueConstraint("meeting_id", "address"),
        Index("ix_attendee_counts", "meeting_id", "removed_at", "partstat"),
        Index("ix_attendee_delegated_from", "delegated_from", sqlite_where=_HAS, postgresql_where=_HAS),
        Index("ix_attendee_delegates", "meeting_id", sqlite_where=_DELEGATES, postgresql_where=_DELEGATES),
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
    removed_at: datetime | None = instant(default=None)
    delivery: str | None = None
    delivery_words: str | None = Field(default=None, sa_type=Text)
    partstat: str = "NEEDS-ACTION"
    answered_at: datetime | None = instant(default=None)
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
