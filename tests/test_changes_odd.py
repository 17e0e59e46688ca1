"""Changes of meetings that are not the plain case, and mails that are not out yet."""

from __future__ import annotations

import contextlib
import threading
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlmodel import col, select

import house
from changing import CAROL, MEETING, NOW, SERIES, UID, Bench, bench, by, calendar, event, message, shown, text
from house import ALICE, BOB
from keeping import users
from rig.postgres import Postgres
from rsvpd.changes import Changed, Manner, Notify
from rsvpd.itip.model import Meeting
from rsvpd.ports import CouldNot
from rsvpd.store import members, outgoing
from rsvpd.store.tables import OutgoingRow

A, B, C = ALICE.address, BOB.address, CAROL.address


@pytest.fixture
def one(tmp_path: Path) -> Iterator[Bench]:
    with bench(tmp_path) as made:
        yield made


def lines(meeting: Meeting) -> tuple[str, ...]:
    assert meeting.recurrence is not None
    return meeting.recurrence.lines


def overrides(meeting: Meeting) -> list[tuple[str, bool]]:
    assert meeting.recurrence is not None
    return [(o.occurrence.key[:16], o.cancelled) for o in meeting.recurrence.overrides]


class TestSeries:
    def test_what_was_said_of_single_ones_moves_along(self, one: Bench) -> None:
        one.create(SERIES)
        one.changes.cancel(UID, Manner(), occurrence="2026-12-10")
        one.move("2026-12-17", start="2026-12-18T09:00")
        changed = one.update(start="2026-12-03T15:00")
        assert overrides(one.meeting) == [("2026-12-10T14:00", True), ("2026-12-17T14:00", False)]
        assert [d.what for d in changed.differences] == ["start", "end", "sequence"]
        whole, *single = calendar(changed.mails[0]).events
        assert (whole["SEQUENCE"], len(single)) == (3, 2)
        assert single[0]["STATUS"] == "CANCELLED"
        assert single[1]["DTSTART"].dt.isoformat() == "2026-12-18T10:00:00+01:00"
        said = text(changed.mails[0])
        assert "The series has moved: it starts Thu 3 Dec 15:00 instead of Thu 3 Dec 14:00" in said
        assert "Cancelled:" not in said

    def test_another_rule_asks_again_and_keeps_what_still_fits(self, one: Bench) -> None:
        one.create(SERIES)
        one.answer(ALICE, "ACCEPTED")
        one.changes.cancel(UID, Manner(), occurrence="2026-12-10")
        one.move("2026-12-17", start="2026-12-18T09:00")
        changed = one.update(recurrence="FREQ=WEEKLY;INTERVAL=2;COUNT=4")
        assert changed.asks_again
        assert one.partstats()[A] == "NEEDS-ACTION"
        assert lines(one.meeting) == ("RRULE:FREQ=WEEKLY;INTERVAL=2;COUNT=4",)
        assert overrides(one.meeting) == [("2026-12-17T13:00", False)]
        assert "The series now repeats every 2 weeks on Thursday, 4 times" in text(changed.mails[0])

    def test_it_becomes_one_meeting_and_a_series_again(self, one: Bench) -> None:
        one.create(SERIES)
        one.move("2026-12-17", start="2026-12-18T09:00")
        assert "no longer a series" in text(one.update(recurrence="").mails[0])
        assert "RRULE" not in event(one.update(location="x").mails[0])
        assert "now a series" in text(one.update(recurrence="FREQ=DAILY;COUNT=3").mails[0])
        assert overrides(one.meeting) == []

    def test_its_last_day_moves_along(self, one: Bench) -> None:
        one.create(MEETING | {"recurrence": "FREQ=WEEKLY;UNTIL=20261217"})
        changed = one.update(start="2026-12-05T20:00")
        assert lines(one.meeting) == ("RRULE:FREQ=WEEKLY;UNTIL=20261219T225959Z",)
        assert "repeats" in [d.what for d in changed.differences]
        assert "repeats differently" not in text(changed.mails[0])
        one.update(start="2026-12-04", duration="1d")
        assert lines(one.meeting) == ("RRULE:FREQ=WEEKLY;UNTIL=20261218",)

    def test_a_start_that_is_no_day_of_its_rule_is_refused(self, one: Bench) -> None:
        one.create(MEETING | {"recurrence": "FREQ=WEEKLY;BYDAY=TH;COUNT=5"})
        with pytest.raises(
            CouldNot, match="2026-12-04, is no day of the rule; start on 2026-12-10, or change"
        ):
            one.update(start="2026-12-04T14:00")
        one.update(start="2026-12-04T14:00", recurrence="FREQ=WEEKLY;BYDAY=FR;COUNT=5")
        assert one.meeting.start.isoformat() == "2026-12-04T14:00:00+01:00"

    def test_one_that_goes_on_can_move_though_it_began_in_the_past(self, one: Bench) -> None:
        one.create(SERIES)
        one.clock.moment = NOW + timedelta(days=20)
        assert one.update(duration="2h").asks_again
        assert one.update(start="2026-12-03T15:00").asks_again
        with pytest.raises(CouldNot, match="all of it would be in the past"):
            one.update(start="2026-11-05T15:00")

    def test_another_zone_with_the_same_start_moves_the_others(self, one: Bench) -> None:
        one.create(MEETING | {"recurrence": "FREQ=MONTHLY;COUNT=12"})
        changed = one.update(start="2026-12-03T13:00", zone="UTC")
        assert changed.asks_again


