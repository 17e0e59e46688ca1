"""An organizer's access tokens: kept in a file, renewed before they run out, one process at a time."""

from __future__ import annotations

from time import time
from typing import TYPE_CHECKING

from rsvpd.config import Grant, OAuthSettings, OrganizerSettings
from rsvpd.mail.tokens import Token, TokenFile
from rsvpd.ports import GrantRefused, TokenUnavailable

if TYPE_CHECKING:
    from pathlib import Path

    from rsvpd.mail.oauth import AuthorizationServer, Granted

_AHEAD = 300.0
"""Seconds before its end that a token is renewed: a login, and what follows it, takes its time."""
_LAST = 30.0
"""Seconds that an old token must hold still to be used where none can be had."""
_FRESH = 60.0
"""Seconds in which a token is so new that another one would be refused as well."""


class OAuthTokens:
    """The tokens of one organizer."""

    def __init__(self, organizer: OrganizerSettings, settings: OAuthSettings, folder: Path) -> None:
        self._name = organizer.name
        self._settings = settings
        self._subject = settings.subject or organizer.address
        self._file = TokenFile(folder, organizer.name)

    def current(self) -> str:
        """A token that holds for some minutes still. Raises `TokenUnavailable` or `ConfigInvalid`."""
        return self.good().access_token

    def good(self) -> Token:
        """The token with its times, renewed if it ends soon."""
        token = self._kept()
        if token is not None and self._holds(token, _ahead(token)):
            return token
        with self._file.locked():
            token = self._kept()  # somebody else may have renewed it meanwhile
            if token is not None and self._holds(token, _ahead(token)):
                return token
            try:
                return self._renew(token)
            except GrantRefused:
                raise
            except TokenUnavailable:
                if token is not None and self._holds(token, _LAST):
                    return token
                raise

    def renewed(self, refused: str) -> str | None:
        """Another token, in the place of one that a server refused; None if that one is quite new."""
        with self._file.locked():
            token = self._kept()
            if token is not None and token.access_token != refused:
                return token.access_token
            if token is not None and 0 <= time() - token.issued_at < _FRESH:
                return None
            return self._renew(token).access_token

    def keep(self, granted: Granted) -> None:
        """Stores what a person granted."""
        if granted.refresh_token is None:
            raise GrantRefused(
                f"{self._name}: the server gave no refresh token; scopes may have to name offline_access"
            )
        with self._file.locked():
            self._store(granted, granted.refresh_token)

    def server(self) -> AuthorizationServer:
        """The endpoints that this organizer's tokens come from."""
        from rsvpd.mail.oauth import AuthorizationServer  # noqa: PLC0415  an HTTP stack, 0.4 s to load

        return AuthorizationServer(self._settings, self._name, self._subject)

    def _renew(self, token: Token | None) -> Token:
        refresh_token = token.refresh_token if token else None
        if self._settings.grant is Grant.REFRESH_TOKEN and refresh_token is None:
            raise GrantRefused(
                f"{self._name}: no OAuth grant is kept in {self._file.path}; run `rsvpd oauth login {self._name}`"
            )
        with self._file.replacing() as replace:
            granted = self._asked(refresh_token)
            fresh = self._token(granted, granted.refresh_token or refresh_token)
            replace(fresh)
        return fresh

    def _asked(self, refresh_token: str | None) -> Granted:
        server = self.server()
        match self._settings.grant:
            case Grant.REFRESH_TOKEN:
                return server.by_refresh_token(refresh_token or "")
            case Grant.CLIENT_CREDENTIALS:
                return server.by_client_credentials()
            case Grant.SERVICE_ACCOUNT:
                return server.by_service_account()

    def _store(self, granted: Granted, refresh_token: str | None) -> None:
        with self._file.replacing() as replace:
            replace(self._token(granted, refresh_token))

    def _token(self, granted: Granted, refresh_token: str | None) -> Token:
        now = time()
        return Token(granted.access_token, now, now + granted.lifetime, self._issued_for, refresh_token)

    def _kept(self) -> Token | None:
        """The token in the file, if it was given to this client for this purpose."""
        token = self._file.load()
        return token if token is not None and token.issued_for == self._issued_for else None

    @property
    def _issued_for(self) -> str:
        settings = self._settings
        whom = settings.client_id or str(settings.service_account_file)
        return " ".join(
            [settings.grant, whom, settings.token_endpoint or "", self._subject, *settings.scopes]
        )

    def _holds(self, token: Token, seconds: float) -> bool:
        """Whether it will hold so long; one from the future says that the clock was set back."""
        now = time()
        return token.issued_at <= now + _FRESH and token.expires_at - now > seconds


def _ahead(token: Token) -> float:
    """How long before its end it is renewed; one that is given for minutes only is used for half of them."""
    return min(_AHEAD, (token.expires_at - token.issued_at) / 2)
