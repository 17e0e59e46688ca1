"""One question asked on the command line, over HTTP and with the client has one answer."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import asking
import pytest
from asking import MEETING, Api, problem

import house
from builders import Party
from house import BOB, NOW, START, UID, World, facts
from rsvpd.app import open_app
from rsvpd.client import Client
from rsvpd.config import load
from rsvpd.store.access import Scope

PROPOSED = START + timedelta(days=1)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


@pytest.fixture
def api(world: World) -> Iterator[Api]:
    """A meeting that all sorts of things happened to."""
    with asking.answering(open_app(load(world.file)[0])) as api:
        api.invite()
        api.answer("ACCEPTED", "COMMENT:Gladly", "X-NUM-GUESTS:2")
        counter = house.plain_reply(facts(attendee=BOB, partstat="TENTATIVE")).replace(
            b"METHOD:REPLY", b"METHOD:COUNTER"
        )
        counter = counter.replace(b"method=REPLY", b"method=COUNTER").replace(
            b"END:VEVENT",
            f"DTSTART:{PROPOSED:%Y%m%dT%H%M%SZ}\r\nDTEND:{PROPOSED + timedelta(hours=1):%Y%m%dT%H%M%SZ}\r\n"
            "END:VEVENT".encode(),
        )
        (ingested,) = api.app.intake.ingest([("mail", counter)])
        assert ingested.rows[0].outcome in {"applied", "proposal"}
        assert api.answer(attendee=Party("mallory@example.net", "Mallory")) == "held"
        yield api


def typed(said: Any) -> Any:  # noqa: ANN401  any JSON value
    """The same with every instant as one, however it is written."""
    if isinstance(said, dict):
        return {key: typed(value) for key, value in said.items()}
    if isinstance(said, list):
        return [typed(value) for value in said]
    try:
        return datetime.fromisoformat(said)
    except (TypeError, ValueError):
        return said


def printed(world: World, *words: str) -> Any:  # noqa: ANN401
    done = world.run(*words, "--format", "json")
    assert (done.code, done.err) == (0, "")
    return typed(done.objects)


def test_meetings(world: World, api: Api) -> None:
    assert typed(api.get("/meetings")["meetings"]) == printed(world, "meeting", "list")
    (shown,) = printed(world, "meeting", "show", UID)
    people = shown.pop("attendees")
    assert typed(api.get(f"/meetings/{UID}")) == shown
    assert [one["email"] for one in api.get(f"/meetings/{UID}/attendees")["attendees"]] == people


def test_attendance(world: World, api: Api) -> None:
    said = typed(api.get(f"/meetings/{UID}/attendance"))
    assert said.pop("next") is None
    (shown,) = printed(world, "attendance", UID)
    assert said == shown
    assert said["attendees"][1]["proposal"]["start"] == PROPOSED
    with Client(api.url, api.token("client")) as client:
        assert typed(json.loads(client.attendance(UID).model_dump_json(exclude={"next"}))) == shown


def test_replies(world: World, api: Api) -> None:
    rows = printed(world, "replies")
    assert typed(api.get("/replies")["replies"])[::-1] == rows
    assert len(rows) == 3
    assert typed(api.get("/review")["replies"]) == printed(world, "review", "list")
    with Client(api.url, api.token("client")) as client:
        assert [one.id for one in client.replies()][::-1] == [row["id"] for row in rows]


def test_proposals(world: World, api: Api) -> None:
    (shown,) = printed(world, "proposal", "list")
    assert typed(api.get("/proposals")["proposals"]) == [shown]
    with Client(api.url, api.token("client", Scope.WRITE)) as client:
        assert [one.id for one in client.proposals()] == [shown["id"]]
        assert client.decline(shown["id"], "The room is free only then").mails == 1
    assert printed(world, "proposal", "list") == []


def test_a_proposal_that_is_accepted_moves_the_meeting(world: World, api: Api) -> None:
    (proposal,) = api.get("/proposals")["proposals"]
    assert api.http.post(f"/proposals/{proposal['id']}/accept").json()["mails"] == 2
    (shown,) = printed(world, "meeting", "show", UID)
    assert shown["start"] == PROPOSED


def test_what_is_refused_is_refused_with_the_same_line(world: World, api: Api) -> None:
    wrong = {**MEETING, "uid": "new@example.org", "start": "2001-01-01T10:00"}
    file = world.write("wrong.json", json.dumps(wrong).encode())
    line = house.one_line(world.run("meeting", "create", file))
    assert problem(api.http.post("/meetings", json=wrong), 422) == line.removeprefix("rsvpd: ")
    assert world.run("meeting", "cancel", UID).code == 0
    line = house.one_line(world.run("meeting", "cancel", UID))
    assert problem(api.http.post(f"/meetings/{UID}/cancel"), 409) == line.removeprefix("rsvpd: ")


def test_a_meeting_is_the_same_whoever_creates_and_changes_it(world: World, api: Api) -> None:
    with Client(api.url, api.token("client", Scope.WRITE)) as client:
        fields = {key: value for key, value in MEETING.items() if key != "uid"}
        ours = client.create("key", **fields)
        assert client.create("key", **fields) == ours
        file = world.write("theirs.json", json.dumps(fields).encode())
        theirs = printed(world, "meeting", "create", str(file))[0]["uid"]
        changed = client.update(ours.uid, location="Room 4.2")
        (also,) = printed(world, "meeting", "update", theirs, "--location", "Room 4.2")
        assert changed.mails == len(also["mails"])
        assert [one.what for one in changed.differences] == [one["what"] for one in also["differences"]]
        client.cancel(ours.uid)
        world.run("meeting", "cancel", theirs)
        shown = [printed(world, "meeting", "show", uid)[0] for uid in (ours.uid, theirs)]
    assert {key: value for key, value in shown[0].items() if key != "uid"} == {
        key: value for key, value in shown[1].items() if key != "uid"
    }
    assert shown[0]["start"] > NOW
