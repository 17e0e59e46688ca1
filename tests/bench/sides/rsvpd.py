"""rsvpd itself, from the settings on: what its commands and its daemon call."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from bench.clock import now
from rsvpd import sharing
from rsvpd.app import App, open_app
from rsvpd.config import parse


def _app(settings: dict[str, Any]) -> App:
    return open_app(parse(settings, Path("bench")))


def drain(settings: dict[str, Any]) -> dict[str, float]:
    """Reads the mailbox until everything in it is committed."""
    app = _app(settings)
    organizer = app.settings.organizer[0]
    outcomes: Counter[str] = Counter()
    began = now()
    with app.mailbox(organizer) as mailbox:
        polled = app.intake.poll_folders(
            mailbox,
            organizer.name,
            ["INBOX"],
            tell=lambda rows: outcomes.update(row.outcome for row in rows),
        )
    seconds = now() - began
    rows, applied = outcomes.total(), outcomes["applied"]
    return {"seconds": seconds, "mails": polled.mails, "rows": rows, "applied": applied}


def poll_again(settings: dict[str, Any], times: int) -> dict[str, float]:
    """Looks into a mailbox that was read, again and again, each time with EXAMINE."""
    app = _app(settings)
    organizer = app.settings.organizer[0]
    with app.mailbox(organizer) as mailbox:
        app.intake.poll_folders(mailbox, organizer.name, ["INBOX"])
        began = now()
        for _ in range(times):
            app.intake.poll_folders(mailbox, organizer.name, ["INBOX"])
        return {"seconds": (now() - began) / times}


def compose(settings: dict[str, Any], fields: dict[str, Any]) -> dict[str, float]:
    """Records a meeting and puts an invitation for everybody into the queue."""
    app = _app(settings)
    began = now()
    registered = app.invitations.create(fields)
    return {"seconds": now() - began, "mails": registered.attendees}


def hand_over(settings: dict[str, Any]) -> dict[str, float]:
    """Hands everything in the queue to the SMTP server."""
    app = _app(settings)
    began = now()
    with sharing.member(app.database) as worker:
        delivered = app.delivery(worker).drain(app.settings.organizer[0])
    return {"seconds": now() - began, "mails": delivered.sent}
