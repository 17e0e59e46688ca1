"""The command line: one short function for each command."""

from rsvpd.cli import attendance, mails, maintenance, meeting, review  # noqa: F401  each adds its commands
from rsvpd.cli.root import app

__all__ = ["app"]
