"""systemd hears that we are ready, alive, reloading, stopping; and hears nothing where a loop hangs."""

from __future__ import annotations

import os
import socket
import threading
import time
import uuid
from datetime import timedelta
from pathlib import Path

import pytest

import house
from house import Keys, eventually
from listening import Ear
from rig.ports import HOST, free_port
from rsvpd import turning, watching
from rsvpd.app import open_app
from rsvpd.config import load
from rsvpd.daemon import Daemon
from rsvpd.notifying import Systemd, systemd
from rsvpd.running import Running
from rsvpd.turning import Turning, patience


@pytest.mark.parametrize("kind", ["in the file system", "abstract"])
def test_each_state_is_one_datagram(tmp_path: Path, kind: str) -> None:
    address = str(tmp_path / "notify") if kind != "abstract" else f"@rsvpd-{uuid.uuid4().hex}"
    with Ear(address) as ear:
        told = systemd({"NOTIFY_SOCKET": address})
        told.ready("2 organizers")
        told.alive()
        told.reloading()
        told.stopping()
        ready, alive, reloading, stopping = ear.listen()

    assert ready == "READY=1\nSTATUS=2 organizers"
    assert alive == "WATCHDOG=1"
    assert reloading.split("\n")[0] == "RELOADING=1"
    assert reloading.split("\n")[1].startswith("MONOTONIC_USEC=")
    assert stopping.startswith("STOPPING=1\n")


def test_words_of_a_server_cannot_say_something_else_to_systemd(tmp_path: Path) -> None:
    with Ear(str(tmp_path / "notify")) as ear:
        systemd({"NOTIFY_SOCKET": ear.address}).status("login refused\nWATCHDOG=trigger\r\nMAINPID=1")
        assert ear.listen() == ["STATUS=login refused WATCHDOG=trigger MAINPID=1"]


@pytest.mark.parametrize("address", ["", "/", "@", "vsock:2:1", "relative"])
def test_whoever_is_not_there_is_not_told(address: str) -> None:
    assert systemd({"NOTIFY_SOCKET": address}).address is None


def test_a_socket_that_is_gone_stops_nobody(tmp_path: Path) -> None:
    Systemd(str(tmp_path / "gone")).alive()


@pytest.mark.parametrize(
    ("environment", "wanted"),
    [
        ({"WATCHDOG_USEC": "180000000"}, timedelta(minutes=3)),
        ({"WATCHDOG_USEC": "180000000", "WATCHDOG_PID": str(os.getpid())}, timedelta(minutes=3)),
        ({"WATCHDOG_USEC": "180000000", "WATCHDOG_PID": "1"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
        ({}, None),
    ],
)
def test_the_watchdog_is_fed_only_if_it_is_ours(
    environment: dict[str, str], wanted: timedelta | None
) -> None:
    assert systemd(environment).watchdog == wanted


# Which loops turn


def test_a_loop_that_gives_no_sign_in_time_is_stuck() -> None:
    moment = [0.0]
    loops = Turning(lambda: moment[0])
    loops.beat("watch", timedelta(seconds=10))
    with loops.turn("deliver events", timedelta(seconds=100)):
        moment[0] = 11
        assert loops.stuck() == ("watch",)
        loops.again("watch")
        moment[0] = 101
        loops.again("deliver events")
        loops.again("nobody")
        assert loops.stuck() == ("watch",)
    moment[0] = 1000
    loops.ended("watch")
    assert loops.stuck() == ()


def test_a_job_may_take_as_long_as_its_server_may() -> None:
    assert patience(timedelta(seconds=60)) == timedelta(minutes=10)
    assert patience(timedelta(minutes=5)) == timedelta(minutes=50)


def test_a_job_that_really_hangs_stops_the_feeding(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The server takes the connection, and never says a word; the job waits for it far longer than it may."""
    monkeypatch.setattr(turning, "_PATIENCE", timedelta(seconds=3))
    monkeypatch.setattr(turning, "_TIMEOUTS", 0)
    with socket.create_server(("127.0.0.1", 0)) as silent, Ear(str(tmp_path / "notify")) as ear:
        port = silent.getsockname()[1]
        file = house.config(tmp_path, house.organizer(smtp=house.smtp(port, timeout="30s")))
        running = Running(
            open_app(load(file)[0]), lambda: load(file)[0], Systemd(ear.address, timedelta(seconds=1))
        )
        daemon = Daemon(running.app, running.telling, running.turning)
        with running._feeding(), daemon.at_work():
            ear.hears("WATCHDOG=1")
            assert running.look().well
            meeting: Keys = {"summary": "x", "attendees": [house.ALICE.address], "duration": "1h"}
            running.app.invitations.create(meeting | {"start": f"{house.START:%Y-%m-%dT%H:%M}"})
            eventually(lambda: running.turning.stuck() == ("deliver events",), 30)
            ear.listen()
            before = len(ear.heard)
            time.sleep(2.5)
            assert ear.listen()[before:] == []
            assert "deliver events does not go on: restart the daemon" in running.look().troubles
            silent.close()
    running.app.database.close()


def test_the_thread_that_waits_on_mailboxes_may_not_hang(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever holds it: here it is the count of an error."""
    monkeypatch.setattr(watching, "_LONGEST_SILENCE", timedelta(seconds=2))
    nobody: Keys = {"host": HOST, "port": free_port(), "security": "none", "username": "x", "password": "x"}
    file = house.config(tmp_path, house.organizer(imap=nobody))
    running = Running(open_app(load(file)[0]), lambda: load(file)[0], Systemd())
    held = threading.Event()

    def wait(_kind: str) -> None:
        held.wait(60)

    running.telling.troubles.count = wait
    with Daemon(running.app, running.telling, running.turning).at_work():
        eventually(lambda: running.turning.stuck() == ("watch",), 30)
        assert "watch does not go on: restart the daemon" in running.look().troubles
        held.set()
        eventually(lambda: running.turning.stuck() == (), 30)
    running.app.database.close()
