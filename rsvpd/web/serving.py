"""HTTP served by uvicorn in a thread, beside the work."""

from __future__ import annotations

import os
import resource
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import uvicorn
from fastapi import FastAPI

from rsvpd.config import ConfigInvalid, Listener

_BACKLOG = 128
_WANTED_FILES = 4096
_GRACE_SECONDS = 3
"""How long answers under way may take when told to stop."""


@contextmanager
def serving(app: FastAPI, listen: Listener, closing: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Serves until the end of the block, when `closing` is called first.

    Raises `ConfigInvalid` where it cannot listen there.
    """
    with _listening(listen) as wire:
        # Our own log says what happens; an access log would be one line for each look of a monitor.
        config = uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            lifespan="off",
            server_header=False,
            timeout_graceful_shutdown=_GRACE_SECONDS,
            limit_concurrency=_most_connections(),
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, args=([wire],), name="http", daemon=True)
        thread.start()
        try:
            yield
        finally:
            closing()
            server.should_exit = True
            thread.join(_GRACE_SECONDS + 2)


def _most_connections() -> int:
    """Connections at a time; who comes later is told 503. The work needs files and connections of its own."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = _WANTED_FILES if hard == resource.RLIM_INFINITY else min(hard, _WANTED_FILES)
    if soft != resource.RLIM_INFINITY and soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
        soft = most
    return (_WANTED_FILES if soft == resource.RLIM_INFINITY else soft) * 3 // 4


@contextmanager
def _listening(listen: Listener) -> Iterator[socket.socket]:
    try:
        wire = _unix(listen.path) if listen.path else _tcp(listen)
    except OSError as error:
        words = (os.strerror(error.errno) if error.errno and error.errno > 0 else str(error)).lower()
        raise ConfigInvalid(f"http.listen {listen}: {words}") from error
    with wire:
        yield wire
    if listen.path:
        listen.path.unlink(missing_ok=True)


def _tcp(listen: Listener) -> socket.socket:
    family, *_, address = socket.getaddrinfo(listen.host, listen.port, type=socket.SOCK_STREAM)[0]
    return socket.create_server((str(address[0]), listen.port), family=family, backlog=_BACKLOG)


def _unix(path: Path) -> socket.socket:
    """What a process that is gone left there is replaced; what another one listens on is not."""
    wire = socket.socket(socket.AF_UNIX)
    try:
        if path.is_socket() and wire.connect_ex(str(path)) != 0:
            path.unlink()
        wire.close()
        wire = socket.socket(socket.AF_UNIX)
        wire.bind(str(path))
        path.chmod(0o660)  # whoever may open it still needs a token
        wire.listen(_BACKLOG)
    except OSError:
        wire.close()
        raise
    return wire
