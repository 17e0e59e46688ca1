"""One contract for the store, on SQLite and on PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import text

import house
from builders import google
from house import ALICE, BOB, NOW, UID, facts, invite, one_line_of
from rig.postgres import Postgres
from rsvpd.app import App, open_app
from rsvpd.config import DatabaseSettings, Settings
from rsvpd.itip.global_object_id import global_object_id
from rsvpd.itip.ics.meetings import Imported, read_meetings
from rsvpd.itip.model import Arrival, Meeting, PartStat
from rsvpd.itip.reading import read_mail
from rsvpd.ports import StoreUnavailable
from rsvpd.store import ledger, queries, writes
from rsvpd.store.database import Database
from rsvpd.store.ledger import Place
from rsvpd.store.tables import InboundRow, metadata


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    with house.engines_disposed():
        yield


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/store.db"
    postgres: Postgres = request.getfixturevalue("postgres")
    return postgres.fresh_database()


@pytest.fixture
def empty(url: str) -> Iterator[Database]:
    database = Database(url)
    yield database
    database.close()


@pytest.fixture
def database(empty: Database) -> Database:
    """A database with the schema."""
    empty.migrate()
    return empty


def meeting(uid: str = UID, **changes: str | None) -> Meeting:
    found = read_meetings(invite(uid, ALICE, BOB, **changes))
    assert isinstance(found, tuple)
    (one,) = found
    assert isinstance(one, Imported)
    return one.meeting


def add(database: Database, uid: str = UID, organizer: str = "events") -> int:
    with database.begin() as session:
        stored = writes.add_meeting(session, meeting(uid), organizer, sends=True, now=NOW, known_at=NOW)
        return stored.id


def find(database: Database, uid: str, organizer: str | None = "events") -> int | None:
    with database.begin() as session:
        row = writes.find_meetings(session, [uid], organizer).get(uid)
        return row.id if row else None


def settings(url: str) -> Settings:
    return Settings(database=DatabaseSettings(url=url))


def set_revision(database: Database, revision: str) -> None:
    with database.begin() as session:
        session.execute(text("UPDATE alembic_version SET version_num = :new"), {"new": revision})


class TestSchema:
    def test_an_empty_database_is_set_up_by_itself(self, empty: Database, url: str) -> None:
        assert empty.revision() is None

        opened = open_app(settings(url))
        opened.database.close()

        assert empty.revision() == empty.newest_revision()

    def test_two_processes_meet_an_empty_database(self, empty: Database, tmp_path: Path) -> None:
        file = house.config(tmp_path, database=empty.url)
        started = [house.start("--config", file, "meeting", "list") for _ in range(3)]

        assert [process.communicate(timeout=60)[1] for process in started] == [""] * 3
        assert empty.revision() == empty.newest_revision()

    def test_the_migrated_schema_is_what_the_tables_say(self, database: Database) -> None:
        with database.engine.connect() as connection:
            context = MigrationContext.configure(connection, opts={"compare_type": True})
            assert compare_metadata(context, metadata) == []

    def test_a_second_upgrade_changes_nothing(self, database: Database) -> None:
        add(database)
        database.migrate()

        assert find(database, UID) is not None

    def test_a_newer_schema_is_refused(self, database: Database, url: str) -> None:
        set_revision(database, "9999")

        with pytest.raises(StoreUnavailable, match="9999, which is newer than this rsvpd") as error:
            open_app(settings(url))
        one_line_of(error)

    @pytest.mark.usefixtures("database")
    def test_an_older_schema_is_named_with_what_to_do(
        self, url: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(Database, "newest_revision", lambda _self: "9999")

        with pytest.raises(StoreUnavailable, match=r"needs 9999: run `rsvpd db upgrade`") as error:
            open_app(settings(url))
        one_line_of(error)

    @pytest.mark.parametrize(
        "named", ["mysql://localhost/rsvpd", "sqlite:////no/such/folder/x.db", "rsvpd.db", "nonsense://x"]
    )
    def test_a_url_that_names_no_database_is_one_line(self, named: str) -> None:
        with pytest.raises(StoreUnavailable, match="database") as error:
            Database(named)
        one_line_of(error)

    def test_a_file_that_is_no_database_is_one_line(self, tmp_path: Path) -> None:
        file = tmp_path / "notes.txt"
        file.write_text("not a database, only words " * 100)
        database = Database(f"sqlite:///{file}")

        with pytest.raises(StoreUnavailable, match="database: file is not a database") as error:
            database.revision()
        one_line_of(error)
        database.close()


class TestMeetings:
    def test_a_meeting_comes_back_as_it_went_in(self, database: Database) -> None:
        add(database)

        with database.begin() as session:
            row = writes.find_meetings(session, [UID], "events")[UID]
            back = writes.load_everyone(session, row).meeting
        went_in = meeting()
        assert (back.uid, back.start, back.end) == (UID, went_in.start, went_in.end)
        assert [a.address for a in back.attendees] == [ALICE.address, BOB.address]
        assert [(r.sequence, r.sent_at) for r in back.revisions] == [(0, NOW)]

    @pytest.mark.parametrize(
        "uid", ["x" * 5000, "Überprüfung/日本語-🎉@example.org", "a b\\c'\"%_@x", "UPPER@EXAMPLE.ORG"]
    )
    def test_any_uid_is_found_octet_for_octet(self, database: Database, uid: str) -> None:
        with database.begin() as session:
            one = meeting()
            writes.add_meeting(
                session,
                Meeting(uid=uid, organizer=one.organizer, start=one.start, end=one.end),
                "events",
                sends=True,
                now=NOW,
                known_at=NOW,
            )

        assert find(database, uid) is not None
        assert find(database, uid + "x") is None

    def test_a_uid_that_outlook_wrapped_is_found(self, database: Database) -> None:
        number = add(database)

        assert find(database, global_object_id(UID)) == number
        assert find(database, global_object_id(UID).lower()) == number

    def test_a_meeting_with_a_wrapped_uid_is_found_by_what_is_in_it(self, database: Database) -> None:
        number = add(database, global_object_id(UID))

        assert find(database, UID) == number

    def test_case_does_not_matter_where_it_is_unambiguous(self, database: Database) -> None:
        number = add(database, "Review@Example.org")

        assert find(database, "rEVIEW@eXAMPLE.ORG") == number

    def test_case_matters_where_two_meetings_differ_in_nothing_else(self, database: Database) -> None:
        upper, lower = add(database, "REVIEW@example.org"), add(database, "review@example.org")

        assert find(database, "REVIEW@example.org") == upper
        assert find(database, "review@example.org") == lower
        assert find(database, "Review@example.org") is None

    def test_two_organizers_have_the_same_uid(self, database: Database) -> None:
        ours, theirs = add(database, organizer="events"), add(database, organizer="sales")

        assert find(database, UID, "events") == ours
        assert find(database, UID, "sales") == theirs
        assert find(database, UID, "nobody") is None
        assert find(database, UID, None) in {ours, theirs}

    def test_one_organizer_cannot_have_a_uid_twice(self, database: Database) -> None:
        add(database)

        with pytest.raises(StoreUnavailable) as error:
            add(database)
        one_line_of(error)

    def test_many_uids_are_looked_up_at_once(self, database: Database) -> None:
        number = add(database)
        uids = [f"{n}@example.org" for n in range(60_000)]

        with database.begin() as session:
            found = writes.find_meetings(session, [*uids, UID], "events")
        assert {uid: row.id for uid, row in found.items()} == {UID: number}

    def test_a_block_that_raises_leaves_nothing(self, database: Database) -> None:
        with pytest.raises(ZeroDivisionError), database.begin() as session:
            writes.add_meeting(session, meeting(), "events", sends=True, now=NOW, known_at=NOW)
            raise ZeroDivisionError

        assert find(database, UID) is None


@pytest.fixture
def app(database: Database) -> App:
    return App(house.settings_of(house.organizer()), database)


class TestAnswers:
    @pytest.mark.parametrize("order", [(0, 1), (1, 0)], ids=["in order", "the newer one first"])
    def test_the_newer_answer_counts_whatever_came_first(
        self, app: App, database: Database, order: tuple[int, int]
    ) -> None:
        add(database)
        mails = [
            google(facts(partstat="ACCEPTED", dtstamp=NOW - timedelta(hours=2))),
            google(facts(partstat="DECLINED", dtstamp=NOW - timedelta(hours=1), comment="Ill")),
        ]

        list(app.intake.ingest([(str(n), mails[n]) for n in order]))

        alice = house.attendee(database)
        assert (alice.partstat, alice.comment) == (PartStat.DECLINED, "Ill")
        assert alice.answered_at == NOW - timedelta(hours=1)
        assert house.attendee(database, BOB.address).partstat is PartStat.NEEDS_ACTION

    def test_an_answer_that_came_before_its_meeting_counts_once_it_is_there(
        self, app: App, database: Database
    ) -> None:
        list(app.intake.ingest([("early", google(facts()))]))
        assert house.outcomes(database) == ["unknown_meeting"]

        app.invitations.import_ics(invite(), "events")
        assert house.outcomes(database) == ["applied"]
        assert house.attendee(database).partstat is PartStat.ACCEPTED

    def test_times_come_back_aware_and_in_utc(self, app: App, database: Database) -> None:
        add(database)
        list(app.intake.ingest([("one", google(facts()))]))

        (row,) = house.ledger(database)
        assert row.received_at.utcoffset() == timedelta(0)
        assert house.attendee(database).answered_at == NOW - timedelta(hours=1)


def row_of(place: Place, raw: bytes, number: int = 0) -> InboundRow:
    mail = read_mail(raw)
    return ledger.new_row(place, mail, mail.items[0], number, Arrival(mail.envelope, NOW), NOW)


class TestLedger:
    def test_a_mail_has_one_row_for_each_component(self, database: Database) -> None:
        place, raw = Place("events/INBOX", 7, 1, "events"), google(facts())
        with database.begin() as session:
            session.add_all([row_of(place, raw), row_of(place, raw, number=1)])

        with pytest.raises(StoreUnavailable) as error, database.begin() as session:
            session.add(row_of(place, raw))
        one_line_of(error)
        assert len(house.ledger(database)) == 2

    def test_mails_given_by_hand_have_no_number(self, database: Database) -> None:
        place, raw = Place("ingest", None, None, None), google(facts())
        with database.begin() as session:
            session.add_all([row_of(place, raw), row_of(place, raw)])

        assert len(house.ledger(database)) == 2

    def test_numbers_beyond_32_bits_are_kept(self, database: Database) -> None:
        place, raw = Place("events/INBOX", 4_294_967_295, 4_294_967_290, "events"), google(facts())
        with database.begin() as session:
            session.add(row_of(place, raw))
            ledger.advance(session, place.mailbox, 4_294_967_295, 4_294_967_290, passed=0, now=NOW)

        with database.begin() as session:
            known = ledger.known_numbers(session, place.mailbox, 4_294_967_295, [4_294_967_290])
        assert known == {4_294_967_290}

    def test_the_cursor_moves_on_and_never_back(self, database: Database) -> None:
        with database.begin() as session:
            assert ledger.cursor(session, "events/INBOX") is None
        for last, passed in ((10, 3), (8, 1), (12, 0)):
            with database.begin() as session:
                ledger.advance(session, "events/INBOX", 7, last, passed=passed, now=NOW)

        with database.read() as session:
            (view,) = queries.mailboxes(session)
        assert (view.last_uid, view.passed, view.polled_at) == (12, 4, NOW)

    def test_a_new_uidvalidity_starts_over(self, database: Database) -> None:
        for uidvalidity, last in ((7, 100), (8, 5)):
            with database.begin() as session:
                ledger.advance(session, "events/INBOX", uidvalidity, last, passed=0, now=NOW)

        with database.begin() as session:
            cursor = ledger.cursor(session, "events/INBOX")
            assert cursor is not None
            assert (cursor.uidvalidity, cursor.last_uid) == (8, 5)
