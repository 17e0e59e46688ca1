"""The feed of changes: complete, in one order for ever, as pages and as events."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path

import asking
import httpx
import pytest
from asking import Api, problem
from sqlalchemy import text

import house
from house import ALICE, NOW, START, UID, Keys, eventually
from rig.postgres import Postgres
from rsvpd.app import App
from rsvpd.client import Client, Problem
from rsvpd.store import access, feed, retention
from rsvpd.store.access import Scope
from rsvpd.store.database import Database

BASE = f"/meetings/{UID}"


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Api]:
    with asking.answering(house.app_of(url=f"sqlite:///{tmp_path}/rsvpd.db")) as api:
        yield api


@pytest.fixture(params=["sqlite", "postgresql"])
def app(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[App]:
    yield from asking.each_house(request, tmp_path)


def told(app: App, after: int = 0) -> list[tuple[str, str | None, str | None]]:
    with app.database.read() as session:
        views = feed.after(session, after, limit=1000)
    assert [view.number for view in views] == list(range(after + 1, after + 1 + len(views)))
    mails = "attendee.delivery"  # each mail that is queued and sent
    return [(view.kind, view.attendee, view.partstat) for view in views if view.kind != mails]


def newest(app: App) -> int:
    with app.database.read() as session:
        return feed.newest(session)


def test_everything_that_is_shown_is_told_when_it_changes(app: App) -> None:
    here = Api(app, "", asking.NOBODY)
    here.invite()
    assert told(app) == [
        ("meeting.created", None, None),
        ("attendee.added", ALICE.address, "NEEDS-ACTION"),
        ("attendee.added", "bob@example.com", "NEEDS-ACTION"),
    ]
    place = newest(app)
    assert here.answer("ACCEPTED", "COMMENT:Gladly") == "applied"
    assert told(app, place) == [
        ("reply.recorded", ALICE.address, "ACCEPTED"),
        ("attendee.answered", ALICE.address, "ACCEPTED"),
    ]
    place = newest(app)
    app.changes.update(UID, {"location": "Room 4.2"}, asking.MANNER)
    assert told(app, place) == [("meeting.updated", None, None)]
    place = newest(app)
    app.changes.remove(UID, ["bob@example.com"], asking.MANNER)
    assert ("attendee.removed", "bob@example.com", "NEEDS-ACTION") in told(app, place)
    place = newest(app)
    app.changes.update(
        UID, {"start": f"{START + timedelta(days=1):%Y-%m-%dT%H:%M}", "zone": "UTC"}, asking.MANNER
    )
    assert told(app, place) == [
        ("meeting.updated", None, None),
        ("attendee.answered", ALICE.address, "NEEDS-ACTION"),
    ]
    place = newest(app)
    app.changes.cancel(UID, asking.MANNER)
    assert told(app, place) == [("meeting.cancelled", None, None)]


def test_what_is_not_done_is_not_told(app: App) -> None:
    Api(app, "", asking.NOBODY).invite()
    place = newest(app)
    app.changes.cancel(UID, asking.TRIED)
    with pytest.raises(RuntimeError), app.database.begin() as session:
        session.execute(text("UPDATE attendee SET partstat = 'DECLINED'"))
        raise RuntimeError
    assert told(app, place) == []


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        ("meeting SET summary = 'x'", "meeting.updated"),
        ("meeting SET location = 'x'", "meeting.updated"),
        ("attendee SET name = 'x' WHERE id = 1", "attendee.updated"),
        ("attendee SET guests = 7 WHERE id = 1", "attendee.answered"),
        ("inbound SET sender = 'x'", "reply.settled"),
        ("proposal SET comment = 'x'", "proposal.updated"),
        ("proposal SET status = 'declined'", "proposal.declined"),
    ],
)
def test_whoever_changes_what_is_shown_it_is_told(app: App, change: str, kind: str) -> None:
    here = Api(app, "", asking.NOBODY)
    here.invite()
    here.answer()
    with app.database.begin() as session:
        session.execute(
            text(
                "INSERT INTO proposal (attendee_id, inbound_id, sequence, proposed_at, received_at, ordinal, status) "
                "SELECT 1, 1, 0, recorded_at, recorded_at, 0, 'pending' FROM inbound"
            )
        )
    place = newest(app)
    with app.database.begin() as session:
        session.execute(text(f"UPDATE {change}"))
    assert [one[0] for one in told(app, place)] == [kind]


def test_a_meeting_that_is_removed_takes_its_changes_with_it_and_order_stays(app: App) -> None:
    here = Api(app, "", asking.NOBODY)
    here.invite()
    here.invite("other@example.org")
    here.answer()
    place = newest(app)
    with app.database.begin() as session:
        retention.remove_meeting(session, 1)
    here.answer(uid="other@example.org")
    with app.database.read() as session:
        views = feed.after(session, 0, limit=1000)
    gone = [view for view in views if view.uid == UID]
    assert [(view.kind, view.attendee) for view in gone] == [("meeting.deleted", None)]
    assert gone[0].number > place
    assert [view.number for view in views] == sorted({view.number for view in views})
    assert views[-1].kind == "attendee.answered"


def test_what_commits_later_comes_later_and_nobody_misses_it(postgres: Postgres) -> None:
    """The one that wrote first commits last: by its id it would come to light behind a reader."""
    app = house.app_of(url=postgres.fresh_database())
    here = Api(app, "", asking.NOBODY)
    here.invite()
    here.invite("other@example.org")
    place = newest(app)
    slow, end = threading.Event(), threading.Event()

    def write_slowly() -> None:
        with app.database.begin() as session:
            session.execute(text("UPDATE meeting SET sequence = 7 WHERE uid = :uid"), {"uid": UID})
            slow.set()
            end.wait(10)

    thread = threading.Thread(target=write_slowly)
    thread.start()
    slow.wait(10)
    here.answer(uid="other@example.org")
    seen = told(app, place)
    assert len(seen) == 2
    end.set()
    thread.join()
    assert told(app, place) == [*seen, ("meeting.updated", None, None)]
    app.database.close()


def test_many_writers_leave_neither_gap_nor_repeat(postgres: Postgres) -> None:
    app = house.app_of(url=postgres.fresh_database())
    Api(app, "", asking.NOBODY).invite()
    before = newest(app)
    writers = [threading.Thread(target=_write, args=(app.database, number)) for number in range(4)]
    for thread in writers:
        thread.start()
    read: list[int] = []
    while any(thread.is_alive() for thread in writers) or (read or [0])[-1] < newest(app):
        with app.database.read() as session:
            read += [view.number for view in feed.after(session, (read or [0])[-1], limit=7)]
    assert read == list(range(1, len(read) + 1))
    assert len(read) == before + 4 * 20
    app.database.close()


def _write(database: Database, number: int) -> None:
    for turn in range(20):
        with database.begin() as session:
            session.execute(
                text("UPDATE attendee SET comment = :comment WHERE email = :email"),
                {"comment": f"{number}.{turn}", "email": ALICE.address if number % 2 else "bob@example.com"},
            )


# Pages


def test_pages_follow_each_other(api: Api) -> None:
    api.invite()
    api.answer()
    first = api.get("/changes", limit=2)
    second = api.get("/changes", limit=100, after=first["last"])
    numbers = [one["number"] for one in [*first["changes"], *second["changes"]]]
    end = newest(api.app)
    assert numbers == list(range(1, end + 1))
    assert api.get("/changes", after=end) == {"changes": [], "last": end}
    assert f"ends at {end}" in problem(api.http.get("/changes", params={"after": end + 1}), 410)


def test_a_program_folds_the_changes_into_what_attendance_says(api: Api) -> None:
    api.invite()
    for hours, partstat in ((5, "DECLINED"), (4, "TENTATIVE"), (6, "ACCEPTED")):
        api.answer(partstat, dtstamp=NOW - timedelta(hours=hours))
    with Client(api.url, api.token("program")) as client:
        folded = {
            change.attendee: change.partstat
            for change in client.changes(wait=False)
            if change.kind in {"attendee.added", "attendee.answered"}
        }
        shown = {one.email: one.partstat for one in client.attendance(UID).attendees}
    assert folded == shown == {ALICE.address: "TENTATIVE", "bob@example.com": "NEEDS-ACTION"}


# Events


@contextmanager
def listening(api: Api, *, token: str | None = None, **headers: str) -> Iterator[Iterator[Keys]]:
    """The events of a stream, each with its id and kind checked."""
    accept = {"Accept": "text/event-stream", **headers}
    http = api.with_token(token or api.token(f"t{time.monotonic_ns()}"))
    with http, http.stream("GET", "/changes", headers=accept) as response:
        assert response.headers["content-type"].startswith("text/event-stream")
        yield _events(response)


def _events(response: httpx.Response) -> Iterator[Keys]:
    fields: dict[str, str] = {}
    for line in response.iter_lines():
        name, _, value = line.partition(": ")
        if name:
            fields[name] = value
        elif "data" in fields:
            said: Keys = json.loads(fields.pop("data"))
            assert (fields["id"], fields["event"]) == (str(said["number"]), said["kind"])
            yield said


def test_events_come_as_they_happen(api: Api) -> None:
    api.invite()
    with listening(api) as events:
        api.answer()
        assert [next(events)["kind"] for _ in range(2)] == ["reply.recorded", "attendee.answered"]
        api.answer("DECLINED", dtstamp=NOW)
        assert next(events)["partstat"] == "DECLINED"


def test_who_comes_back_misses_nothing_and_hears_nothing_twice(api: Api) -> None:
    api.invite()
    heard: list[int] = []
    for turn in range(4):
        api.answer("ACCEPTED", dtstamp=NOW - timedelta(hours=20 - 2 * turn))
        with listening(api, **{"Last-Event-ID": str(heard[-1] if heard else 0)}) as events:
            api.answer("DECLINED", dtstamp=NOW - timedelta(hours=19 - 2 * turn))
            heard += [next(events)["number"] for _ in range(3)]
    with listening(api, **{"Last-Event-ID": str(heard[-1])}) as events:
        while heard[-1] < newest(api.app):
            heard.append(next(events)["number"])
    assert heard == list(range(1, newest(api.app) + 1))


def test_a_stream_ends_with_its_token(api: Api) -> None:
    token = api.token("short")
    with listening(api, token=token) as events:
        with api.app.database.begin() as session:
            access.revoke(session, "short", api.app.clock.now())
        assert list(events) == []


def test_a_stream_shows_only_the_organizer_of_its_token(tmp_path: Path) -> None:
    board = house.organizer("board", "board@example.org")
    app = house.app_of(house.organizer(), board, url=f"sqlite:///{tmp_path}/rsvpd.db")
    with (
        asking.answering(app) as api,
        listening(api, token=api.token("board", Scope.READ, "board")) as events,
    ):
        api.invite(UID, "events")
        api.invite("own@example.org", "board")
        assert {next(events)["uid"] for _ in range(3)} == {"own@example.org"}


def test_the_client_comes_back_by_itself(api: Api) -> None:
    api.invite()
    heard: list[int] = []
    with (
        house.Wire(int(api.url.rsplit(":", 1)[1])) as wire,
        Client(f"http://127.0.0.1:{wire.port}", api.token("program")) as client,
    ):
        thread = threading.Thread(target=_listen, args=(client, heard), daemon=True)
        thread.start()
        end = newest(api.app)
        eventually(lambda: len(heard) == end)
        wire.cut()
        api.answer()
        eventually(lambda: len(heard) == end + 2)
        with api.app.database.begin() as session:
            access.revoke(session, "program", api.app.clock.now())
        thread.join(20)
    assert heard == list(range(1, end + 3))


def _listen(client: Client, heard: list[int]) -> None:
    with suppress(Problem):  # its token is revoked at the end
        heard.extend(change.number for change in client.changes())
