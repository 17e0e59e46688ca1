"""What stands around every page for whoever is signed in."""

from __future__ import annotations

from typing import Any

from rsvpd.store import pages
from rsvpd.store.pages import Sought
from rsvpd.store.writes import Transaction
from rsvpd.web.pages.visitors import Visit

_MANY = 99


def outline(session: Transaction, visit: Visit, here: str) -> dict[str, Any]:
    """The page that is `here`, who looks, and how much waits for a person."""
    sought = Sought(visit.caller.organizer, review=True)
    held = pages.replies(session, sought, limit=_MANY)
    return {
        "here": here,
        "visit": visit,
        "held": f"{_MANY}+" if held.last else len(held.views),
    }
