"""Everything rsvpd can be told, as one frozen value; RSVPD_… variables override it."""

from __future__ import annotations

import os
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Self

from pydantic import Field, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from rsvpd.config.organizers import OrganizerSettings
from rsvpd.config.reminders import ReminderSettings
from rsvpd.config.reports import ReportSettings
from rsvpd.config.servers import Section
from rsvpd.config.values import ConfigInvalid, Duration, Listen, secret_in
from rsvpd.config.webhooks import WebhookSettings
from rsvpd.itip.addresses import normalise
from rsvpd.itip.ics.reading import Limits
from rsvpd.itip.trust import Policy, SentBy, TextAnswers, Uninvited

PREFIX = "RSVPD_"
"""Variables of the environment that begin so are settings."""

_SECRET_CHARACTERS = 16


class DatabaseSettings(Section):
    """Where everything is kept."""

    url: str = "sqlite:///rsvpd.db"
    """`sqlite:///FILE` (four slashes for an absolute path) or `postgresql://USER:PASSWORD@HOST/NAME`."""


class LimitSettings(Section):
    """Bounds on what one mail may make rsvpd do."""

    calendar_bytes: int = Field(default=1024 * 1024, ge=1024)
    """Largest calendar part that is read."""
    message_bytes: int = Field(default=25 * 1024 * 1024, ge=1024)
    """Largest mail that is read."""
    mime_depth: int = Field(default=20, ge=1, le=50)
    """Levels of nested MIME parts that are looked at."""
    components: int = Field(default=100, ge=1)
    """Components in one iTIP object."""
    attendees: int = Field(default=2_000, ge=1)
    """Attendees in one iTIP object."""
    comment_characters: int = Field(default=4_000, ge=1)
    """How much of a comment is kept."""


class LogFormat(StrEnum):
    """How a line of the log is written."""

    TEXT = "text"
    JSON = "json"


