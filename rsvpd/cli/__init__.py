"""The command line: one short function for each command."""

from rsvpd.cli import (  # noqa: F401  each adds its commands
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
)
from rsvpd.cli.root import app

__all__ = ["app"]
