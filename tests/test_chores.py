"""What a daemon does for many organizers: idle ones cost nothing, dead servers hold nobody up, new settings reach their own."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from sending import SILENCE, Scripted
from sqlalchemy import event

import house
from house import ALICE, NOW, START, Keys, eventually
from imapd import Imapd
from rig.ports import HOST
from rig.postgres import Postgres
from rig.smtpd import Smtpd
from rsvpd import sharing
from rsvpd.app import App
from rsvpd.chores import Chores, Guard
from rsvpd.config import parse
from rsvpd.daemon import Daemon
from rsvpd.lanes import Lanes
from rsvpd.store import reporting
from rsvpd.telling import Telling
from rsvpd.turning import Turning
from watchhouse import reply

RULES: Keys = {
    "reminder": [{"name": "before", "before_start": "2d"}],
    "report": [{"name": "daily", "cron": "0 8 * * *"}],
}


def organizers(count: int, port: int = 1) -> list[Keys]:
    imap: Keys = {"host": HOST, "port": 1, "security": "none", "username": "x", "password": "x"}
    dav: Keys = {"url": "http://127.0.0.1:1/", "username": "x", "password": "x"}
    return [
        house.organizer(
            f"o{n}", f"o{n}@example.org", imap=imap, smtp=house.smtp(port, timeout="2s"), caldav=dav
        )
        for n in range(count)
    ]


def invited(app: App, organizer: str) -> None:
    fields: Keys = {"organizer": organizer, "summary": "x", "attendees": [ALICE.address], "duration": "1h"}
    app.invitations.create(fields | {"start": f"{START:%Y-%m-%dT%H:%M}"})


@contextmanager
def counted(app: App) -> Iterator[list[str]]:
    """Every statement that is asked meanwhile."""
    said: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        said.append(statement)

    event.listen(app.database.engine, "before_cursor_execute", note)
    try:
        yield said
    finally:
        event.remove(app.database.engine, "before_cursor_execute", note)


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_idle_organizers_cost_no_statement(kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    asked: dict[int, list[str]] = {}
    for count in (1, 100):
        url = f"sqlite:///{tmp_path}/{count}.db"
        if kind == "postgresql":
            postgres: Postgres = request.getfixturevalue("postgres")
            url = postgres.fresh_database()
        app = house.app_of(*organizers(count), url=url, **RULES)
        with sharing.member(app.database, [f"o{n}" for n in range(count)], daemon=True) as member:
            chores = Chores(app, member, Guard(Telling(), Turning()), threading.Event())
            every = (chores.deliver, chores.file, chores.keep_calendars, chores.remind, chores.report)
            with app.database.begin() as session:
                for organizer in app.settings.organizer:
                    reporting.record(session, "daily", organizer.name, NOW, NOW)
            with counted(app) as said:
                for chore in every:
                    chores.look(chore())
            asked[count] = [one for one in said if one.lstrip().startswith("SELECT")]
            assert not chores._in_hand
        app.database.close()
    assert len(asked[100]) == len(asked[1]) <= 8


def test_a_server_that_hangs_holds_up_nobody_elses_mails(tmp_path: Path, smtpd: Smtpd) -> None:
    with Scripted({"ehlo": SILENCE}) as dead:
        well = house.organizer("well", "well@example.org", smtp=house.smtp(smtpd.port))
        app = house.app_of(*organizers(30, dead.port), well, url=f"sqlite:///{tmp_path}/x.db")
        daemon = Daemon(app)
        for number in range(30):
            invited(app, f"o{number}")
        with daemon.at_work():
            eventually(lambda: daemon.telling.troubles.has("deliver o0"), 30)
            invited(app, "well")
            eventually(lambda: smtpd.taken, 4)
            assert "deliver well" not in daemon.turning.stuck()
        app.database.close()


def scripted(server: Imapd, **keys: object) -> Keys:
    login: Keys = {"username": "u", "password": "p", "security": "none", "host": HOST}
    return login | {"port": server.port, "timeout": "5s"} | keys


def test_new_settings_touch_only_the_mailboxes_that_they_change(tmp_path: Path) -> None:
    with ExitStack() as stack:
        same, other, third = (stack.enter_context(Imapd()) for _ in range(3))
        url = f"sqlite:///{tmp_path}/x.db"

        def keys(*chosen: Keys, **more: object) -> Keys:
            return {"database": {"url": url}, "organizer": list(chosen), "poll_interval": "30s", **more}

        first = house.organizer("same", "same@example.org", imap=scripted(same))
        second = house.organizer("other", "other@example.org", imap=scripted(other))
        added = house.organizer("added", "added@example.org", imap=scripted(third))
        app = house.app_of(first, second, url=url, poll_interval="30s")
        with Daemon(app).at_work() as renew:
            eventually(lambda: same.idling and other.idling)

            moved = second | {"imap": scripted(other, folders=["Replies"])}
            polite = first | {"display_name": "Another Name", "smtp": house.smtp(2)}
            new = parse(keys(polite, moved, added), Path("test"))
            renew(replace(app, settings=new))
            eventually(lambda: other.asked.count("LOGIN") == 2 and other.idling == 1)
            eventually(lambda: third.idling)
            assert (same.asked.count("LOGIN"), same.open, same.idling) == (1, 1, 1)

            new = parse(keys(polite, added, uninvited="add"), Path("test"))
            renew(replace(app, settings=new))
            eventually(lambda: other.open == 0)
            same.put(reply())
            eventually(lambda: house.outcomes(app.database) == ["unknown_meeting"])
            assert [one.asked.count("LOGIN") for one in (same, other, third)] == [1, 2, 1]
        app.database.close()


def test_what_hangs_keeps_its_own_threads_busy_and_no_others() -> None:
    lanes, held, begun, done = Lanes(), threading.Event(), threading.Semaphore(0), threading.Event()

    def hang() -> None:
        begun.release()
        held.wait(20)

    for _ in range(20):
        lanes.put("dead", hang, troubled=False)
    for server in range(20):
        lanes.put(server, hang, troubled=True)
    for _ in range(8 + 16):
        assert begun.acquire(timeout=5)
    assert not begun.acquire(timeout=0.2)
    lanes.put("well", done.set, troubled=False)
    assert done.wait(5)
    held.set()
    lanes.end()
    assert not lanes._lanes
