"""The page: who is coming, for people with a browser.

Server-rendered and whole without JavaScript; with it, it follows what happens. Thin as
the API is: each path asks `store` for views or calls the verb that the command line calls.

visitors    who looks, and whether a form is ours
signing_in  a token made a pass
listing     the meetings
meeting     one meeting
downloads   CSV, XLSX and .ics
deciding    proposals and the review queue
health      how it goes
live        changes as they happen
wording     views -> words
pictures    counts -> bars and charts
showing     templates and static files
outline     what stands around every page
faults      error pages
"""

from __future__ import annotations

from collections.abc import Callable

from fastapi import FastAPI
from starlette.types import ASGIApp, Receive, Scope, Send

from rsvpd.seeing import Sight
from rsvpd.web.api.guarding import Guarded
from rsvpd.web.pages import deciding, downloads, health, listing, live, meeting, showing, signing_in
from rsvpd.web.pages.faults import answer_faults, sorry

_ROUTERS = (
    showing.router,
    signing_in.router,
    listing.router,
    meeting.router,
    downloads.router,
    deciding.router,
    live.router,
)
_OF_PROGRAMS = ("/api/", "/healthz", "/readyz", "/metrics")


def install(app: FastAPI, look: Callable[[], Sight]) -> None:
    """Puts the pages beside an API that is installed already, and lets in who may ask it; `look` says how it goes."""
    pages = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    pages.state.door, pages.state.stream = app.state.door, app.state.stream
    for router in (*_ROUTERS, health.routes(look)):
        pages.include_router(router)
    answer_faults(pages)
    pages.add_middleware(Guarded, headers=showing.HEADERS, sorry=sorry)
    app.add_middleware(Beside, pages=pages)


class Beside:
    """What is asked by programs goes on to them, everything else to the pages."""

    def __init__(self, app: ASGIApp, pages: ASGIApp) -> None:
        self.app = app
        self.pages = pages

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        programs = scope["type"] != "http" or scope["path"].startswith(_OF_PROGRAMS)
        await (self.app if programs else self.pages)(scope, receive, send)
