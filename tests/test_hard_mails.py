"""A mail that the server never gives out is set aside, can be fetched again, and holds nobody up."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sending import Ticking

import browsing
import house
from house import UID, Keys, eventually, invite
from imapd import CLOSE, HANG, Fault, Imapd
from rsvpd.app import App
from rsvpd.client import Client
from rsvpd.ports import CouldNot
from rsvpd.store.access import Scope
from watchhouse import reply, watching

FAULTS: dict[str, Fault] = {
    "closes": [b"* 2 FETCH (UID 2 BODY[] {99999}\r\nFrom: a", CLOSE],
    "hangs": [b"* 2 FETCH (UID 2 BODY[] {99999}\r\nFrom: a", HANG],
    "garbage": [b"* 2 FETCH (UID 2 BODY[] \r\n$tag OK\r\n"],
    "refuses": [b"$tag NO [SERVERBUG] Server Unavailable. 15\r\n"],
    "refuses without a code": [b"$tag NO Server Unavailable. 15\r\n"],
}


def scripted(server: Imapd) -> Keys:
    login: Keys = {"username": "u", "password": "p", "security": "none", "host": "127.0.0.1"}
    return login | {"port": server.port, "timeout": "1s"}


@dataclass
class Polls:
    """A house that polls by cron, under a clock set by hand."""

    app: App
    clock: Ticking

    def poll(self, times: int = 1) -> list[str]:
        """What went wrong."""
        (organizer,) = self.app.settings.organizer
        troubles: list[str] = []
        for _ in range(times):
            with self.app.mailbox(organizer) as mailbox:
                intake = replace(self.app.intake, clock=self.clock)
                polled = intake.poll_folders(mailbox, "events", ["INBOX"])
            troubles += map(str, polled.troubles.values())
        return troubles

    @property
    def outcomes(self) -> list[str]:
        return house.outcomes(self.app.database)


@pytest.fixture
def server() -> Iterator[Imapd]:
    with Imapd(mails=[reply(), reply(1, "DECLINED"), reply(2, "TENTATIVE")]) as made:
        yield made


@pytest.fixture
def polls(server: Imapd, tmp_path: Path) -> Iterator[Polls]:
    app = house.app_of(house.organizer(imap=scripted(server)), url=f"sqlite:///{tmp_path}/rsvpd.db")
    app.invitations.import_ics(invite(UID, house.ALICE), "events")
    yield Polls(app, Ticking(datetime.now(UTC)))
    app.database.close()


@pytest.mark.parametrize("fault", ["closes", "hangs", "garbage", "refuses without a code"])
def test_the_folder_goes_on_without_it(polls: Polls, server: Imapd, fault: str) -> None:
    server.hard[2] = FAULTS[fault]
    assert len(polls.poll(5)) == 5
    assert polls.poll(2) == []
    first, aside, last = house.ledger(polls.app.database)
    assert [one.outcome for one in (first, aside, last)] == ["applied", "unreadable", "applied"]
    assert aside.reason == "not_fetched"
    assert aside.words is not None
    assert aside.words.startswith("could not be fetched in 4 tries (events: imap 127.0.0.1: ")
    server.mails.append(reply(3, "ACCEPTED"))
    assert polls.poll() == []
    assert polls.outcomes == ["applied", "unreadable", "applied", "applied"]


def test_several_in_a_row(polls: Polls, server: Imapd) -> None:
    server.hard = {1: FAULTS["closes"], 2: FAULTS["garbage"]}
    for _ in range(12):
        polls.poll()
    assert polls.outcomes == ["unreadable", "unreadable", "applied"]


def test_a_server_that_gives_nothing_out_for_a_while_loses_nothing(polls: Polls, server: Imapd) -> None:
    server.lasting["FETCH"] = FAULTS["refuses"]
    assert len(polls.poll(6)) == 6
    server.lasting["FETCH"] = FAULTS["refuses without a code"]
    assert len(polls.poll(9)) == 9
    assert polls.outcomes == []
    server.lasting.clear()
    assert polls.poll() == []
    assert polls.outcomes == ["applied", "applied", "applied"]


def test_what_was_ill_for_a_moment_blames_no_mail(polls: Polls, server: Imapd) -> None:
    server.hard[2] = FAULTS["closes"]
    polls.poll(3)
    server.hard.clear()
    assert polls.poll() == []
    assert polls.outcomes == ["applied"] * 3


def test_the_only_mail_of_a_folder_is_set_aside_after_an_hour(polls: Polls, server: Imapd) -> None:
    del server.mails[1:]
    server.hard[1] = FAULTS["closes"]
    assert len(polls.poll(6)) == 6
    polls.clock.later(hours=1)
    assert len(polls.poll(3)) == 1
    assert polls.outcomes == ["unreadable"]


def test_it_is_seen_and_can_be_tried_again(polls: Polls, server: Imapd, tmp_path: Path) -> None:
    world = house.World(tmp_path, house.organizer(imap=scripted(server)))
    server.hard[2] = FAULTS["closes"]
    polls.poll(6)
    (listed,) = world.run("review", "list", "--format", "json").objects
    number = str(listed["id"])
    assert polls.app.review.replay(apply=True) == []
    assert world.run("status", "--format", "json").object["unfetched"] == 1
    assert "1 could not be fetched: see `rsvpd review list`." in world.run("status").out
    assert "closed the connection" in house.one_line(world.run("review", "retry", number))
    assert "nothing to decide" in house.one_line(world.run("review", "release", number))

    server.hard.clear()
    (row,) = world.run("review", "retry", number, "--format", "json").objects
    assert (row["outcome"], row["partstat"]) == ("outdated", "DECLINED")  # a later one counts
    assert world.run("review", "list", "--format", "json").objects == []
    assert "its mail was fetched" in house.one_line(world.run("review", "retry", str(row["id"])))


def test_one_that_is_gone_is_said_to_be_and_can_be_dismissed(
    polls: Polls, server: Imapd, tmp_path: Path
) -> None:
    world = house.World(tmp_path, house.organizer(imap=scripted(server)))
    server.hard[2] = FAULTS["closes"]
    polls.poll(6)
    (listed,) = world.run("review", "list", "--format", "json").objects
    server.uidvalidity += 1
    assert "not in events/INBOX any more" in house.one_line(world.run("review", "retry", str(listed["id"])))
    assert world.run("review", "dismiss", str(listed["id"])).code == 0
    assert world.run("review", "list", "--format", "json").objects == []


def test_the_daemon_gets_past_it(tmp_path: Path) -> None:
    with Imapd() as server, watching(tmp_path, scripted(server), interval="1s") as one:
        eventually(one.idles)
        server.hard[2] = FAULTS["closes"]
        server.put(reply(), reply(1, "DECLINED"), reply(2, "TENTATIVE"))

        def becomes(*outcomes: str) -> bool:
            one.watch.kick("events")  # it would wait longer after each failure
            return one.outcomes == list(outcomes)

        eventually(lambda: becomes("applied", "unreadable", "applied"), 30)
        server.put(reply(3))
        one.becomes("applied", "unreadable", "applied", "applied")
        assert len(one.lines("could not")) == 1


def test_a_row_that_is_not_there(polls: Polls, tmp_path: Path) -> None:
    world = house.World(
        tmp_path, house.organizer(imap={"host": "127.0.0.1"} | {"username": "u", "password": "p"})
    )
    assert "no ledger row 9" in house.one_line(world.run("review", "retry", "9"))
    with pytest.raises(CouldNot):
        polls.app.review.dismiss([9], "me")


def test_it_waits_for_a_person_wherever_that_is_asked(polls: Polls, server: Imapd) -> None:
    server.hard[2] = FAULTS["closes"]
    polls.poll(5)
    (aside,) = (row for row in house.ledger(polls.app.database) if row.reason == "not_fetched")
    with browsing.open_site(polls.app) as site:
        asked = site.page.get("/review").text
        with Client(site.url, site.token("client", Scope.READ)) as client:
            told = [row.id for row in client.review()]

    assert told == [aside.id]
    assert f'action="/review/{aside.id}/dismiss"' in asked
    assert f'action="/review/{aside.id}/release"' not in asked
