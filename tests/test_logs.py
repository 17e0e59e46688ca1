"""A line of the log is a fact, whatever stands in a mail; and it never has what people wrote."""

from __future__ import annotations

import io
import json
import logging
import os
import re
import subprocess
import sys
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from email import message_from_bytes
from pathlib import Path

import pytest
import structlog

import house
from builders import Party, google, microsoft365, thunderbird
from house import eventually, facts, plain_reply
from listening import Running
from rig.dovecot import DOMAIN, PASSWORD, Dovecot
from rig.postfix import Postfix
from rsvpd.config import LogFormat, LogLevel
from rsvpd.logs import log_to
from rsvpd.ports import LoginRefused, StoreUnavailable
from rsvpd.troubles import Troubles

EVIL = 'a@b\ntimestamp=2026-01-01T00:00:00Z level=info action=reply\r\x1b[2J\u2028\u202e outcome="applied"'
LINE = re.compile(r'timestamp=\S+ level=\w+ action=\S+( \w+=("([^"\\]|\\.)*"|[^\s"=]*))*')


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    yield
    structlog.reset_defaults()


def said(form: LogFormat = LogFormat.TEXT, level: LogLevel = LogLevel.INFO, **facts_: object) -> str:
    stream = io.StringIO()
    log_to(stream, form, level)
    structlog.get_logger("rsvpd").info("reply", **facts_)
    return stream.getvalue()


def test_a_line_has_an_action_and_its_facts() -> None:
    line = said(uid="x@example.org", attendee="ann@example.com", outcome="applied", reason=None)
    assert re.fullmatch(
        r"timestamp=\S+Z level=info action=reply uid=x@example.org attendee=ann@example.com outcome=applied\n",
        line,
    )


def test_json_has_the_same() -> None:
    line = json.loads(
        said(LogFormat.JSON, uid="x@example.org", outcome="applied", at=datetime(2026, 1, 1, tzinfo=UTC))
    )
    assert line.pop("timestamp")
    assert line == {
        "level": "info",
        "action": "reply",
        "uid": "x@example.org",
        "outcome": "applied",
        "at": "2026-01-01 00:00:00+00:00",
    }


@pytest.mark.parametrize("form", LogFormat)
def test_nothing_in_a_mail_makes_a_second_line_or_moves_the_cursor(form: LogFormat) -> None:
    line = said(form, uid=EVIL, attendee="Ann")

    assert line.count("\n") == 1
    assert all(c.isprintable() for c in line.rstrip("\n"))
    assert len(line.splitlines()) == 1


def test_nothing_in_a_mail_makes_another_field() -> None:
    line = said(uid=EVIL, attendee="Ann")
    assert LINE.fullmatch(line.rstrip("\n"))
    assert re.sub(r'"([^"\\]|\\.)*"', "", line).count("action=") == 1
    assert json.loads(said(LogFormat.JSON, uid=EVIL))["uid"] == EVIL


@pytest.mark.parametrize(("level", "lines"), [("debug", 3), ("info", 3), ("warning", 2), ("error", 1)])
def test_what_is_below_the_level_is_not_logged(level: str, lines: int) -> None:
    stream = io.StringIO()
    log_to(stream, level=LogLevel(level))
    log = structlog.get_logger("rsvpd")
    log.info("a")
    log.warning("b")
    log.error("c")
    assert len(stream.getvalue().splitlines()) == lines


def test_a_mistake_is_told_by_its_place_and_never_by_its_words() -> None:
    stream = io.StringIO()
    log_to(stream)
    try:
        int("the body of a mail\nin two lines")
    except ValueError as error:
        Troubles().mistake("poll events", error)
    (line,) = stream.getvalue().splitlines()
    assert "error=ValueError" in line
    assert re.search(r'at="test_logs.py:\d+ test_a_mistake', line)
    assert "body" not in line


def test_a_trouble_is_one_line_however_often_it_is_met_and_counted_each_time() -> None:
    stream = io.StringIO()
    kinds: list[str] = []
    log_to(stream)
    troubles = Troubles(count=kinds.append)
    for _ in range(3):
        troubles.begin("poll events", LoginRefused("login refused"))
    troubles.end("poll events")
    troubles.end("poll events")
    assert [line.split(" ", 2)[2] for line in stream.getvalue().splitlines()] == [
        'action="could not" job="poll events" why="login refused"',
        'action="works again" job="poll events"',
    ]
    assert kinds == ["login_refused"] * 3


def test_the_databases_trouble_is_over_when_the_database_answers_and_a_servers_is_not() -> None:
    troubles = Troubles()
    troubles.begin("file events", StoreUnavailable("database: away"))
    troubles.begin("file board", LoginRefused("login refused"))
    for job in ("file events", "file board"):
        troubles.nothing_to_do(job)
    assert {name: part.trouble for name, part in troubles.parts().items()} == {
        "file events": None,
        "file board": "login refused",
    }


