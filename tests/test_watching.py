"""Watching mailboxes of Dovecot: told by IDLE, promised by the interval, one connection for each."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import house
from house import Wire, eventually
from rig.dovecot import Dovecot
from rsvpd.sharing import Member
from watchhouse import Watching, reply, watching


@pytest.fixture
def told(tmp_path: Path, dovecot: Dovecot, mailbox_user: str) -> Iterator[Watching]:
    """A mailbox that idles, and whose next look is an hour away."""
    with watching(tmp_path, house.imap(dovecot, mailbox_user), interval="1h") as one:
        eventually(one.idles)
        yield one


def connections(dovecot: Dovecot, user: str) -> int:
    """How many sessions the server has of this user."""
    return len([line for line in dovecot.doveadm("who", "-1", user).splitlines()[1:] if "imap" in line])


class TestTold:
    def test_a_mail_is_recorded_when_it_comes_in(
        self, told: Watching, dovecot: Dovecot, mailbox_user: str
    ) -> None:
        dovecot.deliver(mailbox_user, reply())
        told.becomes("applied", seconds=5)
        dovecot.deliver(mailbox_user, reply(1))
        told.becomes("applied", "unchanged", seconds=5)

    def test_one_connection_serves_every_look(
        self, told: Watching, dovecot: Dovecot, mailbox_user: str
    ) -> None:
        for number in range(3):
            dovecot.deliver(mailbox_user, reply(number))
            told.becomes("applied", *["unchanged"] * number)
        eventually(told.idles)

        assert connections(dovecot, mailbox_user) == 1

    def test_mails_that_come_while_it_works_are_not_forgotten(
        self, told: Watching, dovecot: Dovecot, mailbox_user: str
    ) -> None:
        for number in range(30):
            dovecot.deliver(mailbox_user, reply(number))
        told.becomes("applied", *["unchanged"] * 29)

    def test_flags_set_by_others_are_no_reason_to_look(
        self, told: Watching, dovecot: Dovecot, mailbox_user: str
    ) -> None:
        dovecot.deliver(mailbox_user, reply())
        told.becomes("applied", seconds=5)
        eventually(told.idles)
        looked = told.watch.mailboxes["events"].looked_at
        with dovecot.login(mailbox_user, "INBOX") as client:
            client.add_flags([1], ["\\Seen", "\\Flagged"])
        time.sleep(1.2)

        assert told.watch.mailboxes["events"].looked_at == looked

    def test_a_kick_is_a_look(self, told: Watching) -> None:
        looked = told.watch.mailboxes["events"].looked_at
        told.watch.kick("events")
        eventually(lambda: told.watch.mailboxes["events"].looked_at != looked)


class TestPromised:
    @pytest.fixture
    def promised(self, tmp_path: Path, dovecot: Dovecot, mailbox_user: str) -> Iterator[Watching]:
        keys = house.imap(dovecot, mailbox_user, folders=["INBOX", "\\Junk"])
        with watching(tmp_path, keys, interval="1s") as one:
            eventually(one.idles)
            yield one

    def test_another_folder_is_read_in_the_interval(
        self, promised: Watching, dovecot: Dovecot, mailbox_user: str
    ) -> None:
        dovecot.append(mailbox_user, reply(), "Junk")
        promised.becomes("applied", seconds=5)
        rows = house.ledger(promised.app.database)

        assert [row.mailbox for row in rows] == ["events/Junk"]

    def test_a_hint_that_is_lost_costs_no_more_than_the_interval(
        self, promised: Watching, dovecot: Dovecot, mailbox_user: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("rsvpd.mail.imap.idling._tells", lambda _: False)
        dovecot.deliver(mailbox_user, reply())
        promised.becomes("applied", seconds=5)

    def test_a_mailbox_that_another_daemon_has_is_left_alone(
        self, promised: Watching, dovecot: Dovecot, mailbox_user: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(Member, "has", lambda _self, _name: False)
        eventually(lambda: connections(dovecot, mailbox_user) == 0)
        dovecot.deliver(mailbox_user, reply())
        time.sleep(1.5)
        assert promised.outcomes == []

        monkeypatch.undo()
        promised.becomes("applied", seconds=5)


class TestCheap:
    @pytest.mark.parametrize("mails", [0, 3000])
    def test_a_look_at_nothing_new_asks_as_little_whatever_is_there(
        self, tmp_path: Path, dovecot: Dovecot, mailbox_user: str, mails: int
    ) -> None:
        with dovecot.login(mailbox_user) as client:
            for _ in range(mails // 1000):
                client.multiappend("INBOX", [b"Subject: old\r\n\r\nx"] * 1000)
        with (
            Wire(dovecot.imap_port) as wire,
            watching(tmp_path, house.imap(dovecot, mailbox_user, port=wire.port), interval="1h") as one,
        ):
            eventually(one.idles)
            received, asked = wire.received, len(wire.asked)
            looked = one.watch.mailboxes["events"].looked_at
            one.watch.kick("events")
            eventually(lambda: one.watch.mailboxes["events"].looked_at != looked)
            eventually(one.idles)

            words = [line.split(b" ")[1:] or [line] for line in wire.asked[asked:].splitlines()]
            assert [first for first, *_ in words] == [b"DONE", b"STATUS", b"IDLE"]
            assert wire.received - received < 250
