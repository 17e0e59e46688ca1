"""The whole house for tests: a configuration, meetings, `rsvpd` inside this process, and a wire in between."""

from __future__ import annotations

import contextlib
import io
import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Self, TypeVar
from unittest import mock

import pytest
from sqlalchemy import Engine, event

from builders import Facts, Party
from rig.dovecot import PASSWORD, Dovecot
from rig.ports import HOST, free_port
from rsvpd.__main__ import main
from rsvpd.app import App, open_app
from rsvpd.config import Settings, parse
from rsvpd.store import pages, queries
from rsvpd.store.database import Database
from rsvpd.store.pages import Sought
from rsvpd.store.queries import AttendeeView, LedgerView

UID = "review@example.org"
ALICE = Party("alice@example.com", "Alice Example")
BOB = Party("bob@example.com", "Bob Example")
EVENTS = Party("events@example.org", "Orga Nizer")
NOW = datetime.now(UTC).replace(microsecond=0)
START = (NOW + timedelta(days=40)).replace(minute=0, second=0)

Value = TypeVar("Value")
Keys = dict[str, Any]


def eventually(look: Callable[[], Value], seconds: float = 15.0) -> Value:
    """What `look` finds once it is something; fails when time is up."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := look():
            return found
        time.sleep(0.05)
    pytest.fail(f"nothing after {seconds} seconds")


# Configuration


def imap(dovecot: Dovecot, user: str, **keys: object) -> Keys:
    """The keys of [organizer.imap] for a mailbox of the rig."""
    plain = {"host": HOST, "port": dovecot.imap_port, "security": "none"}
    return plain | {"username": user, "password": PASSWORD, "timeout": "10s"} | keys


def smtp(port: int, **keys: object) -> Keys:
    """The keys of [organizer.smtp] for a server of the rig."""
    return {"host": HOST, "port": port, "security": "none", "timeout": "10s"} | keys


def organizer(name: str = "events", address: str = EVENTS.address, **keys: object) -> Keys:
    """An organizer whose SMTP server is away, unless another one is named."""
    return {"name": name, "address": address, "display_name": "Orga Nizer", "smtp": smtp(1)} | keys


def config(folder: Path, *organizers: Keys, **settings: object) -> Path:
    """Write a configuration, with SQLite in the same folder unless `database` names another URL."""
    url = settings.pop("database", f"sqlite:///{folder}/rsvpd.db")
    lines = [f"{key} = {_toml(value)}" for key, value in settings.items()]
    lines += ["[database]", f"url = {_toml(url)}"]
    for one in organizers or (organizer(),):
        lines += ["[[organizer]]", *_table(one)]
        for part in ("imap", "smtp", "oauth"):
            lines += [f"[organizer.{part}]", *_table(one[part])] if one.get(part) else []
    path = folder / "rsvpd.toml"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def _table(keys: Mapping[str, object]) -> list[str]:
    return [f"{key} = {_toml(value)}" for key, value in keys.items() if not isinstance(value, dict | None)]


def _toml(value: object) -> str:
    return json.dumps(value, default=str)


def app_of(*organizers: Keys, url: str, **settings: object) -> App:
    """The house itself, with its schema."""
    keys = {"database": {"url": url}, "organizer": [*organizers] or [organizer()], **settings}
    return open_app(parse(keys, Path("test")))


def settings_of(*organizers: Keys) -> Settings:
    """Settings without a file."""
    return parse({"organizer": [*organizers]}, Path("test"))


# Meetings and answers


def invite(uid: str = UID, *people: Party, **changes: str | None) -> bytes:
    """The .ics of a meeting, with Alice if nobody is named; `changes` replace or remove properties."""
    rows: dict[str, str | None] = {
        "UID": uid,
        "DTSTAMP": f"{NOW - timedelta(days=3):%Y%m%dT%H%M%SZ}",
        "SEQUENCE": "0",
        "SUMMARY": "Budget review",
        "DTSTART": f"{START:%Y%m%dT%H%M%SZ}",
        "DTEND": f"{START + timedelta(hours=1):%Y%m%dT%H%M%SZ}",
        "ORGANIZER": f"mailto:{EVENTS.address}",
    }
    lines = [f"{name}:{value}" for name, value in (rows | changes).items() if value is not None]
    lines += [f'ATTENDEE;CN="{p.name}";RSVP=TRUE:mailto:{p.address}' for p in people or (ALICE,)]
    around = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//test//EN", "BEGIN:VEVENT"]
    text = "\r\n".join([*around, *lines, "END:VEVENT", "END:VCALENDAR", ""])
    return text.encode()


def facts(uid: str = UID, **changes: Any) -> Facts:  # noqa: ANN401  whatever Facts has
    """Alice's answer to `invite()`, given an hour ago."""
    plain: Keys = {"attendee": ALICE, "organizer": EVENTS, "dtstamp": NOW - timedelta(hours=1)}
    times = {"start": START, "end": START + timedelta(hours=1), "invited_at": NOW - timedelta(days=3)}
    return Facts(uid=uid, **(plain | times | changes))


