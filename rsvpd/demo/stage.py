"""Everything that is real in the demo: a folder, a configuration, the daemon and the commands.

The daemon and each command run as processes of their own, as a user would
start them; only the mail servers and the people are make-believe.
"""

from __future__ import annotations

import json
import os
import smtplib
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import UTC, date, datetime, timedelta
from email.utils import format_datetime, make_msgid
from pathlib import Path
from typing import Self

from rsvpd.demo.attendees import BOARD_MEMBERS, BOARD_UID, INVITED
from rsvpd.demo.wire import content, entity, escape, multipart, part
from rsvpd.demo.world import HOST, MailWorld
from rsvpd.store import access
from rsvpd.store.access import Scope
from rsvpd.store.database import Database

ORGANIZER = "events@harbour.example"
SUMMARY = "Dinner at the boathouse"
BOARD_SUMMARY = "Harbour board"
_ZONE = "Europe/Zurich"
_COMMAND_SECONDS = 30.0
_STOP_SECONDS = 10.0


class StageError(Exception):
    """One line: which part of the demo could not run, and what it said."""


class Stage:
    """The daemon and its commands in a folder; a context manager that ends the daemon.

    folder: where configuration, database and log are
    config: the configuration, for whoever wants to look on from another terminal
    page: where the daemon shows who is coming
    """

    def __init__(self, folder: Path, world: MailWorld) -> None:
        """Prepare a stage; nothing is written before it is set."""
        self.folder = folder
        self.config = folder / "rsvpd.toml"
        self.database = f"sqlite:///{folder / 'rsvpd.db'}"
        self._port = _free_port()
        self.page = f"http://{HOST}:{self._port}/"
        self._log = folder / "daemon.log"
        self._world = world
        self._daemon: subprocess.Popen[bytes] | None = None
        self._open = ExitStack()

    def __enter__(self) -> Self:
        """Nothing yet: `set_up` starts what takes time."""
        return self

    def __exit__(self, *_: object) -> None:
        """End the daemon as systemd does: SIGTERM, wait, and SIGKILL only if that was in vain."""
        with self._open:
            if self._daemon and self._daemon.poll() is None:
                self._daemon.terminate()
                try:
                    self._daemon.wait(_STOP_SECONDS)
                except subprocess.TimeoutExpired:
                    self._daemon.kill()
                    self._daemon.wait()

    def set_up(self) -> None:
        """Write the configuration, make the database, start the daemon."""
        settings = _configuration(self.database, self._port, self._world)
        self.config.write_text(settings, encoding="utf-8")
        self.command("db", "upgrade")
        log = self._open.enter_context(self._log.open("wb"))
        self._daemon = self._start("run", output=log.fileno())

    def way_in(self) -> str:
        """A link to the page with a token in it, which is good as long as this stage is."""
        database = Database(self.database)
        try:
            with database.begin() as session:
                token = access.create(session, "demo", Scope.ADMIN, None, datetime.now(UTC))
        finally:
            database.close()
        return f"{self.page}login#{token}"

    def invite(self) -> None:
        """Invite to the dinner, and register the board meeting that another calendar has invited to."""
        dinner, board = self.folder / "dinner.json", self.folder / "board.ics"
        dinner.write_text(json.dumps(_dinner(), indent=2, ensure_ascii=False), encoding="utf-8")
        board.write_bytes(_board(sequence=2))
        with ThreadPoolExecutor() as both:
            imported = both.submit(self.command, "meeting", "import", str(board))
            self.command("meeting", "create", str(dinner))
            imported.result()
        self._send_board_invitations()

    def command(self, *arguments: str) -> str:
        """What `rsvpd` prints for these arguments; StageError where it fails."""
        process = self._start(*arguments, output=subprocess.PIPE)
        try:
            printed, _ = process.communicate(timeout=_COMMAND_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            raise StageError(f"rsvpd {' '.join(arguments)}: no end after {_COMMAND_SECONDS:.0f} s") from None
        if process.returncode:
            raise StageError(f"rsvpd {' '.join(arguments)}: {_last_line(printed)}")
        return printed.decode()

    def check(self) -> None:
        """StageError, with the last line of its log, if the daemon has ended by itself."""
        if self._daemon and self._daemon.poll() is not None:
            raise StageError(f"rsvpd run ended: {_last_line(self._log.read_bytes())}")

    def _start(self, *arguments: str, output: int) -> subprocess.Popen[bytes]:
        return subprocess.Popen(  # noqa: S603 - our own interpreter and arguments
            [sys.executable, "-m", "rsvpd", "--config", str(self.config), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            # What the user has set for a real daemon must not reach this one.
            env={name: value for name, value in os.environ.items() if not name.startswith("RSVPD_")},
            # A Ctrl-C is for the demo, which then ends the daemon in its own way.
            start_new_session=True,
        )

    def _send_board_invitations(self) -> None:
        with smtplib.SMTP(HOST, self._world.smtp_port, local_hostname="localhost") as smtp:
            for sequence in (1, 2):
                mail = _board_invitation(_board(sequence=sequence))
                smtp.sendmail(ORGANIZER, [member.address for member in BOARD_MEMBERS], mail)


def _last_line(output: bytes) -> str:
    lines = output.decode(errors="replace").split("\n")
    last = next((line.strip() for line in reversed(lines) if line.strip()), "it said nothing")
    return last.removeprefix("rsvpd: ")


def _free_port() -> int:
    with socket.create_server((HOST, 0)) as wire:
        port: int = wire.getsockname()[1]
    return port


def _configuration(database: str, port: int, world: MailWorld) -> str:
    quoted = {key: json.dumps(text) for key, text in {"url": database, "password": world.password}.items()}
    return f"""\
# The configuration of a running `rsvpd demo`; it goes when the demo ends.
poll_interval = "1s"

[database]
url = {quoted["url"]}

[http]
listen = "{HOST}:{port}"

[[organizer]]
name = "harbour"
address = "{ORGANIZER}"
display_name = "Harbour Office"
zone = "{_ZONE}"

[organizer.imap]
host = "{HOST}"
port = {world.imap_port}
security = "none"
username = "{ORGANIZER}"
password = {quoted["password"]}
folders = ["INBOX"]

[organizer.smtp]
host = "{HOST}"
port = {world.smtp_port}
security = "none"
"""


def _dinner() -> dict[str, object]:
    return {
        "organizer": "harbour",
        "summary": SUMMARY,
        "description": "Three courses by the water. Bring somebody if you like.",
        "location": "Boathouse, Pier 4",
        "start": f"{_a_friday()}T18:30",
        "duration": "4h",
        "zone": _ZONE,
        "attendees": [{"email": person.address, "name": person.name} for person in INVITED],
    }


def _a_friday() -> date:
    """A Friday in about three weeks: whenever the demo runs, it is still to come."""
    today = datetime.now(UTC).date()
    return today + timedelta(days=21 + (4 - today.weekday()) % 7)


def _board(*, sequence: int) -> bytes:
    """The board meeting as a calendar wrote it; each time it was moved it is an hour later."""
    day = _a_friday() + timedelta(days=3)
    hour = 13 + sequence
    return content(
        [
            *("BEGIN:VCALENDAR", "PRODID:-//Harbour//Old Calendar//EN", "VERSION:2.0", "METHOD:REQUEST"),
            "BEGIN:VEVENT",
            f"UID:{BOARD_UID}",
            f"DTSTAMP:{datetime.now(UTC):%Y%m%dT%H%M%SZ}",
            f"SEQUENCE:{sequence}",
            f"DTSTART:{day:%Y%m%d}T{hour:02}0000Z",
            f"DTEND:{day:%Y%m%d}T{hour + 1:02}0000Z",
            f"SUMMARY:{escape(BOARD_SUMMARY)}",
            "LOCATION:Pier 1",
            f"ORGANIZER;CN=Harbour Office:mailto:{ORGANIZER}",
            *(
                f"ATTENDEE;CN={member.name};PARTSTAT=NEEDS-ACTION;RSVP=TRUE:mailto:{member.address}"
                for member in BOARD_MEMBERS
            ),
            *("END:VEVENT", "END:VCALENDAR"),
        ]
    )


def _board_invitation(ics: bytes) -> bytes:
    headers = [
        f"From: Harbour Office <{ORGANIZER}>",
        f"To: {', '.join(member.address for member in BOARD_MEMBERS)}",
        f"Subject: {BOARD_SUMMARY}",
        f"Date: {format_datetime(datetime.now(UTC))}",
        f"Message-ID: {make_msgid(domain=ORGANIZER.rpartition('@')[2])}",
        "MIME-Version: 1.0",
        'Content-Type: multipart/alternative; boundary="harbour"',
    ]
    body = multipart(
        "harbour",
        part("text/plain; charset=utf-8", "7bit", b"Harbour board, Pier 1\r\n"),
        part("text/calendar; charset=utf-8; method=REQUEST", "base64", ics),
    )
    return entity(headers, body)
