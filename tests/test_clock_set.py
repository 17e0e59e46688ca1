"""The clock is set, by an hour or by years, ahead or back: nothing is lost, nothing comes twice, and work goes on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path
from typing import ClassVar, Self
from unittest import mock
from zoneinfo import ZoneInfo

import pytest
import sending
from sending import Post, Scripted, Ticking
from sqlmodel import select, update
from structlog.testing import capture_logs

import house
from house import ALICE, BOB, NOW, START, UID, eventually, facts, invite, plain_reply
from rig.smtpd import Smtpd
from rsvpd.app import App, open_app
from rsvpd.config import load
from rsvpd.daemon import Daemon
from rsvpd.delivery import Delivered
from rsvpd.itip.model import PartStat
from rsvpd.itip.reminding import Rule, Standing, turn
from rsvpd.notifying import Systemd
from rsvpd.pace import Pace
from rsvpd.ports import CouldNot
from rsvpd.running import Running
from rsvpd.store import health as stored
from rsvpd.store import outgoing, reporting
from rsvpd.store.health import Part
from rsvpd.store.outgoing import Mail
from rsvpd.store.tables import InboundRow, OutgoingRow
from rsvpd.telling import telling

HOUR, DAY, YEARS = timedelta(hours=1), timedelta(days=1), timedelta(days=3000)


@pytest.fixture
def post(tmp_path: Path) -> Iterator[Post]:
    with sending.post(f"sqlite:///{tmp_path}/rsvpd.db") as made:
        yield made


def put_in_at(post: Post, moment: datetime) -> None:
    """Mails were put in by a clock that showed that."""
    post.invite(ALICE.address, BOB.address)
    with post.app.database.begin() as session:
        session.execute(update(OutgoingRow).values(created_at=moment, due_at=moment))


class TestOutgoing:
    @pytest.mark.parametrize("ahead", [HOUR, YEARS])
    def test_what_was_put_in_while_the_clock_was_ahead_is_sent_at_once(
        self, post: Post, smtpd: Smtpd, ahead: timedelta
    ) -> None:
        put_in_at(post, post.clock.moment + ahead)
        assert post.drain(house.smtp(smtpd.port)) == Delivered(sent=2)

    @pytest.mark.parametrize("ahead", [HOUR, YEARS])
    def test_what_was_put_off_while_the_clock_was_ahead_is_tried_again(
        self, post: Post, ahead: timedelta
    ) -> None:
        post.invite()
        post.clock.moment += ahead
        with Scripted({"RCPT": "451 4.7.1 greylisted"}) as server:
            assert post.drain(house.smtp(server.port)) == Delivered(later=1)
            post.clock.moment -= ahead
            server.answers = {}
            assert post.drain(house.smtp(server.port)) == Delivered(sent=1)
            assert post.drain(house.smtp(server.port)) == Delivered()

    def test_a_server_that_was_away_then_is_asked_again(self, post: Post, smtpd: Smtpd) -> None:
        post.invite()
        post.clock.moment += HOUR
        with pytest.raises(CouldNot):
            post.drain(house.smtp(1))
        post.clock.moment -= HOUR
        assert post.drain(house.smtp(smtpd.port)) == Delivered(sent=1)

    def test_a_clock_that_is_set_ahead_gives_no_mail_up(self, post: Post, smtpd: Smtpd) -> None:
        post.invite(ALICE.address, BOB.address)
        with Scripted({"RCPT TO:<alice": "451 4.7.1 greylisted"}, offers=()) as server:
            assert post.drain(house.smtp(server.port)) == Delivered(sent=1, later=1)
            for jump in (YEARS, DAY * 9, -YEARS):
                post.clock.moment += jump
                assert post.drain(house.smtp(server.port)) == Delivered(later=1)
        for jump in (YEARS, -YEARS):
            post.clock.moment += jump
            with pytest.raises(CouldNot, match=r"refused$"):
                post.drain(house.smtp(1))
        post.clock.moment += timedelta(minutes=30)
        assert post.drain(house.smtp(smtpd.port)) == Delivered(sent=1)

    def test_a_clock_that_was_behind_at_first_gives_no_mail_up(self, post: Post, smtpd: Smtpd) -> None:
        """As on a machine that learns the time after its start."""
        post.clock.moment -= YEARS
        put_in_at(post, post.clock.moment)
        with pytest.raises(CouldNot, match=r"refused$"):
            post.drain(house.smtp(1))
        post.clock.moment += YEARS
        with pytest.raises(CouldNot, match=r"refused$"):
            post.drain(house.smtp(1))
        post.clock.moment += timedelta(minutes=30)
        assert post.drain(house.smtp(smtpd.port)) == Delivered(sent=2)

    def test_what_was_sent_by_a_clock_ahead_uses_up_no_rate(self, post: Post, smtpd: Smtpd) -> None:
        post.invite(ALICE.address, BOB.address)
        smtp = house.smtp(smtpd.port, mails_per_minute=1)
        post.clock.moment += YEARS
        assert post.drain(smtp) == Delivered(sent=1)
        post.clock.moment -= YEARS
        assert post.drain(smtp) == Delivered(sent=1)

    def test_the_horizon_still_comes(self, post: Post) -> None:
        post.invite()
        post.clock.moment += YEARS
        with Scripted({"RCPT": "451 4.7.1 greylisted"}) as server:
            smtp = house.smtp(server.port, give_up_after="2h")
            post.drain(smtp)
            post.clock.moment -= YEARS
            tries = 0
            while post.statuses()[ALICE.address] == "pending":
                post.drain(smtp)
                post.clock.later(minutes=50)
                tries += 1
        assert 3 <= tries <= 5


class TestReports:
    def test_a_report_that_was_made_by_a_clock_ahead_comes_again_when_it_should(self, tmp_path: Path) -> None:
        report = {"name": "every morning", "cron": "0 8 * * *"}
        app = house.app_of(url=f"sqlite:///{tmp_path}/rsvpd.db", report=[report])
        clock = Ticking(NOW.replace(hour=0) + YEARS)
        reports = replace(app.reports, clock=clock)
        (events,) = app.settings.organizer
        app.invitations.import_ics(invite(UID, ALICE), "events")

        def mails() -> int:
            due = bool(reports.due([events]))
            assert reports.send_due(events) == 0 or due
            with app.database.read() as session:
                return len(session.exec(select(OutgoingRow)).all())

        mails()
        clock.moment -= YEARS
        assert mails() == 0  # it begins to count anew
        clock.later(hours=7)
        assert mails() == 0
        clock.later(hours=2)
        assert (mails(), mails()) == (1, 1)
        with app.database.read() as session:
            made = reporting.last_made(session, "every morning", "events")
        assert made is not None
        assert made.due_at < clock.moment
        app.database.close()


def test_an_invitation_sent_by_a_clock_ahead_keeps_nobody_from_being_reminded() -> None:
    rule = Rule("before", frozenset({PartStat.NEEDS_ACTION}), before_start=DAY)
    found = turn(rule, start=START, invited_at=NOW + YEARS, zone=ZoneInfo("UTC"), now=START - HOUR)
    assert found is not None
    assert (found.number, found.standing) == (1, Standing.DUE)


def test_how_much_the_clock_was_set() -> None:
    clock, counted = Ticking(NOW), [100.0]
    pace = Pace(clock.now, lambda: counted[0])

    def after(seconds: float, shown: timedelta) -> timedelta:
        counted[0] += seconds
        clock.moment += shown
        return pace.jump()

    assert pace.jump() == timedelta()
    assert after(5, timedelta(seconds=5)) == timedelta()
    assert after(5, timedelta(seconds=6)) == timedelta()  # drift
    assert after(1, timedelta(seconds=1) + YEARS) == YEARS
    assert after(1, timedelta(seconds=1) - HOUR) == -HOUR
    assert after(9000, timedelta(seconds=9000)) == timedelta()


def test_what_was_said_is_as_old_as_it_was(tmp_path: Path) -> None:
    clock = Ticking(NOW)
    troubles = telling(clock.now).troubles
    troubles.begin("deliver events", CouldNot("away"))
    troubles.end("poll events")
    app = house.app_of(url=f"sqlite:///{tmp_path}/rsvpd.db")
    parts: dict[str, Part] = {}
    for jump in (HOUR, -YEARS):
        with app.database.begin() as session:
            stored.note(session, troubles.changed())
        clock.moment += jump
        troubles.shift(jump)
        with app.database.begin() as session:
            stored.note(session, troubles.changed())
            parts = stored.parts(session)
        assert parts["poll events"].worked_at == clock.moment
        assert parts["deliver events"].told_at == clock.moment
    assert parts["deliver events"].since == clock.moment
    app.database.close()


class TestHouse:
    """What is taken away does not come back."""

    @pytest.fixture
    def daemon(self, tmp_path: Path) -> Iterator[Daemon]:
        app = house.app_of(url=f"sqlite:///{tmp_path}/rsvpd.db", keep_raw_days=30)
        app.invitations.import_ics(invite(UID, ALICE), "events")
        assert len(list(app.intake.ingest([("mail", plain_reply(facts()))]))) == 1
        yield Daemon(replace(app, clock=Ticking(datetime.now(UTC))))
        app.database.close()

    def kept(self, daemon: Daemon) -> bool:
        """Whether it still has the reply, once it kept house."""
        daemon._house_at = 0.0
        chores = mock.Mock(keep_on=lambda _job: True)
        assert daemon._keep_house(chores)
        with daemon.app.database.read() as session:
            return bool(session.exec(select(InboundRow.raw)).one())

    def test_a_clock_that_is_set_ahead_is_believed_after_a_day(self, daemon: Daemon) -> None:
        clock = daemon.app.clock
        assert isinstance(clock, Ticking)
        assert self.kept(daemon)
        clock.moment += YEARS
        daemon._take_for_set(YEARS)
        assert self.kept(daemon)
        daemon._believed_at -= DAY.total_seconds()
        assert not self.kept(daemon)

    def test_a_clock_that_is_ahead_at_the_start_too(self, daemon: Daemon) -> None:
        clock = daemon.app.clock
        assert isinstance(clock, Ticking)
        with daemon.app.database.begin() as session:
            stored.note(session, [Part("poll events", clock.moment, worked_at=clock.moment)])
        clock.moment += YEARS
        daemon._doubt_a_gap()
        assert self.kept(daemon)
        daemon._believed_at -= DAY.total_seconds()
        assert not self.kept(daemon)


class Shown(datetime):
    """The machine's clock, which can be set."""

    ahead: ClassVar[timedelta] = timedelta()

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> Self:
        return super().now(tz) + cls.ahead


