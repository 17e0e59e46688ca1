"""Who asks: a bearer token (RFC 6750) is looked up for each request, so that revoking it works at once."""

from __future__ import annotations

import hashlib
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Annotated

from fastapi import Depends, Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from rsvpd import __version__
from rsvpd.app import App
from rsvpd.store import access, pages
from rsvpd.store.access import Scope, TokenView
from rsvpd.store.pages import Found
from rsvpd.store.writes import Transaction
from rsvpd.web.api.problems import NotModified, Refused

_FAILURES, _SECONDS = 10, 60.0
"""How often an address may give a wrong token, and in which time."""
_KNOWN = 10_000
"""Addresses, and tokens that were right, that are remembered."""

_BEARER = HTTPBearer(auto_error=False, description="What `rsvpd token create` prints.")


@dataclass(slots=True)
class Door:
    """Lets callers in, and keeps guessers waiting.

    Who guesses from an address is refused unheard for a while. A token that was right
    before is heard all the same: nobody behind the same proxy can be locked out.
    """

    house: Callable[[], App]
    _failures: OrderedDict[str, list[float]] = field(default_factory=OrderedDict)
    _right: OrderedDict[bytes, None] = field(default_factory=OrderedDict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def enter(self, address: str, token: str | None) -> TokenView:
        """Whose token it is. Raises `Refused`."""
        if token is None:
            raise _unauthorized("give a token: Authorization: Bearer …; `rsvpd token create` makes one")
        known = hashlib.sha256(token.encode()).digest()
        with self._lock:
            if known not in self._right and len(self._late(address)) >= _FAILURES:
                raise Refused(
                    HTTPStatus.TOO_MANY_REQUESTS,
                    "too many wrong tokens from there; wait a minute",
                    {"Retry-After": f"{_SECONDS:.0f}"},
                )
        with self.house().database.read() as session:
            caller = access.bearer(session, token)
        with self._lock:
            if caller is None:
                self._right.pop(known, None)
                self._failures[address] = [*self._late(address), time.monotonic()]
                _forget(self._failures)
                raise _unauthorized("the token is wrong or revoked; `rsvpd token list` shows those there are")
            self._right[known] = None
            _forget(self._right)
        return caller

    def _late(self, address: str) -> list[float]:
        since = time.monotonic() - _SECONDS
        return [moment for moment in self._failures.get(address, ()) if moment > since]


def _forget(remembered: OrderedDict[str, list[float]] | OrderedDict[bytes, None]) -> None:
    while len(remembered) > _KNOWN:
        remembered.popitem(last=False)


def _unauthorized(words: str) -> Refused:
    return Refused(HTTPStatus.UNAUTHORIZED, words, {"WWW-Authenticate": 'Bearer realm="rsvpd"'})


@dataclass(frozen=True, slots=True)
class Asked:
    """A request by somebody who may make it."""

    request: Request
    house: App
    caller: TokenView

    def organizer(self, stated: str | None) -> str | None:
        """The only organizer to show; None for all. Raises `Refused`, or `ConfigInvalid` for an unknown one."""
        bound = self.caller.organizer
        if stated is None:
            return bound
        name = self.house.settings.named(stated).name
        if bound is not None and name != bound:
            raise Refused(HTTPStatus.FORBIDDEN, f"the token {self.caller.name} is for {bound} alone")
        return name

    def meeting(self, session: Transaction, uid: str, organizer: str | None) -> Found:
        """The meeting with that UID, if it may be seen."""
        found = pages.find(session, uid, self.organizer(organizer))
        if found is None:
            raise Refused(HTTPStatus.NOT_FOUND, f"there is no meeting {uid}; GET /api/v1/meetings lists them")
        return found

    def unless_known(self, version: int) -> dict[str, str]:
        """The headers of an answer; raises `NotModified` if the asker has this version (RFC 9110 13.1.2).

        `version` is the number of the last change of what is shown, read before it is.
        """
        parts = (__version__, version, self.caller.organizer, self.request.url.path, self.request.url.query)
        etag = f'"{hashlib.sha256(repr(parts).encode()).hexdigest()[:32]}"'
        headers = {"ETag": etag, "Cache-Control": "private, no-cache", "Vary": "Authorization"}
        known = [
            one.strip().removeprefix("W/") for one in self.request.headers.get("if-none-match", "").split(",")
        ]
        if etag in known or "*" in known:
            raise NotModified(headers)
        return headers


def address_of(request: Request) -> str:
    """Where a request comes from; whatever comes over the Unix socket comes from one place."""
    return request.client.host if request.client and request.client.host else "unix"


def _asking(scope: Scope) -> Callable[..., Asked]:
    def asking(
        request: Request,
        given: Annotated[HTTPAuthorizationCredentials | None, Security(_BEARER)],
    ) -> Asked:
        door: Door = request.app.state.door
        caller = door.enter(address_of(request), given.credentials if given else None)
        if not caller.scope.includes(scope):
            raise Refused(
                HTTPStatus.FORBIDDEN,
                f"the token {caller.name} may {caller.scope}; this needs one that may {scope}",
            )
        return Asked(request, door.house(), caller)

    return asking


known = _asking(Scope.READ)
"""Lets in whoever has a token."""
Reading = Annotated[Asked, Depends(known)]
Writing = Annotated[Asked, Depends(_asking(Scope.WRITE))]
Deciding = Annotated[Asked, Depends(_asking(Scope.ADMIN))]
