"""Settings of an organizer: who invites, in what words, through which servers."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from rsvpd.config.oauth import OAuthSettings, with_preset
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
    oauth: OAuthSettings | None = None
    """How access tokens are had, for servers with a username and no password."""

    @model_validator(mode="before")
    @classmethod
    def _filled(cls, keys: Any) -> Any:  # noqa: ANN401  what the file has
        return with_preset(keys)

    @model_validator(mode="after")
    def _imap_needs_login(self) -> Self:
        if self.imap and not (self.imap.username and (self.imap.has_password or self.oauth)):
            raise ValueError(
                "imap needs username and password, password_file or password_env, "
                "or username and [organizer.oauth]"
            )
        if self.smtp and self.smtp.username and not (self.smtp.has_password or self.oauth):
            raise ValueError(
                "smtp has a username: give password, password_file or password_env, "
                "or [organizer.oauth]; or leave username out"
            )
        return self
