"""What holds for every request: how large it may be, and what browsers are told."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from http import HTTPStatus
from types import MappingProxyType

import structlog
from fastapi import HTTPException, Request
from fastapi.responses import Response
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from rsvpd.web.api.problems import mistake, problem

log = structlog.get_logger("rsvpd")

BODY_BYTES = 8 * 1024 * 1024
"""The largest body that is read: 100,000 attendees."""

_TOO_LARGE = f"the body is too large; at most {BODY_BYTES} octets are read"

_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Frame-Options": "DENY",
}


class Guarded:
    """An application with these headers, and others instead, on every answer, that reads no body past the limit.

    A mistake of ours is logged here, and answered by `sorry` as every other answer is.
    """

    def __init__(
        self,
        app: ASGIApp,
        headers: Mapping[str, str] = MappingProxyType({}),
        sorry: Callable[[Request], Response] = mistake,
    ) -> None:
        self.app = app
        self.sorry = sorry
        self.headers = {**_HEADERS, **headers}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        read, begun = 0, False

        async def receive_some() -> Message:
            nonlocal read
            message = await receive()
            read += len(message.get("body", b""))
            if read > BODY_BYTES:
                raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, _TOO_LARGE)
            return message

        async def send_guarded(message: Message) -> None:
            nonlocal begun
            if message["type"] == "http.response.start":
                begun = True
                headers = MutableHeaders(scope=message)
                for name, value in self.headers.items():
                    headers.setdefault(name, value)
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        stated = Headers(scope=scope).get("content-length", "0")
        if stated.isdecimal() and int(stated) > BODY_BYTES:
            refusal = problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, _TOO_LARGE, {"Connection": "close"})
            await refusal(scope, receive, send_guarded)
            return
        try:
            await self.app(scope, receive_some, send_guarded)
        except Exception as error:  # the framework's own answer to it would have none of the headers
            log.error("mistake in rsvpd", path=scope["path"], exc_info=error)  # noqa: TRY400
            if begun:
                raise
            await self.sorry(Request(scope))(scope, receive, send_guarded)
