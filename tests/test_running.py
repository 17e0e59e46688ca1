"""`rsvpd run` as systemd sees it: ready when it is, new settings on SIGHUP, and an end; and the truth over HTTP."""

from __future__ import annotations

import resource
import shutil
import socket
import uuid
from pathlib import Path

import pytest

import house
from builders import Party
from house import Keys, eventually, facts, invite, plain_reply
from listening import Ear, Running, ask, health
from rig.dovecot import DOMAIN, Dovecot
from rig.ports import free_port
from rig.postgres import Postgres

HTTP = "[http]\nlisten = "


def box(name: str) -> Party:
    return Party(f"{name}{uuid.uuid4().hex[:10]}@{DOMAIN}", name.title())


def of(dovecot: Dovecot, name: str, host: Party, **keys: object) -> Keys:
    return house.organizer(name, host.address, imap=house.imap(dovecot, host.address, **keys))


def settings(folder: Path, *organizers: Keys, port: int | None = None, **more: object) -> Path:
    """A configuration that is looked at every second, with HTTP on that port."""
    file = house.config(folder, *organizers, poll_interval="1s", **more)
    if port is not None:
        with file.open("a", encoding="utf-8") as opened:
            opened.write(f'{HTTP}"127.0.0.1:{port}"\n')
    return file


def answered(file: Path) -> str:
    (one,) = house.run("--config", file, "attendance", house.UID, "--format", "json").object["attendees"]
    return str(one["partstat"])


@pytest.mark.slow
def test_new_settings_take_effect_and_broken_ones_do_not(tmp_path: Path, dovecot: Dovecot) -> None:
    events, board, alice = box("events"), box("board"), box("alice")
    file = settings(tmp_path, of(dovecot, "events", events))
    ics = tmp_path / "meeting.ics"
    ics.write_bytes(invite(house.UID, alice, ORGANIZER=f"mailto:{events.address}"))
    same = Path(shutil.copy(file, tmp_path / "same.toml"))
    assert house.run("--config", same, "meeting", "import", ics, "--organizer", "events").code == 0
    with Ear(str(tmp_path / "notify")) as ear, Running(file, NOTIFY_SOCKET=ear.address) as daemon:
        after = ear.hears("READY=1")

        file.write_text(file.read_text() + "\npol_interval = 3\n")
        daemon.reload()
        after = ear.hears("READY=1", after=after)
        assert "STATUS=kept the old settings: " in "\n".join(ear.listen())
        assert 'action="kept the old settings"' in daemon.said
        dovecot.deliver(events.address, plain_reply(facts(attendee=alice)))
        eventually(lambda: answered(same) == "ACCEPTED", 30)

        settings(tmp_path, of(dovecot, "events", events), of(dovecot, "board", board))
        dovecot.deliver(board.address, plain_reply(facts("other@example.org", attendee=alice)))
        daemon.reload()
        after = ear.hears("READY=1", after=after)
        assert "organizers=+board" in daemon.said
        eventually(lambda: "other@example.org" in daemon.said)

        settings(tmp_path, of(dovecot, "board", board, password="wrong"))
        daemon.reload()
        after = ear.hears("READY=1", after=after)
        assert 'organizers="-events ~board"' in daemon.said
        daemon.says("login refused")
        dovecot.deliver(events.address, plain_reply(facts(attendee=alice, partstat="DECLINED")))

        settings(tmp_path, of(dovecot, "board", board), of(dovecot, "events", events))
        daemon.reload()
        after = ear.hears("READY=1", after=after)
        eventually(lambda: answered(same) == "DECLINED", 30)

        daemon.reload()
        after = ear.hears("STATUS=no setting has changed", after=after)
        settings(tmp_path, of(dovecot, "events", events), database=f"sqlite:///{tmp_path}/other.db")
        daemon.reload()
        ear.hears("READY=1", after=after)
        assert "[database] has changed" in "\n".join(ear.listen())
        daemon.end()
        assert ear.hears("STOPPING=1")
    rows = house.run("--config", same, "replies", "--format", "json").objects
    assert [row["outcome"] for row in rows] == ["applied", "unknown_meeting", "applied"]