def plain_reply(answer: Facts, *extra: str, body: str | None = None) -> bytes:
    """The smallest answer there can be, or another calendar in the same mail."""
    ics = body or "\r\n".join(
        [
            "BEGIN:VCALENDAR",
            "VERSION:2.0",
            "PRODID:-//test//EN",
            "METHOD:REPLY",
            "BEGIN:VEVENT",
            f"UID:{answer.uid}",
            f"DTSTAMP:{answer.dtstamp:%Y%m%dT%H%M%SZ}",
            f"SEQUENCE:{answer.sequence or 0}",
            f"ATTENDEE;PARTSTAT={answer.partstat}:mailto:{answer.attendee.address}",
            *extra,
            "END:VEVENT",
            "END:VCALENDAR",
            "",
        ]
    )
    header = (
        f"From: {answer.attendee.address}\r\nTo: {answer.recipient.address}\r\nSubject: Answer\r\n"
        f"Date: {answer.dtstamp:%a, %d %b %Y %H:%M:%S +0000}\r\nMessage-ID: <{answer.token[:20]}@test>\r\n"
        "MIME-Version: 1.0\r\nContent-Type: text/calendar; method=REPLY; charset=utf-8\r\n"
        "Content-Transfer-Encoding: 8bit\r\n\r\n"
    )
    return (header + ics).encode()


def ledger(database: Database) -> list[LedgerView]:
    """Every row of the ledger."""
    with database.read() as session:
        return [*pages.replies(session, Sought(), limit=100_000).views[::-1]]


def outcomes(database: Database) -> list[str]:
    """The outcomes in the ledger, in order."""
    return [row.outcome for row in ledger(database)]


def attendee(database: Database, address: str = ALICE.address, uid: str = UID) -> AttendeeView:
    """One attendee as reports show them."""
    with database.read() as session:
        (view,) = queries.attendance(session, uids=[uid])
    return next(one for one in view.attendees if one.email == address)


# The command line


@dataclass(frozen=True)
class Done:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def objects(self) -> list[Keys]:
        """What `--format json` printed."""
        return [json.loads(line) for line in self.out.splitlines()]

    @property
    def object(self) -> Keys:
        """The only object that was printed."""
        (one,) = self.objects
        return one


def run(*arguments: str | Path, stdin: bytes = b"") -> Done:
    """Run `rsvpd` inside this process, as its own process would."""
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8", newline="") for _ in range(2))
    source = io.TextIOWrapper(io.BytesIO(stdin), encoding="utf-8")
    argv = ["rsvpd", *map(str, arguments)]
    streams = mock.patch.multiple(sys, argv=argv, stdin=source, stdout=out, stderr=err)
    with streams, engines_disposed(), pytest.raises(SystemExit) as ended:
        main()
        sys.exit(0)
    done = Done(_status(ended.value), *(_written(stream) for stream in (out, err)))
    assert "Traceback" not in done.err, done.err
    return done


def _status(ended: SystemExit) -> int:
    return ended.code if isinstance(ended.code, int) else int(ended.code is not None)


