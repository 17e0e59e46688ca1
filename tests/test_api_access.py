"""Who may ask over HTTP: tokens, scopes, organizers; how guessers and the curious fare."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from pathlib import Path

import asking
import httpx
import pytest
from asking import MEETING, Api, problem
from sqlalchemy import text

import house
from house import BOB, UID, World, organizer
from rig.ports import HOST, free_port
from rsvpd import web
from rsvpd.client import Client
from rsvpd.config import ConfigInvalid, Listener
from rsvpd.running import Running
from rsvpd.store import access
from rsvpd.store.access import Scope
from rsvpd.web import serving
from rsvpd.web.api import callers
from rsvpd.web.api.guarding import BODY_BYTES

BASE = f"/meetings/{UID}"
BOARD = organizer("board", "board@example.org")


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Api]:
    app = house.app_of(organizer(), BOARD, url=f"sqlite:///{tmp_path}/rsvpd.db")
    with asking.answering(app) as api:
        yield api


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


# Tokens on the command line


def test_a_token_is_made_shown_once_and_revoked(world: World) -> None:
    done = world.run("token", "create", "grafana", "--scope", "read")
    assert re.fullmatch(r"rsvpd_1_[A-Za-z0-9_-]{43}\n", done.out)
    (listed,) = world.run("token", "list", "--format", "json").objects
    assert (listed["name"], listed["scope"], listed["organizer"]) == ("grafana", "read", None)
    assert done.out.strip() not in world.run("token", "list").out
    assert "grafana already" in house.one_line(world.run("token", "create", "grafana"))
    assert world.run("token", "revoke", "grafana").code == 0
    assert "no token grafana" in house.one_line(world.run("token", "revoke", "grafana"))
    assert "revoked" in world.run("token", "list").out


def test_a_token_is_for_an_organizer_that_there_is(world: World) -> None:
    assert "no organizer 'x'" in house.one_line(world.run("token", "create", "a", "--organizer", "x"))
    assert world.run("token", "create", "a", "--organizer", "events@example.org").code == 0
    (listed,) = world.run("token", "list", "--format", "json").objects
    assert listed["organizer"] == "events"


def test_the_token_itself_is_nowhere_in_the_database(world: World) -> None:
    token = world.run("token", "create", "grafana").out.strip()
    _, _, secret = token.split("_", 2)
    for file in world.folder.glob("rsvpd.db*"):
        assert secret.encode() not in file.read_bytes()


# Tokens over HTTP


@pytest.mark.parametrize(
    "token", [None, "nonsense", "rsvpd_1_", f"rsvpd_1_{'x' * 43}", f"rsvpd_99_{'x' * 43}"]
)
def test_without_a_right_token_nothing_is_told(api: Api, token: str | None) -> None:
    with api.with_token(token) as http:
        refused = http.get("/meetings")
    assert "token" in problem(refused, 401)
    assert refused.headers["www-authenticate"].startswith("Bearer")


def test_a_revoked_token_is_good_for_nothing_at_once(api: Api) -> None:
    with api.with_token(api.token("short")) as http:
        assert http.get("/meetings").status_code == 200
        with api.app.database.begin() as session:
            access.revoke(session, "short", api.app.clock.now())
        problem(http.get("/meetings"), 401)


def test_each_scope_includes_the_one_before(api: Api) -> None:
    with api.with_token(api.token("reader", Scope.READ)) as reader:
        assert reader.get("/meetings").status_code == 200
        assert "may read; this needs one that may write" in problem(
            reader.post("/meetings", json=MEETING), 403
        )
    with api.with_token(api.token("writer", Scope.WRITE)) as writer:
        assert writer.post("/meetings", json=MEETING).status_code == 201
        assert "needs one that may admin" in problem(writer.post("/review/1/release"), 403)
    problem(api.http.post("/review/1/release"), 404)


def test_a_guesser_waits_and_nobody_else_does(api: Api) -> None:
    with api.with_token(api.token("dashboard")) as dashboard, api.with_token("rsvpd_1_guess") as guesser:
        assert dashboard.get("/meetings").status_code == 200
        for _ in range(callers._FAILURES):
            problem(guesser.get("/meetings"), 401)
        refused = guesser.get("/meetings")
        assert "too many wrong tokens" in problem(refused, 429)
        assert refused.headers["retry-after"] == "60"
        with api.with_token(api.token("new")) as unheard:
            problem(unheard.get("/meetings"), 429)
        assert dashboard.get("/meetings").status_code == 200


def test_a_token_of_one_organizer_sees_and_touches_nothing_of_another(api: Api) -> None:
    api.invite(UID, "board")
    api.invite("own@example.org", "events")
    stranger = house.facts(attendee=BOB, uid=UID)
    (ingested,) = api.app.intake.ingest([("mail", house.plain_reply(stranger))])
    assert ingested.rows[0].outcome == "applied"
    with api.with_token(api.token("events", Scope.ADMIN, "events")) as http:
        assert [one["uid"] for one in http.get("/meetings").json()["meetings"]] == ["own@example.org"]
        for path in (BASE, f"{BASE}/attendees", f"{BASE}/attendance"):
            problem(http.get(path), 404)
        problem(http.patch(BASE, json={"location": "x"}), 404)
        problem(http.post(f"{BASE}/cancel"), 404)
        problem(http.post(f"{BASE}/attendees", json={"attendees": ["x@example.org"]}), 404)
        problem(http.delete(f"{BASE}/attendees/bob@example.com"), 404)
        assert http.get("/replies").json()["replies"] == []
        assert {one["organizer"] for one in http.get("/changes").json()["changes"]} == {"events"}
        problem(http.get("/meetings", params={"organizer": "board"}), 403)
        problem(http.post("/meetings", json={**MEETING, "organizer": "board"}), 403)
        problem(http.post(f"/review/{ingested.rows[0].id}/dismiss"), 404)


def test_a_uid_that_two_organizers_have_means_the_token_s_own(api: Api) -> None:
    for name in ("events", "board"):
        api.invite(UID, name)
    with api.with_token(api.token("board", Scope.WRITE, "board")) as http:
        assert http.get(BASE).json()["organizer"] == "board"
        assert http.post(f"{BASE}/cancel").status_code == 200
    assert api.get(BASE, organizer="board")["status"] == "CANCELLED"
    assert api.get(BASE, organizer="events")["status"] == "CONFIRMED"


# Where it listens


def test_where_others_can_reach_it_a_token_must_exist(tmp_path: Path) -> None:
    file = house.config(tmp_path)
    file.write_text(file.read_text() + '[http]\nlisten = "0.0.0.0:8025"\n')
    line = house.one_line(house.run("--config", file, "run"))
    assert "rsvpd token create" in line


@pytest.mark.parametrize("private", [True, False])
def test_how_it_goes_is_told_to_anybody_only_on_this_machine(tmp_path: Path, *, private: bool) -> None:
    app = house.app_of(url=f"sqlite:///{tmp_path}/rsvpd.db")
    running, port = Running(app, lambda: app.settings), free_port()
    application = web.application(running.look, running.telling.metrics, private=private)
    web.install(application, lambda: app)
    with serving(application, Listener(HOST, port)), httpx.Client(base_url=f"http://{HOST}:{port}") as http:
        for path in ("/healthz", "/metrics"):
            assert (http.get(path).status_code == 401) is not private
        assert http.get("/readyz").status_code == 200
    app.database.close()


def test_it_answers_on_a_unix_socket_and_takes_it_away(tmp_path: Path) -> None:
    app = house.app_of(url=f"sqlite:///{tmp_path}/rsvpd.db")
    path = tmp_path / "http.sock"
    with socket.socket(socket.AF_UNIX) as left_behind:
        left_behind.bind(str(path))
    application, stream = asking.application(app)
    with serving(application, Listener(path=path), stream.close):
        assert path.stat().st_mode & 0o777 == 0o660
        token = asking.Api(app, "", asking.NOBODY).token("a")
        with Client(f"unix:{path}", token) as client:
            assert list(client.meetings()) == []
        with pytest.raises(ConfigInvalid, match="in use"), serving(application, Listener(path=path)):
            pass
    assert not path.exists()
    app.database.close()


# What browsers and the careless are told


def test_every_answer_has_the_headers_that_browsers_obey(api: Api) -> None:
    for answer in (api.http.get("/meetings"), api.http.get("/nothing"), api.http.get("/meetings/x")):
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["content-security-policy"].startswith("default-src 'none'")
        assert "set-cookie" not in answer.headers
        assert "server" not in answer.headers
    assert api.http.get("/nothing").headers["cache-control"] == "no-store"


@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_past_the_limit_is_not_read(api: Api, chunked: bool) -> None:  # noqa: FBT001
    body = b" " * (BODY_BYTES + 1)
    content = iter([body[: 1 << 20]] * 9) if chunked else body
    answer = api.http.post("/meetings", content=content, headers={"Content-Type": "application/json"})
    assert "too large" in problem(answer, 413)


def test_a_database_that_is_away_is_503(api: Api) -> None:
    with api.app.database.begin() as session:
        session.execute(text("ALTER TABLE meeting RENAME TO gone"))
    assert problem(api.http.get("/meetings"), 503).startswith("database: ")
