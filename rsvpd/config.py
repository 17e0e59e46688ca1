"""Settings: a TOML file, overridden by RSVPD_… variables. Unknown keys are refused."""

from __future__ import annotations

import ipaddress
import re
import tomllib
from collections.abc import Mapping, Sequence
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Self
from zoneinfo import ZoneInfo

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
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

from rsvpd.itip.addresses import normalise
from rsvpd.itip.ics.reading import Limits
from rsvpd.itip.trust import Policy, SentBy, TextAnswers, Uninvited
from rsvpd.ports import CouldNot

DEFAULT_FILES = (Path("rsvpd.toml"), Path("/etc/rsvpd/rsvpd.toml"))

_SECRET_CHARACTERS = 16
_PREFIX = "RSVPD_"
_FILES = frozenset({"password_file", "token_secret_file", "ca_file"})
_FIELD = re.compile(r"\"\w+\"")
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_PIECES = re.compile(r"(\d{1,6})\s*([smhdw])\s*")


class ConfigInvalid(CouldNot):
    """The settings cannot be used; the message names the key and what it may be."""


def _duration(value: object) -> object:
    if not isinstance(value, str):
        return value
    text = value.strip().lower()
    if not text or _PIECES.sub("", text):
        raise ValueError("write a duration such as 30s, 5m, 2h or 30d")
    return timedelta(seconds=sum(int(n) * _UNITS[unit] for n, unit in _PIECES.findall(text)))


def _address(value: str) -> str:
    if normalise(value) is None:
        raise ValueError(f"{value!r} is no mail address")
    return value.strip()


def _zone(value: str) -> str:
    try:
        return ZoneInfo(value).key
    except (ValueError, OSError, KeyError) as error:
        raise ValueError(f"{value!r} is no zone; write an IANA name such as Europe/Berlin") from error


Duration = Annotated[timedelta, BeforeValidator(_duration)]
Address = Annotated[str, AfterValidator(_address)]
Zone = Annotated[str, AfterValidator(_zone)]


class Security(StrEnum):
    """How a connection is protected."""

    TLS = "tls"
    STARTTLS = "starttls"
    NONE = "none"


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class ServerSettings(_Section):
    """A server and how to log in to it."""

    host: str
    """Name or address of the server."""
    port: int | None = Field(default=None, ge=1, le=65_535)
    """Port; by default the usual one for `security`."""
    security: Security = Security.TLS
    """`tls`, `starttls`, or `none` (loopback only, unless `allow_plaintext`)."""
    allow_plaintext: bool = False
    """Allow `security = "none"` towards another machine."""
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
    def _plaintext_only_here(self) -> Self:
        if self.security is Security.NONE and not self.allow_plaintext and not _is_loopback(self.host):
            raise ValueError(
                f'security = "none" would send the password to {self.host} in the clear; '
                'use "tls" or "starttls", or set allow_plaintext = true'
            )
        if self.password is not None and self.password_file is not None:
            raise ValueError("give password or password_file, not both")
        return self

    def secret(self) -> str | None:
        """The password, read when it is needed, so that a changed file is seen. Raises `ConfigInvalid`."""
        if self.password_file is None:
            return self.password.get_secret_value() if self.password else None
        return _secret_in(self.password_file, "password_file")


class ImapSettings(ServerSettings):
    """The organizer's mailbox."""

    folders: tuple[str, ...] = ("INBOX",)
    """Folders to watch for replies."""

    @model_validator(mode="after")
    def _needs_login(self) -> Self:
        if not self.username or (self.password is None and self.password_file is None):
            raise ValueError("username and password or password_file are needed")
        return self


class SmtpSettings(ServerSettings):
    """Where invitations are handed over. A login is optional: a local relay needs none."""


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
    imap: ImapSettings | None = None
    """Without it nothing is received: replies then come through `rsvpd ingest`."""
    smtp: SmtpSettings | None = None
    """Without it nothing is sent."""


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
        secret = _secret_in(self.token_secret_file, "token_secret_file")
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
        raise ConfigInvalid(f"{path}: {_os_words(error)}") from error
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


def _os_words(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error)


def _secret_in(file: Path, key: str) -> str:
    """The first line of a file."""
    try:
        return file.read_text(encoding="utf-8").split("\n", 1)[0].rstrip("\r")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigInvalid(f"{key} {file}: {_os_words(error)}") from error


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower() == "localhost"
