"""Servers that fail while mailboxes are watched: nothing lost, nothing twice, and back to work without help."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

import house
from house import Keys, eventually
from imapd import CLOSE, HANG, Fault, Imapd
from rig.dovecot import Dovecot
from rsvpd.store import ledger
from watchhouse import Watching, reply, watching


@dataclass
class Pair:
    """Two mailboxes on two servers: one of them fails, the other one must not notice."""

    failing: Imapd
    well: Imapd
    one: Watching

    def well_works(self) -> None:
        """A mail that comes into the other mailbox is recorded meanwhile."""
        before = len(self.well.mails)
        self.well.put(reply(before))
        eventually(lambda: len(self.rows("o1")) == before + 1, 10)

    def rows(self, name: str) -> list[str]:
        return [r.outcome for r in house.ledger(self.one.app.database) if r.mailbox == f"{name}/INBOX"]

    def recorded(self, *outcomes: str) -> None:
        """Waits for exactly these in the mailbox that failed, and sees that no more follow."""
        eventually(lambda: self.rows("events") == list(outcomes))
        asked = len(self.failing.asked)
        self.one.watch.kick("events")
        eventually(lambda: len(self.failing.asked) > asked)
        eventually(self.one.idles)
        assert self.rows("events") == list(outcomes)


def scripted(server: Imapd) -> Keys:
    login = {"username": "u", "password": "p", "security": "none", "host": "127.0.0.1"}
    return login | {"port": server.port, "timeout": "1s"}


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    with (
        Imapd() as failing,
        Imapd() as well,
        watching(tmp_path, scripted(failing), scripted(well), interval="1s") as one,
    ):
        eventually(lambda: one.idles() and one.idles("o1"))
        yield Pair(failing, well, one)


MAIL = b"* 1 FETCH (UID 1 BODY[] "
FAULTS: dict[str, tuple[str, Fault, str]] = {
    "closes in the middle of a mail": (
        "FETCH",
        [MAIL + b"{1000}\r\nFrom: a", CLOSE],
        "closed the connection",
    ),
    "hangs in the middle of a mail": ("FETCH", [MAIL + b"{1000}\r\nFrom: a", HANG], "no answer in time"),
    "hangs without closing": ("STATUS", [HANG], "no answer in time"),
    "says goodbye": ("STATUS", [b"* BYE down for repairs\r\n", CLOSE], "down for repairs"),
    "answers garbage": ("FETCH", [b"\x00\xff what?\r\n$tag OK\r\n"], "events: imap"),
    "answers another protocol": (
        "STATUS",
        [b"HTTP/1.1 400 Bad Request\r\n\r\n", CLOSE],
        "unexpected response",
    ),
    "answers what cannot be parsed": ("FETCH", [b"* 1 FETCH (UID 1 BODY[] \r\n$tag OK\r\n"], "events: imap"),
    "announces too little": ("FETCH", [MAIL + b"{4}\r\nFrom: a@b\r\n\r\nx)\r\n$tag OK\r\n"], "events: imap"),
    "announces what is no number": ("FETCH", [MAIL + b"{-4}\r\n)\r\n$tag OK\r\n"], "events: imap"),
    "is out of order": ("EXAMINE", [b"$tag NO [UNAVAILABLE] later\r\n"], "asks for patience"),
    "is in use": ("FETCH", [b"$tag NO [INUSE] locked\r\n"], "asks for patience"),
    "throttles": ("SEARCH", [b"$tag NO [LIMIT] too many\r\n"], "asks for patience"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_server_that_fails_with_a_mail_in_hand(pair: Pair, fault: str) -> None:
    command, answer, words = FAULTS[fault]
    pair.failing.lasting[command] = answer
    pair.failing.put(reply())
    (line,) = eventually(lambda: pair.one.lines("could not"))
    assert words in line
    pair.well_works()
    pair.failing.lasting.clear()

    pair.one.works_again()
    pair.recorded("applied")


ON_THE_WAY_IN: dict[str, tuple[str, Fault, str]] = {
    "throttled": ("LOGIN", [b"$tag NO [LIMIT] too many connections\r\n"], "asks for patience"),
    "out of order": ("LOGIN", [b"$tag NO [UNAVAILABLE] try later\r\n"], "asks for patience"),
    "refused": ("LOGIN", [b"$tag NO [AUTHENTICATIONFAILED] no\r\n"], "check username and password"),
    "hanging": ("GREETING", [HANG], "no answer in time"),
    "no IMAP": ("GREETING", [b"220 smtp.example.org\r\n"], "events: imap"),
    "closed": ("GREETING", [b"* BYE full\r\n", CLOSE], "full"),
}


@pytest.mark.parametrize("fault", ON_THE_WAY_IN)
def test_a_server_that_lets_nobody_in_for_a_while(pair: Pair, fault: str) -> None:
    command, answer, words = ON_THE_WAY_IN[fault]
    pair.failing.lasting[command] = answer
    pair.failing.tell(b"", close=True)
    pair.failing.mails.append(reply())
    eventually(lambda: words in pair.one.trouble())
    pair.well_works()
    pair.failing.lasting.clear()

    eventually(lambda: pair.one.lines("works again"))
    pair.recorded("applied")


def test_a_server_that_says_goodbye_in_idle(pair: Pair) -> None:
    pair.failing.tell(b"* BYE maintenance\r\n", close=True)
    (line,) = eventually(lambda: pair.one.lines("could not"))
    assert "maintenance" in line
    pair.one.works_again()
    pair.failing.put(reply())
    pair.recorded("applied")


def test_a_server_that_is_silent_in_idle_is_noticed(pair: Pair) -> None:
    pair.failing.lasting["DONE"] = [HANG]
    (line,) = eventually(lambda: pair.one.lines("could not"))
    assert "no answer in time" in line
    pair.failing.lasting.clear()
    pair.one.works_again()
    pair.failing.put(reply())
    pair.recorded("applied")


def test_garbage_in_idle_is_a_reason_to_look_and_no_more(pair: Pair) -> None:
    pair.failing.tell(b"\x00\xff nonsense\r\n* 9 EXISTS of what\r\nhalf a li")
    pair.failing.mails.append(reply())
    eventually(lambda: pair.rows("events") == ["applied"])


@pytest.mark.parametrize("answer", [b"$tag NO not now\r\n", b"$tag BAD what?\r\n"])
def test_a_server_that_refuses_idle_is_polled(tmp_path: Path, answer: bytes) -> None:
    with Imapd(lasting={"IDLE": [answer]}) as server:
        with watching(tmp_path, scripted(server), interval="1s") as one:
            eventually(one.rests)
            server.put(reply())
            one.becomes("applied", seconds=5)
            time.sleep(1.5)
        assert one.lines("could not") == []
        assert (server.asked.count("LOGIN"), server.asked.count("IDLE")) == (1, 1)


def test_mailboxes_beyond_the_limit_of_connections_take_turns(tmp_path: Path) -> None:
    with Imapd() as server:
        keys = scripted(server) | {"connections_per_server": 2, "timeout": "10s"}
        with watching(tmp_path, *[keys] * 5, interval="1s") as one:
            eventually(lambda: all(one.rests(name) for name in ("events", "o1", "o2", "o3", "o4")))
            server.put(reply())
            one.becomes(*["applied"] * 5)
        assert server.most == 2
        assert [line for line in one.said if line["event"] == "could not"] == []


def test_news_before_the_continuation_are_heard(tmp_path: Path) -> None:
    said: Fault = [b"* 1 EXISTS\r\n+ idling\r\n"]
    with Imapd() as server, watching(tmp_path, scripted(server), interval="1h") as one:
        eventually(one.idles)
        server.faults["IDLE"] = said
        server.mails.append(reply())
        server.faults["STATUS"] = [b"* STATUS INBOX (UIDVALIDITY 7 UIDNEXT 1)\r\n$tag OK done\r\n"]
        one.watch.kick("events")
        one.becomes("applied", seconds=5)


@dataclass
class Real:
    """A mailbox of Dovecot that is told of news by the minute, and looked at each second."""

    dovecot: Dovecot
    user: str
    one: Watching

    def recorded_from_here_on(self, *before: str) -> None:
        self.dovecot.deliver(self.user, reply(99, "DECLINED"))
        self.one.becomes(*before, "applied")


@pytest.fixture
def real(tmp_path: Path, dovecot: Dovecot, mailbox_user: str) -> Iterator[Real]:
    keys = house.imap(dovecot, mailbox_user, folders=["INBOX", "Replies"], timeout="5s")
    dovecot.append(mailbox_user, reply(), "Replies")
    with watching(tmp_path, keys, interval="1s") as one:
        one.becomes("applied")
        eventually(one.idles)
        yield Real(dovecot, mailbox_user, one)


def test_dovecot_kicks(real: Real) -> None:
    real.dovecot.kick(real.user)
    real.one.works_again()
    real.recorded_from_here_on("applied")


def test_dovecot_is_restarted(real: Real) -> None:
    with real.dovecot.down():
        eventually(lambda: real.one.lines("could not"))
    real.one.works_again()
    real.recorded_from_here_on("applied")


def test_uidvalidity_changes_and_nothing_is_recorded_twice(real: Real) -> None:
    real.dovecot.deliver(real.user, reply(1))
    real.one.becomes("applied", "unchanged")
    for folder in ("INBOX", "Replies"):
        real.dovecot.set_uidvalidity(real.user, 4711, folder)
    real.recorded_from_here_on("applied", "unchanged")
    with real.one.app.database.read() as session:
        cursors = [ledger.cursor(session, f"events/{name}") for name in ("INBOX", "Replies")]
    assert [cursor.uidvalidity for cursor in cursors if cursor] == [4711, 4711]


def test_a_folder_that_is_lost_keeps_no_other_from_being_read(real: Real) -> None:
    with real.dovecot.login(real.user) as client:
        client.delete_folder("Replies")
    (line,) = eventually(lambda: real.one.lines("could not", "poll events/Replies"))
    assert "folder Replies" in line
    real.recorded_from_here_on("applied")
    assert real.one.lines("could not") == []

    real.dovecot.append(real.user, reply(1, "TENTATIVE"), "Replies")
    real.one.works_again("poll events/Replies")
    real.one.becomes("applied", "applied", "applied")


def test_a_password_that_expires_at_night(real: Real, tmp_path: Path) -> None:
    real.dovecot.set_password(real.user, "changed")
    real.dovecot.kick(real.user)
    eventually(lambda: any("check username and password" in line for line in real.one.lines("could not")))
    real.dovecot.deliver(real.user, reply(1))
    time.sleep(1.5)
    assert len([line for line in real.one.lines("could not") if "login refused" in line]) == 1
    real.dovecot.set_password(real.user, "secret")
    eventually(lambda: real.one.lines("works again"))
    real.one.becomes("applied", "unchanged")
