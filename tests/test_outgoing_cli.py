"""`rsvpd outgoing`: seeing the queue, and having a say in it."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest
import sending
from sending import Post

import house
from house import ALICE, BOB, UID, Done, Keys
from rig.smtpd import Smtpd
from rsvpd.store import members

KEYS = [
    *("id", "status", "organizer", "recipient", "uid", "summary", "method", "sequence", "message_id"),
    *("attempts", "words", "created_at", "due_at", "sent_at", "filed_at"),
]
CAROL = "carol@example.net"


@pytest.fixture
def post(tmp_path: Path, smtpd: Smtpd) -> Iterator[Post]:
    """Alice's mail is sent, Bob's failed, Carol's waits."""
    house.config(tmp_path, house.organizer(smtp=house.smtp(smtpd.port)))
    smtpd.answers = {BOB.address: "550 5.1.1 [bold]nobody[/] here", CAROL: "451 4.7.1 greylisted"}
    with sending.post(f"sqlite:///{tmp_path}/rsvpd.db") as made:
        made.invite(ALICE.address, BOB.address, CAROL)
        made.drain(house.smtp(smtpd.port))
        smtpd.answers.clear()
        smtpd.taken.clear()
        yield made


@pytest.fixture
def file(post: Post, tmp_path: Path) -> Path:
    return tmp_path / "rsvpd.toml"


def outgoing(file: Path, *words: str | int) -> Done:
    done = house.run("--config", file, "outgoing", *map(str, words))
    assert (done.code, done.err) == (0, ""), done
    return done


def objects(file: Path, *words: str | int) -> list[Keys]:
    return outgoing(file, *words, "--format", "json").objects


class TestList:
    def test_it_shows_what_waits_and_what_failed(self, file: Path) -> None:
        printed = " ".join(outgoing(file, "list").out.split())
        assert BOB.address in printed
        assert "550 5.1.1 [bold]nobody[/] here" in printed
        assert "451 4.7.1 greylisted" in printed
        assert ALICE.address not in printed

    def test_json_has_everything_but_the_bytes(self, file: Path, post: Post) -> None:
        (sent,) = objects(file, "list", "--status", "sent")
        assert list(sent) == KEYS
        assert (sent["recipient"], sent["uid"], sent["method"]) == (ALICE.address, UID, "REQUEST")
        assert sent["message_id"] == post.rows[ALICE.address].message_id
        assert datetime.fromisoformat(sent["sent_at"]) == post.clock.moment
        assert sent["due_at"] is None
        (failed, waiting) = objects(file, "list", "--status", "failed", "--status", "pending")
        assert (failed["status"], failed["due_at"]) == ("failed", None)
        assert datetime.fromisoformat(waiting["due_at"]) > post.clock.moment

    def test_csv_has_the_same_columns(self, file: Path) -> None:
        header, *rows = csv.reader(outgoing(file, "list", "--format", "csv").out.splitlines())
        assert header == KEYS
        assert [row[3] for row in rows] == [BOB.address, CAROL]

    def test_the_newest_are_shown_oldest_first(self, file: Path) -> None:
        assert [one["recipient"] for one in objects(file, "list", "--limit", 1)] == [CAROL]

    def test_another_organizers_are_theirs(self, file: Path, tmp_path: Path, smtpd: Smtpd) -> None:
        smtp = house.smtp(smtpd.port)
        house.config(tmp_path, house.organizer(smtp=smtp), house.organizer("sales", "sales@example.org"))
        assert len(objects(file, "list", "--organizer", "events")) == 2
        assert objects(file, "list", "--organizer", "sales") == []
        assert outgoing(file, "list", "--organizer", "sales").out == "No such mails.\n"

    def test_a_status_that_is_none_is_wrong_use(self, file: Path) -> None:
        assert house.run("--config", file, "outgoing", "list", "--status", "lost").code == 2


def number_of(file: Path, address: str) -> int:
    every = objects(file, "list", "--status", "pending", "--status", "failed", "--status", "sent")
    (found,) = (one["id"] for one in every if one["recipient"] == address)
    return int(found)


