"""`/login` and `/logout`: a token is shown once, and a pass kept in its place."""

from __future__ import annotations

import hmac
import secrets
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import RedirectResponse, Response

from rsvpd.store import passes
from rsvpd.store.access import TokenView
from rsvpd.web.api.callers import Door, address_of
from rsvpd.web.api.problems import Refused
from rsvpd.web.pages.showing import show
from rsvpd.web.pages.visitors import Filled, Form, Leaving, cookie, is_secure, keep, ours

router = APIRouter()

_WAIT_SECONDS = 3600
"""How long a sign-in form may lie open."""
_LOGIN = "rsvpd-login"

Next = Annotated[str, Query(alias="next", max_length=4_000)]


@router.get("/login")
def ask(request: Request, target: Next = "/") -> Response:
    """Ask for the token."""
    return _form(request, ours(target))


@router.post("/login")
def enter(request: Request, form: Form) -> Response:
    """Take the token, and give a pass for it."""
    target = ours(form.get("next", "/"))
    if not _is_ours(request, form):
        return _form(request, target, HTTPStatus.FORBIDDEN, _no_cookie(request))
    door: Door = request.app.state.door
    try:
        caller = door.enter(address_of(request), form.get("token", "").strip())
    except Refused as refused:
        answer = _form(request, target, refused.status, _WORDS.get(refused.status, refused.detail))
        answer.headers.update(refused.headers or {})
        return answer
    answer = RedirectResponse(target, HTTPStatus.SEE_OTHER)
    keep(request, answer, cookie(request), _pass(door, caller), int(passes.LASTS.total_seconds()))
    keep(request, answer, cookie(request, _LOGIN), "", 0)
    return answer


@router.post("/logout")
def leave(request: Request, sent: Leaving) -> Response:  # noqa: ARG001  that the form is theirs is all
    """Take the pass away."""
    answer = RedirectResponse("/login", HTTPStatus.SEE_OTHER)
    keep(request, answer, cookie(request), "", 0)
    return answer


_WORDS = {
    HTTPStatus.UNAUTHORIZED: "That token is wrong, or it was revoked. “rsvpd token list” shows those there are.",
    HTTPStatus.TOO_MANY_REQUESTS: "Too many wrong tokens came from there. Wait a minute, then try again.",
}


def _pass(door: Door, caller: TokenView) -> str:
    house = door.house()
    with house.database.begin() as session:
        passes.prepare(session)
        session.flush()
        return passes.give(session, caller, house.clock.now())


def _form(request: Request, target: str, status: int = HTTPStatus.OK, trouble: str = "") -> Response:
    """The form with a value of which the browser keeps a copy, by which we know it again."""
    name = cookie(request, _LOGIN)
    value = request.cookies.get(name) or secrets.token_urlsafe(32)
    answer = show("login.html", status, form_token=value, next=target, trouble=trouble)
    keep(request, answer, name, value, _WAIT_SECONDS)
    return answer


def _is_ours(request: Request, form: Filled) -> bool:
    kept = request.cookies.get(cookie(request, _LOGIN), "")
    return bool(kept) and hmac.compare_digest(kept.encode(), form.get("form_token", "").encode())


def _no_cookie(request: Request) -> str:
    if is_secure(request) and request.url.scheme != "https":
        return (
            "The browser sent no cookie back. Outside of this machine it keeps ours only over https: "
            "put a proxy with TLS in front of rsvpd."
        )
    return "The form was open for too long, or the browser keeps no cookies. Try again."
