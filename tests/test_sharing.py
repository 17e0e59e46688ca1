"""Several processes on one database: who does what, and who takes over."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import update
from sqlmodel import col

from rig.postgres import Postgres
from rsvpd import sharing
from rsvpd.ports import StoreUnavailable
from rsvpd.sharing import Member
from rsvpd.store import members
from rsvpd.store.clock import DatabaseClock
from rsvpd.store.database import Database, now
from rsvpd.store.members import LOST_AFTER
from rsvpd.store.tables import MemberRow

MAILBOXES = ("a", "b", "c", "d", "e", "f")


@pytest.fixture
def shared(postgres: Postgres) -> Iterator[Database]:
    database = Database(postgres.fresh_database())
    database.migrate()
    yield database
    database.close()


@pytest.fixture
def file(tmp_path: Path) -> Iterator[Database]:
    database = Database(f"sqlite:///{tmp_path}/rsvpd.db")
    database.migrate()
    yield database
    database.close()


def held(*members: Member) -> list[str]:
    return sorted(name for member in members for name in MAILBOXES if member.has(name))


def beat(*members: Member, times: int = 2) -> None:
    for _ in range(times):
        for member in members:
            member.beat()


def silence(database: Database, member: Member, much: timedelta = timedelta(seconds=1)) -> None:
    """As if it had not been heard of for too long, or the clock had been set."""
    with database.begin() as session:
        change = update(MemberRow).where(col(MemberRow.id) == member.id)
        session.execute(change.values(seen_at=now(session) - LOST_AFTER - much))


def wait(*members: Member) -> None:
    """As if the time had passed that each of them gives the others."""
    for member in members:
        for other, (sign, at) in member._signs.items():
            member._signs[other] = sign, at - sharing._DOUBT_SECONDS


def test_one_daemon_does_it_all(file: Database) -> None:
    with sharing.member(file, MAILBOXES, daemon=True) as one:
        assert held(one) == list(MAILBOXES)


def test_daemons_share_evenly_and_nobody_does_anything_twice(shared: Database) -> None:
    with ExitStack() as stack:
        three = [stack.enter_context(sharing.member(shared, MAILBOXES, daemon=True)) for _ in range(3)]
        beat(*three)
        assert held(*three) == list(MAILBOXES)
        assert [len(held(one)) for one in three] == [2, 2, 2]


def test_who_leaves_leaves_its_work(shared: Database) -> None:
    with sharing.member(shared, MAILBOXES, daemon=True) as one:
        with sharing.member(shared, MAILBOXES, daemon=True) as other:
            beat(one, other)
            assert len(held(one)) == 3
        beat(one)
        assert held(one) == list(MAILBOXES)


def test_what_is_in_hand_is_not_given_away_before_its_end(shared: Database) -> None:
    with sharing.member(shared, MAILBOXES, daemon=True) as one, ExitStack() as stack:
        for name in MAILBOXES[1:]:
            assert stack.enter_context(one.working_on(name))
        with sharing.member(shared, MAILBOXES, daemon=True) as other:
            beat(one, other)
            assert held(one) == list(MAILBOXES[1:])
            stack.close()
            beat(one, other)
            assert len(held(one)) == 3


def test_who_is_not_heard_of_loses_its_work_to_others(shared: Database) -> None:
    with (
        sharing.member(shared, MAILBOXES, daemon=True) as lost,
        sharing.member(shared, MAILBOXES, daemon=True) as other,
    ):
        beat(lost, other)
        silence(shared, lost)
        beat(other, times=1)
        assert len(held(other)) == 3
        wait(other)
        beat(other, times=1)
        assert held(other) == list(MAILBOXES)
        beat(lost, other, times=3)  # it was only slow: it joins again, and gets its share
        assert len(held(lost)) == len(held(other)) == 3


@pytest.mark.parametrize("jump", [timedelta(hours=1), -timedelta(hours=1)])
def test_a_clock_that_is_set_takes_nobodys_work_away(file: Database, jump: timedelta) -> None:
    with sharing.member(file, MAILBOXES, daemon=True) as daemon, sharing.member(file) as command:
        beat(daemon, command)
        for one, other in ((daemon, command), (command, daemon)):
            silence(file, one, jump)
            beat(other, times=1)
            wait(other)
            one.beat()
            beat(other, times=1)
            with file.begin() as session:
                assert members.seen(session, one.id)
        assert held(daemon) == list(MAILBOXES)


@pytest.mark.parametrize("jump", [timedelta(hours=1), -timedelta(hours=1)])
def test_who_was_killed_holds_nothing_up_even_for_who_is_here_for_a_moment(
    file: Database, jump: timedelta, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sharing, "_DOUBT_SECONDS", 0.1)
    moment = now_of(file)
    with file.begin() as session:
        session.add(MemberRow(id="x", name="killed", daemon=False, joined_at=moment, seen_at=moment - jump))
    with sharing.member(file), file.begin() as session:
        assert not members.seen(session, "x")


def now_of(database: Database) -> datetime:
    with database.read() as session:
        return now(session)


def test_who_was_not_heard_of_for_a_while_does_nothing_more(file: Database) -> None:
    with sharing.member(file, MAILBOXES, daemon=True) as one:
        with one.working_on("a") as mine:
            assert mine
        one._heard_at = time.monotonic() - LOST_AFTER.total_seconds()
        with one.working_on("a") as mine:
            assert not mine
        assert held(one) == []


def test_sqlite_takes_one_daemon_and_says_so(file: Database, tmp_path: Path) -> None:
    second = Database(file.url)
    with sharing.member(file, MAILBOXES, daemon=True):
        with (
            pytest.raises(
                StoreUnavailable, match=r"another `rsvpd run` works on .*: end it, or use PostgreSQL"
            ),
            sharing.member(second, MAILBOXES, daemon=True),
        ):
            raise AssertionError
        with sharing.member(second) as command:  # a command beside the daemon is no second daemon
            assert not held(command)
    with sharing.member(second, MAILBOXES, daemon=True) as after:
        assert held(after) == list(MAILBOXES)
    second.close()


def test_a_daemon_that_was_killed_holds_nothing_up_on_sqlite(file: Database) -> None:
    with file.begin() as session:
        session.add(
            MemberRow(id="x", name="killed", daemon=True, joined_at=now(session), seen_at=now(session))
        )
    with sharing.member(file, MAILBOXES, daemon=True) as one:
        assert held(one) == list(MAILBOXES)


def test_the_clock_of_the_database_rules(shared: Database) -> None:
    clock = DatabaseClock(shared)
    first = clock.now()
    with shared.read() as session:
        assert abs(now(session) - first) < timedelta(seconds=5)
    assert clock.now() > first


def test_the_clock_of_the_database_is_asked_again_and_carried_on_while_it_is_away(
    shared: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = DatabaseClock(shared)
    right = clock.now()
    clock._asked = right - timedelta(hours=1), time.monotonic() - 61  # as if it had run an hour behind
    assert abs(clock.now() - right) < timedelta(seconds=30)

    clock._asked = right, time.monotonic() - 61
    monkeypatch.setattr(shared, "read", Database("postgresql://nobody@127.0.0.1:1/none").read)
    assert abs(clock.now() - right - timedelta(seconds=61)) < timedelta(seconds=30)
