"""The only importer of authlib: asks an authorization server for access tokens (RFC 6749).

It takes 0.4 s to load, so whoever imports it does so when a token is really needed.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from ssl import SSLContext
from time import monotonic, sleep, time
from typing import Any
from urllib.parse import parse_qs, urlsplit

import requests
from authlib.common.errors import AuthlibBaseError
from authlib.common.security import generate_token
from authlib.integrations.requests_client import AssertionSession, OAuth2Session
from authlib.oauth2.rfc8628 import DEVICE_CODE_GRANT_TYPE
from joserfc.errors import JoseError
from joserfc.jwk import RSAKey
from requests.adapters import HTTPAdapter

from rsvpd.config import ConfigInvalid, Grant, OAuthSettings
from rsvpd.config.values import os_words
from rsvpd.mail import tls
from rsvpd.ports import GrantRefused, TokenUnavailable

_PASSING = frozenset({"temporarily_unavailable", "server_error", "slow_down"})
_ENDED = frozenset({"invalid_grant", "interaction_required", "consent_required", "login_required"})
"""A refresh token that was revoked, or ran out (RFC 6749 5.2); the others are Microsoft's."""
_OF_THE_CLIENT = frozenset({"invalid_client", "unauthorized_client"})
_USUAL_LIFETIME = 3600.0
"""Seconds that a token holds whose server does not say it (RFC 6749 5.1)."""
_LONGEST_LIFETIME = 30 * 86_400.0
_ASSERTION_SECONDS = 3600
_BEHIND = 60
"""Seconds by which our clock may be ahead of one that takes no assertion from the future."""
_SKEW = 120.0
_INTERVAL, _SLOWER = 5.0, 5.0  # RFC 8628 3.2 and 3.5
_SHORTEST_INTERVAL, _LONGEST_WAIT = 1.0, 86_400.0
"""Whatever the server says of itself."""
_REDIRECT = "http://127.0.0.1:43117/"
"""Where a browser ends; nobody listens there, its address bar holds the code (RFC 8252 7.3)."""

for _name in ("authlib", "urllib3"):  # what they have to say is said by the exceptions
    logging.getLogger(_name).setLevel(logging.CRITICAL)


@dataclass(frozen=True, slots=True)
class Granted:
    """What the server gave; `lifetime` in seconds."""

    access_token: str = field(repr=False)
    lifetime: float
    refresh_token: str | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class DeviceCode:
    """What a person enters, and where (RFC 8628 3.2); times in seconds."""

    verification_uri: str
    user_code: str
    expires_in: float
    interval: float
    device_code: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class BrowserLogin:
    """The address that a person opens, and what belongs to the code that comes back (RFC 7636)."""

    address: str
    state: str = field(repr=False)
    verifier: str = field(repr=False)


