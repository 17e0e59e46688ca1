"""`explain`: what was read from a mail, which meeting and attendee, and each rule that spoke."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import update
from sqlmodel import col

from builders import CLIENTS, Party, google, microsoft365, odd
from house import ALICE, BOB, UID, World, app_of, facts, invite
from rsvpd.store.tables import OutgoingRow
from rsvpd.taken_over import read

CAPTURES = Path(__file__).parent / "captures"
BOUNCE = CAPTURES / "dsn-postfix-5.1.1.eml"
LINES = [line.split("\t") for line in (CAPTURES / "index.tsv").read_text().splitlines()[1:]]
WITHOUT_COMMENT = ("sogo", "sogo5", "macos")
COMMENT = "Late; maybe"
PROPOSED = datetime(2026, 12, 4, 9, 0, tzinfo=UTC)
TABLES = {
    "google": google(facts(comment="Bringing " + "many " * 30)),
    "a proposal": microsoft365(
        facts(method="COUNTER", partstat="TENTATIVE", proposed_start=PROPOSED, proposed_end=PROPOSED)
    ),
    "a stranger": google(facts(attendee=Party("eve@" + "long." * 20 + "example.com", "Eve"))),
    "unreadable": odd.truncated(facts()),
    "our own": odd.request(facts()),
    "a booking": odd.booking_confirmation(facts()),
    "not ours": b"From: a@b.example\r\nSubject: Lunch?\r\n\r\nToday?\r\n",
}


@pytest.fixture
def world(tmp_path: Path) -> World:
    """A house that knows of one meeting."""
    made = World(tmp_path)
    assert made.imports(invite(UID, ALICE, BOB)).code == 0
    return made


@pytest.mark.parametrize("client", sorted(CLIENTS))
def test_every_client_is_explained(world: World, client: str) -> None:
    mail = world.write("reply.eml", CLIENTS[client](facts(partstat="DECLINED", comment=COMMENT)))
    said = world.run("explain", "--format", "json", mail).object

    assert (said["outcome"], said["uid"], said["attendee"], said["partstat"]) == (
        *("applied", UID, ALICE.address, "DECLINED"),
    )
    assert said["comment"] == (None if client in WITHOUT_COMMENT else COMMENT)
    assert all(rule["source"] for rule in said["rules"])


@pytest.mark.parametrize("line", LINES, ids=lambda line: line[0].split(".")[0])
def test_every_capture_is_explained(world: World, line: list[str]) -> None:
    mail, invitation, uid, attendee, partstat, occurrence = line
    world.run("meeting", "import", CAPTURES / invitation, "--organizer", "events")
    said = world.run("explain", "--format", "json", CAPTURES / mail).object

    assert (said["uid"], said["attendee"], said["partstat"]) == (uid, attendee, partstat)
    assert said["meeting"]
    assert bool(said["occurrence"]) == bool(occurrence)


def test_no_capture_is_without_an_expectation() -> None:
    assert {file.name for file in CAPTURES.glob("*.eml")} == {line[0] for line in LINES} | {BOUNCE.name}
    assert {file.name for file in CAPTURES.glob("*.ics")} == {line[1] for line in LINES}


def test_the_captured_failure_is_explained(tmp_path: Path) -> None:
    app = app_of(url=f"sqlite:///{tmp_path}/rsvpd.db")
    invitation = read(invite(UID, ALICE, Party("nobody@example.test", "Nobody")))
    app.invitations.create({}, invitation)
    with app.database.begin() as session:
        to_nobody = update(OutgoingRow).where(col(OutgoingRow.recipient) == "nobody@example.test")
        session.execute(to_nobody.values(message_id="<bounce1@x>"))
    app.database.close()
    said = World(tmp_path).run("explain", "--format", "json", BOUNCE).object

    assert (said["outcome"], said["uid"], said["attendee"]) == ("bounced", UID, "nobody@example.test")
    assert said["meeting"]
    assert "failed 5.1.1" in said["reason"]


def test_what_else_was_said_is_shown(world: World) -> None:
    guests = world.write("guests.eml", google(facts(guests=2)))
    counter = world.write("counter.eml", TABLES["a proposal"])

    assert world.run("explain", "--format", "json", guests).object["guests"] == 2
    said = world.run("explain", "--format", "json", counter).object
    assert datetime.fromisoformat(said["proposed_start"]) == PROPOSED


def test_an_answer_that_is_held_shows_its_comment(world: World) -> None:
    mail = world.write("held.eml", google(facts(comment=COMMENT, sender=BOB)))
    said = world.run("explain", "--format", "json", mail).object

    assert (said["outcome"], said["comment"]) == ("held", COMMENT)


@pytest.mark.parametrize("mail", TABLES.values(), ids=TABLES)
def test_the_table_ends_with_the_outcome_and_fits_a_terminal(world: World, mail: bytes) -> None:
    file = world.write("mail.eml", mail)
    said = world.run("explain", "--format", "json", file).object
    lines = world.run("explain", file).out.rstrip().splitlines()
    last = next(line for line in reversed(lines) if line.startswith(said["outcome"]))

    assert ": " in last
    assert max(map(len, lines)) <= 80
    assert "None" not in "".join(lines)


def test_nothing_is_recorded(world: World) -> None:
    late = replace(facts(), dtstamp=facts().dtstamp + timedelta(days=1))
    world.run("explain", world.write("a.eml", google(facts())), "--format", "csv")
    world.run("explain", world.write("b.eml", google(late)))

    assert world.run("replies", "--format", "json").objects == []