@pytest.mark.slow
def test_the_truth_is_told_while_a_mailbox_is_away(tmp_path: Path, dovecot: Dovecot) -> None:
    host, port = box("events"), free_port()
    file = settings(tmp_path, of(dovecot, "events", host), port=port)
    with Running(file) as daemon:
        eventually(lambda: health(port).get("well"), 30)
        assert ask(port, "/readyz") == (200, '{"ready":true}')
        eventually(lambda: 'rsvpd_mailbox_connected{organizer="events"} 1.0' in ask(port, "/metrics")[1])
        with dovecot.down():
            eventually(lambda: health(port)["status"] == 503, 30)
            told = health(port)
            assert told["database"] is True
            (trouble,) = told["troubles"]
            assert trouble.startswith("poll events: ")
            (poll,) = [job for job in told["jobs"] if job["verb"] == "poll"]
            assert (poll["well"], poll["worked_at"] is not None) == (False, True)
            assert ask(port, "/readyz")[0] == 200
            numbers = ask(port, "/metrics")[1]
            assert 'rsvpd_mailbox_connected{organizer="events"} 0.0' in numbers
            assert "rsvpd_errors_total{kind=" in numbers
            eventually(lambda: world_status(file) == 1, 30)

        eventually(lambda: health(port)["well"], 30)
        eventually(lambda: world_status(file) == 0, 30)
        assert ask(port, "/docs")[0] == 404
        daemon.end()
    assert ask(port, "/healthz") == (0, "")


def world_status(file: Path) -> int:
    return house.run("--config", file, "status", "--format", "json").code


@pytest.mark.slow
def test_the_truth_is_told_while_the_database_is_away(
    tmp_path: Path, dovecot: Dovecot, postgres: Postgres
) -> None:
    host, port = box("events"), free_port()
    file = settings(tmp_path, of(dovecot, "events", host), port=port, database=postgres.fresh_database())
    with Ear(str(tmp_path / "notify")) as ear, Running(file, NOTIFY_SOCKET=ear.address) as daemon:
        eventually(lambda: health(port).get("well"), 30)
        postgres.stop()
        try:
            told = health(port)
            assert (told["status"], told["database"]) == (503, False)
            assert told["troubles"][0].startswith("database: ")
            assert ask(port, "/readyz") == (503, '{"ready":false}')
            assert "rsvpd_database_up 0.0" in ask(port, "/metrics")[1]
            ear.hears("READY=1")
        finally:
            postgres.start()
        eventually(lambda: health(port)["well"], 30)
        daemon.end()


@pytest.mark.slow
def test_the_truth_is_told_while_nothing_can_be_written(tmp_path: Path, dovecot: Dovecot) -> None:
    """No file may grow, as on a full disk: neither the database nor the log."""
    host, port = box("events"), free_port()
    file = settings(tmp_path, of(dovecot, "events", host), port=port)
    with Running(file) as daemon:
        eventually(lambda: health(port).get("well"), 30)
        before = resource.prlimit(daemon.process.pid, resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
        dovecot.deliver(host.address, plain_reply(facts()))
        eventually(lambda: not health(port)["well"], 45)
        eventually(lambda: ask(port, "/readyz")[0] == 503, 30)
        resource.prlimit(daemon.process.pid, resource.RLIMIT_FSIZE, before)

        eventually(lambda: health(port)["well"], 60)
        eventually(lambda: "outcome=unknown_meeting" in daemon.said, 30)
        daemon.end()


def test_a_port_that_is_taken_is_one_line(tmp_path: Path) -> None:
    with Ear(str(tmp_path / "notify")) as ear, socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        file = settings(tmp_path, port=port)
        done = house.start("--config", file, "run", NOTIFY_SOCKET=ear.address)
        _, said = done.communicate(timeout=60)
    (line,) = said.splitlines()
    assert line == f"rsvpd: http.listen 127.0.0.1 port {port}: address already in use"
    assert done.returncode == 1
    assert ear.heard == []


@pytest.mark.parametrize(
    "listen", ["0.0.0.0:8025", "[::]:8025", "192.0.2.1:8025", "example.org:80", ":8025", "127.0.0.1"]
)
def test_nobody_else_can_ask_without_a_token(tmp_path: Path, listen: str) -> None:
    file = settings(tmp_path)
    file.write_text(file.read_text() + f'{HTTP}"{listen}"\n')

    assert "http.listen" in house.one_line(house.run("--config", file, "run"))
