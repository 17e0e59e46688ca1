"""Encrypted answers: nobody here can read them, and none is passed over in silence."""

from __future__ import annotations

from pathlib import Path

import pytest

import house
from builders.relayed import SEALED
from builders.text import entity, envelope
from house import ALICE, UID, Keys, facts, invite
from rsvpd.app import App
from rsvpd.itip.reading import Note, Source, read_again, read_mail
from rsvpd.store import queued
from rsvpd.taken_over import read


@pytest.fixture
def app(tmp_path: Path) -> App:
    """A house that invited Alice."""
    app = house.app_of(url=f"sqlite:///{tmp_path}/rsvpd.db")
    app.invitations.create({}, read(invite(UID)))
    return app


def ours(app: App) -> str:
    """The Message-ID of Alice's invitation, without brackets."""
    with app.database.read() as session:
        (mail,) = queued.mails(session)
    return mail.message_id.strip("<>")


def judged(app: App, raw: bytes) -> list[Keys]:
    (ingested,) = app.intake.ingest([("mail", raw)])
    app.database.close()
    return [{"outcome": r.outcome, "reason": r.reason, "uid": r.uid, "words": r.words} for r in ingested.rows]


@pytest.mark.parametrize("name", SEALED)
def test_an_encrypted_answer_waits_for_whoever_has_the_key(app: App, name: str) -> None:
    (row,) = judged(app, SEALED[name](facts(in_reply_to=ours(app))).replace(b"Accepted", b"..."))
    assert (row["outcome"], row["reason"], row["uid"]) == ("held", "encrypted", UID)
    assert "save it decrypted, then `rsvpd ingest` that" in row["words"]


@pytest.mark.parametrize("name", SEALED)
def test_its_subject_may_say_the_answer_all_the_same(app: App, name: str) -> None:
    raw = b"Subject: Declined: Budget\r\n" + SEALED[name](facts(in_reply_to=ours(app)))
    (row,) = judged(app, raw)
    assert (row["outcome"], row["reason"]) == ("held", "text_answer")


@pytest.mark.parametrize("name", SEALED)
def test_encrypted_mail_about_nothing_of_ours_is_none_of_our_business(app: App, name: str) -> None:
    assert judged(app, SEALED[name](facts())) == []
    assert read_mail(SEALED[name](facts())).items == ()


def test_a_letter_in_plain_words_is_not_called_encrypted(app: App) -> None:
    answered = facts(in_reply_to=ours(app))
    raw = entity(envelope(answered, "Re: Budget", "Content-Type: text/plain"), b"See you\r\n")
    (row,) = judged(app, raw)
    assert (row["outcome"], row["reason"]) == ("not_a_reply", "text_answer")


def test_what_is_kept_of_it_says_that_it_is_encrypted() -> None:
    raw = SEALED["pgp_encrypted"](facts(in_reply_to="1@example.org"))
    found = read_mail(raw)
    (item,) = found.items
    assert item.note == Note(sealed=True)
    assert read_again(Source.WORDS, b"", item.note, found.envelope).note.sealed


def test_it_cannot_be_released_only_dismissed(app: App, tmp_path: Path) -> None:
    judged(app, SEALED["pgp_encrypted"](facts(in_reply_to=ours(app))))
    world = house.World(tmp_path)
    (waiting,) = world.run("review", "list", "--format", "json").objects
    assert waiting["sender"] == ALICE.address
    assert "cannot be released" in house.one_line(world.run("review", "release", str(waiting["id"])))
    assert world.run("review", "dismiss", str(waiting["id"])).code == 0
    assert world.run("review", "list", "--format", "json").objects == []
