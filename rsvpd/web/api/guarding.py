"""What holds for every request: how large it may be, and what browsers are told."""

from __future__ import annotations

from http import HTTPStatus

from fastapi import HTTPException
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from rsvpd.web.api.problems import problem

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
    """An application with these headers on every answer, that reads no body past the limit."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        read = 0

        async def receive_some() -> Message:
            nonlocal read
            message = await receive()
            read += len(message.get("body", b""))
            if read > BODY_BYTES:
                raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, _TOO_LARGE)
            return message

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        stated = Headers(scope=scope).get("content-length", "0")
        if stated.isdecimal() and int(stated) > BODY_BYTES:
            refusal = problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, _TOO_LARGE, {"Connection": "close"})
            await refusal(scope, receive, send_guarded)
            return
        await self.app(scope, receive_some, send_guarded)
