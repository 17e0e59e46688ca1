"""The SQL contract: what the README says of the views is so on SQLite and PostgreSQL, and they count as rsvpd does."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import insert, text
from sqlmodel import Session

import house
from house import ALICE, BOB, NOW, START, UID, facts, invite, plain_reply
from rig.postgres import Postgres
from rsvpd.app import App
from rsvpd.itip import seats
from rsvpd.itip.model import PartStat
from rsvpd.itip.seats import Seat
from rsvpd.store import queries
from rsvpd.store.convert import digest
from rsvpd.store.database import Database
from rsvpd.store.tables import AttendeeRow, MeetingRow

README = (Path(__file__).resolve().parent.parent / "README.md").read_text(encoding="utf-8")
VIEWS = ("attendance", "attendance_summary", "reply_log")
TYPES = {
    "integer": "integer",
    "bigint": "integer",
    "text": "text",
    "character varying": "text",
    "timestamp with time zone": "time",
}
"""What PostgreSQL calls a type, and what the README does."""

Row = dict[str, Any]
Column = tuple[str, str]


def section(view: str) -> str:
    (found,) = re.findall(rf"(?ms)^### View `{view}`\n(.*?)(?=^##)", README)
    return str(found)


def documented(view: str) -> list[Column]:
    return re.findall(r"(?m)^\| `(\w+)` \| (\w+) \| .+ \|$", section(view))


def example(view: str) -> str:
    """The panel's query, with Grafana's variables as Grafana writes them."""
    (query,) = re.findall(r"(?ms)^```sql\n(.*?)^```$", section(view))
    variables = {"__from": NOW - timedelta(days=30), "__to": NOW + timedelta(days=1)}
    for name, moment in variables.items():
        query = query.replace(f"${{{name}:date:iso}}", f"{moment:%Y-%m-%dT%H:%M:%S}.000Z")
    assert "${" not in query
    return str(query)


@pytest.fixture(params=["sqlite", "postgresql"])
def app(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[App]:
    """A house in which something happened."""
    url = f"sqlite:///{tmp_path}/views.db"
    if request.param == "postgresql":
        postgres: Postgres = request.getfixturevalue("postgres")
        url = postgres.fresh_database()
    opened = house.app_of(url=url)
    lived_in(opened)
    yield opened
    opened.database.close()


def lived_in(app: App) -> None:
    app.invitations.import_ics(invite(UID, ALICE, BOB, LOCATION="Room 4"), None)
    app.invitations.import_ics(invite("other@example.org", BOB, STATUS="CANCELLED"), None)
    hour = timedelta(hours=1)
    mails = (
        reply(f"PARTSTAT=ACCEPTED;X-NUM-GUESTS=2:mailto:{ALICE.address}", NOW - 2 * hour, "COMMENT:Gladly"),
        reply(f'PARTSTAT=DELEGATED;DELEGATED-TO="mailto:carol@example.com":mailto:{BOB.address}', NOW - hour),
        plain_reply(facts(attendee=house.EVENTS, partstat="DECLINED")),
        plain_reply(facts("nobody@example.org")),
    )
    ingested = app.intake.ingest([(f"{number}.eml", mail) for number, mail in enumerate(mails)])
    assert [row.outcome for one in ingested for row in one.rows] == [
        "applied",
        "applied",
        "held",
        "unknown_meeting",
    ]


def reply(attendee: str, at: datetime, *lines: str) -> bytes:
    """An answer whose ATTENDEE is this."""
    around = ("BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//test//EN", "METHOD:REPLY", "BEGIN:VEVENT")
    inner = (f"UID:{UID}", "SEQUENCE:0", f"DTSTAMP:{at:%Y%m%dT%H%M%SZ}", f"ATTENDEE;{attendee}", *lines)
    body = "\r\n".join((*around, *inner, "END:VEVENT", "END:VCALENDAR", ""))
    sender = BOB if BOB.address in attendee else ALICE
    return plain_reply(facts(attendee=sender, dtstamp=at), body=body)


def rows(session: Session, query: str) -> list[Row]:
    return [dict(row) for row in session.execute(text(query)).mappings()]


def read(database: Database, query: str) -> list[Row]:
    with database.read() as session:
        return rows(session, query)


def columns(database: Database, view: str) -> list[Column]:
    """Names and types as the database has them: on SQLite those of the values, for it keeps no others."""
    if database.engine.dialect.name == "postgresql":
        query = f"SELECT column_name, data_type FROM information_schema.columns WHERE table_name = '{view}' "  # noqa: S608
        return [
            (r["column_name"], TYPES[r["data_type"]])
            for r in read(database, query + "ORDER BY ordinal_position")
        ]
    names = [row["name"] for row in read(database, f"PRAGMA table_info({view})")]
    values = read(database, f"SELECT * FROM {view}")  # noqa: S608
    return [(name, sqlite_type([row[name] for row in values])) for name in names]


def sqlite_type(values: Sequence[object]) -> str:
    kinds = {kind(value) for value in values if value is not None}
    return kinds.pop() if len(kinds) == 1 else "/".join(sorted(kinds)) or "nothing"


def kind(value: object) -> str:
    if isinstance(value, int):
        return "integer"
    is_time = re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", str(value)) is not None
    return "time" if is_time else "text"


def instant(value: object) -> datetime | None:
    """A time of either database."""
    if value is None or isinstance(value, datetime):
        return value.astimezone(UTC) if value else None
    return datetime.fromisoformat(str(value))


@pytest.mark.parametrize("view", VIEWS)
def test_the_columns_are_those_of_the_readme(app: App, view: str) -> None:
    said, found = documented(view), columns(app.database, view)

    assert [name for name, _ in found] == [name for name, _ in said]
    # SQLite knows no type where this small world has no value.
    assert [(name, now) for name, now in found if now != "nothing"] == [
        column for column, (_, now) in zip(said, found, strict=True) if now != "nothing"
    ]
    assert len(said) > 15


def test_attendance_says_what_the_query_layer_says(app: App) -> None:
    shown = read(app.database, "SELECT * FROM attendance ORDER BY attendee_id")
    with app.database.read() as session:
        views = list(queries.attendance(session))

    expected = [(view.meeting, attendee) for view in views for attendee in view.attendees]
    by_uid = {(row["uid"], row["email"]): row for row in shown}
    assert len(by_uid) == len(expected) == 4
    for meeting, attendee in expected:
        row = by_uid[meeting.uid, attendee.email]
        same = ("name", "role", "comment", "guests", "sent_by", "delegated_to", "delegated_from", "client")
        assert {name: row[name] for name in same} == {name: getattr(attendee, name) for name in same}
        assert row["partstat"] == attendee.partstat
        assert instant(row["answered_at"]) == attendee.answered_at
        assert (row["summary"], row["organizer"], row["status"]) == (
            meeting.summary,
            meeting.organizer,
            meeting.status,
        )
        assert instant(row["starts_at"]) == START


def test_the_summary_counts_what_the_query_layer_counts(app: App) -> None:
    with app.database.read() as session:
        views = {view.meeting.uid: view for view in queries.attendance(session)}
    summaries = {row["uid"]: row for row in read(app.database, "SELECT * FROM attendance_summary")}

    assert summaries.keys() == views.keys()
    for uid, row in summaries.items():
        assert counted(row) == views[uid].counts
        assert row["people"] == len(views[uid].attendees)
    row = summaries[UID]
    assert (row["seats"], row["accepted"], row["needs_action"], row["people"]) == (2, 1, 1, 3)
    assert (row["guests"], row["held"], row["location"], row["all_day"]) == (2, 1, "Room 4", 0)
    assert instant(row["last_answered_at"]) == NOW - timedelta(hours=1)


def counted(row: Row) -> dict[PartStat, int]:
    return {partstat: row[partstat.value.lower().replace("-", "_")] for partstat in PartStat}


def test_the_reply_log_is_the_ledger(app: App) -> None:
    shown = read(app.database, "SELECT * FROM reply_log ORDER BY id")
    ledger = house.ledger(app.database)

    assert len(shown) == len(ledger) == 4
    for row, view in zip(shown, ledger, strict=True):
        for name in set(row) - {"meeting_id", "organizer"}:
            value = getattr(view, name)
            if isinstance(value, datetime):
                assert abs(value - (instant(row[name]) or NOW)) < timedelta(seconds=1)
            else:
                assert row[name] == value, name


@pytest.mark.parametrize("view", VIEWS)
def test_the_panels_of_the_readme_show_something(app: App, view: str) -> None:
    found = read(app.database, example(view))

    if view == "attendance":
        assert [(row["summary"], row["attendee"]) for row in found] == [
            ("Budget review", "carol@example.com")
        ]
    elif view == "attendance_summary":
        assert found == [
            {
                "summary": "Budget review",
                "accepted": 1,
                "tentative": 0,
                "needs_action": 1,
                "delegated": 0,
                "declined": 0,
            }
        ]
    else:
        assert sum(row["value"] for row in found) == 2
        assert {row["metric"] for row in found} == {"ACCEPTED", "DELEGATED"}


def test_who_was_removed_is_in_no_row(app: App) -> None:
    with app.database.begin() as session:
        session.execute(
            text("UPDATE attendee SET removed_at = '2026-01-01' WHERE address = :who"), {"who": ALICE.address}
        )

    assert ALICE.address not in {row["email"] for row in read(app.database, "SELECT email FROM attendance")}
    (row,) = read(app.database, f"SELECT * FROM attendance_summary WHERE uid = '{UID}'")  # noqa: S608
    assert (row["accepted"], row["guests"], row["people"]) == (0, 0, 2)


def test_a_meeting_without_anybody_has_a_row_of_zeros(app: App) -> None:
    with app.database.begin() as session:
        session.execute(text("UPDATE attendee SET removed_at = '2026-01-01'"))

    for row in read(app.database, "SELECT * FROM attendance_summary"):
        assert set(counted(row).values()) == {0}
        assert (row["seats"], row["people"], row["guests"], row["last_answered_at"]) == (0, 0, 0, None)


# Seats, against the rules themselves

ADDRESSES = st.sampled_from([f"{letter}@example.com" for letter in "abcdefghi"])
PEOPLE = st.lists(
    st.builds(
        Seat,
        ADDRESSES,
        st.sampled_from([*PartStat, PartStat.DELEGATED, PartStat.DELEGATED]),
        st.none() | ADDRESSES,
        st.none() | ADDRESSES,
    ),
    unique_by=lambda seat: seat.address,
)


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory, postgres: Postgres) -> Iterator[list[Database]]:
    found = [
        Database(f"sqlite:///{tmp_path_factory.mktemp('seats')}/x.db"),
        Database(postgres.fresh_database()),
    ]
    for database in found:
        database.migrate()
    yield found
    for database in found:
        database.close()


@settings(max_examples=150)
@given(people=PEOPLE)
def test_seats_are_counted_by_the_same_rules(bare: list[Database], people: list[Seat]) -> None:
    for database in bare:
        with database.rehearse() as session:
            listed(session, people)
            shown = rows(session, "SELECT email, partstat FROM attendance")
            (summary,) = rows(session, "SELECT * FROM attendance_summary")
        assert {row["email"]: row["partstat"] for row in shown} == seats.shown(people)
        assert counted(summary) == seats.counts(people)
        assert summary["seats"] == sum(seats.counts(people).values())


def listed(session: Session, people: Sequence[Seat]) -> None:
    when = NOW.isoformat()
    meeting = MeetingRow(
        organizer="events",
        organizer_address="events@example.org",
        uid=UID,
        uid_digest=digest(UID),
        folded_digest=digest(UID),
        summary="Seats",
        start=when,
        end=when,
        starts_at=NOW,
        ends_at=NOW,
        created_at=NOW,
        modified_at=NOW,
    )
    session.add(meeting)
    session.flush()
    if people:
        session.execute(
            insert(AttendeeRow),
            [
                {
                    "meeting_id": meeting.id,
                    "address": one.address,
                    "bare_address": one.address,
                    "email": one.address,
                    "partstat": one.partstat.value,
                    "delegated_to": one.delegated_to,
                    "delegated_from": one.delegated_from,
                }
                for one in people
            ],
        )
