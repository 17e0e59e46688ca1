"""HTTP served by uvicorn in a thread, beside the work."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from fastapi import FastAPI

from rsvpd.config import ConfigInvalid, Listener

_GRACE_SECONDS = 3
"""How long answers under way may take when told to stop."""


@contextmanager
def serving(app: FastAPI, listen: Listener) -> Iterator[int]:
    """Serves until the end of the block; the port. Raises `ConfigInvalid` where it cannot listen there."""
    with _listening(listen) as wire:
        # Our own log says what happens; an access log would be one line for each look of a monitor.
        config = uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            lifespan="off",
            server_header=False,
            timeout_graceful_shutdown=_GRACE_SECONDS,
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, args=([wire],), name="http", daemon=True)
        thread.start()
        try:
            yield wire.getsockname()[1]
        finally:
            server.should_exit = True
            thread.join(_GRACE_SECONDS + 2)


@contextmanager
def _listening(listen: Listener) -> Iterator[socket.socket]:
    try:
        family, *_, address = socket.getaddrinfo(listen.host, listen.port, type=socket.SOCK_STREAM)[0]
        wire = socket.create_server((str(address[0]), listen.port), family=family, backlog=128)
    except OSError as error:
        words = (os.strerror(error.errno) if error.errno and error.errno > 0 else str(error)).lower()
        raise ConfigInvalid(f"http.listen {listen.host} port {listen.port}: {words}") from error
    with wire:
        yield wire
