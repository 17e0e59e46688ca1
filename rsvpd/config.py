"""Settings: a TOML file, overridden by RSVPD_… variables. Unknown keys are refused."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    model_validator,
)
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
)

from rsvpd.config_values import (
    Address,
    ConfigInvalid,
    Duration,
    HttpUrl,
    Zone,
    is_loopback,
    os_words,
    secret_in,
)
from rsvpd.itip.addresses import normalise
from rsvpd.itip.ics.reading import Limits
from rsvpd.itip.trust import Policy, SentBy, TextAnswers, Uninvited

DEFAULT_FILES = (Path("rsvpd.toml"), Path("/etc/rsvpd/rsvpd.toml"))

_SECRET_CHARACTERS = 16
_PREFIX = "RSVPD_"
_FILES = frozenset({"password_file", "token_secret_file", "ca_file", "templates"})
_FIELD = re.compile(r"\"\w+\"")


class Security(StrEnum):
    """How a connection is protected."""

    TLS = "tls"
    STARTTLS = "starttls"
    NONE = "none"


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class LoginSettings(_Section):
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
    timeout: Duration = timedelta(seconds=60)
    """How long to wait for the server."""

    @model_validator(mode="after")
    def _one_password(self) -> Self:
        if self.password is not None and self.password_file is not None:
            raise ValueError("give password or password_file, not both")
        return self

    def secret(self) -> str | None:
        """The password, read when it is needed, so that a changed file is seen. Raises `ConfigInvalid`."""
        if self.password_file is None:
            return self.password.get_secret_value() if self.password else None
        return secret_in(self.password_file, "password_file")


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


class ImapSettings(ServerSettings):
    """The organizer's mailbox."""

    folders: tuple[str, ...] = ("INBOX",)
    """Folders to watch for replies."""
    save_sent: bool = True
    """Whether a copy of what was sent is put into the folder of sent mails."""
    sent_folder: str | None = Field(default=None, min_length=1)
    """That folder; by default the one that the server marks as \\Sent (RFC 6154)."""

    @model_validator(mode="after")
    def _needs_login(self) -> Self:
        if not self.username or (self.password is None and self.password_file is None):
            raise ValueError("username and password or password_file are needed")
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


class SenderSettings(_Section):
    """Who sends on the organizer's behalf (SENT-BY, RFC 5545 3.2.18)."""

    address: Address
    """The address that mails come from."""
    display_name: str | None = Field(default=None, max_length=200)
    """The name beside it; the organizer's by default."""


class OrganizerSettings(_Section):
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


class DatabaseSettings(_Section):
    """Where everything is kept."""

    url: str = "sqlite:///rsvpd.db"
    """`sqlite:///FILE` (four slashes for an absolute path) or `postgresql://USER:PASSWORD@HOST/NAME`."""


class LimitSettings(_Section):
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


class Settings(BaseSettings):
    """Everything rsvpd can be told."""

    model_config = SettingsConfigDict(
        frozen=True,
        extra="forbid",
        env_prefix=_PREFIX,
        env_nested_delimiter="_",
        env_nested_max_split=1,
        use_attribute_docstrings=True,
    )

    database: DatabaseSettings = DatabaseSettings()
    organizer: tuple[OrganizerSettings, ...] = ()
    limits: LimitSettings = LimitSettings()
    poll_interval: Duration = timedelta(minutes=1)
    """How often every mailbox is looked at."""
    lookback: Duration = timedelta(days=30)
    """How far back the first look into a folder goes."""
    uninvited: Uninvited = Uninvited.HOLD
    """An answer of somebody who is not on the list: `hold`, `add` or `ignore`."""
    sent_by: SentBy = SentBy.SAME_DOMAIN
    """An assistant's answer (SENT-BY): `same-domain`, `hold` or `accept`."""
    text_answers: TextAnswers = TextAnswers.HOLD
    """A mail that says its answer in the subject alone: `hold`, `apply` or `ignore`."""
    reply_tokens: bool = False
    """Give each invitation an organizer address of its own, `local+TOKEN@domain`, that proves the answer."""
    token_secret_file: Path | None = None
    """File with the secret that tokens are made from; at least 16 characters. Needed by `reply_tokens`."""
    require_authentication: tuple[str, ...] = ()
    """Methods that must have passed in Authentication-Results, such as `["dmarc"]`."""
    authserv_id: str | None = None
    """Whose Authentication-Results to believe: the name of your receiving server."""

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


def load(file: Path | None) -> tuple[Settings, Path]:
    """The settings and the file they came from: the one given, else the first of `DEFAULT_FILES` there is."""
    path = file or next((candidate for candidate in DEFAULT_FILES if candidate.is_file()), None)
    if path is None:
        looked = " nor ".join(str(candidate) for candidate in DEFAULT_FILES)
        raise ConfigInvalid(f"no configuration: neither {looked} exists; `rsvpd init` writes one")
    return parse(_read(path), path), path


def _read(path: Path) -> Mapping[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ConfigInvalid(f"{path} does not exist; `rsvpd init {path}` writes one") from error
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigInvalid(f"{path}: {os_words(error)}") from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigInvalid(f"{path}: {error}") from error


def parse(keys: Mapping[str, Any], path: Path) -> Settings:
    """Settings from the keys of a file. Raises `ConfigInvalid` with one line."""
    try:
        return Settings(**_beside(keys, path.parent))
    except ValidationError as error:
        raise ConfigInvalid(f"{path}: {_complaint(error)}") from error
    except SettingsError as error:
        name = _PREFIX + (_FIELD.search(str(error)) or [""])[0].strip('"').upper()
        raise ConfigInvalid(f'{name}: write it as JSON, such as ["dmarc"]') from error


def _beside(keys: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """The keys with relative file names made relative to the configuration's own folder."""
    found = dict(keys)
    for name, value in keys.items():
        if name in _FILES and isinstance(value, str):
            found[name] = str(folder / value)
        elif isinstance(value, Mapping):
            found[name] = _beside(value, folder)
        elif isinstance(value, list):
            found[name] = [_beside(v, folder) if isinstance(v, Mapping) else v for v in value]
    return found


def _complaint(error: ValidationError) -> str:
    first = error.errors()[0]
    place = _place(first["loc"])
    kinds = {
        "extra_forbidden": "no such setting; see the README, or `rsvpd init` for all of them",
        "missing": "is missing",
    }
    words = kinds.get(first["type"]) or first["msg"].removeprefix("Value error, ")
    return f"{place}: {words}" if place else words


def _place(steps: Sequence[int | str]) -> str:
    """`organizer[2].imap.host`, counted from 1 as people do."""
    text = ""
    for step in steps:
        text += f"[{step + 1}]" if isinstance(step, int) else f".{step}"
    return text.lstrip(".")
