"""What came in, and what was made of it."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar

from sqlalchemy import JSON, BigInteger, Index, LargeBinary, Text, UniqueConstraint, false, text
from sqlmodel import Field, SQLModel

from rsvpd.store.tables.columns import instant


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
    received_at: datetime = instant()
    ordinal: int = Field(default=0, sa_type=BigInteger)
    recorded_at: datetime = instant(index=True)
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
    settled_at: datetime | None = instant(default=None)
    unfinished: bool = Field(default=False, sa_column_kwargs={"server_default": false()})
    emptied_at: datetime | None = instant(default=None)
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
    answered_at: datetime = instant()
    received_at: datetime = instant()
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
    proposed_at: datetime = instant()
    received_at: datetime = instant()
    ordinal: int = Field(default=0, sa_type=BigInteger)
    status: str = ProposalStatus.PENDING.value
    settled_at: datetime | None = instant(default=None)


class HardMailRow(SQLModel, table=True):
    """A mail of a folder whose FETCH fails: how often, since when, and in which words."""

    __tablename__: ClassVar[str] = "hard_mail"

    mailbox: str = Field(primary_key=True)
    uidvalidity: int = Field(sa_type=BigInteger)
    imap_uid: int = Field(sa_type=BigInteger)
    tries: int
    since: datetime = instant()
    words: str = Field(sa_type=Text)


class CursorRow(SQLModel, table=True):
    """How far a folder has been read."""

    __tablename__: ClassVar[str] = "cursor"

    mailbox: str = Field(primary_key=True)
    uidvalidity: int = Field(sa_type=BigInteger)
    last_uid: int = Field(sa_type=BigInteger)
    passed: int = 0
    polled_at: datetime = instant()
