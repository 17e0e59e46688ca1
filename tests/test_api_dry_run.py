"""What would be done, asked over HTTP: the same mails as on the command line, and nothing is done."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from email import message_from_string
from pathlib import Path
from typing import Any

import asking
import pytest
import sqlalchemy as sa
from asking import MEETING, Api, problem

import house
from house import ALICE, BOB, UID, World
from rsvpd.app import open_app
from rsvpd.config import load
from rsvpd.store.tables import metadata

BASE = f"/meetings/{UID}"
TRIED = {"dry_run": "true"}


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


@pytest.fixture
def api(world: World) -> Iterator[Api]:
    with asking.answering(open_app(load(world.file)[0])) as api:
        yield api


def everything(api: Api) -> dict[str, list[Any]]:
    """Every row there is, but for those that say which processes are at work."""
    tables = [table for table in metadata.sorted_tables if table.name not in {"member", "lease"}]
    with api.app.database.read() as session:
        return {table.name: [tuple(row) for row in session.execute(sa.select(table))] for table in tables}


def test_creating_shows_the_invitations(api: Api) -> None:
    before = everything(api)
    answer = api.http.post("/meetings", json=MEETING, params=TRIED, headers={"Idempotency-Key": "k"})
    assert answer.status_code == 200
    said = answer.json()
    assert (said["uid"], said["mails"]) == (UID, 2)
    assert [one["to"] for one in said["previews"]] == [ALICE.address, BOB.address]
    assert {one["method"] for one in said["previews"]} == {"REQUEST"}
    parts = message_from_string(said["previews"][0]["raw"]).walk()
    calendar = next(part for part in parts if part.get_content_type() == "text/calendar")
    assert calendar.get_param("method") == "REQUEST"
    assert everything(api) == before
    assert api.http.post("/meetings", json=MEETING, headers={"Idempotency-Key": "k"}).status_code == 201


def test_updating_and_cancelling_show_what_the_command_line_shows(api: Api, world: World) -> None:
    api.invite()
    api.answer()
    before = everything(api)
    moved = {"start": f"{house.START + timedelta(days=1):%Y-%m-%dT%H:%M}", "message": "Sorry"}
    said = api.http.patch(BASE, json=moved, params=TRIED).json()
    assert said.get("asks_again") is True, said
    assert_same(said, tried(world, "update", "--start", moved["start"], "--message", "Sorry"))
    said = api.http.post(f"{BASE}/cancel", json={"message": "Off"}, params=TRIED).json()
    assert_same(said, tried(world, "cancel", "--message", "Off"))
    assert everything(api) == before


def tried(world: World, verb: str, *words: str) -> dict[str, Any]:
    done = world.run("meeting", verb, UID, *words, "--dry-run", "--format", "json")
    assert done.code == 0, done.err
    return done.object


def assert_same(said: dict[str, Any], printed: dict[str, Any]) -> None:
    mails = printed.pop("mails")
    previews = said.pop("previews")
    assert said.pop("mails") == len(mails) == 2
    assert printed.pop("occurrence") is None
    assert said == printed
    assert [[one[key] for key in ("to", "method", "subject")] for one in previews] == [
        [one[key] for key in ("to", "method", "subject")] for one in mails
    ]
    assert [len(one["raw"]) for one in previews] == [len(one["raw"]) for one in mails]


def test_the_list_is_left_as_it_is(api: Api) -> None:
    api.invite()
    before = everything(api)
    added = {"attendees": ["Dana <dana@example.org>"]}
    said = api.http.post(f"{BASE}/attendees", json=added, params=TRIED).json()
    assert [one["to"] for one in said["previews"]] == ["dana@example.org"]
    said = api.http.delete(f"{BASE}/attendees/{BOB.address}", params=TRIED).json()
    assert [(one["to"], one["method"]) for one in said["previews"]] == [(BOB.address, "CANCEL")]
    assert everything(api) == before


def test_what_would_be_refused_is_refused(api: Api) -> None:
    api.invite()
    assert "already" in problem(api.http.post("/meetings", json=MEETING, params=TRIED), 409)
    assert "nothing is changed" in problem(
        api.http.patch(BASE, json={"summary": "Budget review"}, params=TRIED), 409
    )


def test_of_many_mails_the_first_are_shown(api: Api) -> None:
    many = MEETING | {"attendees": [f"a{number}@example.com" for number in range(150)]}
    said = api.http.post("/meetings", json=many, params=TRIED).json()
    assert (said["mails"], len(said["previews"])) == (150, 100)


def test_attendance_and_attendees_are_sent_once_until_they_change(api: Api) -> None:
    api.invite()
    for path in (f"{BASE}/attendance", f"{BASE}/attendees"):
        first = api.http.get(path)
        known = {"If-None-Match": first.headers["etag"]}
        again = api.http.get(path, headers=known)
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["etag"] == first.headers["etag"]
        assert api.http.get(path, headers=known, params={"partstat": "ACCEPTED"}).status_code == 200
        api.answer("ACCEPTED" if path.endswith("attendance") else "DECLINED", dtstamp=house.NOW)
        assert api.http.get(path, headers=known).status_code == 200
