"""Settings of an organizer: who invites, in what words, through which servers."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field

from rsvpd.config.servers import CaldavSettings, ImapSettings, Section, SmtpSettings
from rsvpd.config.values import Address, Zone


class SenderSettings(Section):
    """Who sends on the organizer's behalf (SENT-BY, RFC 5545 3.2.18)."""

    address: Address
    """The address that mails come from."""
    display_name: str | None = Field(default=None, max_length=200)
    """The name beside it; the organizer's by default."""


class OrganizerSettings(Section):
    """Somebody who invites."""

    name: str = Field(min_length=1, max_length=100, pattern=r"^[^\s/]+$")
    """A short name for the command line and the store."""
    address: Address
    """The address that invitations come from and replies go to."""
    display_name: str | None = Field(default=None, max_length=200)
    """The name beside the address."""
    zone: Zone = "UTC"
    """The zone of times that are given without one."""
    language: Literal["en", "de", "es", "fr"] = "en"
    """The language of the mails."""
    show_attendees: bool = True
    """Whether an invitation names everybody; if not, each names its own reader alone."""
    subject: str | None = None
    """A template for the subject of mails, such as `{{ summary }} ({{ when }})`."""
    templates: Path | None = None
    """A folder with templates of your own for the mails."""
    sender: SenderSettings | None = None
    """Who sends on the organizer's behalf; the organizer by default."""
    imap: ImapSettings | None = None
    """Without it nothing is received: replies then come through `rsvpd ingest`."""
    smtp: SmtpSettings | None = None
    """Without it nothing is sent."""
    caldav: CaldavSettings | None = None
    """Without it no calendar is kept."""
