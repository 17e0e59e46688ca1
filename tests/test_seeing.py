"""How it goes, as `rsvpd status` says it and as Prometheus reads it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families
from sqlmodel import select

import house
from house import ALICE, NOW, START, Keys, facts, invite, plain_reply
from manual import blocks, name, section
from rig.ports import HOST, free_port
from rsvpd import sharing
from rsvpd.app import App, open_app
from rsvpd.config import load
from rsvpd.metrics import Metrics
from rsvpd.seeing import Seeing, Sight
from rsvpd.store import health
from rsvpd.store.health import Part
from rsvpd.store.tables import OutgoingRow

IMAP: Keys = {
    "host": HOST,
    "port": 1,
    "security": "none",
    "username": "x",
    "password": "x",
    "folders": ["INBOX", "Junk"],
}
AGO = timedelta(minutes=30)


class Fixed:
    """A clock that stands still."""

    def now(self) -> Any:  # noqa: ANN401  as a port
        return NOW


@pytest.fixture
def app(tmp_path: Path) -> Iterator[App]:
    made = house.app_of(house.organizer(imap=IMAP, smtp=house.smtp(1)), url=f"sqlite:///{tmp_path}/x.db")
    yield replace(made, clock=Fixed())
    made.database.close()


def noted(app: App, *parts: Part) -> Sight:
    with app.database.begin() as session:
        health.note(session, parts)
    return look(app)


def look(app: App, *live: Part, **more: Any) -> Sight:  # noqa: ANN401
    return Seeing(app.database, app.clock, app.settings).look({part.part: part for part in live}, **more)


def worked(job: str, ago: timedelta = timedelta()) -> Part:
    return Part(job, NOW - ago, worked_at=NOW - ago)


def failed(job: str, words: str = "login refused", ago: timedelta = timedelta()) -> Part:
    return Part(job, NOW - ago, trouble=words, since=NOW - ago)


def invited(app: App) -> None:
    meeting: Keys = {"summary": "x", "attendees": [ALICE.address], "duration": "1h"}
    app.invitations.create(meeting | {"start": f"{START:%Y-%m-%dT%H:%M}"})


def test_all_is_well_where_nothing_is_wrong(app: App) -> None:
    assert noted(app, worked("poll events")).well
    assert look(app).jobs[0].worked_at == NOW


def test_a_mailbox_that_nobody_looks_at_is_in_trouble(app: App) -> None:
    assert noted(app, worked("poll events", timedelta(minutes=3))).well
    assert noted(app, worked("poll events", AGO)).troubles == [
        "poll events: nothing heard of it for too long"
    ]


def test_a_mailbox_that_was_never_reached_is_in_trouble_after_a_while(app: App) -> None:
    assert look(app, since=NOW - timedelta(seconds=30)).well
    assert not look(app, since=NOW - AGO).well


def test_a_trouble_keeps_its_age_and_when_it_last_worked(app: App) -> None:
    noted(app, worked("poll events", AGO), failed("poll events", ago=AGO / 2))
    sight = noted(app, failed("poll events", "throttled"))
    (poll, *_) = sight.jobs
    assert (poll.trouble, poll.since, poll.worked_at) == ("throttled", NOW - AGO / 2, NOW - AGO)


def test_one_folder_in_trouble_is_named(app: App) -> None:
    sight = noted(app, worked("poll events"), failed("poll events/Junk", "no such folder"))
    assert sight.troubles == ["poll events/Junk: no such folder"]
    assert noted(app, failed("poll events/Gone"), worked("poll events/Junk")).well


def test_what_another_daemon_said_later_counts(app: App) -> None:
    noted(app, worked("poll events"))
    assert look(app, failed("poll events", ago=AGO)).well
    noted(app, failed("poll events", ago=AGO))
    assert look(app, worked("poll events")).well


def test_a_servers_trouble_counts_as_long_as_mails_wait_for_it(app: App) -> None:
    assert noted(app, failed("deliver events", "connection refused")).well
    invited(app)
    assert look(app).troubles == ["deliver events: connection refused"]


def test_a_copy_that_is_not_tried_any_more_is_no_trouble(app: App) -> None:
    assert not noted(app, failed("file events")).well
    assert noted(app, failed("file events", ago=AGO)).well


def test_mails_that_nobody_takes_are_a_trouble(app: App) -> None:
    invited(app)
    with app.database.begin() as session:
        for row in session.exec(select(OutgoingRow)):
            row.due_at = row.created_at = NOW - AGO
            session.add(row)
    sight = look(app)
    assert sight.troubles == ["events: mails are due and nobody sends them: is `rsvpd run` running?"]
    (queue,) = sight.queues
    assert (queue.waiting, queue.failed, queue.oldest_at) == (1, 0, NOW - AGO)


def test_a_loop_that_hangs_is_a_trouble(app: App) -> None:
    assert look(app, stuck=("watch",)).troubles == ["watch does not go on: restart the daemon"]


def test_daemons_are_seen_while_they_work(app: App) -> None:
    with sharing.member(app.database, ["events"], daemon=True):
        (daemon,) = look(app).daemons
        assert "process" in daemon.name
    assert look(app).daemons == ()


# For people


def test_housekeeping_that_fails_is_seen_until_it_works_again(app: App) -> None:
    days = timedelta(days=1)
    sight = noted(app, failed("housekeeping", "database or disk is full", ago=days))
    assert sight.troubles == ["housekeeping: database or disk is full"]
    assert numbers(app, Metrics())["rsvpd_job_up['', 'housekeeping']"] == 0

    sight = noted(app, worked("housekeeping", ago=days))
    assert sight.well
    assert [(job.name, job.worked_at) for job in sight.jobs if not job.organizer] == [
        ("housekeeping", NOW - days)
    ]
    assert numbers(app, Metrics())["rsvpd_job_up['', 'housekeeping']"] == 1
    sight = look(app, worked("housekeeping", ago=3 * days))
    assert sight.well  # what was written down is newer
    assert noted(app, worked("housekeeping", ago=3 * days)).troubles == [
        "housekeeping: nothing heard of it for too long"
    ]


def test_a_question_that_fails_for_all_organizers_is_seen(app: App) -> None:
    assert noted(app, failed("deliver", "mistake in rsvpd: KeyError; the log says where")).troubles == [
        "deliver: mistake in rsvpd: KeyError; the log says where"
    ]
    assert noted(app, failed("deliver", ago=AGO)).well  # nobody says so any more


def test_people_see_it_in_80_columns(tmp_path: Path) -> None:
    world = house.World(tmp_path, house.organizer("a" * 30, imap=IMAP, smtp=house.smtp(1)))
    app = open_app(load(world.file)[0])
    sight = world.run("status")
    assert sight.code == 0
    assert "All is well." in sight.out
    assert "No daemon runs on this database" in sight.out
    assert "nothing to say yet" in sight.out

    words = "login refused: the server says that this is so for a rather long reason"
    noted(app, Part(f"poll {'a' * 30}", NOW, worked_at=NOW - AGO))
    noted(app, failed(f"poll {'a' * 30}", words, AGO * 5))
    app.database.close()
    sight = world.run("status")
    assert sight.code == 1
    assert f"wrong  poll {'a' * 30}: {words}" in sight.out
    table = sight.out.split("\n\n", 1)[1]
    assert re.search(r"\d\d min ago", table)
    assert "(for 2 h)" in " ".join(table.split())
    assert all(len(line) <= 80 for line in table.splitlines())


def test_programs_see_the_same(tmp_path: Path) -> None:
    world = house.World(tmp_path, house.organizer(imap=IMAP, smtp=house.smtp(1)))
    world.imports(invite())
    world.ingest(plain_reply(facts(attendee=house.BOB)))
    done = world.run("status", "--format", "json").object

    assert list(done) == re.findall(
        r"`(\w+)`", section("`rsvpd status`").body.split("one object:")[1].split("`--format csv`")[0]
    )
    assert (done["well"], done["held"], done["proposals"], done["database"]) == (True, 1, 0, True)
    assert [job["verb"] for job in done["jobs"]] == ["poll", "deliver", "file"]
    assert (
        world.run("status", "--format", "csv").out.splitlines()[0]
        == "verb,organizer,well,worked_at,trouble,since"
    )


def test_a_look_by_cron_is_seen(tmp_path: Path) -> None:
    imap = IMAP | {"port": free_port(), "timeout": "2s"}
    world = house.World(tmp_path, house.organizer(imap=imap, smtp=house.smtp(1)))
    assert world.run("poll").code == 1

    done = world.run("status", "--format", "json")
    assert done.code == 1
    assert "connection refused" in done.object["troubles"][0]


# For Prometheus


def numbers(app: App, metrics: Metrics, **more: Any) -> dict[str, Any]:  # noqa: ANN401
    text = metrics.exposition(look(app, **more)).decode()
    return {
        f"{sample.name}{sorted(sample.labels.values()) or ''}": sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_numbers_say_what_is_counted_and_how_it_goes(app: App) -> None:
    metrics = Metrics()
    metrics.reply("applied", NOW - timedelta(seconds=7), NOW)
    metrics.error("login_refused")
    metrics.mail("sent")
    invited(app)
    noted(app, worked("poll events"))
    found = numbers(app, metrics)
    assert found["rsvpd_replies_total['applied']"] == 1
    assert found["rsvpd_reply_lag_seconds_bucket['5.0']"] == 0
    assert found["rsvpd_reply_lag_seconds_bucket['10.0']"] == 1
    assert found["rsvpd_errors_total['login_refused']"] == 1
    assert found["rsvpd_mails_total['sent']"] == 1
    assert found["rsvpd_mailbox_connected['events']"] == 1
    assert found["rsvpd_mailbox_last_success_timestamp_seconds['events']"] == NOW.timestamp()
    assert found["rsvpd_outgoing_mails['events', 'pending']"] == 1
    assert found["rsvpd_outgoing_oldest_seconds['events']"] >= 0
    noted(app, failed("poll events"))
    assert numbers(app, metrics)["rsvpd_mailbox_connected['events']"] == 0


def families(app: App) -> dict[str, str]:
    """Every metric with its type, as the README writes them."""
    invited(app)
    text = Metrics().exposition(noted(app, worked("poll events"))).decode()
    return dict(re.findall(r"# TYPE (\S+) (\S+)", text))


def test_every_number_is_documented_and_nothing_else(app: App) -> None:
    _, rows = section("Seeing how it goes").tables
    assert sorted(name(row[0]) for row in rows) == sorted(
        one for one in families(app) if not one.endswith("_created")
    )


def test_the_rules_shown_can_be_read_and_name_what_there_is(app: App) -> None:
    (text,) = blocks("yaml")
    (group,) = yaml.safe_load(text)["groups"]
    known = families(app)
    assert len(group["rules"]) > 5
    for rule in group["rules"]:
        assert rule.keys() <= {"alert", "expr", "for", "annotations"}
        assert rule["annotations"]["summary"]
        named = re.findall(r"rsvpd_\w+", rule["expr"])
        assert named
        assert {re.sub("_(bucket|sum|count)$", "", one) for one in named} <= known.keys()
