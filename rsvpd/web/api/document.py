"""The OpenAPI document: what FastAPI finds in the paths, with every error as the problem that it is."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.responses import JSONResponse, Response

from rsvpd import __version__
from rsvpd.contract import Problem
from rsvpd.web.api.problems import MEDIA_TYPE

PATH = "/api/v1/openapi.json"

_PROBLEMS = {
    HTTPStatus.BAD_REQUEST: "The request cannot be read.",
    HTTPStatus.UNAUTHORIZED: "No token, or one that is wrong or revoked.",
    HTTPStatus.FORBIDDEN: "The token may not do this.",
    HTTPStatus.NOT_FOUND: "There is no such thing, or the token does not show it.",
    HTTPStatus.CONFLICT: "It cannot be done; the detail says why.",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "The body is too large.",
    HTTPStatus.UNPROCESSABLE_ENTITY: "What was sent is not understood; the detail says what to change.",
    HTTPStatus.TOO_MANY_REQUESTS: "Too many wrong tokens from this address.",
    HTTPStatus.SERVICE_UNAVAILABLE: "The database is away.",
}
RESPONSES: dict[int | str, dict[str, Any]] = {
    status.value: {
        "description": words,
        "content": {
            MEDIA_TYPE: {
                "schema": {"$ref": "#/components/schemas/Problem"},
                "example": {
                    "type": "about:blank",
                    "title": status.phrase,
                    "status": status.value,
                    "detail": words,
                },
            }
        },
    }
    for status, words in _PROBLEMS.items()
}
"""The errors of every path."""
UNCHANGED: dict[int | str, dict[str, Any]] = {
    304: {"description": "You have it already: If-None-Match names its ETag."}
}


def document(app: FastAPI) -> dict[str, Any]:
    """The whole document of an application that has nothing but the API."""
    made = get_openapi(
        title="rsvpd",
        version=__version__,
        summary="Who is coming?",
        description="Meetings that rsvpd invites to, and what their attendees answer. See the README, HTTP API.",
        routes=app.routes,
    )
    schemas = made.setdefault("components", {}).setdefault("schemas", {})
    schemas["Problem"] = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    return made


def publish(app: FastAPI, made: dict[str, Any]) -> None:
    """Serves the document, to anybody: it says nothing of this house."""

    @app.get(PATH, include_in_schema=False)
    def openapi() -> Response:
        return JSONResponse(made)