def _written(stream: io.TextIOWrapper) -> str:
    stream.flush()
    raw = stream.buffer
    assert isinstance(raw, io.BytesIO)
    return raw.getvalue().decode()


@contextlib.contextmanager
def engines_disposed() -> Iterator[None]:
    """What the end of a process would close."""
    seen: set[Engine] = set()

    def notice(connection: Any) -> None:  # noqa: ANN401  a Connection
        seen.add(connection.engine)

    event.listen(Engine, "engine_connect", notice)
    try:
        yield
    finally:
        event.remove(Engine, "engine_connect", notice)
        for engine in seen:
            engine.dispose()


def one_line(done: Done, code: int = 1) -> str:
    """The one line on stderr of a command that could not."""
    assert (done.code, done.out) == (code, ""), done
    (line,) = done.err.splitlines()
    assert line.startswith("rsvpd: ")
    return line


def start(*arguments: str | Path, **more: str) -> subprocess.Popen[str]:
    """Start `rsvpd` as a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "rsvpd", *map(str, arguments)],
        env=environment(**more),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def environment(**more: str) -> dict[str, str]:
    """The environment of a subprocess, without settings of whoever runs the tests."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("RSVPD_")}
    return kept | more


class World:
    """A configuration with its commands."""

    def __init__(self, folder: Path, *organizers: Keys) -> None:
        self.folder = folder
        self.file = config(folder, *organizers)

    def run(self, *arguments: str | Path, stdin: bytes = b"") -> Done:
        return run("--config", self.file, *arguments, stdin=stdin)

    def imports(self, *meetings: bytes) -> Done:
        files = [self.write(f"{number}.ics", data) for number, data in enumerate(meetings)]
        return self.run("meeting", "import", *files, "--organizer", "events")

    def write(self, name: str, data: bytes) -> Path:
        path = self.folder / name
        path.write_bytes(data)
        return path

    def ingest(self, *mails: bytes) -> list[Keys]:
        files = [self.write(f"{number}.eml", raw) for number, raw in enumerate(mails)]
        done = self.run("ingest", "--format", "json", *files)
        assert (done.code, done.err) == (0, "")
        return done.objects

    def attendance(self, *arguments: str) -> list[Keys]:
        done = self.run("attendance", "--format", "json", *arguments)
        assert (done.code, done.err) == (0, "")
        return done.objects


# A wire that counts and can be cut


@dataclass(slots=True)
class Wire:
    """A TCP proxy on loopback: counts what the server says, keeps what it is asked, and cuts the line after `limit` bytes."""

    target: int
    limit: int | None = None
    received: int = 0
    asked: bytes = b""
    port: int = field(default_factory=free_port)
    _listener: socket.socket = field(default_factory=socket.socket)
    _open: list[socket.socket] = field(default_factory=list)
    _threads: list[threading.Thread] = field(default_factory=list)

    def __enter__(self) -> Self:
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._listener.bind((HOST, self.port))
        self._listener.listen()
        self._start(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()
        for thread in self._threads:
            thread.join(5)
        for one in self._open:
            one.close()

    def cut(self) -> None:
        """Close every connection."""
        for one in self._open:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def _start(self, work: Callable[..., None], *arguments: object) -> None:
        thread = threading.Thread(target=work, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.create_connection((HOST, self.target))
            self._open += [client, server]
            self._start(self._pump, client, server, False)
            self._start(self._pump, server, client, True)

    def _pump(self, source: socket.socket, sink: socket.socket, counted: bool) -> None:  # noqa: FBT001
        with contextlib.suppress(OSError):
            while data := source.recv(65_536):
                if counted:
                    self.received += len(data)
                    if self.limit is not None and self.received > self.limit:
                        break
                else:
                    self.asked += data
                sink.sendall(data)
        for one in (source, sink):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)


def one_line_of(error: pytest.ExceptionInfo[BaseException]) -> str:
    """The message of what stopped work: one line, for a person."""
    words = str(error.value)
    assert words
    assert "\n" not in words
    return words