class TestOver:
    def test_nobody_is_written_to_about_what_is_over(self, one: Bench) -> None:
        one.create()
        one.clock.moment = NOW + timedelta(days=10)
        verbs: tuple[Callable[[], Changed], ...] = (
            lambda: one.changes.cancel(UID, Manner()),
            lambda: one.changes.resend(UID, Manner()),
            lambda: one.changes.add(UID, [C], Manner()),
            lambda: one.changes.remove(UID, [A], Manner()),
        )
        for verb in verbs:
            with pytest.raises(CouldNot, match=f"{UID} is over: nobody is written to") as error:
                verb()
            house.one_line_of(error)
        assert not one.waiting

    def test_the_record_may_still_be_put_right(self, one: Bench) -> None:
        one.create()
        one.clock.moment = NOW + timedelta(days=10)
        one.changes.remove(UID, [B], Manner(notify=Notify.NONE))
        assert one.partstats() == {A: "NEEDS-ACTION"}
        assert not one.waiting

    def test_words_may_be_mended_and_it_may_be_put_off(self, one: Bench) -> None:
        one.create()
        one.clock.moment = NOW + timedelta(days=10)
        assert by(one.update(description="Minutes")) == [("REQUEST", A, 0), ("REQUEST", B, 0)]
        with pytest.raises(CouldNot, match="in the past"):
            one.update(duration="2h")
        assert one.update(start="2026-12-14T14:00").asks_again

    def test_a_series_is_over_after_its_last_one(self, one: Bench) -> None:
        one.create(SERIES)
        one.move("2026-12-31", start="2027-01-11T09:00")
        one.clock.moment = NOW + timedelta(days=40)
        one.changes.resend(UID, Manner())
        with pytest.raises(CouldNot, match="is over"):
            one.changes.cancel(UID, Manner(), occurrence="2026-12-10")
        one.clock.moment = NOW + timedelta(days=60)
        with pytest.raises(CouldNot, match="is over"):
            one.changes.resend(UID, Manner())

    def test_a_meeting_that_goes_on_can_be_made_longer(self, one: Bench) -> None:
        one.create()
        one.clock.moment = datetime.fromisoformat("2026-12-03T14:30+01:00")
        assert one.update(duration="2h").asks_again


class TestOthers:
    def test_what_somebody_else_invites_to_is_not_changed_here(self, one: Bench) -> None:
        one.app.invitations.import_ics(house.invite(UID), "events")
        verbs: tuple[Callable[[], Changed], ...] = (
            lambda: one.update(location="x"),
            lambda: one.changes.cancel(UID, Manner()),
            lambda: one.changes.add(UID, [C], Manner()),
        )
        for verb in verbs:
            with pytest.raises(CouldNot, match="was imported: change it where its invitations come from"):
                verb()
        assert not one.waiting

    def test_a_meeting_that_there_is_not(self, one: Bench) -> None:
        with pytest.raises(CouldNot, match=r"there is no meeting budget@example\.org"):
            one.update(location="x")

    def test_an_announcement_stays_one(self, one: Bench) -> None:
        one.create(MEETING | {"announcement": True})
        for changed in (
            one.update(location="Room 8"),
            one.update(start="2026-12-04T10:00"),
            one.changes.add(UID, [C], Manner()),
            one.changes.resend(UID, Manner()),
        ):
            assert {mail.method for mail in changed.mails} == {"PUBLISH"}
            assert not changed.asks_again
            for mail in changed.mails:
                assert str(calendar(mail)["METHOD"]) == "PUBLISH"
                assert "ATTENDEE" not in event(mail)
                assert "answer" not in text(mail).replace("No answer is needed", "")
            one.send()
        assert "Place: Room 7 instead of Room 8" in text(one.update(location="Room 7").mails[0])
        assert by(one.changes.cancel(UID, Manner()))[0] == ("CANCEL", A, 2)

    def test_who_delegated_stays_so_through_a_small_change(self, one: Bench) -> None:
        one.create()
        delegated = house.plain_reply(
            house.facts(UID, attendee=ALICE, partstat=f'DELEGATED;DELEGATED-TO="mailto:{C}"', dtstamp=NOW)
        )
        one.clock.later(minutes=1)
        (ingested,) = replace(one.app.intake, clock=one.clock).ingest([("mail", delegated)])
        assert [row.outcome for row in ingested.rows] == ["applied"]
        one.send()
        changed = one.update(location="Room 8")
        assert {mail.recipient for mail in changed.mails} == {A, B, C}
        assert shown(changed.mails[0]) == {A: "DELEGATED", B: "NEEDS-ACTION", C: "NEEDS-ACTION"}
        people = {str(u): u.params for u in users(event(changed.mails[0]), "ATTENDEE")}
        assert people[f"mailto:{A}"]["DELEGATED-TO"] == f"mailto:{C}"
        assert people[f"mailto:{C}"]["DELEGATED-FROM"] == f"mailto:{A}"
        again = one.update(start="2026-12-04T10:00")
        assert set(shown(again.mails[0]).values()) == {"NEEDS-ACTION"}


