"""Settings of OAuth 2.0: how an organizer's access tokens are had, with presets for the large providers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any, Self

from pydantic import Field, SecretStr, model_validator

from rsvpd.config.servers import Section
from rsvpd.config.values import Duration, Endpoint, chosen_secret, one_secret


class Provider(StrEnum):
    """Whose servers are known."""

    GOOGLE = "google"
    MICROSOFT365 = "microsoft365"


class Grant(StrEnum):
    """What an access token is asked for with."""

    REFRESH_TOKEN = "refresh-token"  # noqa: S105  its name
    CLIENT_CREDENTIALS = "client-credentials"
    SERVICE_ACCOUNT = "service-account"


class OAuthSettings(Section):
    """How access tokens are had (RFC 6749)."""

    provider: Provider | None = None
    """`google` or `microsoft365`: fills in servers, endpoints and scopes that are not given."""
    grant: Grant = Grant.REFRESH_TOKEN
    """`refresh-token`, `client-credentials` or `service-account`."""
    client_id: str | None = Field(default=None, min_length=1)
    """What the provider calls this installation of rsvpd."""
    client_secret: SecretStr | None = None
    """Its secret, if it has one; better in a file of its own."""
    client_secret_file: Path | None = None
    """File whose first line is that secret."""
    client_secret_env: str | None = Field(default=None, min_length=1)
    """Variable of the environment that holds it."""
    tenant: str | None = Field(default=None, pattern=r"^[A-Za-z0-9.-]+$")
    """Microsoft 365: the directory, by ID or domain."""
    service_account_file: Path | None = None
    """The key of a service account, as Google gives it (JSON)."""
    subject: str | None = Field(default=None, min_length=1)
    """Whose mailbox a service account asks for; the organizer's address by default."""
    token_endpoint: Endpoint | None = None
    """Where access tokens are asked for."""
    device_endpoint: Endpoint | None = None
    """Where `rsvpd oauth login` asks for a code (RFC 8628)."""
    authorization_endpoint: Endpoint | None = None
    """Where a browser is sent instead, if there is no device endpoint."""
    scopes: tuple[str, ...] = ()
    """What the token shall be good for."""
    ca_file: Path | None = None
    """Certificates to trust instead of the system's."""
    timeout: Duration = timedelta(seconds=30)
    """How long to wait for an endpoint."""

    @model_validator(mode="before")
    @classmethod
    def _filled(cls, keys: Any) -> Any:  # noqa: ANN401  what the file has
        preset = _preset_of(keys)
        return preset.endpoints(keys) | keys if preset else keys

    @model_validator(mode="after")
    def _whole(self) -> Self:
        key = "client_secret"
        has_secret = one_secret(self.client_secret, self.client_secret_file, self.client_secret_env, key)
        if self.token_endpoint is None:
            raise ValueError("give provider, or token_endpoint")
        if (self.grant is Grant.SERVICE_ACCOUNT) != (self.service_account_file is not None):
            raise ValueError('grant = "service-account" and service_account_file go together')
        if self.grant is not Grant.SERVICE_ACCOUNT and self.client_id is None:
            raise ValueError(f'grant = "{self.grant}" needs client_id')
        if self.grant is Grant.CLIENT_CREDENTIALS:
            if not has_secret:
                raise ValueError(f'grant = "{self.grant}" needs client_secret_file')
            if self.provider is Provider.MICROSOFT365 and self.tenant is None:
                raise ValueError(f'grant = "{self.grant}" needs tenant: the directory of your organization')
        return self

    def secret(self) -> str | None:
        """The client's secret, read when it is needed. Raises `ConfigInvalid`."""
        return chosen_secret(
            self.client_secret, self.client_secret_file, self.client_secret_env, "client_secret"
        )


@dataclass(frozen=True, slots=True)
class _Preset:
    """A provider's servers; `{tenant}` stands for the directory in which an account is."""

    imap: Mapping[str, str]
    smtp: Mapping[str, str]
    addresses: Mapping[str, str]
    scopes: tuple[str, ...]
    application_scopes: tuple[str, ...]
    """Those of a client that acts in its own name, by client credentials."""

    def endpoints(self, keys: Mapping[str, Any]) -> dict[str, Any]:
        tenant = keys.get("tenant") or "organizations"
        by_itself = keys.get("grant") == Grant.CLIENT_CREDENTIALS
        filled = {key: url.replace("{tenant}", str(tenant)) for key, url in self.addresses.items()}
        return filled | {"scopes": self.application_scopes if by_itself else self.scopes}


_MICROSOFT = "https://login.microsoftonline.com/{tenant}/oauth2/v2.0"

_PRESETS = {
    # Google's device endpoint does not give its mail scope, so a browser is sent there instead.
    Provider.GOOGLE: _Preset(
        imap={"host": "imap.gmail.com", "security": "tls"},
        smtp={"host": "smtp.gmail.com", "security": "tls"},
        addresses={
            "token_endpoint": "https://oauth2.googleapis.com/token",
            "authorization_endpoint": "https://accounts.google.com/o/oauth2/v2/auth",
        },
        scopes=("https://mail.google.com/",),
        application_scopes=("https://mail.google.com/",),
    ),
    Provider.MICROSOFT365: _Preset(
        imap={"host": "outlook.office365.com", "security": "tls"},
        smtp={"host": "smtp.office365.com", "security": "starttls"},
        addresses={
            "token_endpoint": f"{_MICROSOFT}/token",
            "device_endpoint": f"{_MICROSOFT}/devicecode",
        },
        scopes=(
            "https://outlook.office.com/IMAP.AccessAsUser.All",
            "https://outlook.office.com/SMTP.Send",
            "offline_access",
        ),
        application_scopes=("https://outlook.office365.com/.default",),
    ),
}


def with_preset(keys: Any) -> Any:  # noqa: ANN401  what the file has
    """The keys of an organizer, with the provider's servers where none is named."""
    preset = _preset_of(keys.get("oauth")) if isinstance(keys, Mapping) else None
    if preset is None:
        return keys
    filled = dict(keys)
    for part, servers in (("imap", preset.imap), ("smtp", preset.smtp)):
        given = keys.get(part, {})
        if isinstance(given, Mapping) and "host" not in given:
            filled[part] = {"username": keys.get("address"), **servers, **given}
    return filled


def _preset_of(keys: Any) -> _Preset | None:  # noqa: ANN401
    given = keys.get("provider") if isinstance(keys, Mapping) else None
    return next((preset for provider, preset in _PRESETS.items() if provider == given), None)
