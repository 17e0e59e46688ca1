"""Drafts for tests: a small one that is right, changed in one place."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from rsvpd.drafts import DraftRefused, draft
from rsvpd.itip.model import Meeting

ZURICH = ZoneInfo("Europe/Zurich")
NOW = datetime(2026, 1, 5, 9, tzinfo=UTC)


@dataclass(frozen=True)
class Host:
    """Who invites."""

    address: str = "Ann@Example.org"
    display_name: str | None = "Ann Example"
    zone: str | None = "Europe/Zurich"


def made(**change: object) -> Meeting:
    """The meeting of a draft with other values."""
    return hosted(Host(), change)


def hosted(host: Host, change: Mapping[str, object], **how: Any) -> Meeting:  # noqa: ANN401  what draft() takes
    """The same for somebody else, or with other arguments."""
    fields: dict[str, object] = {
        "organizer": "ann",
        "summary": "Budget",
        "start": "2026-12-03T14:00",
        "end": "2026-12-03T15:00",
        "attendees": [{"email": "beat@example.org", "name": "Beat"}],
    }
    return draft({**fields, **change}, organizer=host, now=NOW, **how)


def refused(**change: object) -> str:
    """The line that such a draft is refused with."""
    return refusal(lambda: made(**change))


def refusal(act: Callable[[], object]) -> str:
    """The line that `act` is refused with."""
    with pytest.raises(DraftRefused) as found:
        act()
    line = str(found.value)
    assert "\n" not in line
    return line


def local(*parts: int) -> datetime:
    """A time in Zurich."""
    return datetime(*parts, tzinfo=ZURICH)  # type: ignore[arg-type,misc]
