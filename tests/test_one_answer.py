"""One question has one answer, whoever is asked: the command line, HTTP, the client, SQL, a report, the page, metrics.

Whoever else comes to know the answer gets a line in the tables of askers.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from itertools import combinations
from typing import Any

import asking
import openpyxl
import pytest
from sqlalchemy import text

import browsing
from browsing import Site
from builders import Party
from house import ALICE, BOB, NOW, START, UID, World, facts, invite, plain_reply
from rsvpd.app import open_app
from rsvpd.client import Client
from rsvpd.config import load
from rsvpd.itip.model import PartStat
from rsvpd.metrics import Metrics
from rsvpd.seeing import Seeing
from rsvpd.store.access import Scope
from rsvpd.taken_over import read

CAROL, DAVE = Party("carol@example.com", "Carol Example"), Party("dave@example.com", "Dave Example")
ERIN, FRANK = Party("erin@example.com", "Erin Example"), Party("frank@example.com", "Frank")
CAROL_AT_HOME, MALLORY = Party("carol@home.example", "Carol"), Party("mallory@example.net", "Mallory")
SECOND = f"{START + timedelta(days=7):%Y%m%dT%H%M%SZ}"


@dataclass
class House:
    """A house in which all sorts of things happened, with its command line, its pages and its API."""

    world: World
    site: Site
    client: Client

    def printed(self, *words: str) -> list[dict[str, Any]]:
        done = self.world.run(*words, "--format", "json")
        assert (done.code, done.err) == (0, "")
        return done.objects

    def rows(self, query: str) -> list[dict[str, Any]]:
        with self.site.app.database.read() as session:
            return [dict(row) for row in session.execute(text(query), {"uid": UID}).mappings()]

    def numbers(self) -> dict[str, float]:
        """What the metrics say, of names without labels."""
        app = self.site.app
        said = Metrics().exposition(Seeing(app.database, app.clock, app.settings).look()).decode()
        return {name: float(value) for name, value in re.findall(r"(?m)^(\w+) ([\d.]+)$", said)}

    def shown(self, path: str) -> str:
        return browsing.text(self.site.page.get(path).text)


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def at(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("answers")
    world = World(folder)
    if request.param == "postgresql":
        url = request.getfixturevalue("postgres").fresh_database()
        world.file.write_text(world.file.read_text().replace(f"sqlite:///{folder}/rsvpd.db", url))
    app = open_app(load(world.file)[0])
    with browsing.open_site(app) as site, Client(site.url, site.token("client", Scope.READ)) as client:
        happened(site)
        yield House(world, site, client)


def happened(site: Site) -> None:
    """A series with an answer to one occurrence, a delegation, an alias, one who was removed, one uninvited."""
    app, people = site.app, (ALICE, BOB, CAROL, DAVE, ERIN)
    series = invite(UID, *people, ORGANIZER=None, RRULE="FREQ=WEEKLY;COUNT=4")
    app.invitations.create({"organizer": "events"}, read(series))
    app.review.alias(CAROL.address, [CAROL_AT_HOME.address])
    hours = (timedelta(hours=number) for number in range(20, 0, -1))
    delegated = plain_reply(facts(attendee=BOB, partstat="DELEGATED", dtstamp=NOW - next(hours)))
    delegated = delegated.replace(b"PARTSTAT=", b'DELEGATED-TO="mailto:frank@example.com";PARTSTAT=')
    mails = [
        said(ALICE, "ACCEPTED", next(hours)).replace(b"PARTSTAT=", b"X-NUM-GUESTS=2;PARTSTAT="),
        said(ALICE, "DECLINED", next(hours), f"RECURRENCE-ID:{SECOND}"),
        delegated,
        said(FRANK, "ACCEPTED", next(hours)),
        said(CAROL_AT_HOME, "TENTATIVE", next(hours)),
        said(DAVE, "DECLINED", next(hours)),
        said(MALLORY, "ACCEPTED", next(hours)),
        proposed(said(ERIN, "TENTATIVE", next(hours))),
    ]
    outcomes = [
        row.outcome for one in app.intake.ingest([("mail", mail) for mail in mails]) for row in one.rows
    ]
    assert Counter(outcomes) == {"applied": 6, "held": 1, "proposal": 1}
    app.changes.remove(UID, [DAVE.address], asking.MANNER)


def said(who: Party, partstat: str, ago: timedelta, *lines: str) -> bytes:
    return plain_reply(facts(attendee=who, partstat=partstat, dtstamp=NOW - ago), *lines)


def proposed(mail: bytes) -> bytes:
    later = START + timedelta(days=1)
    times = f"DTSTART:{later:%Y%m%dT%H%M%SZ}\r\nDTEND:{later + timedelta(hours=1):%Y%m%dT%H%M%SZ}\r\n"
    return mail.replace(b"REPLY", b"COUNTER").replace(b"END:VEVENT", times.encode() + b"END:VEVENT")


Asker = Callable[[House], Any]


def counted(row: dict[str, Any]) -> dict[str, int]:
    return {partstat.value: row[partstat.value.lower().replace("-", "_")] for partstat in PartStat}


def by_name(counts: dict[Any, int]) -> dict[str, int]:
    return {partstat.value: counts[partstat.value] for partstat in PartStat}


def workbook(at: House) -> dict[str, Any]:
    file = at.world.folder / "report.xlsx"
    assert at.world.run("report", UID, "--format", "xlsx", "--output", str(file)).code == 0
    head, row = openpyxl.load_workbook(file)["Meetings"].iter_rows(values_only=True)
    return dict(zip(map(str, head), row, strict=True))


def on_the_page(at: House) -> dict[str, int]:
    """The figures of the page, which counts those who handed on beside those who answer."""
    said = at.shown("/meetings/1")
    labels = {
        "Accepted": "ACCEPTED",
        "Tentative": "TENTATIVE",
        "No answer yet": "NEEDS-ACTION",
        "Declined": "DECLINED",
    }
    found = {key: int(re.findall(rf"{label} (\d+)", said)[0]) for label, key in labels.items()}
    return found | {"DELEGATED": int((re.findall(r"Delegated (\d+)", said) or ["0"])[0])}


SEATS: dict[str, Asker] = {
    "command line": lambda at: by_name(at.printed("attendance", UID)[0]["counts"]),
    "HTTP": lambda at: by_name(at.site.get(f"/meetings/{UID}/attendance")["counts"]),
    "client": lambda at: {key.value: count for key, count in at.client.attendance(UID).counts.items()},
    "SQL view": lambda at: counted(at.rows("SELECT * FROM attendance_summary WHERE uid = :uid")[0]),
    "report": lambda at: by_name(at.printed("report", UID)[0]["counts"]),
    "report as a workbook": lambda at: counted(workbook(at)),
    "page": on_the_page,
}

Row = tuple[str, str]


def people(rows: Any) -> list[Row]:  # noqa: ANN401  any rows with these keys
    return sorted((row["email"], row["partstat"]) for row in rows)


def printed_csv(at: House, *words: str) -> list[dict[str, str]]:
    return [*csv.DictReader(io.StringIO(at.world.run(*words, "--format", "csv").out))]


PEOPLE: dict[str, Asker] = {
    "command line": lambda at: people(at.printed("attendance", UID)[0]["attendees"]),
    "command line as CSV": lambda at: people(printed_csv(at, "attendance", UID)),
    "HTTP": lambda at: people(at.site.get(f"/meetings/{UID}/attendees")["attendees"]),
    "client": lambda at: sorted(
        (one.email, one.partstat.value) for one in at.client.attendance(UID).attendees
    ),
    "SQL view": lambda at: people(at.rows("SELECT * FROM attendance WHERE uid = :uid")),
    "report": lambda at: people(at.printed("report", UID)[0]["attendees"]),
    "report as CSV": lambda at: people(printed_csv(at, "report", UID)),
    "page": lambda at: people(
        csv.DictReader(io.StringIO(at.site.page.get("/meetings/1/attendees.csv").text))
    ),
}

OCCURRENCES: dict[str, Asker] = {
    "command line": lambda at: at.printed("attendance", UID)[0]["attendees"][0]["occurrences"],
    "HTTP": lambda at: at.site.get(f"/meetings/{UID}/attendees")["attendees"][0]["occurrences"],
    "client": lambda at: [
        json.loads(one.model_dump_json()) for one in at.client.attendance(UID).attendees[0].occurrences
    ],
    "report": lambda at: at.printed("report", UID)[0]["attendees"][0]["occurrences"],
}

HELD: dict[str, Asker] = {
    "command line": lambda at: len(at.printed("review", "list")),
    "HTTP": lambda at: len(at.site.get("/review")["replies"]),
    "client": lambda at: len([*at.client.review()]),
    "SQL view": lambda at: at.rows("SELECT held FROM attendance_summary WHERE uid = :uid")[0]["held"],
    "SQL log": lambda at: len(
        at.rows("SELECT id FROM reply_log WHERE outcome = 'held' AND settled_by IS NULL AND uid = :uid")
    ),
    "report": lambda at: at.printed("report", UID)[0]["held"],
    "metrics": lambda at: int(at.numbers()["rsvpd_review_held"]),
    "health": lambda at: at.world.run("status", "--format", "json").object["held"],
    "page": lambda at: at.site.page.get("/review").text.count("/release"),
}

PROPOSALS: dict[str, Asker] = {
    "command line": lambda at: len(at.printed("proposal", "list")),
    "HTTP": lambda at: len(at.site.get("/proposals")["proposals"]),
    "client": lambda at: len([*at.client.proposals()]),
    "SQL view": lambda at: at.rows("SELECT proposals FROM attendance_summary WHERE uid = :uid")[0][
        "proposals"
    ],
    "report": lambda at: sum(
        one["proposal"] is not None for one in at.printed("report", UID)[0]["attendees"]
    ),
    "metrics": lambda at: int(at.numbers()["rsvpd_review_proposals"]),
    "health": lambda at: at.world.run("status", "--format", "json").object["proposals"],
    "page": lambda at: at.site.page.get("/meetings/1").text.count("/accept"),
}

QUESTIONS: dict[str, tuple[dict[str, Asker], Any]] = {
    "seats": (
        SEATS,
        {"NEEDS-ACTION": 0, "ACCEPTED": 2, "DECLINED": 0, "TENTATIVE": 2, "DELEGATED": 0},
    ),
    "people": (
        PEOPLE,
        sorted(
            [
                (ALICE.address, "ACCEPTED"),
                (BOB.address, "DELEGATED"),
                (CAROL.address, "TENTATIVE"),
                (ERIN.address, "TENTATIVE"),
                (FRANK.address, "ACCEPTED"),
            ]
        ),
    ),
    "occurrences": (
        OCCURRENCES,
        [{"occurrence": f"{START + timedelta(days=7):%Y-%m-%dT%H:%M:%S+00:00}", "partstat": "DECLINED"}],
    ),
    "held": (HELD, 1),
    "proposals": (PROPOSALS, 1),
}
ASKED = [(name, asker) for name, (askers, _) in QUESTIONS.items() for asker in askers]
PAIRS = [(name, *pair) for name, (askers, _) in QUESTIONS.items() for pair in combinations(askers, 2)]


@pytest.fixture(scope="module")
def said_by(at: House) -> Callable[[str, str], Any]:
    """What somebody answers to a question, who is asked once."""
    known = dict[tuple[str, str], Any]()

    def ask(question: str, asker: str) -> Any:  # noqa: ANN401  whatever the question is about
        if (question, asker) not in known:
            known[question, asker] = QUESTIONS[question][0][asker](at)
        return known[question, asker]

    return ask


@pytest.mark.parametrize(("question", "asker"), ASKED)
def test_the_answer_is_what_happened(said_by: Callable[[str, str], Any], question: str, asker: str) -> None:
    assert said_by(question, asker) == QUESTIONS[question][1]


@pytest.mark.parametrize(("question", "one", "other"), PAIRS)
def test_two_who_are_asked_say_the_same(
    said_by: Callable[[str, str], Any], question: str, one: str, other: str
) -> None:
    assert said_by(question, one) == said_by(question, other)
