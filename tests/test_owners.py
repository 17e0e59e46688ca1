"""A UID that two organizers have: whoever names it is asked whose it is, and a mail is for whom it was sent to."""

from __future__ import annotations

from pathlib import Path

import asking
import pytest
from asking import problem

import house
from builders import Party
from house import ALICE, EVENTS, UID, World, app_of, facts, invite, one_line, organizer, plain_reply
from rsvpd.taken_over import read

BOARD = Party("board@example.org", "Board")
BOTH = (organizer(), organizer("board", BOARD.address))
NAMED = "board, events; say whose with --organizer"
COMMANDS: dict[str, tuple[str, ...]] = {
    "update": ("meeting", "update", UID, "--location", "Room 8"),
    "cancel": ("meeting", "cancel", UID),
    "resend": ("meeting", "resend", UID),
    "add": ("attendee", "add", UID, "dana@example.org"),
    "remove": ("attendee", "remove", UID, ALICE.address),
}


def both_invite(folder: Path) -> None:
    app = app_of(*BOTH, url=f"sqlite:///{folder}/rsvpd.db")
    for one in (EVENTS, BOARD):
        meeting = read(invite(UID, ALICE, ORGANIZER=f"mailto:{one.address}"))
        app.invitations.create({"organizer": one.address}, meeting)
    app.database.close()


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Two organizers who invited Alice, each to a meeting with the same UID."""
    both_invite(tmp_path)
    return World(tmp_path, *BOTH)


@pytest.mark.parametrize("words", COMMANDS.values(), ids=COMMANDS)
def test_a_change_asks_whose_it_is(world: World, words: tuple[str, ...]) -> None:
    assert one_line(world.run(*words)) == f"rsvpd: several organizers have a meeting {UID}: {NAMED}"
    assert world.run(*words, "--organizer", "board", "--dry-run").code == 0


def test_only_what_was_chosen_is_changed(world: World) -> None:
    assert world.run("meeting", "cancel", UID, "--organizer", BOARD.address).code == 0
    seen = {one["organizer"]: one["status"] for one in world.attendance()}
    assert seen == {"events": "CONFIRMED", "board": "CANCELLED"}
    assert f"there is no meeting {UID}x" in one_line(world.run("meeting", "cancel", UID + "x"))


def test_an_export_asks_whose_it_is(world: World) -> None:
    assert f"a meeting {UID}: {BOARD.address}, {EVENTS.address}; say" in one_line(
        world.run("meeting", "export", UID)
    )


@pytest.mark.parametrize("named", ["recipient", "organizer"])
def test_a_mail_is_for_whom_it_names(world: World, named: str) -> None:
    mail = plain_reply(facts(), f"ORGANIZER:mailto:{BOARD.address}" if named == "organizer" else "X-A:b")
    if named == "recipient":
        mail = mail.replace(b"To: events@", b"To: board+x@")
    else:
        mail = mail.replace(b"To: events@", b"To: somebody@")
    assert world.run("explain", "--format", "json", world.write("a.eml", mail)).object["outcome"] == "applied"
    world.ingest(mail)
    seen = {one["organizer"]: one["counts"]["ACCEPTED"] for one in world.attendance()}
    assert seen == {"events": 0, "board": 1}


@pytest.mark.parametrize("command", ["ingest", "explain"])
def test_a_mail_that_names_neither_is_not_guessed_about(world: World, command: str) -> None:
    mail = world.write("a.eml", plain_reply(facts()).replace(b"To: events@", b"To: somebody@"))
    assert NAMED in one_line(world.run(command, mail))
    assert world.run("replies", "--format", "json").objects == []
    assert "applied" in world.run(command, mail, "--organizer", "events").out


def test_a_program_is_asked_too(tmp_path: Path) -> None:
    both_invite(tmp_path)
    with asking.answering(app_of(*BOTH, url=f"sqlite:///{tmp_path}/rsvpd.db")) as api:
        asked = api.http.get(f"/meetings/{UID}")
        assert "board, events; say whose with ?organizer=" in problem(asked, 409)
        changed = api.http.patch(f"/meetings/{UID}", json={"location": "Room 8"})
        assert "say whose with ?organizer=" in problem(changed, 409)
        one = api.http.get(f"/meetings/{UID}", params={"organizer": "board"})
        assert one.json()["organizer"] == "board"


def test_the_answers_of_each_stay_apart(world: World) -> None:
    mails = [
        plain_reply(facts(partstat=partstat)).replace(b"To: events@", b"To: " + to)
        for partstat, to in (("ACCEPTED", b"events@"), ("DECLINED", b"board@"))
    ]
    world.ingest(*mails)
    seen = {one["organizer"]: shown(one) for one in world.attendance()}
    assert seen == {"events": "ACCEPTED", "board": "DECLINED"}


def shown(meeting: house.Keys) -> str:
    (one,) = meeting["attendees"]
    return str(one["partstat"])
