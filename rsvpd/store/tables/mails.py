"""What goes out: mails, copies for calendars, reminders and reports."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from sqlalchemy import LargeBinary, String, Text, UniqueConstraint
from sqlmodel import Field, SQLModel

from rsvpd.store.tables.columns import instant


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
    created_at: datetime = instant()
    due_at: datetime = instant(index=True)
    claimed_by: str | None = Field(default=None, foreign_key="member.id", index=True, ondelete="SET NULL")
    attempts: int = 0
    status: str = Field(default="pending", index=True)
    words: str | None = Field(default=None, sa_type=Text)
    first_tried_at: datetime | None = instant(default=None)
    put_off_at: datetime | None = instant(default=None)
    """When `due_at` was last put off: a clock that shows less was set back since."""
    sent_at: datetime | None = instant(default=None, index=True)
    filed_at: datetime | None = instant(default=None)
    emptied_at: datetime | None = instant(default=None)
    """When its bytes were taken away, so that it cannot be sent again."""


class CalendarCopyRow(SQLModel, table=True):
    """Which state of a meeting the organizer's own calendar has."""

    __tablename__: ClassVar[str] = "calendar_copy"

    meeting_id: int = Field(primary_key=True, foreign_key="meeting.id", ondelete="CASCADE")
    digest: str
    put_at: datetime = instant()


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
    starts_at: datetime = instant()
    reminded_at: datetime = instant()
    outgoing_id: int | None = Field(default=None, foreign_key="outgoing.id", index=True, ondelete="SET NULL")


class ReportRow(SQLModel, table=True):
    """A status report that was made: what the next one compares with, and what keeps it from being made twice."""

    __tablename__: ClassVar[str] = "report"
    __table_args__ = (UniqueConstraint("name", "organizer", "due_at"),)

    id: int | None = Field(default=None, primary_key=True)
    name: str
    organizer: str
    due_at: datetime = instant()
    made_at: datetime = instant()
