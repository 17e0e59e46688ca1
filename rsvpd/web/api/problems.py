"""Every answer that is not what was asked for: a problem with one line (RFC 9457)."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from rsvpd.config import ConfigInvalid
from rsvpd.contract import Problem
from rsvpd.drafts import DraftRefused
from rsvpd.ports import CouldNot, StoreUnavailable
from rsvpd.store.feed import FeedPruned

MEDIA_TYPE = "application/problem+json"


class Refused(Exception):  # noqa: N818  reads as what it is
    """What is asked for is not given; `detail` is the one line."""

    def __init__(self, status: HTTPStatus, detail: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.headers = headers


class NotModified(Exception):  # noqa: N818
    """The asker has it already (RFC 9110 15.4.5)."""

    def __init__(self, headers: Mapping[str, str]) -> None:
        super().__init__()
        self.headers = headers


def answer_problems(app: FastAPI) -> None:
    """Makes every exception an answer."""
    app.add_exception_handler(NotModified, _not_modified)
    app.add_exception_handler(Refused, _refused)
    app.add_exception_handler(CouldNot, _could_not)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(404, _other)
    app.add_exception_handler(405, _other)
    app.add_exception_handler(HTTPException, _other)


def problem(
    status: HTTPStatus,
    detail: str,
    headers: Mapping[str, str] | None = None,
    errors: tuple[dict[str, str], ...] | None = None,
) -> Response:
    """An answer in the form of RFC 9457."""
    said = Problem(title=status.phrase, status=status.value, detail=detail, errors=errors)
    return Response(
        said.model_dump_json(exclude_none=True), status.value, dict(headers or {}), media_type=MEDIA_TYPE
    )


def _not_modified(_: Request, error: Exception) -> Response:
    assert isinstance(error, NotModified)  # noqa: S101  for the type alone, as below
    return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=dict(error.headers))


def _refused(_: Request, error: Exception) -> Response:
    assert isinstance(error, Refused)  # noqa: S101
    return problem(error.status, error.detail, error.headers)


def _could_not(_: Request, error: Exception) -> Response:
    if isinstance(error, StoreUnavailable):
        return problem(HTTPStatus.SERVICE_UNAVAILABLE, str(error), {"Retry-After": "5"})
    if isinstance(error, FeedPruned):
        return problem(HTTPStatus.GONE, str(error))
    if isinstance(error, ConfigInvalid) or isinstance(error.__cause__, DraftRefused):
        return problem(HTTPStatus.UNPROCESSABLE_ENTITY, str(error))
    return problem(HTTPStatus.CONFLICT, str(error))


def _invalid(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101
    errors = tuple({"pointer": _pointer(one["loc"]), "detail": str(one["msg"])} for one in error.errors())
    first = errors[0]
    return problem(
        HTTPStatus.UNPROCESSABLE_ENTITY, f"{first['pointer']}: {first['detail']}", errors=errors[:20]
    )


def _pointer(location: tuple[int | str, ...]) -> str:
    """`body/attendees/0/email`, or `query/limit`."""
    return "/".join(map(str, location))


def _other(request: Request, error: Exception) -> Response:
    """What the framework itself refuses."""
    status = HTTPStatus(getattr(error, "status_code", 500))
    words = {
        HTTPStatus.NOT_FOUND: f"there is nothing at {request.url.path}",
        HTTPStatus.METHOD_NOT_ALLOWED: f"{request.method} is not possible here",
    }
    detail = words.get(status, str(getattr(error, "detail", status.phrase)))
    return problem(status, detail, getattr(error, "headers", None))


def mistake(_: Request) -> Response:
    """What is said of a mistake of ours."""
    return problem(HTTPStatus.INTERNAL_SERVER_ERROR, "that is a mistake in rsvpd; its log says more")
