"""What is kept no longer goes, in small pieces; what waits for somebody stays, and nothing else changes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlmodel import col, select, update

import house
from builders import Party
from house import ALICE, BOB, NOW, START, UID, facts, invite, plain_reply
from rig.postgres import Postgres
from rsvpd.app import App
from rsvpd.config import parse
from rsvpd.housekeeping import Housekeeping, Kept
from rsvpd.store import feed
from rsvpd.store.outgoing import Status
from rsvpd.store.tables import InboundRow, MeetingRow, OutgoingRow, metadata
from rsvpd.taken_over import read

STRANGER = Party("stranger@example.net", "Some Body")


@dataclass(frozen=True)
class Later:
    """A clock that is ahead by so many days."""

    days: int

    def now(self) -> datetime:
        return datetime.now(UTC) + timedelta(days=self.days)


@pytest.fixture(params=["sqlite", "postgresql"])
def app(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[App]:
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path}/rsvpd.db"
    else:
        postgres: Postgres = request.getfixturevalue("postgres")
        url = postgres.fresh_database()
    made = house.app_of(url=url)
    yield made
    made.database.close()


def keep_house(app: App, days: int, *, piece: int = 2, whole: bool = False, **settings: int) -> Kept:
    """Keeps house so many days from now."""
    kept = parse({"organizer": [house.organizer()], **settings}, Path("test"))
    return Housekeeping(app.database, Later(days), kept, piece).tidy(whole=whole)


def registered(app: App, uid: str = UID, **changes: str | None) -> None:
    app.invitations.import_ics(invite(uid, ALICE, BOB, **changes), "events")


def answered(app: App, *mails: bytes) -> list[str]:
    ingested = app.intake.ingest([(str(number), mail) for number, mail in enumerate(mails)])
    return [row.outcome for one in ingested for row in one.rows]


def raws(app: App) -> dict[str, int]:
    """How many bytes the ledger has kept, by outcome."""
    with app.database.read() as session:
        return {row.outcome: len(row.raw) for row in session.exec(select(InboundRow))}


def counts(app: App) -> dict[str, int]:
    """How many rows each table has that a meeting may have rows in."""
    with app.database.read() as session:
        found = {
            table.name: session.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()
            for table in metadata.sorted_tables
        }
    return {name: count for name, count in found.items() if count}


class TestRaw:
    def test_nothing_but_the_feed_is_taken_away_by_default(self, app: App) -> None:
        registered(app)
        assert answered(app, plain_reply(facts())) == ["applied"]
        before, bytes_before = counts(app), raws(app)
        assert keep_house(app, 89) == Kept(0, 0, 0, 0, lingers=False)
        assert counts(app) == before
        changes = before.pop("change")
        assert keep_house(app, 30_000) == Kept(0, 0, 0, 0, lingers=False, changes=changes)
        assert (counts(app), raws(app)) == (before, bytes_before)

    def test_replies_are_emptied_but_not_what_waits(self, app: App) -> None:
        registered(app)
        mails = [
            plain_reply(facts(partstat="ACCEPTED"), "COMMENT:yes"),
            plain_reply(facts(attendee=STRANGER)),
        ]
        mails += [
            plain_reply(facts(uid="unknown@example.org")),
            plain_reply(facts(attendee=BOB, partstat="DECLINED")),
        ]
        assert answered(app, *mails) == ["applied", "held", "unknown_meeting", "applied"]
        before = raws(app)

        assert keep_house(app, 29, keep_raw_days=30).replies == 0
        assert raws(app) == before
        assert keep_house(app, 31, keep_raw_days=30).replies == 3
        assert raws(app) == {"applied": 0, "held": before["held"], "unknown_meeting": 0}
        assert keep_house(app, 32, keep_raw_days=30).replies == 0

    def test_judging_again_leaves_what_cannot_be_read_any_more(self, app: App) -> None:
        registered(app)
        answered(
            app, plain_reply(facts(partstat="ACCEPTED"), "COMMENT:yes"), plain_reply(facts(attendee=STRANGER))
        )
        keep_house(app, 31, keep_raw_days=30)
        assert answered(app, plain_reply(facts(attendee=BOB, partstat="DECLINED"))) == ["applied"]

        assert app.review.replay(apply=True) == []
        alice = house.attendee(app.database)
        assert (alice.partstat, alice.comment) == ("ACCEPTED", "yes")
        assert house.attendee(app.database, BOB.address).partstat == "DECLINED"
        assert [one.row.outcome for one in app.review.release([2], "me")] == ["applied"]

    def test_judging_again_leaves_what_a_person_released(self, app: App) -> None:
        registered(app)
        assert answered(app, plain_reply(facts(attendee=STRANGER))) == ["held"]
        app.review.release([1], "me")
        assert keep_house(app, 31, keep_raw_days=30).replies == 1

        assert app.review.replay(apply=True) == []
        assert house.attendee(app.database, STRANGER.address).partstat == "ACCEPTED"

    def test_a_newer_answer_still_wins_over_one_that_was_emptied(self, app: App) -> None:
        registered(app)
        answered(app, plain_reply(facts(partstat="ACCEPTED")))
        keep_house(app, 31, keep_raw_days=30)
        older = facts(partstat="DECLINED", dtstamp=NOW - timedelta(hours=2))
        assert answered(app, plain_reply(older)) == ["outdated"]
        newer = facts(partstat="TENTATIVE", dtstamp=NOW - timedelta(minutes=2))
        assert answered(app, plain_reply(newer)) == ["applied"]
        app.review.replay(apply=True)
        assert house.attendee(app.database).partstat == "TENTATIVE"

    def test_a_meeting_that_comes_later_does_not_break_on_them(self, app: App) -> None:
        answered(app, plain_reply(facts()))
        keep_house(app, 31, keep_raw_days=30)
        registered(app)
        assert house.outcomes(app.database) == ["unknown_meeting"]

    def test_mails_are_emptied_once_they_are_sent(self, app: App) -> None:
        app.invitations.create({}, read(invite(UID, ALICE, BOB)))
        with app.database.begin() as session:
            first = update(OutgoingRow).where(col(OutgoingRow.recipient) == ALICE.address)
            session.execute(first.values(status=Status.SENT.value, sent_at=NOW))
        assert keep_house(app, 31, keep_raw_days=30).mails == 1
        with app.database.read() as session:
            kept = {row.recipient: bool(row.raw) for row in session.exec(select(OutgoingRow))}
        assert kept == {ALICE.address: False, BOB.address: True}


class TestMeetings:
    def test_what_is_over_goes_whole(self, app: App) -> None:
        registered(app)
        later = START + timedelta(days=100)
        end = later + timedelta(hours=1)
        times = {"DTSTART": f"{later:%Y%m%dT%H%M%SZ}", "DTEND": f"{end:%Y%m%dT%H%M%SZ}"}
        registered(app, "later@example.org", **times)
        answered(app, plain_reply(facts(partstat="ACCEPTED")), plain_reply(facts(uid="later@example.org")))
        before = counts(app)

        assert keep_house(app, 40 + 29, keep_finished_meetings_days=30).meetings == 0
        assert counts(app) == before
        assert keep_house(app, 40 + 32, keep_finished_meetings_days=30).meetings == 1
        left = {name: count // 2 if count % 2 == 0 else count for name, count in before.items()}
        left["change"] += 1
        assert counts(app) == left
        with app.database.read() as session:
            told = [one.kind for one in feed.after(session, 0, limit=1000) if one.uid == UID]
        assert told == ["meeting.deleted"]
        assert [row.uid for row in house.ledger(app.database)] == ["later@example.org"]
        assert app.review.replay(apply=False) == []

    @pytest.mark.parametrize(
        ("rule", "removed"),
        [
            ("FREQ=DAILY;COUNT=5", 1),
            ("FREQ=DAILY", 0),
            ("FREQ=WEEKLY;COUNT=40", 0),
            ("FREQ=YEARLY;COUNT=1", 1),
        ],
    )
    def test_a_series_is_over_after_its_last(self, app: App, rule: str, removed: int) -> None:
        registered(app, RRULE=rule)
        assert keep_house(app, 40 + 60, keep_finished_meetings_days=30).meetings == removed

    def test_a_moved_occurrence_counts(self, app: App) -> None:
        text = invite(UID, ALICE, RRULE="FREQ=DAILY;COUNT=2").decode()
        moved = START + timedelta(days=200)
        second = START + timedelta(days=1)
        event = text[text.index("BEGIN:VEVENT") : text.index("END:VCALENDAR")]
        event = event.replace("RRULE:FREQ=DAILY;COUNT=2", f"RECURRENCE-ID:{second:%Y%m%dT%H%M%SZ}")
        event = event.replace(f"{START:%Y%m%dT%H%M%SZ}", f"{moved:%Y%m%dT%H%M%SZ}")
        event = event.replace(
            f"{START + timedelta(hours=1):%Y%m%dT%H%M%SZ}", f"{moved + timedelta(hours=1):%Y%m%dT%H%M%SZ}"
        )
        text = text.replace("END:VCALENDAR", f"{event}END:VCALENDAR")
        app.invitations.import_ics(text.encode(), "events")

        assert keep_house(app, 40 + 100, keep_finished_meetings_days=30).meetings == 0
        assert keep_house(app, 40 + 300, keep_finished_meetings_days=30).meetings == 1

    def test_it_stays_while_something_waits(self, app: App) -> None:
        app.invitations.create({}, read(invite("unsent@example.org", ALICE)))
        registered(app)
        assert answered(app, plain_reply(facts(attendee=STRANGER))) == ["held"]
        assert keep_house(app, 400, keep_finished_meetings_days=30).meetings == 0

        app.review.dismiss([1], "me")
        assert keep_house(app, 400, keep_finished_meetings_days=30).meetings == 1
        with app.database.read() as session:
            assert session.exec(select(MeetingRow.uid)).all() == ["unsent@example.org"]

    def test_it_stops_when_told_to(self, app: App) -> None:
        registered(app)
        kept = parse({"organizer": [house.organizer()], "keep_finished_meetings_days": 1}, Path("test"))
        tidied = Housekeeping(app.database, Later(400), kept).tidy(keep_on=lambda: False)
        assert not tidied.anything
        assert counts(app)["meeting"] == 1


class TestRoom:
    def test_the_file_shrinks(self, tmp_path: Path) -> None:
        app = house.app_of(url=f"sqlite:///{tmp_path}/rsvpd.db")
        registered(app)
        long = "COMMENT:" + "x" * 60_000
        answered(app, *(plain_reply(facts(dtstamp=NOW - timedelta(minutes=n)), long) for n in range(30)))
        size = (tmp_path / "rsvpd.db").stat().st_size + (tmp_path / "rsvpd.db-wal").stat().st_size
        kept = keep_house(app, 31, keep_raw_days=30)
        app.database.close()

        assert kept.replies == 30
        assert kept.freed > 1_000_000
        assert (tmp_path / "rsvpd.db").stat().st_size < size / 2

    def test_the_daemon_does_it(self, tmp_path: Path) -> None:
        app = house.app_of(url=f"sqlite:///{tmp_path}/rsvpd.db")
        registered(app)
        answered(app, plain_reply(facts()))
        with app.database.begin() as session:
            session.execute(update(InboundRow).values(recorded_at=NOW - timedelta(days=9)))
        daemon = house.start("--config", house.config(tmp_path, keep_raw_days=8), "run")
        try:
            house.eventually(lambda: raws(app) == {"applied": 0})
        finally:
            daemon.terminate()
            _, said = daemon.communicate(timeout=20)
            app.database.close()
        assert "kept house" in said

    def test_the_command_says_what_it_did(self, tmp_path: Path) -> None:
        done = house.run("--config", house.config(tmp_path), "db", "clean")
        assert (done.code, done.err) == (0, "")
        assert done.out.startswith(
            "Emptied 0 replies and 0 mails, removed 0 meetings and 0 changes, gave back "
        )
