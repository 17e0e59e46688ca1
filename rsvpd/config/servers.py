"""Settings of the servers that rsvpd talks to, and how it logs in to them."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

from rsvpd.config.values import Duration, FolderName, HttpUrl, chosen_secret, is_loopback, one_secret


class Security(StrEnum):
    """How a connection is protected."""

    TLS = "tls"
    STARTTLS = "starttls"
    NONE = "none"


class Section(BaseModel):
    """A table of the file: frozen, and keys that nobody knows are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class LoginSettings(Section):
    """How to log in to a server."""

    allow_plaintext: bool = False
    """Allow a connection without TLS to another machine."""
    ca_file: Path | None = None
    """Certificates to trust instead of the system's."""
    username: str | None = None
    """Login name."""
    password: SecretStr | None = None
    """Password; better in a file of its own."""
    password_file: Path | None = None
    """File whose first line is the password."""
    password_env: str | None = Field(default=None, min_length=1)
    """Variable of the environment that holds the password."""
    timeout: Duration = timedelta(seconds=60)
    """How long to wait for the server."""

    @model_validator(mode="after")
    def _one_password(self) -> Self:
        one_secret(self.password, self.password_file, self.password_env, "password")
        return self

    @property
    def has_password(self) -> bool:
        """Whether the login is by password."""
        return one_secret(self.password, self.password_file, self.password_env, "password")

    def secret(self) -> str | None:
        """The password, read when it is needed, so that a changed file is seen. Raises `ConfigInvalid`."""
        return chosen_secret(self.password, self.password_file, self.password_env, "password")


class ServerSettings(LoginSettings):
    """A mail server and how to log in to it."""

    host: str
    """Name or address of the server."""
    port: int | None = Field(default=None, ge=1, le=65_535)
    """Port; by default the usual one for `security`."""
    security: Security = Security.TLS
    """`tls`, `starttls`, or `none` (loopback only, unless `allow_plaintext`)."""

    @model_validator(mode="after")
    def _plaintext_only_here(self) -> Self:
        if self.security is Security.NONE and not self.allow_plaintext and not is_loopback(self.host):
            raise ValueError(
                f'security = "none" would send the password to {self.host} in the clear; '
                'use "tls" or "starttls", or set allow_plaintext = true'
            )
        return self


class Afterwards(StrEnum):
    """What is done on the server with a mail that was recorded."""

    NOTHING = "nothing"
    MARK = "mark"
    MOVE = "move"


class ImapSettings(ServerSettings):
    """The organizer's mailbox."""

    folders: tuple[FolderName, ...] = Field(default=("INBOX",), min_length=1)
    r"""Folders to watch for replies, by name or by special use such as `\Junk` (RFC 6154)."""
    afterwards: Afterwards = Afterwards.NOTHING
    """What is done with a mail that was recorded: `nothing`, `mark` or `move`."""
    move_to: FolderName | None = None
    """The folder for `afterwards = "move"`, by name or by special use."""
    connections_per_server: int | None = Field(default=None, ge=1)
    """At most so many connections to this server at a time, of all organizers together."""
    save_sent: bool = True
    """Whether a copy of what was sent is put into the folder of sent mails."""
    sent_folder: FolderName | None = None
    """That folder; by default the one that the server marks as \\Sent (RFC 6154)."""

    @model_validator(mode="after")
    def _moves_elsewhere(self) -> Self:
        if self.afterwards is Afterwards.MOVE and self.move_to is None:
            raise ValueError('afterwards = "move" needs move_to: the folder to move to')
        if self.move_to in self.folders:
            raise ValueError(
                f"move_to {self.move_to} is one of the folders that are watched; choose another one"
            )
        return self


class SmtpSettings(ServerSettings):
    """Where invitations are handed over. A login is optional: a local relay needs none."""

    give_up_after: Annotated[Duration, Field(gt=timedelta(0))] = timedelta(days=3)
    """How long a mail that the server does not take is tried again."""
    mails_per_minute: int | None = Field(default=None, ge=1)
    """At most so many mails a minute, in any 60 seconds."""


class CaldavSettings(LoginSettings):
    """The organizer's own calendar, in which what rsvpd invites to is kept."""

    url: HttpUrl
    """Address of the calendar, or of the server that has it."""
    calendar: str | None = Field(default=None, min_length=1)
    """Which of the calendars found there: its name, or the last part of its address."""

    @model_validator(mode="after")
    def _plaintext_only_here(self) -> Self:
        parts = urlsplit(self.url)
        if parts.scheme == "http" and not self.allow_plaintext and not is_loopback(parts.hostname or ""):
            raise ValueError(
                f"http would send the password to {parts.hostname} in the clear; "
                "use https, or set allow_plaintext = true"
            )
        return self
