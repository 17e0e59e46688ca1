"""Webhooks in `rsvpd run`, and on the command line."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

import house
from house import UID, Keys, eventually, invite
from listening import Running, ask, health
from receiving import Call, Receiver, answer
from rig.ports import free_port
from rsvpd.app import App, open_app
from rsvpd.config import load


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as server:
        yield server


def configured(folder: Path, *webhooks: Keys, port: int | None = None) -> Path:
    """A configuration with these webhooks, and with `port` of [http]."""
    lines = [f'[http]\nlisten = "127.0.0.1:{port}"'] if port else []
    for keys in webhooks:
        lines += [
            "[[webhook]]",
            *(f"{key} = {json.dumps(value, default=str)}" for key, value in keys.items()),
        ]
    file = house.config(folder)
    file.write_text(file.read_text() + "\n".join([*lines, ""]))
    return file


def invited(app: App, uid: str = UID) -> None:
    app.invitations.import_ics(invite(uid), "events")


@pytest.mark.slow
def test_killed_between_the_call_and_the_mark_it_says_the_same_again(
    tmp_path: Path, receiver: Receiver
) -> None:
    file = configured(tmp_path, receiver.settings())
    app = open_app(load(file)[0])
    reached, end = threading.Event(), threading.Event()

    def hang(_: Call, handler: BaseHTTPRequestHandler) -> None:
        reached.set()
        end.wait(30)
        handler.close_connection = True

    with Running(file) as daemon:
        eventually(lambda: app.webhooks.views()[0].waiting == 0 and _known(file))
        receiver.answers = [hang]
        invited(app)
        assert reached.wait(30)
        daemon.process.kill()
        daemon.process.wait()
    end.set()
    with Running(file) as daemon:
        eventually(lambda: app.webhooks.views()[0].delivered_at and app.webhooks.views()[0].waiting == 0, 40)
        daemon.end()
    numbers = receiver.numbers
    assert numbers[0] == numbers[1]
    assert receiver.calls[0].id == receiver.calls[1].id
    assert numbers[1:] == sorted(set(numbers))
    app.database.close()


def _known(file: Path) -> bool:
    """Whether the daemon has begun with it."""
    return house.run("--config", file, "webhook", "resume", "crm").code == 0


@pytest.mark.slow
def test_one_that_is_dead_is_seen_and_delays_no_other(tmp_path: Path, receiver: Receiver) -> None:
    port = free_port()
    dead = receiver.settings(name="dead", url="http://127.0.0.1:1/")
    file = configured(tmp_path, dead, receiver.settings(), port=port)
    app = open_app(load(file)[0])
    with Running(file) as daemon:
        eventually(
            lambda: _known(file) and house.run("--config", file, "webhook", "resume", "dead").code == 0
        )
        invited(app)
        eventually(lambda: len(receiver.calls) == 2)
        daemon.says('job="webhook dead" why="dead: connection refused"')
        words = "webhook dead: connection refused"
        eventually(lambda: words in health(port).get("troubles", []))
        numbers = ask(port, "/metrics")[1]
        assert 'rsvpd_webhook_up{webhook="dead"} 0.0' in numbers
        assert 'rsvpd_webhook_up{webhook="crm"} 1.0' in numbers
        assert 'rsvpd_webhook_waiting{webhook="dead"} 2.0' in numbers
        assert 'rsvpd_webhook_oldest_seconds{webhook="dead"}' in numbers
        assert 'rsvpd_webhook_events_total{outcome="sent"} 2.0' in numbers
        status = house.run("--config", file, "status")
        assert status.code == 1
        assert words in status.out
        daemon.end()
    app.database.close()


def test_cron_style_tells_them_too(tmp_path: Path, receiver: Receiver) -> None:
    file = configured(tmp_path, receiver.settings())
    app = open_app(load(file)[0])
    house.run("--config", file, "poll")
    invited(app)
    polled = house.run("--config", file, "poll")
    assert "2 told" in polled.out
    assert receiver.numbers == [1, 2]
    receiver.always = answer(500)
    invited(app, "other@example.org")
    assert "rsvpd: crm: answered 500 Internal Server Error\n" in house.run("--config", file, "poll").err
    app.database.close()


def test_list_test_and_resume(tmp_path: Path, receiver: Receiver) -> None:
    file = configured(tmp_path, receiver.settings())
    app = open_app(load(file)[0])

    def run(*words: str) -> house.Done:
        return house.run("--config", file, "webhook", *words)

    assert "nothing to say yet" in run("list").out
    assert "nothing was sent to it yet" in house.one_line(run("resume", "crm"))
    receiver.answers = [answer(200, b"thank\x1b you"), answer(302), answer(500, b"oops"), answer(410)]
    tried = run("test", "crm")
    assert tried.code == 0
    assert tried.out.startswith(f"127.0.0.1:{receiver.port} answered 200 OK in 0.")
    assert tried.out.endswith(" s: thank you\n")
    assert "redirects are not followed" in house.one_line(run("test", "crm"))
    assert house.one_line(run("test", "crm")) == (
        "rsvpd: crm: answered 500 Internal Server Error; it says: oops"
    )
    assert "there is no webhook 'x'; known: crm" in house.one_line(run("test", "x"))
    house.run("--config", file, "poll")
    invited(app)
    house.run("--config", file, "poll")
    (shown,) = run("list", "--format", "json").objects
    assert (shown["name"], shown["waiting"]) == ("crm", 2)
    assert shown["trouble"].startswith("answered 410 Gone")
    assert shown["host"] == f"127.0.0.1:{receiver.port}"
    assert "key=1" not in json.dumps(shown)
    assert "410 Gone" in run("list").out
    assert max(map(len, run("list").out.splitlines())) <= 80
    assert run("list", "--format", "csv").out.splitlines()[1].startswith("crm,")
    assert run("resume", "crm", "--skip").out == "crm goes on with what changes next.\n"
    assert run("list", "--format", "json").objects[0]["waiting"] == 0
    app.database.close()


def test_none_is_configured(tmp_path: Path) -> None:
    assert house.run("--config", house.config(tmp_path), "webhook", "list").out.startswith("No [[webhook]]")