class LogLevel(StrEnum):
    """The least that is logged."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class HttpSettings(Section):
    """What the daemon tells over HTTP."""

    listen: Listen
    """Address and port, such as `127.0.0.1:8025`, or `unix:/run/rsvpd/http.sock`."""


class Settings(BaseSettings):
    """Everything rsvpd can be told."""

    model_config = SettingsConfigDict(
        frozen=True,
        extra="forbid",
        env_prefix=PREFIX,
        env_nested_delimiter="_",
        env_nested_max_split=1,
        use_attribute_docstrings=True,
    )

    database: DatabaseSettings = DatabaseSettings()
    organizer: tuple[OrganizerSettings, ...] = ()
    reminder: tuple[ReminderSettings, ...] = ()
    report: tuple[ReportSettings, ...] = ()
    webhook: tuple[WebhookSettings, ...] = ()
    limits: LimitSettings = LimitSettings()
    http: HttpSettings | None = None
    """Without it the daemon listens nowhere."""
    poll_interval: Duration = timedelta(minutes=1)
    """How often every mailbox is looked at."""
    lookback: Duration = timedelta(days=30)
    """How far back the first look into a folder goes."""
    log_format: LogFormat = LogFormat.TEXT
    """How the daemon logs on stderr: `text` (key=value), or `json`, one object a line."""
    log_level: LogLevel = LogLevel.INFO
    """The least that is logged: `debug`, `info`, `warning` or `error`."""
    uninvited: Uninvited = Uninvited.HOLD
    """An answer of somebody who is not on the list: `hold`, `add` or `ignore`."""
    sent_by: SentBy = SentBy.SAME_DOMAIN
    """An assistant's answer (SENT-BY): `same-domain`, `hold` or `accept`."""
    text_answers: TextAnswers = TextAnswers.HOLD
    """A mail, or a REPLY without PARTSTAT, that says its answer in the subject alone: `hold`, `apply` or `ignore`."""
    reply_tokens: bool = False
    """Give each invitation an organizer address of its own, `local+TOKEN@domain`, that proves the answer."""
    token_secret_file: Path | None = None
    """File with the secret that tokens are made from; at least 16 characters. Needed by `reply_tokens`."""
    require_authentication: tuple[str, ...] = ()
    """Methods that must have passed in Authentication-Results, such as `["dmarc"]`."""
    authserv_id: str | None = None
    """Whose Authentication-Results to believe: the name of your receiving server."""
    state_directory: Path | None = None
    """Where access tokens are kept; systemd's `$STATE_DIRECTORY` by default, else one in your home."""

    keep_raw_days: int | None = Field(default=None, ge=1, le=36_500)
    """Days after which the bytes of replies and of sent mails are taken away; never by default."""
    keep_finished_meetings_days: int | None = Field(default=None, ge=1, le=36_500)
    """Days after its end that a meeting is removed, with all that belongs to it; never by default."""
    keep_changes_days: int = Field(default=90, ge=1, le=36_500)
    """Days after which a change is taken out of the feed; what a webhook waits for, after twice as many."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003  the library's signature
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment before the file."""
        return env_settings, init_settings

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        names = [organizer.name for organizer in self.organizer]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"two organizers are called {twice[0]}; give each a name of its own")
        named = (("reminder", self.reminder), ("report", self.report), ("webhook", self.webhook))
        for kind, rules in named:
            called = [rule.name for rule in rules]
            again = sorted({name for name in called if called.count(name) > 1})
            if again:
                raise ValueError(f"two {kind}s are called {again[0]}; give each a name of its own")
            for rule in rules:
                unknown = sorted(set(rule.organizers) - set(names))
                if unknown:
                    raise ValueError(f"{kind} {rule.name}: there is no organizer {unknown[0]!r}")
        if self.require_authentication and not self.authserv_id:
            raise ValueError("require_authentication needs authserv_id: whose word to believe")
        if self.reply_tokens and self.token_secret_file is None:
            raise ValueError("reply_tokens needs token_secret_file")
        return self

    @property
    def policy(self) -> Policy:
        """Whom to believe."""
        return Policy(
            uninvited=self.uninvited,
            sent_by=self.sent_by,
            text_answers=self.text_answers,
            require_authentication=self.require_authentication,
            authserv_id=self.authserv_id,
        )

    def token_secret(self) -> bytes | None:
        """The secret of reply tokens, None where they are not used. Raises `ConfigInvalid`."""
        if not self.reply_tokens or self.token_secret_file is None:
            return None
        secret = secret_in(self.token_secret_file, "token_secret_file")
        if len(secret) < _SECRET_CHARACTERS:
            raise ConfigInvalid(
                f"token_secret_file {self.token_secret_file}: write at least 16 random characters"
            )
        return secret.encode()

    @property
    def state_folder(self) -> Path:
        """Where state is kept that is no database: as set, else as systemd says, else as XDG does.

        Raises `ConfigInvalid` where nothing says it.
        """
        if self.state_directory is not None:
            return self.state_directory
        if given := os.environ.get("STATE_DIRECTORY"):
            return Path(given.partition(":")[0])
        try:
            return Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state") / "rsvpd"
        except RuntimeError as error:
            raise ConfigInvalid(
                "this user has no home to keep access tokens in: set state_directory"
            ) from error

    @property
    def reading_limits(self) -> Limits:
        """The limits as the core takes them."""
        return Limits(**self.limits.model_dump())

    def named(self, name: str | None) -> OrganizerSettings:
        """The organizer called `name`, or with that address; without a name, the only one."""
        if name is None and len(self.organizer) == 1:
            return self.organizer[0]
        known = ", ".join(organizer.name for organizer in self.organizer) or "none is configured"
        if name is None:
            raise ConfigInvalid(f"say which organizer with --organizer: {known}")
        for organizer in self.organizer:
            if name == organizer.name or normalise(name) == normalise(organizer.address):
                return organizer
        raise ConfigInvalid(f"there is no organizer {name!r}; known: {known}")
