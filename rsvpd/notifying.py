"""What systemd is told (sd_notify(3)): ready, reloading, stopping, alive, and one line of status.

Our own, because it is one datagram: sdnotify has not moved since 2017, and
cysystemd is compiled against libsystemd.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class Systemd:
    """Who started us, if it wants to hear: a socket of the file system, or an abstract one that begins with `@`.

    watchdog: how often it wants to hear that we are alive; None if it does not
    """

    address: str | None = None
    watchdog: timedelta | None = None

    def ready(self, status: str) -> None:
        """The work goes on, after a start or a reload."""
        self._tell("READY=1", f"STATUS={status}")

    def status(self, status: str) -> None:
        """What `systemctl status` shows."""
        self._tell(f"STATUS={status}")

    def reloading(self) -> None:
        """New settings are read; `ready` ends it."""
        self._tell("RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1000}")

    def stopping(self) -> None:
        """The end has begun."""
        self._tell("STOPPING=1", "STATUS=finishing the work in hand")

    def alive(self) -> None:
        """To be told at least once in `watchdog`, else we are restarted."""
        self._tell("WATCHDOG=1")

    def _tell(self, *lines: str) -> None:
        if self.address is None:
            return
        message = "\n".join(" ".join(line.split()) for line in lines)
        with (
            suppress(OSError),
            socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as wire,
        ):
            wire.sendto(message.encode(), _path(self.address))


def _path(address: str) -> str:
    return "\0" + address[1:] if address.startswith("@") else address


def systemd(environment: Mapping[str, str] = os.environ) -> Systemd:
    """Whom the environment names; nobody is told anything where it names none."""
    address = environment.get("NOTIFY_SOCKET", "")
    wanted, whose = environment.get("WATCHDOG_USEC", ""), environment.get("WATCHDOG_PID", "")
    watchdog = None
    if wanted.isdecimal() and int(wanted) and whose in {"", str(os.getpid())}:
        watchdog = timedelta(microseconds=int(wanted))
    return Systemd(address if address[:1] in {"/", "@"} and len(address) > 1 else None, watchdog)
