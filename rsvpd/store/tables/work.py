"""The processes at work on the database, and what they remember for each other."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from sqlalchemy import LargeBinary, Text
from sqlmodel import Field, SQLModel

from rsvpd.store.tables.columns import instant


class MemberRow(SQLModel, table=True):
    """A process that works on this database, and when it was last heard of, by the database's clock."""

    __tablename__: ClassVar[str] = "member"

    id: str = Field(primary_key=True)
    name: str
    daemon: bool
    joined_at: datetime = instant()
    seen_at: datetime = instant()


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


class HealthRow(SQLModel, table=True):
    """What a part of the work last said of itself; `since` is when its trouble began."""

    __tablename__: ClassVar[str] = "health"

    part: str = Field(primary_key=True)
    told_at: datetime = instant()
    worked_at: datetime | None = instant(default=None)
    trouble: str | None = Field(default=None, sa_type=Text)
    since: datetime | None = instant(default=None)
