"""The command line: one short function for each command."""

from rsvpd.cli import (
    attendance,
    changes,
    check,
    export,
    housekeeping,
    mails,
    maintenance,
    meeting,
    oauth,
    outgoing,
    reminders,
    reports,
    review,
    status,
    tokens,
    webhooks,
)
from rsvpd.cli.root import app

__all__ = ["app"]