def test_a_daemon_whose_clock_is_set_goes_on_and_tells_the_truth(
    tmp_path: Path, smtpd: Smtpd, monkeypatch: pytest.MonkeyPatch
) -> None:
    for room in ("rsvpd.app", "rsvpd.daemon", "rsvpd.store.database", "apscheduler.schedulers.base"):
        monkeypatch.setattr(f"{room}.datetime", Shown)
    monkeypatch.setattr("rsvpd.daemon.DELIVERY_INTERVAL", timedelta(seconds=0.5))
    monkeypatch.setattr("rsvpd.daemon._CLOCK_SECONDS", 0.2)
    file = house.config(tmp_path, house.organizer(smtp=house.smtp(smtpd.port)))
    running = Running(open_app(load(file)[0]), lambda: load(file)[0], Systemd())
    with capture_logs() as said, Daemon(running.app, running.telling, running.turning).at_work():
        for number, ahead in enumerate((timedelta(), -HOUR, HOUR, YEARS, timedelta(), -YEARS), start=1):
            monkeypatch.setattr(Shown, "ahead", ahead)
            put_in(running.app, f"{number}@clock")
            eventually(lambda: len(smtpd.taken) == number, 30)  # noqa: B023  asked in this turn
            assert running.look().well, running.look().troubles
            eventually(lambda: running.look().daemons)
        told = [line["seconds"] for line in said if line["event"] == "the clock was set"]
        assert [round(seconds / 3600) for seconds in told] == [-1, 2, 71_999, -72_000, -72_000]
    running.app.database.close()


def put_in(app: App, uid: str) -> None:
    """A mail that is due at once."""
    mail = Mail("events", None, None, ALICE.address, f"<{uid}>", "REQUEST", 0, b"Subject: x\r\n\r\nx\r\n")
    with app.database.begin() as session:
        outgoing.enqueue(session, [mail], app.clock.now())
