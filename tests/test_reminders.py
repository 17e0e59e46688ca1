"""Reminders by the rules of the configuration, on SQLite and PostgreSQL: once, in time, and never in vain."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from email.message import EmailMessage
from pathlib import Path

import pytest
from sending import Post, calendar, mail, organizer, recipients, words
from sqlmodel import select

import house
from builders import Party
from house import ALICE, BOB, NOW, START, UID, Keys, facts, plain_reply
from rig.postgres import Postgres
from rig.smtpd import Smtpd
from rsvpd.changes import Manner, Notify
from rsvpd.config import OrganizerSettings
from rsvpd.itip.reminding import Standing
from rsvpd.ports import CouldNot
from rsvpd.reminders import Planned, Reminders
from rsvpd.store.tables import ReminderRow

CAROL = "carol@example.com"
TWO_DAYS: Keys = {"name": "two days before", "before_start": "2d"}
AFTER_A_DAY: Keys = {"name": "after a day", "after_invitation": "1d", "every": "1d", "at_most": 3}
THE_DAY_BEFORE: Keys = {"name": "the day before", "before_start": "1d", "who": ["accepted"]}


@dataclass
class Reminded(Post):
    """A house with rules, and the server that its mails go to."""

    server: Smtpd | None = None

    @property
    def reminders(self) -> Reminders:
        return replace(self.app.reminders, clock=self.clock)

    def send(self) -> list[EmailMessage]:
        """What went out just now."""
        assert self.server is not None
        before = len(self.server.taken)
        self.drain(house.smtp(self.server.port))
        return [mail(one.content) for one in self.server.taken[before:]]

    def look(self) -> list[EmailMessage]:
        """What the rules send now."""
        self.reminders.remind(self.organizer)
        return self.send()

    @property
    def organizer(self) -> OrganizerSettings:
        return organizer()

    def answer(self, partstat: str, party: Party = ALICE, *lines: str) -> None:
        (ingested,) = self.app.intake.ingest(
            [("m", plain_reply(facts(attendee=party, partstat=partstat, dtstamp=NOW), *lines))]
        )
        assert [row.outcome for row in ingested.rows] == ["applied"]

    def planned(self) -> list[Planned]:
        return self.reminders.planned(UID)

    def served(self) -> list[tuple[str, int]]:
        with self.app.database.read() as session:
            rows = session.exec(select(ReminderRow).order_by(ReminderRow.id))  # type: ignore[arg-type]
            return [(row.rule, row.number) for row in rows]


Open = Callable[..., Reminded]


@pytest.fixture(params=["sqlite", "postgresql"])
def opens(request: pytest.FixtureRequest, tmp_path: Path, smtpd: Smtpd) -> Iterator[Open]:
    """A house with these rules, whose meeting in 40 days Alice, Bob and Carol were invited to."""
    url = f"sqlite:///{tmp_path}/reminders.db"
    if request.param == "postgresql":
        postgres: Postgres = request.getfixturevalue("postgres")
        url = postgres.fresh_database()
    opened: list[Reminded] = []

    def opens(*rules: Keys, invited: bool = True, **settings: object) -> Reminded:
        app = house.app_of(url=url, reminder=[*rules], **settings)
        post = Reminded(app, server=smtpd)
        opened.append(post)
        if invited:
            post.invite(f"Alice Example <{ALICE.address}>", BOB.address, CAROL)
            assert len(post.send()) == 3
        return post

    yield opens
    for post in opened:
        post.app.database.close()


@contextmanager
def at(post: Reminded, **before_start: float) -> Iterator[None]:
    post.clock.moment = START - timedelta(**before_start)
    yield


class TestWhoIsAsked:
    def test_who_has_not_answered_is_asked_again_by_the_same_revision(self, opens: Open) -> None:
        post = opens(TWO_DAYS)
        post.answer("ACCEPTED", BOB)
        with at(post, days=3):
            assert post.look() == []
        with at(post, days=2):
            found = post.look()

        assert recipients(found) == [ALICE.address, CAROL]
        for one in found:
            ics = calendar(one)
            assert "METHOD:REQUEST" in ics
            assert "SEQUENCE:0" in ics
            assert f"UID:{UID}" in ics
            assert str(one["Subject"]).startswith("Reminder: Budget review")
            assert "You have not answered yet" in words(one)

    def test_nobody_is_asked_twice(self, opens: Open) -> None:
        post = opens(TWO_DAYS)
        with at(post, days=1):
            assert len(post.look()) == 3
            assert post.look() == []
        again = Reminded(post.app, post.clock, post.server)  # as after a restart
        assert again.look() == []
        assert post.served() == [("two days before", 1)] * 3

    def test_what_was_missed_is_made_up_once(self, opens: Open) -> None:
        post = opens(AFTER_A_DAY)
        post.clock.later(days=20)

        assert len(post.look()) == 3
        assert post.look() == []
        assert post.served() == [("after a day", 3)] * 3

    def test_as_often_as_the_rule_says(self, opens: Open) -> None:
        post = opens(AFTER_A_DAY)
        sent = []
        for _ in range(6):
            post.clock.later(days=1)
            sent.append(len(post.look()))
        assert sent == [3, 3, 3, 0, 0, 0]

    def test_several_rules_at_once_make_one_mail(self, opens: Open) -> None:
        post = opens(TWO_DAYS, AFTER_A_DAY)
        with at(post, days=1):
            assert recipients(post.look()) == [ALICE.address, BOB.address, CAROL]
            assert post.look() == []
        assert len(post.served()) == 6

    def test_somebody_undecided_is_told_that_they_are(self, opens: Open) -> None:
        post = opens(TWO_DAYS | {"who": ["tentative"]})
        post.answer("TENTATIVE")
        with at(post, days=1):
            (one,) = post.look()
        assert "You answered tentatively" in words(one)
        assert "METHOD:REQUEST" in calendar(one)

    def test_who_accepted_gets_a_plain_mail(self, opens: Open) -> None:
        post = opens(THE_DAY_BEFORE)
        post.answer("ACCEPTED")
        post.answer("DECLINED", BOB)
        with at(post, hours=20):
            (one,) = post.look()
        assert recipients([one]) == [ALICE.address]
        assert calendar(one) == ""
        assert one["Auto-Submitted"] == "auto-generated"
        assert "You have accepted: Orga Nizer expects you at Budget review" in words(one)

    def test_only_the_organizers_named(self, opens: Open) -> None:
        other = house.organizer("board", "board@example.org")
        post = opens(
            TWO_DAYS | {"organizers": ["board"]}, invited=False, organizer=[house.organizer(), other]
        )
        post.app.invitations.create(
            {
                "organizer": "events",
                "uid": UID,
                "summary": "Budget",
                "attendees": [CAROL],
                "start": f"{START:%Y-%m-%dT%H:%M}",
                "duration": "1h",
            }
        )
        post.send()
        with at(post, days=1):
            assert post.look() == []

    def test_the_words_are_a_template(self, opens: Open) -> None:
        post = opens(TWO_DAYS | {"message": "Please answer: {{ summary }}!"})
        with at(post, days=1):
            assert all("Orga Nizer writes: Please answer: Budget review!" in words(m) for m in post.look())

    def test_words_that_cannot_be_used_are_one_line_and_cost_nothing(self, opens: Open) -> None:
        post = opens(TWO_DAYS | {"message": "{{ nonsense }}"})
        with at(post, days=1):
            with pytest.raises(
                CouldNot, match=r"no reminder could be written: the message, line 1: "
            ) as error:
                post.look()
            house.one_line_of(error)
            assert post.served() == []


class TestWhoIsLeftAlone:
    def test_who_answered_in_the_same_second(self, opens: Open) -> None:
        """The reminder is in the queue already when the answer comes."""
        post = opens(TWO_DAYS)
        with at(post, days=1):
            assert post.reminders.remind(post.organizer) == 3
            post.answer("ACCEPTED")
            sent = post.send()

        assert recipients(sent) == [BOB.address, CAROL]
        assert post.rows[ALICE.address].status == "dropped"
        assert post.shown() == ("sent", None)

    def test_an_answer_between_the_look_and_the_decision_counts(self, opens: Open) -> None:
        """Looked at is without a lock; decided is again, with what is recorded then."""
        post = opens(TWO_DAYS)
        with at(post, days=1):
            reminders = replace(post.reminders, clock=_Answering(post))
            assert reminders.remind(post.organizer) == 2
            assert recipients(post.send()) == [BOB.address, CAROL]

    @pytest.mark.parametrize("notify", [Notify.NONE, Notify.CHANGED])
    def test_a_meeting_that_was_cancelled(self, opens: Open, notify: Notify) -> None:
        post = opens(TWO_DAYS)
        with at(post, days=1):
            post.reminders.remind(post.organizer)
            post.app.changes.cancel(UID, Manner(notify=notify))
            methods = {calendar(one).partition("METHOD:")[2].partition("\r\n")[0] for one in post.send()}
            assert "REQUEST" not in {method.strip() for method in methods}
            assert post.look() == []

    def test_somebody_removed(self, opens: Open) -> None:
        post = opens(TWO_DAYS)
        with at(post, days=1):
            post.reminders.remind(post.organizer)
            post.app.changes.remove(UID, [CAROL], Manner(notify=Notify.NONE))
            assert CAROL not in recipients(post.send())
            assert post.look() == []

    def test_whose_invitation_is_still_on_its_way(self, opens: Open) -> None:
        post = opens(TWO_DAYS, invited=False)
        post.invite(CAROL)
        with at(post, days=1):
            assert post.reminders.remind(post.organizer) == 0

    def test_whose_invitation_was_refused(self, opens: Open) -> None:
        post = opens(TWO_DAYS, invited=False)
        assert post.server is not None
        post.server.answers[CAROL] = "550 5.1.1 unknown"
        post.invite(CAROL, BOB.address)
        post.send()
        with at(post, days=1):
            assert recipients(post.look()) == [BOB.address]

    def test_a_meeting_that_has_begun_while_the_server_was_away(self, opens: Open) -> None:
        post = opens(TWO_DAYS)
        with at(post, days=1):
            assert post.reminders.remind(post.organizer) == 3
        post.clock.moment = START
        assert post.send() == []

    def test_quiet_hours_put_it_off(self, opens: Open) -> None:
        hour = (START - timedelta(days=2)).hour
        quiet = [f"{hour:02}:00", f"{(hour + 2) % 24:02}:00"]
        post = opens(TWO_DAYS | {"quiet": quiet, "zones": {"bob@example.com": "Etc/GMT-5"}})
        with at(post, days=2):
            assert recipients(post.look()) == [BOB.address]
            standings = {one.attendee: one.standing for one in post.planned()}
            assert standings == {ALICE.address: Standing.QUIET, CAROL: Standing.QUIET}
        with at(post, days=2, hours=-2):
            assert recipients(post.look()) == [ALICE.address, CAROL]


class TestManyAtOnce:
    def test_two_daemons_do_not_remind_twice(self, opens: Open) -> None:
        post = opens(TWO_DAYS)
        counted: list[int] = []
        with at(post, days=1):
            threads = [
                threading.Thread(target=lambda: counted.append(post.reminders.remind(post.organizer)))
                for _ in range(4)
            ]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            assert sum(counted) == 3
            assert len(post.send()) == 3

    def test_an_answer_recorded_at_the_same_time_never_meets_a_reminder(self, opens: Open) -> None:
        """Whichever comes first: nothing goes out to Alice once her answer is recorded."""
        post = opens(TWO_DAYS)
        with at(post, days=1):
            threads = [
                threading.Thread(target=lambda: post.reminders.remind(post.organizer)),
                threading.Thread(target=lambda: post.answer("ACCEPTED")),
            ]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            post.reminders.remind(post.organizer)
            assert recipients(post.send()) == [BOB.address, CAROL]


class TestSignificantChanges:
    def test_a_new_revision_is_reminded_of_anew(self, opens: Open) -> None:
        post = opens(AFTER_A_DAY | {"at_most": 1, "every": None})
        post.clock.later(days=2)
        assert len(post.look()) == 3
        post.app.changes.update(UID, {"start": f"{START + timedelta(days=1):%Y-%m-%dT%H:%M}"}, Manner())
        assert len(post.send()) == 3
        assert post.look() == []
        post.clock.later(days=2)
        found = post.look()
        assert len(found) == 3
        assert all("SEQUENCE:1" in calendar(one) for one in found)


@dataclass
class _Answering:
    """A clock that is read first to find meetings, then to look at one; then Alice answers."""

    post: Reminded
    readings: int = 0

    def now(self) -> datetime:
        self.readings += 1
        if self.readings == 2:
            self.post.answer("ACCEPTED")
        return self.post.clock.now()
