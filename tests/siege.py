"""Daemons that are killed while replies arrive and invitations go out, and what must be true afterwards.

What is expected is computed from the mails alone: of each attendee the newest answer counts.
"""

from __future__ import annotations

import random
import subprocess
import sys
import threading
import time
import uuid
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from sqlmodel import select

import house
from builders import Party
from house import NOW, START, facts, invite, plain_reply
from rig.dovecot import DOMAIN, Dovecot
from rig.smtpd import Smtpd
from rsvpd.store.database import Database
from rsvpd.store.tables import AttendeeRow, InboundRow, MeetingRow, OutgoingRow

ANSWERS = ("ACCEPTED", "DECLINED", "TENTATIVE")
PEOPLE = 15


@dataclass(frozen=True)
class Figures:
    """What was done, and what came of it."""

    kills: int
    mails: int
    invitations: int
    repeated: int

    def __str__(self) -> str:
        return (
            f"{self.kills} kills, {self.mails} replies, {self.invitations} invitations "
            f"({self.repeated} sent again, byte for byte)"
        )


@dataclass
class Siege:
    """Organizers with a meeting each, whose attendees answer again and again in no good order."""

    folder: Path
    url: str
    dovecot: Dovecot
    smtpd: Smtpd
    chance: random.Random
    organizers: list[Party] = field(default_factory=list)
    newest: dict[tuple[str, str], tuple[int, str]] = field(default_factory=dict)
    mails: Counter[str] = field(default_factory=Counter)
    kills: int = 0
    _daemons: list[subprocess.Popen[bytes]] = field(default_factory=list)
    _second: int = 0

    def prepare(self, organizers: int) -> None:
        """Writes the configuration and registers the meetings."""
        self.organizers = [
            Party(f"org{n}.{uuid.uuid4().hex[:8]}@{DOMAIN}", f"Org {n}") for n in range(organizers)
        ]
        keys = [
            house.organizer(
                f"org{n}",
                one.address,
                imap=house.imap(self.dovecot, one.address, save_sent=False),
                smtp=house.smtp(self.smtpd.port),
            )
            for n, one in enumerate(self.organizers)
        ]
        self.file = house.config(self.folder, *keys, database=self.url, poll_interval="1s")
        assert house.run("--config", self.file, "db", "upgrade").code == 0
        for n, one in enumerate(self.organizers):
            ics = self.folder / f"{n}.ics"
            ics.write_bytes(invite(_uid(n), *_people(n), ORGANIZER=f"mailto:{one.address}"))
            house.run("--config", self.file, "meeting", "import", ics, "--organizer", f"org{n}")

    def reply(self) -> None:
        """One attendee answers, or an answer of theirs comes late, or once more."""
        n = self.chance.randrange(len(self.organizers))
        who = self.chance.choice(_people(n))
        self._second += 1
        late = self.chance.random() < 0.3
        second = self.chance.randrange(self._second) * 1000 + self._second if late else self._second * 1000
        partstat = self.chance.choice(ANSWERS)
        answer = facts(
            _uid(n),
            attendee=who,
            organizer=self.organizers[n],
            partstat=partstat,
            dtstamp=NOW - timedelta(days=20) + timedelta(seconds=second),
            message_id=f"{self._second}@{who.address}",
        )
        copies = 2 if self.chance.random() < 0.1 else 1
        for _ in range(copies):
            self.dovecot.deliver(self.organizers[n].address, plain_reply(answer))
        self.mails[self.organizers[n].address] += copies
        key = (_uid(n), who.address)
        self.newest[key] = max(self.newest.get(key, (-1, "")), (second, partstat))

    def invite(self) -> None:
        """An organizer invites some people, with the command that works beside the daemons."""
        n = self.chance.randrange(len(self.organizers))
        people = [
            word for i in range(3) for word in ("--attendee", f"i{i}.{uuid.uuid4().hex[:6]}@example.net")
        ]
        when = ("--start", f"{START:%Y-%m-%dT%H:%M}", "--duration", "1h")
        words = ("meeting", "create", "--organizer", f"org{n}", "--summary", "x", *when, *people)
        assert house.run("--config", self.file, *words).code == 0

    @contextmanager
    def besieged(self, daemons: int) -> Iterator[None]:
        """Daemons that are killed at any moment and started again."""
        stop = threading.Event()
        self._daemons = [self._start(n) for n in range(daemons)]
        killer = threading.Thread(target=self._kill_until, args=(stop,), daemon=True)
        killer.start()
        try:
            yield
        finally:
            stop.set()
            killer.join()

    def _start(self, number: int) -> subprocess.Popen[bytes]:
        with (self.folder / f"daemon{number}.log").open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "rsvpd", "--config", self.file, "run"],
                env=house.environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def _kill_until(self, stop: threading.Event) -> None:
        chance = random.Random(self.chance.random())  # noqa: S311  a schedule, no secret
        while not stop.wait(chance.uniform(1, 5)):
            number = chance.randrange(len(self._daemons))
            self._daemons[number].kill()
            self._daemons[number].wait()
            self.kills += 1
            stop.wait(chance.uniform(0, 1))
            self._daemons[number] = self._start(number)

    def end(self) -> None:
        """Ends the daemons that are left."""
        for daemon in self._daemons:
            daemon.kill()
            daemon.wait()

    def said(self) -> str:
        """What the daemons logged."""
        return "\n".join(log.read_text(errors="replace") for log in self.folder.glob("daemon*.log"))

    def settled(self, seconds: float = 120.0) -> Figures:
        """Waits until all is done, and says whether it was done right."""
        database = Database(self.url)
        try:
            house.eventually(lambda: self._unfinished(database) == (0, 0), seconds)
            return self._judged(database)
        finally:
            database.close()

    def _unfinished(self, database: Database) -> tuple[int, int]:
        """Mails not in the ledger, and invitations not sent."""
        with database.read() as session:
            rows = len(session.exec(select(InboundRow.id)).all())
            unsent = session.exec(select(OutgoingRow.id).where(OutgoingRow.status != "sent")).all()
        return self.mails.total() - rows, len(unsent)

    def _judged(self, database: Database) -> Figures:
        with database.read() as session:
            found = session.exec(
                select(MeetingRow.uid, AttendeeRow.address, AttendeeRow.partstat)
                .join(AttendeeRow, AttendeeRow.meeting_id == MeetingRow.id)  # type: ignore[arg-type]
                .where(MeetingRow.sends == False)  # noqa: E712
            ).all()
            mails = Counter(session.exec(select(InboundRow.mailbox)).all())
            sent = {row.message_id: row.raw for row in session.exec(select(OutgoingRow))}
        shown = {(uid, address): partstat for uid, address, partstat in found}
        assert {key: shown[key] for key in self.newest} == {k: said for k, (_, said) in self.newest.items()}
        assert sorted(mails.values()) == sorted(self.mails.values())
        taken: dict[str, list[bytes]] = defaultdict(list)
        for mail in self.smtpd.taken:
            message_id = next(i for i in sent if i.encode() in mail.content)
            taken[message_id].append(mail.content)
        assert taken.keys() == sent.keys()
        assert all(len(set(copies)) == 1 for copies in taken.values())
        repeated = sum(len(copies) - 1 for copies in taken.values())
        return Figures(self.kills, self.mails.total(), len(sent), repeated)


def work(siege: Siege, seconds: float, replies_per_second: float, invitations: int) -> None:
    """Replies all the time, and now and then an invitation."""
    jobs: list[Callable[[], None]] = [siege.reply] * int(seconds * replies_per_second)
    for n in range(invitations):
        jobs.insert((n + 1) * len(jobs) // (invitations + 1), siege.invite)
    began = time.monotonic()
    for done, job in enumerate(jobs, 1):
        job()
        time.sleep(max(0.0, began + seconds * done / len(jobs) - time.monotonic()))


def _uid(number: int) -> str:
    return f"siege-{number}@example.org"


def _people(number: int) -> list[Party]:
    return [Party(f"p{i}.{number}@example.com", f"P {i}") for i in range(PEOPLE)]