class TestRetry:
    def test_it_is_sent_at_once_and_is_the_same_mail(self, file: Path, post: Post, smtpd: Smtpd) -> None:
        before = post.rows[BOB.address]
        (shown,) = objects(file, "retry", number_of(file, BOB.address))
        assert (shown["status"], shown["attempts"], shown["words"]) == ("pending", 0, None)
        assert post.shown(BOB.address) == ("pending", None)

        assert post.drain(house.smtp(smtpd.port)).sent == 1
        assert [one.content for one in smtpd.taken] == [before.raw]
        assert post.rows[BOB.address].message_id == before.message_id
        assert post.shown(BOB.address) == ("sent", None)

    def test_one_that_waits_is_due_now(self, file: Path, post: Post, smtpd: Smtpd) -> None:
        outgoing(file, "retry", number_of(file, CAROL))
        assert post.drain(house.smtp(smtpd.port)).sent == 1

    def test_all_that_failed(self, file: Path, post: Post, smtpd: Smtpd) -> None:
        assert [one["recipient"] for one in objects(file, "retry", "--all-failed")] == [BOB.address]
        assert outgoing(file, "retry", "--all-failed").out == "No such mails.\n"
        assert [post.drain(house.smtp(smtpd.port)).sent, len(smtpd.taken)] == [1, 1]

    def test_it_has_all_the_time_again(self, file: Path, post: Post, smtpd: Smtpd) -> None:
        smtpd.answers = {BOB.address: "451 4.7.1 greylisted", CAROL: "451 4.7.1 greylisted"}
        post.clock.later(days=4)
        outgoing(file, "retry", "--all-failed")
        assert post.drain(house.smtp(smtpd.port)).later == 2
        assert post.statuses()[BOB.address] == "pending"

    def test_what_was_sent_is_not_sent_again_nor_anything_named_with_it(self, file: Path, post: Post) -> None:
        numbers = [number_of(file, address) for address in (BOB.address, ALICE.address)]
        done = house.run("--config", file, "outgoing", "retry", *map(str, numbers))
        assert house.one_line(done) == f"rsvpd: outgoing mail {numbers[1]} was sent already"
        assert post.statuses()[BOB.address] == "failed"

    @pytest.mark.parametrize("words", [(), ("17", "--all-failed")])
    def test_nothing_named_or_both_is_wrong_use(self, file: Path, words: tuple[str, ...]) -> None:
        assert house.run("--config", file, "outgoing", "retry", *words).code == 2


class TestDrop:
    def test_it_is_never_sent(self, file: Path, post: Post, smtpd: Smtpd) -> None:
        (shown,) = objects(file, "drop", number_of(file, CAROL))
        assert shown["status"] == "dropped"
        post.clock.later(days=2)
        post.drain(house.smtp(smtpd.port))
        assert smtpd.taken == []
        assert post.shown(CAROL) == ("failed", "451 4.7.1 greylisted")

    def test_one_that_was_never_tried_says_why(self, file: Path, post: Post) -> None:
        post.invite("dave@example.net", uid="another@example.org")
        (shown,) = objects(file, "drop", number_of(file, "dave@example.net"))
        assert shown["words"] == "taken out of the queue before it was sent"

    def test_it_may_be_taken_in_again(self, file: Path, post: Post, smtpd: Smtpd) -> None:
        number = number_of(file, CAROL)
        outgoing(file, "drop", number)
        assert [one["id"] for one in objects(file, "list", "--status", "dropped")] == [number]
        outgoing(file, "retry", number)
        assert post.drain(house.smtp(smtpd.port)).sent == 1

    def test_a_failed_one_is_off_the_list_and_its_reason_stays(self, file: Path, post: Post) -> None:
        outgoing(file, "drop", number_of(file, BOB.address))
        assert outgoing(file, "retry", "--all-failed").out == "No such mails.\n"
        assert post.shown(BOB.address) == ("failed", "550 5.1.1 [bold]nobody[/] here")

    def test_one_that_does_not_exist_is_one_line(self, file: Path) -> None:
        done = house.run("--config", file, "outgoing", "drop", "999")
        assert house.one_line(done) == "rsvpd: there is no outgoing mail 999; see `rsvpd outgoing list`"

    @pytest.mark.parametrize("verb", ["drop", "retry"])
    def test_one_that_is_being_sent_is_left_alone(self, file: Path, post: Post, verb: str) -> None:
        with post.app.database.begin() as session:
            row = post.rows[CAROL]
            members.join(session, "other", "another process", daemon=False)
            row.claimed_by = "other"
            session.add(row)
        done = house.run("--config", file, "outgoing", verb, str(row.id))
        assert "is being sent at this moment" in house.one_line(done)
        assert post.rows[CAROL].claimed_by == "other"
