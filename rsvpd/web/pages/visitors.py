"""Who looks: a pass in a cookie is looked up for each request, and every form shows that it is ours."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated
from urllib.parse import parse_qsl, urlsplit

from fastapi import Depends, Request
from fastapi.responses import Response

from rsvpd.app import App
from rsvpd.config import is_loopback
from rsvpd.store import passes
from rsvpd.store.access import Scope, TokenView
from rsvpd.web.api.callers import Asked, Door
from rsvpd.web.api.problems import Refused

_FIELDS = 50
_LONGEST = 2_000
"""Characters of an address to come back to."""

Filled = Mapping[str, str]
"""The fields of a form."""


class SignedOut(Exception):  # noqa: N818  reads as what it is
    """Nobody, or nobody any more: the token is to be shown."""


@dataclass(frozen=True, slots=True)
class Visit:
    """A look at a page by somebody who may see it; `form_token` goes into every form of theirs."""

    asked: Asked
    form_token: str

    @property
    def house(self) -> App:
        """What is looked at."""
        return self.asked.house

    @property
    def caller(self) -> TokenView:
        """Whose token let them in."""
        return self.asked.caller

    @property
    def may_write(self) -> bool:
        """Whether they may answer proposals."""
        return self.caller.scope.includes(Scope.WRITE)

    @property
    def may_decide(self) -> bool:
        """Whether they may decide on held replies."""
        return self.caller.scope.includes(Scope.ADMIN)


def visiting(request: Request) -> Visit:
    """The look of whoever has a pass. Raises `SignedOut`."""
    door: Door = request.app.state.door
    house = door.house()
    shown = request.cookies.get(cookie(request))
    if not shown:
        raise SignedOut
    with house.database.read() as session:
        holder = passes.holder(session, shown, house.clock.now())
    if holder is None:
        raise SignedOut
    return Visit(Asked(request, house, holder.caller), holder.form_token)


Visiting = Annotated[Visit, Depends(visiting)]


async def _filled(request: Request) -> Filled:
    body = await request.body()
    try:
        return dict(parse_qsl(body.decode("ascii"), keep_blank_values=True, max_num_fields=_FIELDS))
    except ValueError as error:
        raise Refused(HTTPStatus.BAD_REQUEST, "What was sent is no form.") from error


def from_here(request: Request, form: Annotated[Filled, Depends(_filled)]) -> Filled:
    """A form that was sent by one of our pages, as far as the browser tells. Raises `Refused`."""
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    foreign = origin is not None and urlsplit(origin).netloc != request.headers.get("host")
    if site not in {None, "same-origin"} or foreign:
        raise Refused(HTTPStatus.FORBIDDEN, "That form came from another site. Nothing was done.")
    return form


Form = Annotated[Filled, Depends(from_here)]


@dataclass(frozen=True, slots=True)
class Sent:
    """A form of somebody who may send it."""

    visit: Visit
    form: Filled


def _sending(scope: Scope) -> Callable[..., Sent]:
    def sending(form: Form, visit: Visiting) -> Sent:
        if not hmac.compare_digest(form.get("form_token", "").encode(), visit.form_token.encode()):
            raise Refused(
                HTTPStatus.FORBIDDEN,
                "That form is not of this sign-in. Nothing was done: go back, load the page again, and send it anew.",
            )
        if not visit.caller.scope.includes(scope):
            raise Refused(
                HTTPStatus.FORBIDDEN,
                f"The token {visit.caller.name} may {visit.caller.scope}; this needs one that may {scope}.",
            )
        return Sent(visit, form)

    return sending


Leaving = Annotated[Sent, Depends(_sending(Scope.READ))]
Writing = Annotated[Sent, Depends(_sending(Scope.WRITE))]
Deciding = Annotated[Sent, Depends(_sending(Scope.ADMIN))]


def is_secure(request: Request) -> bool:
    """Whether cookies go over TLS alone: wherever the page is not on this very machine without it."""
    return request.url.scheme == "https" or not is_loopback(request.url.hostname or "")


def cookie(request: Request, name: str = "rsvpd") -> str:
    """The name of a cookie; with a prefix by which browsers see to it that no other host can set it."""
    return f"__Host-{name}" if is_secure(request) else name


def keep(request: Request, answer: Response, name: str, value: str, seconds: int) -> None:
    """Gives the browser a cookie that only goes back to us, from our own pages."""
    answer.set_cookie(
        name, value, max_age=seconds, path="/", secure=is_secure(request), httponly=True, samesite="strict"
    )


def ours(address: str) -> str:
    """An address to come back to if it is one of our own paths, else the first page."""
    plain = all("!" <= character <= "~" for character in address) and "\\" not in address
    within = address.startswith("/") and not address.startswith("//") and len(address) <= _LONGEST
    return address if plain and within else "/"
