"""What systemd would be: a socket that hears what a daemon says of itself; and `rsvpd run` beside it."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import house
from house import eventually


@dataclass
class Ear:
    """A notification socket, by default one of the file system; `@name` is abstract."""

    address: str
    heard: list[tuple[float, str]] = field(default_factory=list)
    _socket: socket.socket = field(default_factory=lambda: socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM))

    def __enter__(self) -> Self:
        self._socket.bind(self.address.replace("@", "\0", 1))
        self._socket.settimeout(0.05)
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def listen(self) -> list[str]:
        """Everything that was said up to now."""
        try:
            while True:
                self.heard.append((time.monotonic(), self._socket.recv(65_536).decode()))
        except TimeoutError:
            return [message for _, message in self.heard]

    def hears(self, line: str, *, after: int = 0, seconds: float = 30.0) -> int:
        """Waits for a line among what was said after so many messages; how many messages there are then."""
        eventually(lambda: any(line in said.split("\n") for said in self.listen()[after:]), seconds)
        return len(self.heard)


class Running:
    """`rsvpd run` as a process of its own, with a log in a file."""

    def __init__(self, file: Path, **environment: str) -> None:
        self.file = file
        self.log = file.with_suffix(".log")
        with self.log.open("wb") as sink:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "rsvpd", "--config", file, "run"],
                env=house.environment(**environment),
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=sink,
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()

    @property
    def said(self) -> str:
        return self.log.read_text(errors="replace")

    def says(self, words: str, seconds: float = 30.0) -> None:
        try:
            eventually(lambda: words in self.said or self.process.poll() is not None, seconds)
        finally:
            assert words in self.said, self.said

    def reload(self) -> None:
        self.process.send_signal(signal.SIGHUP)

    def end(self) -> str:
        """Everything it said, once it ended as it should."""
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(30) == 0, self.said
        assert "Traceback" not in self.said
        assert "mistake" not in self.said
        return self.said


def ask(port: int, path: str) -> tuple[int, str]:
    """Status and body of what is answered over HTTP; 0 if nobody answers."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=30) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()
    except urllib.error.URLError:
        return 0, ""


def health(port: int) -> dict[str, Any]:
    """What `/healthz` says, with its status."""
    status, body = ask(port, "/healthz")
    return {"status": status, **(json.loads(body) if body else {})}
