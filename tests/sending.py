"""An organizer with mails to send, a clock set by hand, and an SMTP server that does as it is told."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any, Self

from sqlmodel import select

import house
from house import ALICE, NOW, START, UID, Keys
from rig.ports import HOST, free_port
from rsvpd import sharing
from rsvpd.app import App
from rsvpd.config import OrganizerSettings
from rsvpd.delivery import Delivered, Delivery
from rsvpd.store.tables import OutgoingRow


@dataclass
class Ticking:
    """A clock that is set by hand."""

    moment: datetime = NOW

    def now(self) -> datetime:
        return self.moment

    def later(self, **much: float) -> None:
        self.moment += timedelta(**much)


@dataclass
class Post:
    """A house with mails to send; its clock stands a little ahead, so that what was just put in is due."""

    app: App
    clock: Ticking = field(default_factory=lambda: Ticking(datetime.now(UTC) + timedelta(minutes=5)))

    def invite(self, *attendees: str, uid: str = UID) -> None:
        fields: Keys = {
            "uid": uid,
            "summary": "Budget review",
            "attendees": list(attendees or (ALICE.address,)),
        }
        times = {"start": f"{START:%Y-%m-%dT%H:%M}", "duration": "1h"}
        self.app.invitations.create(fields | times)

    def drain(self, smtp: Keys, **options: Callable[[], bool]) -> Delivered:
        with self.delivery() as delivery:
            return delivery.drain(organizer(smtp=smtp), **options)

    @contextlib.contextmanager
    def delivery(self) -> Iterator[Delivery]:
        with sharing.member(self.app.database) as worker:
            yield replace(self.app.delivery(worker), clock=self.clock)

    @property
    def rows(self) -> dict[str, OutgoingRow]:
        with self.app.database.begin() as session:
            return {row.recipient: row for row in session.exec(select(OutgoingRow))}

    def statuses(self) -> dict[str, str]:
        return {recipient: row.status for recipient, row in self.rows.items()}

    def shown(self, address: str = ALICE.address) -> tuple[str | None, str | None]:
        view = house.attendee(self.app.database, address)
        return view.delivery, view.delivery_words


def organizer(**keys: Any) -> OrganizerSettings:  # noqa: ANN401  whatever a section has
    (one,) = house.settings_of(house.organizer(**keys)).organizer
    return one


@contextlib.contextmanager
def post(url: str) -> Iterator[Post]:
    app = house.app_of(url=url)
    try:
        yield Post(app)
    finally:
        app.database.close()


def mail(content: bytes) -> EmailMessage:
    """A mail as it was sent."""
    found = message_from_bytes(content, policy=default)
    assert isinstance(found, EmailMessage)
    return found


def recipients(mails: Sequence[EmailMessage]) -> list[str]:
    return sorted(str(one["To"]).strip("<>").rpartition("<")[2] for one in mails)


def calendar(one: EmailMessage) -> str:
    part = next((p for p in one.walk() if p.get_content_type() == "text/calendar"), None)
    return part.get_content() if part is not None else ""


def words(one: EmailMessage) -> str:
    part = one.get_body(("plain",))
    assert part is not None
    return " ".join(str(part.get_content()).split())


SILENCE = "silence"
HANG_UP = "hang up"


@dataclass
class Scripted:
    """An SMTP server that answers each command as `answers` says, by its start; content is `CONTENT`.

    An answer is a line, `HANG_UP` for none and the end, or `SILENCE` for none at all.
    heard: every command, and `content` is what came as mails; greetings: how many connections there were
    groups: how many times it heard something, however much at once
    """

    answers: dict[str, str] = field(default_factory=dict)
    offers: Sequence[str] = ("PIPELINING",)
    closes_after: int | None = None
    heard: list[str] = field(default_factory=list)
    content: list[bytes] = field(default_factory=list)
    greetings: int = 0
    groups: int = 0
    port: int = field(default_factory=free_port)
    _listener: socket.socket = field(default_factory=socket.socket)
    _threads: list[threading.Thread] = field(default_factory=list)
    _open: list[socket.socket] = field(default_factory=list)

    def __enter__(self) -> Self:
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._listener.bind((HOST, self.port))
        self._listener.listen()
        self._start(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        for one in (self._listener, *self._open):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()
        for thread in self._threads:
            thread.join(5)

    def _start(self, work: Callable[..., None], *arguments: object) -> None:
        thread = threading.Thread(target=work, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.greetings += 1
            self._open.append(connection)
            self._start(self._guarded, connection)

    def _guarded(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError), connection:
            self._converse(connection)

    def _converse(self, connection: socket.socket) -> None:
        lines = self._lines(connection)
        mails = 0
        connection.sendall(b"220 scripted\r\n")
        for command in lines:
            self.heard.append(command)
            answer = self._answer(command)
            if answer == SILENCE:
                continue
            if answer == HANG_UP:
                return
            connection.sendall(f"{answer}\r\n".encode())
            if answer.startswith("354"):
                self.content.append(self._content(lines))
                mails += 1
                answer = self._answer("CONTENT")
                if answer == HANG_UP:
                    return
                connection.sendall(f"{answer}\r\n".encode())
            if answer.startswith("421") or command == "QUIT" or mails == self.closes_after:
                return

    @staticmethod
    def _content(lines: Iterator[str]) -> bytes:
        """Up to the dot, without the dots that were put before others (RFC 5321 4.5.2)."""
        return "".join(
            f"{line.removeprefix('.')}\r\n" for line in iter(lambda: next(lines, "."), ".")
        ).encode()

    def _answer(self, command: str) -> str:
        for start, answer in self.answers.items():
            if command.startswith(start):
                return answer
        if command.upper().startswith("EHLO"):
            names = ["scripted", *self.offers]
            return "\r\n".join(f"250{'-' if n < len(names) - 1 else ' '}{x}" for n, x in enumerate(names))
        return "354 go on" if command == "DATA" else "250 fine"

    def _lines(self, connection: socket.socket) -> Iterator[str]:
        held = b""
        while True:
            while b"\r\n" in held:
                line, held = held.split(b"\r\n", 1)
                yield line.decode()
            data = connection.recv(1_000_000)
            if not data:
                return
            self.groups += 1
            held += data
