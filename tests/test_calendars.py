"""The organizer's own calendar, kept in a real Radicale."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

import house
from house import ALICE, BOB, START, UID, Keys, invite, one_line_of
from keeping import Kept, caldav, keeping, partstats, users
from rig.postgres import Postgres
from rig.radicale import PASSWORD, Radicale
from rsvpd.changes import Manner
from rsvpd.ports import CalendarUnavailable
from rsvpd.store import writes
from rsvpd.taken_over import read

WEEKLY = {"RRULE": "FREQ=WEEKLY;COUNT=4"}


@pytest.fixture(scope="module")
def radicale(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Radicale]:
    with Radicale(tmp_path_factory.mktemp("caldav") / "radicale") as server:
        yield server


@pytest.fixture
def kept(radicale: Radicale, tmp_path: Path) -> Iterator[Kept]:
    with keeping(radicale, tmp_path) as made:
        yield made


class TestKept:
    def test_a_meeting_is_put_with_the_server_told_not_to_invite(self, kept: Kept) -> None:
        kept.invite(SUMMARY=r"Büro\; C:\\Neu\, 🎉", LOCATION="Room 4")

        assert kept.update() == 1
        (event,) = kept.events()
        assert (event["UID"], event["SUMMARY"], event["LOCATION"]) == (UID, "Büro; C:\\Neu, 🎉", "Room 4")
        assert event["STATUS"] == "CONFIRMED"
        assert event.decoded("DTSTART") == START
        people = users(event, "ORGANIZER") + users(event, "ATTENDEE")
        assert [person.params["SCHEDULE-AGENT"] for person in people] == ["CLIENT"] * 3
        assert partstats(event) == {ALICE.address: "NEEDS-ACTION", BOB.address: "NEEDS-ACTION"}

    def test_nothing_is_asked_of_the_server_while_nothing_changes(self, kept: Kept) -> None:
        kept.invite()
        kept.update()
        kept.server.stop()
        try:
            assert kept.update() == 0
        finally:
            kept.server.start()

    def test_replies_show_in_it(self, kept: Kept) -> None:
        kept.invite()
        kept.update()
        for hours, partstat in ((3, "TENTATIVE"), (2, "DECLINED"), (1, "ACCEPTED")):
            kept.answer(partstat, hours=hours)

            assert kept.update() == 1
            (event,) = kept.events()
            assert partstats(event) == {ALICE.address: partstat, BOB.address: "NEEDS-ACTION"}

    def test_an_occurrence_answered_apart_has_an_override(self, kept: Kept) -> None:
        kept.invite(**WEEKLY)
        kept.answer("ACCEPTED", hours=3)
        second = START + timedelta(days=7)
        kept.answer("DECLINED", f"RECURRENCE-ID:{second:%Y%m%dT%H%M%SZ}", hours=2)

        assert kept.update() == 1
        series, apart = kept.events()
        assert (partstats(series)[ALICE.address], "RRULE" in series) == ("ACCEPTED", True)
        assert (apart.decoded("RECURRENCE-ID"), apart.decoded("DTSTART")) == (second, second)
        assert partstats(apart) == {ALICE.address: "DECLINED", BOB.address: "NEEDS-ACTION"}

        kept.answer("ACCEPTED", hours=1)  # to the series again, which is newer

        assert kept.update() == 1
        assert len(kept.events()) == 1

    def test_a_cancelled_meeting_stays_as_cancelled(self, kept: Kept) -> None:
        kept.invite()
        kept.update()
        kept.app.changes.cancel(UID, Manner())

        assert kept.update() == 1
        (event,) = kept.events()
        assert (event["STATUS"], event["SEQUENCE"]) == ("CANCELLED", 1)

    def test_what_the_organizer_changes_shows_in_it(self, kept: Kept) -> None:
        kept.invite(**WEEKLY)
        kept.answer("ACCEPTED")
        second, third = (START + timedelta(days=days) for days in (7, 14))
        kept.update()
        kept.app.changes.update(UID, {"location": "Room 5"}, Manner())
        kept.app.changes.remove(UID, [BOB.address], Manner())
        kept.app.changes.cancel(UID, Manner(), occurrence=second.isoformat())
        moved = {"start": (third + timedelta(hours=2)).isoformat(), "duration": "1h"}
        kept.app.changes.update(UID, moved, Manner(), occurrence=third.isoformat())

        assert kept.update() == 1
        series, off, later = kept.events()
        assert (series["LOCATION"], partstats(series)) == ("Room 5", {ALICE.address: "ACCEPTED"})
        assert (off.decoded("RECURRENCE-ID"), off["STATUS"]) == (second, "CANCELLED")
        assert (later.decoded("RECURRENCE-ID"), later.decoded("DTSTART")) == (
            third,
            third + timedelta(hours=2),
        )
        assert partstats(later) == {ALICE.address: "NEEDS-ACTION"}  # they are asked about it anew

    def test_on_postgresql_too(self, radicale: Radicale, postgres: Postgres) -> None:
        user = radicale.user("Events")
        app = house.app_of(house.organizer(caldav=caldav(radicale, user)), url=postgres.fresh_database())
        kept = Kept(app, radicale, user)
        kept.invite(**WEEKLY)
        assert [kept.update(), kept.update()] == [1, 0]
        kept.answer("DECLINED", f"RECURRENCE-ID:{START:%Y%m%dT%H%M%SZ}")
        assert [kept.update(), kept.update()] == [1, 0]
        assert [partstats(event)[ALICE.address] for event in kept.events()] == ["NEEDS-ACTION", "DECLINED"]
        app.database.close()

    def test_what_somebody_else_invites_to_is_not_touched(self, kept: Kept) -> None:
        kept.app.invitations.import_ics(invite(), "events")

        assert kept.update() == 0
        assert kept.server.objects(kept.user) == []

    def test_a_meeting_long_over_is_left_alone(self, kept: Kept) -> None:
        kept.invite()
        kept.update()
        kept.answer("ACCEPTED")
        with kept.app.database.begin() as session:
            row = writes.find_meetings(session, [UID], "events")[UID]
            row.ends_at = kept.app.clock.now() - timedelta(days=31)
            session.add(row)

        assert kept.update() == 0

    def test_an_entry_that_the_calendar_has_already_is_replaced(self, kept: Kept) -> None:
        kept.server.ask("PUT", f"{kept.user}/cal0/mine.ics", invite(UID, ALICE), **{"If-None-Match": "*"})
        kept.invite()
        kept.answer("ACCEPTED")

        assert kept.update() == 1
        (event,) = kept.events()
        assert partstats(event) == {ALICE.address: "ACCEPTED", BOB.address: "NEEDS-ACTION"}

    def test_an_entry_that_was_deleted_or_changed_comes_back_with_the_next_change(self, kept: Kept) -> None:
        kept.invite()
        kept.update()
        kept.server.ask("DELETE", f"{kept.user}/cal0/")
        kept.server.ask("MKCALENDAR", f"{kept.user}/cal0/")
        assert kept.update() == 0
        kept.answer("ACCEPTED")

        assert kept.update() == 1
        assert partstats(*kept.events())[ALICE.address] == "ACCEPTED"

    @pytest.mark.parametrize("uid", ["../../etc/passwd", "a b/ü?#%20", "x" * 3_000])
    def test_any_uid_is_a_place_in_it(self, kept: Kept, uid: str) -> None:
        kept.app.invitations.create({"uid": uid}, read(invite(UID, ALICE, BOB)))

        assert kept.update() == 1
        assert [event["UID"] for event in kept.events()] == [uid]


class TestWhichCalendar:
    @pytest.mark.parametrize("wanted", ["Private", "cal1"])
    def test_is_named_or_the_last_part_of_its_address(
        self, radicale: Radicale, tmp_path: Path, wanted: str
    ) -> None:
        with keeping(radicale, tmp_path, "Events", "Private", calendar=wanted) as kept:
            kept.invite()
            kept.update()
            assert [len(radicale.objects(kept.user, name)) for name in ("cal0", "cal1")] == [0, 1]

    @pytest.mark.parametrize("end", ["", "/"])
    def test_is_the_one_whose_address_is_given(self, radicale: Radicale, tmp_path: Path, end: str) -> None:
        user = radicale.user("Events", "Private")
        organizer = house.organizer(caldav=caldav(radicale, user, url=f"{radicale.url}{user}/cal1{end}"))
        app = house.app_of(organizer, url=f"sqlite:///{tmp_path}/rsvpd.db")
        app.invitations.create({}, read(invite()))

        assert app.calendars.update(app.settings.organizer[0]) == 1
        assert len(radicale.objects(user, "cal1")) == 1
        app.database.close()

    @pytest.mark.parametrize(
        ("keys", "said"),
        [
            ({}, "say which calendar; found: "),
            ({"calendar": "Nope"}, "there is no calendar 'Nope'; found: "),
            ({"password": "wrong"}, "login refused for u"),
            ({"username": None, "password": None}, "login refused for nobody"),
        ],
    )
    def test_trouble_is_one_line_and_nothing_is_lost(
        self, radicale: Radicale, tmp_path: Path, keys: Keys, said: str
    ) -> None:
        with keeping(radicale, tmp_path, "Events", "Private", **keys) as kept:
            kept.invite()
            for _ in range(2):
                with pytest.raises(CalendarUnavailable, match=said) as error:
                    kept.update()
                assert one_line_of(error).startswith("events: caldav localhost: ")
                assert PASSWORD not in str(error.value)

    def test_another_one_in_the_settings_gets_everything(self, radicale: Radicale, tmp_path: Path) -> None:
        with keeping(radicale, tmp_path, "Events", "Private", calendar="Events") as kept:
            kept.invite()
            kept.update()
            moved = kept.organizer.caldav
            assert moved is not None
            elsewhere = kept.organizer.model_copy(
                update={"caldav": moved.model_copy(update={"calendar": "Private"})}
            )

            assert kept.app.calendars.update(elsewhere) == 1
            assert len(radicale.objects(kept.user, "cal1")) == 1
