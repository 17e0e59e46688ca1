"""A program that is told of changes: a real HTTP or HTTPS server that remembers every call and answers as told."""

from __future__ import annotations

import json
import ssl
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

import standardwebhooks

from house import Keys
from rig.ports import HOST
from rig.tls import Certificates

SECRET = "whsec_" + "bmV3LXNlY3JldC1vZi10aGUtcmVjZWl2ZXI="
FORMER = "whsec_" + "b2xkLXNlY3JldC1vZi10aGUtcmVjZWl2ZXI="


@dataclass(frozen=True)
class Call:
    """One request."""

    path: str
    headers: dict[str, str]
    body: bytes
    at: float

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def event(self) -> dict[str, Any]:
        """What it says, if it is signed as the reference implementation would, whatever our clock says."""
        at = datetime.fromtimestamp(int(self.headers["webhook-timestamp"]), UTC)
        signature = standardwebhooks.Webhook(SECRET).sign(self.id, at, self.body.decode())
        assert signature in self.headers["webhook-signature"].split()
        said: dict[str, Any] = json.loads(self.body)
        return said

    @property
    def number(self) -> int:
        number: int = self.event["data"]["number"]
        return number


Answer = Callable[[Call, BaseHTTPRequestHandler], None]


def answer(status: int = 200, body: bytes = b"", **headers: str) -> Answer:
    """An answer with this status; a header such as Retry-After is `Retry_After`."""

    def give(_: Call, handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    return give


def drip(_: Call, handler: BaseHTTPRequestHandler) -> None:
    """An answer that never ends, a byte at a time."""
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    for _turn in range(400):
        handler.wfile.write(b"x")
        time.sleep(0.05)


def endless(_: Call, handler: BaseHTTPRequestHandler) -> None:
    """A good answer with a body as long as anybody reads it."""
    handler.send_response(200)
    handler.end_headers()
    while True:
        handler.wfile.write(b"x" * 65_536)


@dataclass
class Receiver:
    """`answers` are given one after the other, then `always`."""

    certificates: Certificates | None = None
    calls: list[Call] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)
    always: Answer = field(default_factory=answer)

    def __post_init__(self) -> None:
        self._server = _Server((HOST, 0), partial(_Handler, self))
        if self.certificates is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(self.certificates.cert, self.certificates.key)
            self._server.socket = context.wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    def url(self, host: str = HOST) -> str:
        scheme = "https" if self.certificates else "http"
        return f"{scheme}://{host}:{self.port}/hook?key=1"

    def settings(self, **keys: object) -> Keys:
        """The keys of a [[webhook]] that calls it."""
        plain = {"name": "crm", "url": self.url(), "secret": SECRET, "allow_private": True}
        return plain | {"timeout": "10s"} | keys

    @property
    def numbers(self) -> list[int]:
        """The changes it was told of, in order, each verified."""
        return [call.number for call in self.calls]


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def handle_error(self, request: object, client_address: object) -> None:
        """A caller who hangs up is no news."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 20

    def __init__(self, receiver: Receiver, *arguments: Any) -> None:  # noqa: ANN401  the library's
        self._receiver = receiver
        super().__init__(*arguments)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        headers = {name.lower(): value for name, value in self.headers.items()}
        call = Call(self.path, headers, body, time.monotonic())
        self._receiver.calls.append(call)
        answers = self._receiver.answers
        (answers.pop(0) if answers else self._receiver.always)(call, self)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the library's signature
        """Nothing."""