class AuthorizationServer:
    """The endpoints of one organizer. Every use may raise `TokenUnavailable` or `ConfigInvalid`."""

    def __init__(self, settings: OAuthSettings, organizer: str, subject: str) -> None:
        self._settings = settings
        self._organizer = organizer
        self._subject = subject
        self._endpoint = settings.token_endpoint or ""
        self._where = f"{organizer}: oauth {urlsplit(self._endpoint).hostname}"
        self._skew = 0.0
        self._secrets: list[str] = []

    def by_refresh_token(self, refresh_token: str) -> Granted:
        """An access token for a grant that a person gave earlier (RFC 6749 6)."""
        self._secrets.append(refresh_token)
        with self._translated(), self._session() as session:
            return self._granted(session.refresh_token(self._endpoint, refresh_token=refresh_token))

    def by_client_credentials(self) -> Granted:
        """An access token for rsvpd itself (RFC 6749 4.4)."""
        with self._translated(), self._session() as session:
            return self._granted(session.fetch_token(self._endpoint, grant_type="client_credentials"))

    def by_service_account(self) -> Granted:
        """An access token for the subject's mailbox, by an assertion that the account signs (RFC 7523 2.1)."""
        session = self._secured(AssertionSession(self._endpoint, **self._account(), **self._transport()))
        with self._translated(), session:
            return self._granted(session.refresh_token())

    def device_code(self) -> DeviceCode:
        """A code for a person to enter (RFC 8628 3.1)."""
        endpoint = self._settings.device_endpoint
        with self._translated(), self._session() as session:
            asked = {"scope": session.scope} if session.scope else {}
            auth = session.client_auth(session.token_endpoint_auth_method)
            answer = session.post(endpoint, data=asked, auth=auth, withhold_token=True)
            given = session.parse_response_token(answer)
            return DeviceCode(
                verification_uri=str(given.get("verification_uri") or given["verification_url"]),
                user_code=str(given["user_code"]),
                expires_in=min(float(given["expires_in"]), _LONGEST_WAIT),
                interval=max(float(given.get("interval", _INTERVAL)), _SHORTEST_INTERVAL),
                device_code=str(given["device_code"]),
            )

    def by_device_code(self, code: DeviceCode) -> Granted:
        """Waits until the code was entered (RFC 8628 3.4, 3.5)."""
        self._secrets.append(code.device_code)
        interval, over = code.interval, monotonic() + code.expires_in
        while monotonic() < over:
            sleep(interval)
            try:
                with self._translated(), self._session() as session:
                    grant = {"grant_type": DEVICE_CODE_GRANT_TYPE, "device_code": code.device_code}
                    return self._granted(session.fetch_token(self._endpoint, **grant))
            except TokenUnavailable as error:
                said = getattr(error.__cause__, "error", None)
                if said == "slow_down":
                    interval += _SLOWER
                elif said == "expired_token":
                    break
                elif isinstance(error, GrantRefused) and said != "authorization_pending":
                    raise
                elif said is None:
                    interval *= 2  # the server is away: exponential backoff (RFC 8628 3.5)
        raise GrantRefused(f"{self._where}: the code was not entered in time; {self._log_in('again')}")

    def browser_login(self) -> BrowserLogin:
        """An address for a browser, where there is no device endpoint (RFC 6749 4.1, RFC 8252)."""
        verifier = generate_token(64)
        with self._session() as session:
            address, state = session.create_authorization_url(
                self._settings.authorization_endpoint,
                code_verifier=verifier,
                login_hint=self._subject,
                access_type="offline",  # without these Google gives no refresh token
                prompt="consent",
            )
        return BrowserLogin(address, state, verifier)

    def by_browser(self, login: BrowserLogin, address: str) -> Granted:
        """What the code is worth that stands in the address where the browser ended."""
        given = parse_qs(urlsplit(address).query)
        if given.get("state") != [login.state]:
            raise GrantRefused(f"{self._where}: the address is not of this login; {self._log_in('again')}")
        with self._translated(), self._session() as session:
            if "error" in given:
                raise AuthlibBaseError(given["error"][0], given.get("error_description", [""])[0])
            return self._granted(
                session.fetch_token(
                    self._endpoint,
                    authorization_response=address,
                    state=login.state,
                    code_verifier=login.verifier,
                )
            )

    def _session(self) -> OAuth2Session:
        settings = self._settings
        secret = settings.secret()
        if secret:
            self._secrets.append(secret)
        return self._secured(
            OAuth2Session(
                settings.client_id,
                secret,
                # In the body, as Google and Microsoft show it: their secrets need no quoting there.
                token_endpoint_auth_method="client_secret_post" if secret else "none",
                scope=" ".join(settings.scopes) or None,
                redirect_uri=_REDIRECT,
                code_challenge_method="S256",
                **self._transport(),
            )
        )

    def _transport(self) -> dict[str, Any]:
        """Neither proxies nor logins from the environment, and no redirection to anywhere else."""
        seconds = self._settings.timeout.total_seconds()
        return {"default_timeout": seconds, "trust_env": False, "max_redirects": 0}

    def _secured(self, session: Any) -> Any:  # noqa: ANN401  a session of authlib, which has no types
        session.mount("https://", _Verified(tls.own_context(self._settings)))
        session.hooks["response"].append(self._compare_clocks)
        return session

    def _account(self) -> dict[str, Any]:
        """What an assertion says and is signed with (RFC 7523 3), out of the file that Google gives."""
        file = self._settings.service_account_file
        try:
            found = json.loads(file.read_text(encoding="utf-8")) if file else {}
            key, email = RSAKey.import_key(found["private_key"]), found["client_email"]
        except OSError as error:
            raise ConfigInvalid(f"service_account_file {file}: {os_words(error)}") from error
        except (JoseError, ValueError, KeyError, TypeError) as error:
            raise ConfigInvalid(
                f"service_account_file {file}: is no key of a service account; download it anew as JSON"
            ) from error
        header = {"alg": "RS256", "typ": "JWT"} | (
            {"kid": found["private_key_id"]} if "private_key_id" in found else {}
        )
        return {
            "key": key,
            "issuer": email,
            "subject": self._subject,
            "audience": self._endpoint,
            "claims": {"scope": " ".join(self._settings.scopes)},
            "header": header,
            "issued_at": int(time()) - _BEHIND,
            "expires_in": _ASSERTION_SECONDS,
        }

    def _granted(self, answer: Any) -> Granted:  # noqa: ANN401  what the server sent
        token, refresh_token = answer.get("access_token"), answer.get("refresh_token") or None
        if not isinstance(token, str) or not _is_token(token):
            raise ValueError("no access token in the answer")
        lifetime = float(answer.get("expires_in") or _USUAL_LIFETIME)
        if lifetime <= 0:
            raise ValueError(f"expires_in is {lifetime:g}")
        return Granted(
            token, min(lifetime, _LONGEST_LIFETIME), refresh_token if isinstance(refresh_token, str) else None
        )

    def _compare_clocks(self, response: requests.Response, *_: object, **__: object) -> None:
        try:
            told = parsedate_to_datetime(response.headers["Date"])
        except (KeyError, ValueError, TypeError):
            return
        self._skew = (datetime.now(UTC) - told.astimezone(UTC)).total_seconds()

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except AuthlibBaseError as error:
            raise self._refusal(error) from error
        except requests.TooManyRedirects as error:
            raise TokenUnavailable(
                f"{self._where}: redirects elsewhere; check the address {self._endpoint}"
            ) from error
        except requests.HTTPError as error:
            raise TokenUnavailable(f"{self._where}: answers {self._clean(_status(error))}") from error
        except OSError as error:
            raise TokenUnavailable(f"{self._where}: {tls.innermost_words(error)}") from error
        except (ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
            raise TokenUnavailable(
                f"{self._where}: makes no sense ({self._clean(tls.words(error))}); check its address"
            ) from error

    def _refusal(self, error: AuthlibBaseError) -> TokenUnavailable:
        """What an error response means (RFC 6749 5.2), and what a person can do."""
        code = str(error.error)
        said = self._clean(f"{code}: {error.description}" if error.description else code)
        if code in _PASSING:
            return TokenUnavailable(f"{self._where}: {said}")
        return GrantRefused(f"{self._where}: {said}; {self._advice(code)}{self._clock_words()}")

    def _advice(self, code: str) -> str:
        grant = self._settings.grant
        if code == "access_denied":
            return f"the login was declined; {self._log_in('again')}"
        if code in _OF_THE_CLIENT:
            return "check client_id, the client secret and whether it has run out"
        if grant is Grant.SERVICE_ACCOUNT:
            return f"check that the service account may act for {self._subject}, with these scopes"
        if code in _ENDED and grant is Grant.REFRESH_TOKEN:
            return f"the grant no longer holds: {self._log_in()}"
        return "check [organizer.oauth]"

    def _log_in(self, again: str = "") -> str:
        return f"run `rsvpd oauth login {self._organizer}` {again}".rstrip()

    def _clock_words(self) -> str:
        if abs(self._skew) < _SKEW:
            return ""
        side = "ahead of" if self._skew > 0 else "behind"
        return (
            f"; this machine's clock is {abs(self._skew) / 60:.0f} minutes {side} the server's: set it right"
        )

    def _clean(self, words: str) -> str:
        """One line of what a server said, without the secrets that it may repeat."""
        for secret in self._secrets:
            words = words.replace(secret, "…")
        return " ".join("".join(c if c.isprintable() else " " for c in words).split())[:300]


class _Verified(HTTPAdapter):
    """TLS as towards mail servers; requests by itself would trust the certificates that it brings along."""

    def __init__(self, context: SSLContext) -> None:
        self._context = context
        super().__init__()

    def init_poolmanager(self, *args: Any, **more: Any) -> None:  # noqa: ANN401  the library's signature
        super().init_poolmanager(*args, **more, ssl_context=self._context)

    def cert_verify(self, *_: object, **__: object) -> None:
        """Left to the context."""


def _is_token(text: str) -> bool:
    """Whether it can stand in a SASL message (RFC 6750 2.1)."""
    return text.isascii() and text.isprintable() and bool(text) and " " not in text


def _status(error: requests.HTTPError) -> str:
    answer = error.response
    return f"{answer.status_code} {answer.reason}" if answer is not None else str(error)
