"""Every page that is not what was asked for: one line on what happened, and the next step."""

from __future__ import annotations

from http import HTTPStatus

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import RedirectResponse, Response
from starlette.exceptions import HTTPException

from rsvpd.config import ConfigInvalid
from rsvpd.ports import CouldNot, StoreUnavailable
from rsvpd.web.api.problems import Refused
from rsvpd.web.pages.live import PATH as LIVE
from rsvpd.web.pages.showing import link, show
from rsvpd.web.pages.visitors import SignedOut

_TITLES = {
    HTTPStatus.BAD_REQUEST: "That cannot be read",
    HTTPStatus.FORBIDDEN: "Not with this token",
    HTTPStatus.NOT_FOUND: "Nothing is here",
    HTTPStatus.METHOD_NOT_ALLOWED: "Not like this",
    HTTPStatus.CONFLICT: "That cannot be done",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "That is too much",
    HTTPStatus.UNPROCESSABLE_ENTITY: "That is not understood",
    HTTPStatus.INTERNAL_SERVER_ERROR: "A mistake of ours",
    HTTPStatus.SERVICE_UNAVAILABLE: "The database is away",
}


def answer_faults(app: FastAPI) -> None:
    """Makes every exception a page."""
    app.add_exception_handler(SignedOut, _signed_out)
    app.add_exception_handler(Refused, _refused)
    app.add_exception_handler(CouldNot, _could_not)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _other)


def sorry(_: Request) -> Response:
    """What is shown after a mistake of ours."""
    return _fault(
        HTTPStatus.INTERNAL_SERVER_ERROR, "rsvpd made a mistake; its log says more. Nothing was lost."
    )


def _fault(status: HTTPStatus, detail: str) -> Response:
    return show("fault.html", status, title=_TITLES.get(status, status.phrase), reason=status, detail=detail)


def _signed_out(request: Request, _: Exception) -> Response:
    if request.url.path == LIVE:  # asked by a script, which then looks at the page itself
        return _fault(HTTPStatus.UNAUTHORIZED, "Sign in first.")
    here = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    target = here if request.method in {"GET", "HEAD"} and here != "/" else ""
    return RedirectResponse(link("/login", next=target), HTTPStatus.SEE_OTHER)


def _refused(_: Request, error: Exception) -> Response:
    assert isinstance(error, Refused)  # noqa: S101  for the type alone, as below
    return _fault(error.status, error.detail)


def _could_not(_: Request, error: Exception) -> Response:
    if isinstance(error, StoreUnavailable):
        answer = _fault(HTTPStatus.SERVICE_UNAVAILABLE, str(error))
        answer.headers["Retry-After"] = "5"
        return answer
    invalid = isinstance(error, ConfigInvalid)
    return _fault(HTTPStatus.UNPROCESSABLE_ENTITY if invalid else HTTPStatus.CONFLICT, str(error))


def _invalid(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101
    first = error.errors()[0]
    if first["loc"][0] == "path":
        return _fault(HTTPStatus.NOT_FOUND, "There is no such page.")
    name = "/".join(map(str, first["loc"][1:]))
    return _fault(HTTPStatus.UNPROCESSABLE_ENTITY, f"{name}: {first['msg']}")


def _other(request: Request, error: Exception) -> Response:
    """What the framework itself refuses."""
    assert isinstance(error, HTTPException)  # noqa: S101
    status = HTTPStatus(error.status_code)
    words = {
        HTTPStatus.NOT_FOUND: "There is no such page.",
        HTTPStatus.METHOD_NOT_ALLOWED: f"{request.method} is not possible here.",
    }
    return _fault(status, words.get(status, str(error.detail)))
