"""How far each webhook was told of changes."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from sqlalchemy import BigInteger, Text
from sqlmodel import Field, SQLModel

from rsvpd.store.tables.columns import instant


class WebhookRow(SQLModel, table=True):
    """A place in the feed: everything up to `number` was delivered. `words` is what is wrong, `failing_since` then."""

    __tablename__: ClassVar[str] = "webhook"

    name: str = Field(primary_key=True)
    prefix: str
    number: int = Field(sa_type=BigInteger)
    claimed_by: str | None = Field(default=None, foreign_key="member.id", index=True, ondelete="SET NULL")
    attempts: int = 0
    due_at: datetime = instant()
    failing_since: datetime | None = instant(default=None)
    words: str | None = Field(default=None, sa_type=Text)
    delivered_at: datetime | None = instant(default=None)
    stopped_at: datetime | None = instant(default=None)
    created_at: datetime = instant()
