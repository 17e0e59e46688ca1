"""What is taken out of the feed: who was told everything goes on, and who was not is told so."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asking
import pytest
from asking import Api, problem

import house
from house import ALICE, BOB, NOW, UID
from rsvpd.app import App
from rsvpd.client import Client, Problem
from rsvpd.store import feed
from rsvpd.store.feed import FeedPruned

EVENTS = {"Accept": "text/event-stream"}


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Api]:
    with asking.answering(house.app_of(url=f"sqlite:///{tmp_path}/rsvpd.db")) as api:
        api.invite()
        yield api


@pytest.fixture(params=["sqlite", "postgresql"])
def app(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[App]:
    yield from asking.each_house(request, tmp_path)


def prune(app: App, *, limit: int = 1000, keep_after: int | None = None) -> int:
    """Everything is old enough."""
    with app.database.begin() as session:
        return feed.prune(session, datetime.now(UTC) + timedelta(minutes=1), limit, keep_after=keep_after)


def newest(app: App, meeting_id: int | None = None, organizer: str | None = None) -> int:
    with app.database.read() as session:
        return feed.newest(session, meeting_id=meeting_id, organizer=organizer)


def numbers(app: App, place: int | None) -> list[int]:
    with app.database.read() as session:
        return [view.number for view in feed.after(session, place, limit=1000)]


def test_what_is_left_begins_where_the_rest_ended(app: App) -> None:
    here = Api(app, "", asking.NOBODY)
    here.invite()
    end = newest(app)
    assert end > 3
    assert prune(app, limit=2) == 2
    assert numbers(app, None) == numbers(app, 2) == list(range(3, end + 1))
    with pytest.raises(FeedPruned, match=rf"begins after 2\b.* after 1 .* after {end}$"):
        numbers(app, 1)
    with pytest.raises(FeedPruned):
        numbers(app, 0)
    assert prune(app) == end - 2
    assert newest(app) == newest(app, meeting_id=1) == newest(app, organizer="events") == end
    assert numbers(app, end) == numbers(app, None) == []
    here.answer()
    assert numbers(app, end) == [end + 1, end + 2]


def test_what_is_young_or_waited_for_stays(app: App) -> None:
    Api(app, "", asking.NOBODY).invite()
    end = newest(app)
    with app.database.begin() as session:
        assert feed.prune(session, NOW - timedelta(days=1), 1000) == 0
    assert prune(app, keep_after=3) == 3
    assert numbers(app, None) == list(range(4, end + 1))
    assert prune(app, keep_after=3) == 0


def test_a_page_and_a_stream_are_refused_where_there_would_be_a_gap(api: Api) -> None:
    end = newest(api.app)
    prune(api.app, limit=2)
    line = f"the feed begins after 2, so that what came after 1 is not all there any more: read everything anew, then ask for what is after {end}"
    assert problem(api.http.get("/changes", params={"after": 1}), 410) == line
    assert problem(api.http.get("/changes", headers=EVENTS | {"Last-Event-ID": "1"}), 410) == line
    assert [one["number"] for one in api.get("/changes", after=2)["changes"]] == list(range(3, end + 1))
    assert api.get("/changes")["changes"][0]["number"] == 3
    with api.http.stream("GET", "/changes", headers=EVENTS | {"Last-Event-ID": "2"}) as events:
        assert next(line for line in events.iter_lines() if line.startswith("id: ")) == "id: 3"


def test_the_client_begins_with_what_there_is_and_tells_of_a_gap(api: Api) -> None:
    end = newest(api.app)
    prune(api.app, limit=2)
    with Client(api.url, api.token("program")) as client:
        assert client.newest() == end
        assert [change.number for change in client.changes(wait=False)] == list(range(3, end + 1))
        with pytest.raises(Problem) as gap:
            next(client.changes(after=1))
        assert gap.value.status == 410
        waiting = client.changes()
        assert [next(waiting).number for _ in range(end - 2)] == list(range(3, end + 1))
        api.answer()
        assert next(waiting).number == end + 1


def test_what_was_known_stays_known_but_never_too_long(api: Api) -> None:
    """An ETag is never given twice for what differs."""
    path, seen = f"/meetings/{UID}/attendance", dict[str, object]()
    for turn in range(4):
        answer = api.http.get(path)
        assert seen.setdefault(answer.headers["etag"], answer.json()) == answer.json()
        if turn % 2:
            prune(api.app)
        else:
            api.answer("ACCEPTED" if turn else "DECLINED", dtstamp=NOW - timedelta(minutes=50 - turn))
    assert len(seen) == 3
    assert {ALICE.address, BOB.address} == {one["email"] for one in api.get(path)["attendees"]}
