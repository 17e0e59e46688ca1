"""What a backlog costs, counted and not timed: statements, commands, octets and parses, each for a batch of 500."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from icalendar import Timezone
from sqlalchemy import event

import house
from bench.mails import Backlog
from builders import Facts, outlook_mac
from rig.dovecot import Dovecot
from rig.postgres import Postgres
from rsvpd.app import App
from rsvpd.intake import BATCH
from rsvpd.itip import splitting
from rsvpd.itip.ics import reading as ics_reading
from rsvpd.itip.ics import times
from rsvpd.itip.reading import read_mail

STATEMENTS = 30
"""For each batch, however many replies are in it; on SQLite one more for each row that is to tell its number."""
COMMANDS = 2
"""FETCH of what the mails are, and FETCH of the mails."""
AROUND = 8
"""Commands for a mailbox: greeting, LOGIN, EXAMINE, SEARCH, LOGOUT and their like."""
OCTETS = 1.1
"""Received for each octet of a mail."""


def costs(app: App, user: str, dovecot: Dovecot, mails: int) -> Counter[str]:
    """What it takes to drain so many replies to one meeting."""
    backlog = Backlog("costs", mails)
    for ics in backlog.invitations():
        app.invitations.import_ics(ics, "events")
    raws = list(backlog)
    with dovecot.login(user) as client:
        client.multiappend("INBOX", raws)
    counted: Counter[str] = Counter()
    with house.Wire(dovecot.imap_port) as wire, statements(app, counted):
        settings = house.settings_of(
            house.organizer(imap=house.imap(dovecot, user, port=wire.port, timeout="60s"))
        )
        one = settings.organizer[0]
        with App(settings, app.database).mailbox(one) as mailbox:
            polled = app.intake.poll_folders(mailbox, "events", ["INBOX"])
        counted["commands"] = wire.asked.count(b"\r\n")
        counted["octets"] = wire.received
    counted["of mails"] = sum(map(len, raws))
    assert Counter(row.outcome for row in polled.rows) == {"applied": mails}
    return counted


@contextmanager
def statements(app: App, counted: Counter[str]) -> Iterator[None]:
    def count(*_: Any) -> None:  # noqa: ANN401  what SQLAlchemy gives
        counted["statements"] += 1

    event.listen(app.database.engine, "before_cursor_execute", count)
    try:
        yield
    finally:
        event.remove(app.database.engine, "before_cursor_execute", count)


@pytest.fixture(params=["sqlite", "postgresql"])
def app(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[App]:
    url = f"sqlite:///{tmp_path}/rsvpd.db"
    if request.param == "postgresql":
        postgres: Postgres = request.getfixturevalue("postgres")
        url = postgres.fresh_database()
    opened = house.app_of(url=url)
    yield opened
    opened.database.close()


def test_each_batch_costs_the_same_few_statements_and_commands(
    app: App, dovecot: Dovecot, mailbox_user: str
) -> None:
    batches = 2
    counted = costs(app, mailbox_user, dovecot, batches * BATCH)
    each = STATEMENTS if app.database.is_shared else STATEMENTS + BATCH
    assert counted["statements"] < batches * each
    assert counted["commands"] <= batches * COMMANDS + AROUND
    assert counted["octets"] < OCTETS * counted["of mails"]


def test_each_reply_is_parsed_once(
    tmp_path: Path, dovecot: Dovecot, mailbox_user: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Though each mail of Google holds its calendar twice; and the email package is not asked at all."""
    calls: Counter[str] = Counter()
    for module, name in ((ics_reading, "parse"), (splitting, "read"), (splitting, "message_from_bytes")):
        monkeypatch.setattr(module, name, counting(calls, getattr(module, name)))
    app = house.app_of(url=f"sqlite:///{tmp_path}/rsvpd.db")
    costs(app, mailbox_user, dovecot, 10)
    app.database.close()
    assert calls == {"parse": 10, "read": 10}


def test_a_zone_that_mails_bring_along_is_made_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The VTIMEZONE of Outlook for Mac, whose name says nothing."""
    calls: Counter[str] = Counter()
    times._zone_written.cache_clear()
    monkeypatch.setattr(Timezone, "from_ical", counting(calls, Timezone.from_ical))
    for number in range(10):
        read_mail(outlook_mac(Facts(comment=str(number))))
    assert calls == {"from_ical": 1}


def counting(calls: Counter[str], function: Any) -> Any:  # noqa: ANN401
    def counted(*arguments: Any, **more: Any) -> Any:  # noqa: ANN401
        calls[function.__name__] += 1
        return function(*arguments, **more)

    return counted
