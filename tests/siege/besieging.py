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
from house import NOW, START, Keys, facts, invite, plain_reply
from rig.dovecot import DOMAIN, Dovecot
from rig.smtpd import Smtpd
from rsvpd.app import open_app
from rsvpd.config import load
from rsvpd.store.database import Database
from rsvpd.store.tables import AttendeeRow, InboundRow, MeetingRow, OutgoingRow
from siege.killing import DEATHS, SEED

ANSWERS = ("ACCEPTED", "DECLINED", "TENTATIVE")
PEOPLE = 15
_PATIENCE = 3.0, 20.0
"""Seconds after which one is killed that did not die at its point."""


@dataclass(frozen=True)
class Figures:
    """What was done, and what came of it."""

    kills: Counter[str]
    replies: int
    invitations: int
    repeated: int

    def __str__(self) -> str:
        where = "".join(f"\n  {number:>5} {point}" for point, number in self.kills.most_common())
        return (
            f"{self.kills.total()} kills, {self.replies} replies, {self.invitations} invitations; "
            f"0 lost, 0 recorded twice, {self.repeated} sent again, byte for byte{where}"
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
    kills: Counter[str] = field(default_factory=Counter)
    imap: Keys = field(default_factory=dict)
    smtp: Keys = field(default_factory=dict)
    """What is configured otherwise, for wires between."""
    _daemons: list[subprocess.Popen[bytes]] = field(default_factory=list)
    _second: int = 0

    def prepare(self, organizers: int, timeout: str = "10s") -> None:
        """Writes the configuration and registers the meetings."""
        imap = {"save_sent": False, "afterwards": "mark", "timeout": timeout, **self.imap}
        smtp = {"port": self.smtpd.port, "timeout": timeout, **self.smtp}
        self.organizers = [
            Party(f"org{n}.{uuid.uuid4().hex[:8]}@{DOMAIN}", f"Org {n}") for n in range(organizers)
        ]
        keys = [
            house.organizer(
                f"org{n}",
                one.address,
                imap=house.imap(self.dovecot, one.address, **imap),
                smtp=house.smtp(**smtp),
            )
            for n, one in enumerate(self.organizers)
        ]
        self.file = house.config(self.folder, *keys, database=self.url, poll_interval="1s")
        assert house.run("--config", self.file, "db", "upgrade").code == 0
        for n, one in enumerate(self.organizers):
            ics = self.folder / f"{n}.ics"
            ics.write_bytes(invite(_uid(n), *_people(n), ORGANIZER=f"mailto:{one.address}", SEQUENCE="1"))
            house.run("--config", self.file, "meeting", "import", ics, "--organizer", f"org{n}")

    def reply(self) -> None:
        """One attendee answers, or an answer comes late, or once more, or is to the invitation before the last."""
        n = self.chance.randrange(len(self.organizers))
        who = self.chance.choice(_people(n))
        self._second += 1
        late = self.chance.random() < 0.3
        second = self.chance.randrange(self._second) * 1000 + self._second if late else self._second * 1000
        partstat, stale = self.chance.choice(ANSWERS), self.chance.random() < 0.1
        answer = facts(
            _uid(n),
            attendee=who,
            organizer=self.organizers[n],
            partstat=partstat,
            sequence=0 if stale else 1,
            dtstamp=NOW - timedelta(days=200) + timedelta(seconds=second),
            message_id=f"{self._second}@{who.address}",
        )
        copies = 2 if self.chance.random() < 0.1 else 1
        for _ in range(copies):
            self.dovecot.deliver(self.organizers[n].address, plain_reply(answer))
        self.mails[self.organizers[n].address] += copies
        if stale:
            return
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
        self.start(daemons, armed=True)
        killer = threading.Thread(target=self._kill_until, args=(stop,), daemon=True)
        killer.start()
        try:
            yield
        finally:
            stop.set()
            killer.join()
            self.end()
            self.kills.update(self._deaths())
            self.start(daemons)

    def start(self, daemons: int, *, armed: bool = False) -> None:
        """Starts daemons; those that are armed die sooner or later."""
        self._daemons = [self._start(number, armed=armed) for number in range(daemons)]

    def _start(self, number: int, *, armed: bool) -> subprocess.Popen[bytes]:
        more = {SEED: str(self.chance.random()), DEATHS: str(self.folder / "deaths")} if armed else {}
        with (self.folder / f"daemon{number}.log").open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "siege.killing", "--config", self.file, "run"],
                env=house.environment(PYTHONPATH=str(Path(__file__).parent.parent), **more),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def _kill_until(self, stop: threading.Event) -> None:
        """Kills one at any moment, and starts again whoever is dead: most die by themselves, at a point."""
        due = time.monotonic() + self.chance.uniform(*_PATIENCE)
        while not stop.wait(0.05):
            if time.monotonic() > due:
                self.chance.choice(self._daemons).kill()
                self.kills["at any moment"] += 1
                due = time.monotonic() + self.chance.uniform(*_PATIENCE)
            for number, daemon in enumerate(self._daemons):
                if daemon.poll() is not None:
                    self._daemons[number] = self._start(number, armed=True)

    def _deaths(self) -> list[str]:
        told = self.folder / "deaths"
        return told.read_text().splitlines() if told.exists() else []

    def killed(self) -> int:
        """How many died up to now, under siege."""
        return self.kills["at any moment"] + len(self._deaths())

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
            house.eventually(lambda: self._unfinished(database) == (0, 0, 0), seconds)
            assert self._marked()
            with house.engines_disposed():
                assert open_app(load(self.file)[0]).review.replay(apply=False) == []
            return self._judged(database)
        finally:
            database.close()

    def _unfinished(self, database: Database) -> tuple[int, int, int]:
        """Mails not in the ledger, mails not marked on the server, and invitations not sent."""
        with database.read() as session:
            unmarked = session.exec(select(InboundRow.unfinished)).all()
            unsent = session.exec(select(OutgoingRow.id).where(OutgoingRow.status != "sent")).all()
        return self.mails.total() - len(unmarked), sum(unmarked), len(unsent)

    def _marked(self) -> bool:
        """Whether the server has our keyword at each of them."""
        flags = [flags for one in self.organizers for flags in self.dovecot.flags(one.address).values()]
        return len(flags) == self.mails.total() and all("$RsvpProcessed" in each for each in flags)

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
