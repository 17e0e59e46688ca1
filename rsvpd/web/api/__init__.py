"""`/api/v1`: meetings, who is coming, what waits for a person, and changes as they happen.

Thin: each path asks `store` for views or calls the verb that the command line calls.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fastapi import FastAPI

from rsvpd.app import App
from rsvpd.web.api import attendees, changes, meetings, proposals, replies
from rsvpd.web.api.callers import Door
from rsvpd.web.api.document import document, publish
from rsvpd.web.api.guarding import Guarded
from rsvpd.web.api.problems import answer_problems
from rsvpd.web.api.stream import Stream

_ROUTERS = (meetings.router, attendees.router, replies.router, proposals.router, changes.router)


def install(app: FastAPI, house: Callable[[], App]) -> Stream:
    """Puts the API into an application; `house` gives the one of the moment. What ends the open streams."""
    stream = Stream(house)
    app.state.door, app.state.stream = Door(house), stream
    _include(app)
    answer_problems(app)
    publish(app, openapi())
    app.add_middleware(Guarded)
    return stream


def openapi() -> dict[str, Any]:
    """The OpenAPI document, without a house."""
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    _include(app)
    return document(app)


def _include(app: FastAPI) -> None:
    for router in _ROUTERS:
        app.include_router(router, prefix="/api/v1")
