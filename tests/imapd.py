"""A small IMAP server that does as it is told: what no real server can be made to do at the right moment."""

from __future__ import annotations

import contextlib
import re
import socket
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Self

from rig.ports import HOST

CLOSE = b"<close>"
HANG = b"<hang>"

Fault = Sequence[bytes]
"""What is sent instead of the answer, with $tag for the tag; CLOSE and HANG are done instead."""


@dataclass
class Imapd:
    """One INBOX of one user.

    `faults` by command come once each, those in `lasting` until they are taken out, and
    those in `hard` whenever the mail with that number is to be given out.
    """

    uidvalidity: int = 7
    capabilities: str = "IMAP4rev1 IDLE"
    mails: list[bytes] = field(default_factory=list)
    faults: dict[str, Fault] = field(default_factory=dict)
    lasting: dict[str, Fault] = field(default_factory=dict)
    hard: dict[int, Fault] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    open: int = 0
    most: int = 0
    """Connections now, and at most at a time."""
    _listener: socket.socket = field(default_factory=socket.socket)
    _idling: dict[socket.socket, bytes] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _ended: threading.Event = field(default_factory=threading.Event)

    @property
    def port(self) -> int:
        return int(self._listener.getsockname()[1])

    def __enter__(self) -> Self:
        self._listener.bind((HOST, 0))
        self._listener.listen(50)
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def put(self, *mails: bytes) -> None:
        """Mails come in, and whoever idles is told."""
        self.mails += mails
        self.tell(f"* {len(self.mails)} EXISTS\r\n".encode())

    def tell(self, words: bytes, *, close: bool = False) -> None:
        """Says something to everybody in IDLE."""
        for one in list(self._idling):
            with contextlib.suppress(OSError):
                one.sendall(words)
                if close:
                    one.shutdown(socket.SHUT_RDWR)

    @property
    def idling(self) -> int:
        return len(self._idling)

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._served, args=(connection,), daemon=True).start()

    def _served(self, connection: socket.socket) -> None:
        with self._lock:
            self.open += 1
            self.most = max(self.most, self.open)
        self._serve(connection)
        with self._lock:
            self.open -= 1

    def _serve(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError), connection, connection.makefile("rb") as lines:
            self._answer(connection, b"*", "GREETING", b"* OK here\r\n")
            for line in lines:
                tag, _, words = line.rstrip(b"\r\n").partition(b" ")
                if tag.upper() == b"DONE":
                    tag = self._idling.pop(connection, b"")
                    self._answer(connection, tag, "DONE", tag + b" OK done\r\n")
                    continue
                command = words.upper().removeprefix(b"UID ").split(b" ")[0].decode()
                if command == "FETCH" and b"BODY" in words:
                    wanted = _numbers(words.decode().split(" ")[2])
                    command = next((f"FETCH {uid}" for uid in wanted if uid in self.hard), command)
                self._answer(connection, tag, command, self._reply(tag, command, words.decode()))
                if command == "IDLE" and not self._ended.is_set():
                    self._idling[connection] = tag
                if command == "LOGOUT":
                    break
        self._idling.pop(connection, None)

    def _answer(self, connection: socket.socket, tag: bytes, command: str, answer: bytes) -> None:
        self.asked.append(command)
        fault = (
            self.faults.pop(command, None) or self.lasting.get(command) or self._fault(command) or [answer]
        )
        for piece in fault:
            if piece == CLOSE:
                connection.shutdown(socket.SHUT_RDWR)
                raise OSError
            if piece == HANG:
                self._ended.wait(60)
                raise OSError
            connection.sendall(piece.replace(b"$tag", tag))

    def _fault(self, command: str) -> Fault | None:
        verb, _, uid = command.partition(" ")
        return self.hard.get(int(uid)) if verb == "FETCH" and uid else None

    def _reply(self, tag: bytes, command: str, words: str) -> bytes:
        done = tag + b" OK done\r\n"
        if command == "IDLE":
            return b"+ idling\r\n"
        return "".join(self._lines(command, words)).encode() + done

    def _lines(self, command: str, words: str) -> list[str]:
        numbers = f"UIDVALIDITY {self.uidvalidity}", f"UIDNEXT {len(self.mails) + 1}"
        if command == "CAPABILITY":
            return [f"* CAPABILITY {self.capabilities}\r\n"]
        if command in {"SELECT", "EXAMINE"}:
            exists = [f"* {len(self.mails)} EXISTS\r\n", "* FLAGS (\\Seen)\r\n"]
            return exists + [f"* OK [{number}] so\r\n" for number in numbers]
        if command == "STATUS":
            return [f"* STATUS INBOX ({' '.join(numbers)})\r\n"]
        if command == "SEARCH":
            first = re.search(r"UID (\d+):\*", words)
            found = range(int(first[1]) if first else 1, len(self.mails) + 1)
            return [f"* SEARCH {' '.join(map(str, found))}\r\n"]
        if command == "FETCH":
            return [self._fetched(uid, words) for uid in _numbers(words.split(" ")[2])]
        return []

    def _fetched(self, uid: int, words: str) -> str:
        raw = self.mails[uid - 1].decode()
        date = '"01-Nov-2026 10:00:00 +0000"'
        facts = f"INTERNALDATE {date} RFC822.SIZE {len(raw)}" if "SIZE" in words else ""
        body = f"BODY[] {{{len(raw)}}}\r\n{raw}" if "BODY" in words else ""
        return f"* {uid} FETCH (UID {uid} {facts}{body})\r\n"


def _numbers(words: str) -> list[int]:
    found: list[int] = []
    for piece in words.split(","):
        first, _, last = piece.partition(":")
        found += range(int(first), int(last or first) + 1)
    return found