def test_a_full_disk_behind_the_log_stops_nobody() -> None:
    full = os.fdopen(os.open("/dev/full", os.O_WRONLY), "w", buffering=1)
    log_to(full)
    structlog.get_logger("rsvpd").error("could not")
    with pytest.raises(OSError, match="No space left"):
        full.close()


def test_what_libraries_say_is_a_line_too_and_only_of_those_that_quote_no_mail(
    capsys: pytest.CaptureFixture[str],
) -> None:
    stream = io.StringIO()
    log_to(stream)
    logging.getLogger("uvicorn.error").warning("Invalid HTTP request received.\n%s", "\x1b[2J")
    logging.getLogger("apscheduler.executors.default").warning("skipped: maximum number of running instances")
    logging.getLogger("some.parser").error("cannot parse: the body of a mail")
    (line,) = stream.getvalue().splitlines()
    assert "action=library library=uvicorn.error" in line
    assert "body" not in capsys.readouterr().err


PROGRAM = """
import sys
from rsvpd.logs import log_to
import structlog
log_to(sys.stderr)
log = structlog.get_logger("rsvpd")
log.info("started"); log.warning("library"); log.error("could not")
"""


@pytest.mark.parametrize("whose", ["ours", "another"])
def test_lines_for_the_journal_carry_its_priorities(tmp_path: Path, whose: str) -> None:
    with (tmp_path / "journal").open("w+") as journal:
        there = os.fstat(journal.fileno())
        named = f"{there.st_dev}:{there.st_ino if whose == 'ours' else 1}"
        environment = os.environ | {"JOURNAL_STREAM": named}
        subprocess.run([sys.executable, "-c", PROGRAM], env=environment, stderr=journal, check=True)
        journal.seek(0)
        lines = journal.read().splitlines()
    if whose == "ours":
        assert lines == [
            "<6>level=info action=started",
            "<4>level=warning action=library",
            '<3>level=error action="could not"',
        ]
    else:
        assert all(line.startswith("timestamp=") for line in lines)


@pytest.mark.slow
@pytest.mark.parametrize("form", LogFormat)
def test_a_whole_loop_logs_every_fact_and_nothing_that_people_wrote(
    tmp_path: Path, dovecot: Dovecot, postfix: Postfix, form: LogFormat
) -> None:
    host, people = somebody("events"), [somebody(f"p{n}") for n in range(3)]
    keys = {"imap": house.imap(dovecot, host.address), "smtp": house.smtp(postfix.smtp_port)}
    file = house.config(
        tmp_path,
        house.organizer("events", host.address, **keys),
        poll_interval="1s",
        log_format=form.value,
        log_level="debug",
    )
    with Running(file) as daemon:
        named = [word for one in people for word in ("--attendee", one.address)]
        when = ("--start", f"{house.START:%Y-%m-%dT%H:%M}", "--duration", "1h")
        words = (
            "--summary",
            "Geheimtreffen",
            "--description",
            "Verschwiegenes",
            "--location",
            "Hinterzimmer",
        )
        uid = house.run(
            "--config", file, "meeting", "create", *when, *words, *named, "--format", "json"
        ).object["uid"]
        for person, build in zip(people, (google, microsoft365, thunderbird), strict=True):
            (raw,) = eventually(lambda box=person.address: dovecot.messages(box), 60)  # type: ignore[misc]
            given = message_from_bytes(raw)
            assert given["Subject"]
            answer = facts(
                uid, organizer=host, attendee=person, comment="Vertrauliches", summary="Geheimtreffen"
            )
            dovecot.deliver(host.address, build(answer))
        dovecot.deliver(
            host.address, plain_reply(facts("evil\\nlevel=error action=gone", attendee=people[0]))
        )
        eventually(lambda: len(house.run("--config", file, "replies", "--format", "json").objects) == 4, 60)
        eventually(lambda: daemon.said.count("unknown_meeting") == 1)
        log = daemon.end()

    for written in (
        "Geheimtreffen",
        "Verschwiegenes",
        "Hinterzimmer",
        "Vertrauliches",
        PASSWORD,
        "BEGIN:",
        "Subject",
    ):
        assert written not in log
    lines = [fields_of(line, form) for line in log.splitlines()]
    replies = [line for line in lines if line["action"] == "reply"]
    assert {(r["attendee"], r["outcome"]) for r in replies if r["uid"] == uid} == {
        (person.address, "applied") for person in people
    }
    mails = [line for line in lines if line["action"] == "mail"]
    assert {(m["uid"], m["attendee"], m["outcome"]) for m in mails} == {
        (uid, p.address, "sent") for p in people
    }


def fields_of(line: str, form: LogFormat) -> dict[str, str]:
    if form is LogFormat.JSON:
        found: dict[str, str] = json.loads(line)
        return found
    assert LINE.fullmatch(line), line
    return {key: value.strip('"') for key, value in re.findall(r'(\w+)=("(?:[^"\\]|\\.)*"|\S*)', line)}


def somebody(name: str) -> Party:
    return Party(f"{name}{uuid.uuid4().hex[:10]}@{DOMAIN}", name.title())
