"""The tables of what programs are told over HTTP, and of who may ask."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from sqlalchemy import BigInteger, Index, LargeBinary, Text, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from rsvpd.store.tables.columns import Instant


class ChangeRow(SQLModel, table=True):
    """The feed: a row for each change of what is shown. Triggers write it, whoever makes the change.

    `number` is the row's place, given when its transaction commits; see `feed`.
    """

    __tablename__: ClassVar[str] = "change"
    __table_args__ = (
        Index(
            "ix_change_unnumbered",
            "id",
            sqlite_where=text("number IS NULL"),
            postgresql_where=text("number IS NULL"),
        ),
        Index("ix_change_meeting_id_number", "meeting_id", "number"),
        Index("ix_change_organizer_number", "organizer", "number"),
    )

    id: int | None = Field(default=None, primary_key=True)
    number: int | None = Field(default=None, sa_type=BigInteger, unique=True)
    at: datetime = Field(sa_type=Instant)
    kind: str
    organizer: str | None = None
    meeting_id: int | None = None
    uid: str | None = Field(default=None, sa_type=Text)
    attendee: str | None = None
    partstat: str | None = None
    occurrence: str | None = None
    reply: int | None = None
    outcome: str | None = None
    proposal: int | None = None


class FeedRow(SQLModel, table=True):
    """One row: the last number that a change was given, and the last of those that were taken away."""

    __tablename__: ClassVar[str] = "feed"

    last: int = Field(sa_type=BigInteger, primary_key=True)
    pruned: int = Field(default=0, sa_type=BigInteger, sa_column_kwargs={"server_default": "0"})


class AccessTokenRow(SQLModel, table=True):
    """Who may ask over HTTP. The token itself is kept nowhere."""

    __tablename__: ClassVar[str] = "access_token"

    id: int | None = Field(default=None, primary_key=True)
    name: str = Field(unique=True)
    digest: str
    scope: str
    organizer: str | None = None
    created_at: datetime = Field(sa_type=Instant)
    revoked_at: datetime | None = Field(default=None, sa_type=Instant)


class RequestRow(SQLModel, table=True):
    """A request that was made with an Idempotency-Key, and how it was answered."""

    __tablename__: ClassVar[str] = "request"
    __table_args__ = (UniqueConstraint("token_id", "key"),)

    id: int | None = Field(default=None, primary_key=True)
    token_id: int = Field(foreign_key="access_token.id", ondelete="CASCADE")
    key: str
    fingerprint: str
    made_at: datetime = Field(sa_type=Instant, index=True)
    status: int | None = None
    location: str | None = Field(default=None, sa_type=Text)
    body: bytes | None = Field(default=None, sa_type=LargeBinary)
