"""The command line: one short function for each command."""

from rsvpd.cli import attendance, changes, check, export, mails, maintenance, meeting, oauth, outgoing, review  # noqa: F401  each adds its commands
from rsvpd.cli.root import app

__all__ = ["app"]
