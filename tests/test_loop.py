"""The whole loop on real servers: invitations go out, answers come in, and the daemon ends when told to."""

from __future__ import annotations

import signal
import smtplib
import sqlite3
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from email import message_from_bytes
from pathlib import Path

import psycopg
import pytest

import house
from builders import Facts, Party, google, ios, microsoft365, outlook_tnef, sogo, thunderbird
from house import START, Keys, eventually, facts, invite, plain_reply, run
from rig.dovecot import DOMAIN, Dovecot
from rig.postfix import Postfix
from rig.postgres import Postgres

pytestmark = pytest.mark.slow

ANSWERS: list[tuple[Callable[[Facts], bytes], str]] = [
    (google, "ACCEPTED"),
    (microsoft365, "TENTATIVE"),
    (ios, "DECLINED"),
    (thunderbird, "ACCEPTED"),
    (outlook_tnef, "DECLINED"),
    (sogo, "TENTATIVE"),
]


class Running:
    """`rsvpd run` as a process of its own."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.log = file.with_suffix(".log")
        with self.log.open("wb") as sink:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "rsvpd", "--config", file, "run"],
                env=house.environment(),
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=sink,
            )

    def ready(self) -> Running:
        """Once it works; what it said instead, if it ended."""
        eventually(lambda: "started" in self.said or self.process.poll() is not None)
        assert self.process.poll() is None, self.said
        return self

    @property
    def said(self) -> str:
        return self.log.read_text(errors="replace")

    def counts(self, uid: str) -> dict[str, int]:
        """What reports show, without the zeros."""
        done = run("--config", self.file, "attendance", uid, "--format", "json")
        counts: dict[str, int] = done.object["counts"]
        return {partstat: number for partstat, number in counts.items() if number}

    def becomes(self, uid: str, counts: dict[str, int], seconds: float = 15.0) -> None:
        deadline = time.monotonic() + seconds
        while (found := self.counts(uid)) != counts:
            assert time.monotonic() < deadline, f"{found}\n{self.said}"
            time.sleep(0.1)

    def end(self, number: signal.Signals = signal.SIGTERM) -> str:
        """Everything it said, once it ended as it should."""
        asked = time.monotonic()
        self.process.send_signal(number)
        assert self.process.wait(15) == 0, self.said
        assert time.monotonic() - asked < 5
        assert "Traceback" not in self.said
        assert "mistake" not in self.said
        return self.said


@pytest.fixture
def start() -> Iterator[Callable[[Path], Running]]:
    started: list[Running] = []

    def begin(file: Path) -> Running:
        started.append(Running(file))
        return started[-1].ready()

    yield begin
    for one in started:
        one.process.kill()
        one.process.wait()


def somebody(name: str = "p") -> Party:
    return Party(f"{name}{uuid.uuid4().hex[:10]}@{DOMAIN}", f"{name.title()} Example")


def of(host: Party, dovecot: Dovecot, postfix: Postfix, name: str = "events", **imap: object) -> Keys:
    """An organizer whose mailbox is in Dovecot and who sends through Postfix."""
    keys = {"imap": house.imap(dovecot, host.address, **imap), "smtp": house.smtp(postfix.smtp_port)}
    return house.organizer(name, host.address, **keys)


def answer(raw: bytes, host: Party, attendee: Party, partstat: str) -> Facts:
    """What an attendee answers to the invitation that arrived."""
    message = message_from_bytes(raw)
    (ics,) = {
        bytes(p.get_payload(decode=True)) for p in message.walk() if p.get_content_type() == "text/calendar"
    }
    unfolded = ics.replace(b"\r\n ", b"").decode()
    uid = next(line for line in unfolded.splitlines() if line.startswith("UID:")).removeprefix("UID:")
    now = datetime.now(UTC).replace(microsecond=0)
    return facts(uid, organizer=host, attendee=attendee, partstat=partstat, dtstamp=now, invited_at=now)


def send(postfix: Postfix, sender: str, recipient: str, raw: bytes) -> None:
    with smtplib.SMTP(postfix.host, postfix.smtp_port, timeout=10) as client:
        client.sendmail(sender, [recipient], raw)


@pytest.mark.parametrize("where", ["sqlite", "postgresql"])
def test_everybody_is_invited_and_everybodys_answer_is_seen(
    start: Callable[[Path], Running],
    request: pytest.FixtureRequest,
    tmp_path: Path,
    dovecot: Dovecot,
    postfix: Postfix,
    where: str,
) -> None:
    host, people = somebody("events"), [somebody(f"p{number}.") for number in range(len(ANSWERS))]
    url = {} if where == "sqlite" else {"database": request.getfixturevalue("postgres").fresh_database()}
    daemon = start(house.config(tmp_path, of(host, dovecot, postfix), poll_interval="1s", **url))
    named = [word for one in people for word in ("--attendee", f"{one.name} <{one.address}>")]
    when = ("--start", f"{START:%Y-%m-%dT%H:%M}", "--duration", "1h", "--zone", "Europe/Zurich")
    words: tuple[str | Path, ...] = (
        "--config",
        daemon.file,
        "meeting",
        "create",
        "--summary",
        "Übersicht",
        *when,
        *named,
    )
    uid = run(*words, "--format", "json").object["uid"]

    for (build, partstat), person in zip(ANSWERS, people, strict=True):
        (raw,) = eventually(lambda box=person.address: dovecot.messages(box))  # type: ignore[misc]
        send(postfix, person.address, host.address, build(answer(raw, host, person, partstat)))
    daemon.becomes(uid, {"ACCEPTED": 2, "TENTATIVE": 2, "DECLINED": 2})
    done = run("--config", daemon.file, "attendance", uid, "--format", "json").object
    assert {a["delivery"] for a in done["attendees"]} == {"sent"}
    assert {a["email"]: a["partstat"] for a in done["attendees"]} == {
        person.address: partstat for (_, partstat), person in zip(ANSWERS, people, strict=True)
    }
    assert set(dovecot.flags(host.address).values()) == {frozenset()}
    assert "could not" not in daemon.end()


def test_an_invitation_that_bounces_is_seen(
    start: Callable[[Path], Running], tmp_path: Path, dovecot: Dovecot, postfix: Postfix
) -> None:
    host, nobody = somebody("events"), somebody("missing")
    daemon = start(house.config(tmp_path, of(host, dovecot, postfix), poll_interval="1s"))
    when = ("--start", f"{START:%Y-%m-%dT%H:%M}", "--duration", "1h")
    run("--config", daemon.file, "meeting", "create", "--summary", "x", *when, "--attendee", nobody.address)

    def failed() -> bool:
        shown = run("--config", daemon.file, "attendance", "--format", "json").object
        return bool(shown["attendees"][0]["delivery"] == "failed")

    eventually(failed)
    daemon.end()


@pytest.fixture
def watched(tmp_path: Path, dovecot: Dovecot) -> tuple[Path, Party, Party]:
    """A configuration, its organizer, and who is invited to the meeting that is imported."""
    host, alice = somebody("events"), somebody("alice")
    keys = house.organizer(address=host.address, imap=house.imap(dovecot, host.address))
    file = house.config(tmp_path, keys, poll_interval="1s")
    imported(file, host, alice)
    return file, host, alice


def imported(file: Path, host: Party, *people: Party) -> None:
    ics = file.with_name("meeting.ics")
    ics.write_bytes(invite(house.UID, *people, ORGANIZER=f"mailto:{host.address}"))
    assert run("--config", file, "meeting", "import", ics, "--organizer", "events").code == 0


def test_a_database_that_is_locked_for_a_while_delays_and_loses_nothing(
    start: Callable[[Path], Running], watched: tuple[Path, Party, Party], dovecot: Dovecot
) -> None:
    file, host, alice = watched
    daemon = start(file)
    other = sqlite3.connect(file.with_name("rsvpd.db"), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    dovecot.deliver(host.address, plain_reply(facts(attendee=alice)))
    time.sleep(2.5)
    assert daemon.counts(house.UID) == {"NEEDS-ACTION": 1}
    other.close()

    daemon.becomes(house.UID, {"ACCEPTED": 1})
    daemon.end()


def test_a_database_that_was_away_is_used_again(
    start: Callable[[Path], Running], tmp_path: Path, dovecot: Dovecot, postgres: Postgres
) -> None:
    host, alice = somebody("events"), somebody("alice")
    keys = house.organizer(address=host.address, imap=house.imap(dovecot, host.address))
    url = postgres.fresh_database()
    file = house.config(tmp_path, keys, poll_interval="1s", database=url)
    imported(file, host, alice)
    daemon = start(file)
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute("CHECKPOINT")
    postgres.stop()
    try:
        eventually(lambda: "could not" in daemon.said)
        dovecot.deliver(host.address, plain_reply(facts(attendee=alice)))
    finally:
        postgres.start()

    eventually(lambda: "works again" in daemon.said)
    daemon.becomes(house.UID, {"ACCEPTED": 1})
    daemon.end()


def test_a_mailbox_that_was_away_is_read_again(
    start: Callable[[Path], Running], watched: tuple[Path, Party, Party], dovecot: Dovecot
) -> None:
    file, host, alice = watched
    dovecot.deliver(host.address, plain_reply(facts(attendee=alice)))
    with dovecot.down():
        daemon = start(file)
        eventually(lambda: "connection refused" in daemon.said)
        time.sleep(1.5)
        assert daemon.said.count("connection refused") == 1

    daemon.becomes(house.UID, {"ACCEPTED": 1})
    assert "works again" in daemon.end()


def test_one_organizers_wrong_password_does_not_delay_another(
    start: Callable[[Path], Running], tmp_path: Path, dovecot: Dovecot
) -> None:
    host, alice, other = somebody("events"), somebody("alice"), somebody("sales")
    wrong = house.organizer("sales", other.address, imap=house.imap(dovecot, other.address, password="no"))
    right = house.organizer(address=host.address, imap=house.imap(dovecot, host.address))
    file = house.config(tmp_path, wrong, right, poll_interval="1s")
    imported(file, host, alice)
    daemon = start(file)
    eventually(lambda: "login refused" in daemon.said)
    dovecot.deliver(host.address, plain_reply(facts(attendee=alice)))

    daemon.becomes(house.UID, {"ACCEPTED": 1}, seconds=5)
    assert daemon.end().count("login refused") == 1


def test_a_signal_in_the_middle_of_much_work_ends_it_and_loses_nothing(
    start: Callable[[Path], Running],
    watched: tuple[Path, Party, Party],
    dovecot: Dovecot,
) -> None:
    file, host, alice = watched
    mails = [plain_reply(facts(attendee=alice, comment=str(n), message_id=f"{n}@x")) for n in range(700)]
    with dovecot.login(host.address) as client:
        client.multiappend("INBOX", mails)
    daemon = start(file)
    time.sleep(0.3)
    daemon.end(signal.SIGINT)

    assert run("--config", file, "poll").code == 0
    rows = run("--config", file, "replies", "--limit", "9999", "--format", "json").objects
    assert [row["outcome"] for row in rows] == ["applied"] + ["unchanged"] * 699


def test_without_an_organizer_there_is_nothing_to_run(tmp_path: Path) -> None:
    file = tmp_path / "rsvpd.toml"
    file.write_text(f'[database]\nurl = "sqlite:///{tmp_path}/x.db"\n')

    assert "no [[organizer]] is configured" in house.one_line(run("--config", file, "run"))