class TestAddedAgain:
    def test_what_they_answered_before_does_not_come_back(self, one: Bench) -> None:
        one.create()
        one.answer(BOB, "ACCEPTED")
        one.changes.remove(UID, [B], Manner())
        one.send()
        again = {"email": B, "name": "Robert", "role": "optional", "rsvp": False}
        changed = one.changes.add(UID, [again], Manner())
        assert by(changed) == [("REQUEST", B, 1)]
        assert shown(changed.mails[0])[B] == "NEEDS-ACTION"
        assert one.partstats()[B] == "NEEDS-ACTION"
        found = next(a for a in one.meeting.attendees if a.address == B)
        assert (found.name, found.role, found.rsvp) == ("Robert", "OPT-PARTICIPANT", False)

    def test_a_late_answer_to_the_former_invitation_is_outdated(self, one: Bench) -> None:
        one.create()
        one.changes.remove(UID, [B], Manner())
        one.changes.add(UID, [B], Manner())
        assert one.answer(BOB, "ACCEPTED", sequence=0) == "outdated"
        assert one.answer(BOB, "DECLINED", sequence=1) == "applied"
        assert one.answer(ALICE, "ACCEPTED", sequence=0) == "applied"
        assert one.partstats() == {A: "ACCEPTED", B: "DECLINED"}


class TestPrivacy:
    def test_each_sees_only_themselves(self, tmp_path: Path) -> None:
        with bench(tmp_path, show_attendees=False) as one:
            one.create()
            one.answer(ALICE, "ACCEPTED")
            for changed in (
                one.update(start="2026-12-04T10:00"),
                one.changes.add(UID, [C], Manner(notify=Notify.ALL)),
                one.changes.remove(UID, [C], Manner(notify=Notify.ALL)),
                one.changes.cancel(UID, Manner()),
            ):
                for mail in changed.mails:
                    others = {A, B, C} - {mail.recipient}
                    assert list(shown(mail)) == [mail.recipient]
                    assert not [o for o in others if o in text(mail) + text(mail, "html")]
                one.send()

    def test_each_mail_has_a_token_of_its_own_and_the_letter_none(self, tmp_path: Path) -> None:
        secret = tmp_path / "secret"
        secret.write_text("s" * 40)
        settings = {"reply_tokens": True, "token_secret_file": str(secret)}
        with bench(tmp_path, settings=settings) as one:
            one.create()
            changed = one.update(start="2026-12-04T10:00")
            organizers = [str(event(mail)["ORGANIZER"]) for mail in changed.mails]
            assert len(set(organizers)) == 2
            for mail, organizer in zip(changed.mails, organizers, strict=True):
                assert organizer.startswith("mailto:events+")
                token = organizer.removeprefix("mailto:events+").partition("@")[0]
                assert token not in text(mail) + text(mail, "html")
                assert token in message(mail)["From"]


