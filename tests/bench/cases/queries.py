"""What is shown, of much."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from sqlalchemy import text
from sqlmodel import SQLModel

from bench.mails import Backlog, invitation, meeting_uid, reply
from bench.measures import Finding, alternate, progress, rows
from bench.sizes import Sizes
from bench.world import POSTGRESQL, SQLITE, World
from rsvpd.app import App, open_app
from rsvpd.config import parse
from rsvpd.store import browsing, pages
from rsvpd.store.browsing import People
from rsvpd.store.tables import AnswerRow, AttendeeRow, InboundRow

_PEOPLE, _ROWS = 100_000, 1_000_000
_PAGE = 100
_COUNTS = "counts by status"


def measure(world: World, sizes: Sizes) -> Iterator[Finding]:
    """Reading with 100,000 attendees in one meeting and 1,000,000 rows in the ledger."""
    people, ledger = sizes.of(_PEOPLE, 1_000), sizes.of(_ROWS, 10_000)
    for kind in (SQLITE, POSTGRESQL):
        url = world.database(kind, Backlog("queries", 1))
        app = open_app(parse(world.settings(url, world.organizer()), Path("bench")))
        progress(f"queries: {people} attendees and {ledger} rows ({kind})")
        _fill(app, people, ledger)
        values = alternate(f"queries, {kind}", _looks(app, people), max(sizes.rounds, 3))
        app.database.close()
        world.forget(url)
        title = f"Shown of {people} attendees and {ledger} ledger rows, {kind}"
        finding = Finding("queries", title, rows(values, "ms"))
        finding.bound(_COUNTS, 50)
        yield finding


def _looks(app: App, people: int) -> dict[str, Callable[[], float]]:
    uid = meeting_uid(0)
    with app.database.read() as session:
        meeting = pages.find(session, uid, None)
    if meeting is None:
        raise AssertionError
    number = meeting.id
    return {
        _COUNTS: lambda: _timed(app, lambda s: pages.counts(s, number)),
        "attendees, a page in the middle": lambda: _timed(
            app, lambda s: browsing.attendees(s, number, People(), after=("", people // 2), limit=_PAGE)
        ),
        "newest replies": lambda: _timed(app, lambda s: pages.replies(s, pages.Sought(), limit=_PAGE)),
        "newest replies of the meeting": lambda: _timed(
            app, lambda s: pages.replies(s, pages.Sought(uid=uid), limit=_PAGE)
        ),
    }


def _timed(app: App, look: Callable[[Any], object]) -> float:
    with app.database.read() as session:
        began = time.perf_counter()
        look(session)
        return (time.perf_counter() - began) * 1000


def _fill(app: App, people: int, ledger: int) -> None:
    """One real reply, then rows like its own, and attendees like its own, by SQL."""
    uid = meeting_uid(0)
    app.invitations.import_ics(invitation(uid, 1), "events")
    list(app.intake.ingest([("mail", reply(0, uid))], "events"))
    same = {"address": "'p' || i || '@example.net'", "bare_address": "'p' || i || '@example.net'"}
    statuses = "CASE i % 3 WHEN 0 THEN 'ACCEPTED' WHEN 1 THEN 'DECLINED' ELSE 'NEEDS-ACTION' END"
    _multiply(app, AttendeeRow, people - 1, same | {"partstat": statuses})
    # No two rows have the same numbers of IMAP.
    _multiply(app, InboundRow, ledger - 1, {"fingerprint": "'f' || i", "ordinal": "i", "imap_uid": "i"})
    _multiply(app, AnswerRow, people - 1, {"attendee_id": "attendee_id + i", "ordinal": "i"})
    with app.database.begin() as session:
        session.execute(text("ANALYZE"))


def _multiply(app: App, table: type[SQLModel], times: int, changed: dict[str, str]) -> None:
    """So many rows like the first one, but for what is changed."""
    name = str(table.__tablename__)
    columns = [column for column in table.model_fields if column != "id"]
    values = ", ".join(changed.get(column, column) for column in columns)
    statement = (
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :times) "  # noqa: S608  every word of it is from here
        f"INSERT INTO {name} ({', '.join(columns)}) "
        f"SELECT {values} FROM (SELECT * FROM {name} ORDER BY id LIMIT 1) AS one, n"
    )
    with app.database.begin() as session:
        session.execute(text(statement), {"times": times})