class TestTheQueue:
    """A mail that waits is never delivered after a newer one: a calendar would show again what is off."""

    def put(self, one: Bench, **fields: object) -> None:
        replace(one.app.invitations, clock=one.clock).create({**MEETING, **fields})
        one.clock.later(minutes=1)

    def claim(self, one: Bench) -> list[outgoing.Claimed]:
        """What a process that comes along now would send."""
        with one.app.database.begin() as session:
            members.join(session, name := uuid.uuid4().hex, "this test", daemon=False)
            return outgoing.claim(session, "events", one.clock.now(), member=name, limit=50)

    def statuses(self, one: Bench) -> list[tuple[str, str, str]]:
        with one.app.database.begin() as session:
            rows = session.exec(select(OutgoingRow).order_by(col(OutgoingRow.id)))
            return [(row.recipient, row.method, row.status) for row in rows]

    def test_a_cancellation_takes_the_place_of_what_waits(self, one: Bench) -> None:
        self.put(one)
        one.changes.cancel(UID, Manner())
        assert self.statuses(one) == [
            (A, "REQUEST", "dropped"),
            (B, "REQUEST", "dropped"),
            (A, "CANCEL", "pending"),
            (B, "CANCEL", "pending"),
        ]

    def test_who_was_never_told_is_invited_to_what_it_is_now(self, one: Bench) -> None:
        self.put(one)
        changed = one.update(start="2026-12-04T10:00")
        assert message(changed.mails[0])["Subject"].startswith("Invitation: Budget")
        assert "changed" not in text(changed.mails[0])
        assert [m.sequence for m in one.waiting] == [1, 1]

    def test_of_those_alone_who_get_the_new_one(self, one: Bench) -> None:
        self.put(one)
        one.changes.remove(UID, [B], Manner())
        assert [row[2] for row in self.statuses(one)] == ["pending", "dropped", "pending"]

    def test_one_that_is_being_sent_goes_first(self, one: Bench) -> None:
        self.put(one)
        held = self.claim(one)
        one.changes.cancel(UID, Manner())
        assert self.claim(one) == []
        with one.app.database.begin() as session:
            outgoing.mark_sent(session, held[0], one.clock.now())
            outgoing.mark_later(
                session, held[1], one.clock.now() + timedelta(hours=1), "451 later", one.clock.now()
            )
        (news,) = self.claim(one)
        assert news.recipient == A
        with one.app.database.begin() as session:
            outgoing.mark_sent(session, news, one.clock.now())
        one.clock.later(hours=2)
        (old,) = self.claim(one)
        assert old.id == held[1].id
        with one.app.database.begin() as session:
            outgoing.mark_failed(session, old, "550 no")
        assert [mail.recipient for mail in self.claim(one)] == [B]

    def test_a_word_on_one_occurrence_waits_for_the_invitation(self, one: Bench) -> None:
        self.put(one, **SERIES)
        one.changes.cancel(UID, Manner(), occurrence="2026-12-10")
        assert len(one.waiting) == 4
        first = self.claim(one)
        assert [mail.recipient for mail in first] == [A, B]
        with one.app.database.begin() as session:
            for mail in first:
                outgoing.mark_sent(session, mail, one.clock.now())
        assert len(self.claim(one)) == 2

    def test_an_old_one_is_not_tried_again_after_a_newer_one(self, one: Bench) -> None:
        self.put(one)
        for mail in self.claim(one):
            with one.app.database.begin() as session:
                outgoing.mark_failed(session, mail, "550 no")
        one.changes.cancel(UID, Manner())
        with one.app.database.begin() as session, pytest.raises(CouldNot, match="1 is out of date") as error:
            outgoing.retry(session, [1], one.clock.now())
        house.one_line_of(error)


class Slow:
    """A clock that gives the other one time to begin."""

    def __init__(self, both: threading.Barrier) -> None:
        self.both = both

    def now(self) -> datetime:
        with contextlib.suppress(threading.BrokenBarrierError):
            self.both.wait(1)
        return NOW


@pytest.mark.parametrize("where", ["sqlite", "postgresql"])
def test_two_changes_at_once_both_count(request: pytest.FixtureRequest, tmp_path: Path, where: str) -> None:
    url = f"sqlite:///{tmp_path}/rsvpd.db"
    if where == "postgresql":
        postgres = request.getfixturevalue("postgres")
        assert isinstance(postgres, Postgres)
        url = postgres.fresh_database()
    one = Bench(house.app_of(url=url))
    one.create()
    slow = replace(one.app.changes, clock=Slow(threading.Barrier(2)))
    done: list[Changed] = []

    def change(fields: dict[str, object]) -> None:
        done.append(slow.update(UID, fields, Manner(), significant=True))

    both = [threading.Thread(target=change, args=[f]) for f in ({"summary": "x"}, {"location": "y"})]
    for thread in both:
        thread.start()
    for thread in both:
        thread.join()
    assert sorted(changed.sequence for changed in done) == [1, 2]
    assert (one.meeting.summary, one.meeting.location, one.meeting.sequence) == ("x", "y", 2)
    one.app.database.close()
