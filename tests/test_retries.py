"""Again later: what waits, for how long, what is given up, and that nobody waits for somebody else's mail."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

import pytest
import sending
from sending import HANG_UP, SILENCE, Post, Scripted

import house
from house import ALICE, BOB
from rig.dovecot import PASSWORD
from rig.postfix import Postfix
from rig.postgres import Postgres
from rig.smtpd import Smtpd
from rsvpd.delivery import Delivered
from rsvpd.ports import CouldNot, Refused, Sent, TransportUnavailable
from rsvpd.store import members, outgoing

CAROL = "carol@example.net"
MANY = [f"p{number:03}@example.net" for number in range(60)]


@pytest.fixture
def post(tmp_path: Path) -> Iterator[Post]:
    with sending.post(f"sqlite:///{tmp_path}/rsvpd.db") as made:
        yield made


def drain_until_refused(post: Post, smtp: house.Keys) -> str:
    with pytest.raises(CouldNot) as error:
        post.drain(smtp)
    return house.one_line_of(error)


class TestOneMail:
    """The connection breaks on one mail: that one waits, the others go."""

    @pytest.mark.parametrize("offers", [(), ("PIPELINING",)])
    @pytest.mark.parametrize("trouble", [HANG_UP, SILENCE])
    def test_the_others_go_on_in_the_same_round(
        self, post: Post, trouble: str, offers: tuple[str, ...]
    ) -> None:
        post.invite(ALICE.address, BOB.address, CAROL)
        with Scripted({f"RCPT TO:<{ALICE.address}>": trouble}, offers) as server:
            assert post.drain(house.smtp(server.port, timeout="1s")) == Delivered(sent=2, later=1)

        assert post.statuses() == {ALICE.address: "pending", BOB.address: "sent", CAROL: "sent"}
        delivery, words = post.shown()
        assert delivery == "delayed"
        assert words is not None
        assert "no answer in time" in words if trouble == SILENCE else "closed" in words

    def test_several_in_a_row_are_the_servers_trouble(self, post: Post) -> None:
        post.invite(*MANY)
        with Scripted({"RCPT": HANG_UP}) as server:
            assert "closed" in drain_until_refused(post, house.smtp(server.port))
            assert server.greetings == 3
            assert [row.attempts for row in post.rows.values()] == [1, 1, 1] + [0] * 57

            # Those that broke the connection stand behind the others from now on.
            post.clock.later(seconds=40)
            server.heard.clear()
            server.answers = {}
            post.drain(house.smtp(server.port))
        tried = [line for line in server.heard if line.startswith("RCPT")]
        assert len(tried) == 57
        assert MANY[0] not in "".join(tried)

    def test_a_mail_that_breaks_the_connection_each_time_starves_nobody(self, post: Post) -> None:
        post.invite(*MANY)
        broken = {f"RCPT TO:<{MANY[number]}>": HANG_UP for number in (0, 1, 2, 3, 20, 40)}
        with Scripted(dict(broken)) as server:
            for _ in range(4):
                try:
                    post.drain(house.smtp(server.port))
                except TransportUnavailable:
                    post.clock.later(seconds=31)
        assert list(post.statuses().values()).count("sent") == 54

    def test_content_without_an_answer_is_repeated_and_nobody_else_risks_it(self, post: Post) -> None:
        post.invite(ALICE.address, BOB.address)
        with Scripted({"CONTENT": HANG_UP}) as server:
            drain_until_refused(post, house.smtp(server.port))
            assert len(server.content) == 1

            server.answers = {}
            post.clock.later(minutes=2)
            assert post.drain(house.smtp(server.port)) == Delivered(sent=2)
        assert sorted(map(server.content.count, server.content)) == [1, 2, 2]

    def test_the_same_bytes_go_on_every_attempt(self, post: Post, smtpd: Smtpd) -> None:
        post.invite()
        before = post.rows[ALICE.address]
        with Scripted({"CONTENT": "451 4.3.0 not now"}) as server:
            for _ in range(5):
                post.drain(house.smtp(server.port))
                post.clock.later(hours=3)
        post.drain(house.smtp(smtpd.port))

        assert len(server.content) == 5
        assert set(server.content) == {smtpd.taken[0].content} == {before.raw}
        after = post.rows[ALICE.address]
        assert (after.raw, after.message_id, after.attempts) == (before.raw, before.message_id, 6)

    def test_it_waits_twice_as_long_each_time_up_to_two_hours(self, post: Post) -> None:
        post.invite()
        waits = []
        with Scripted({"RCPT": "451 4.7.1 greylisted"}) as server:
            for _ in range(10):
                post.drain(house.smtp(server.port))
                due = post.rows[ALICE.address].due_at
                waits.append((due - post.clock.moment) / timedelta(minutes=1))
                post.clock.moment = due
        for wait, exact in zip(waits, [1, 2, 4, 8, 16, 32, 64, 120, 120, 120], strict=True):
            assert 0.75 * exact <= wait <= 1.25 * exact

    def test_what_is_refused_for_now_fails_at_the_horizon_in_the_servers_words(self, post: Post) -> None:
        post.invite()
        with Scripted({"RCPT": "451 4.7.1 greylisted"}) as server:
            smtp = house.smtp(server.port, give_up_after="1h")
            post.drain(smtp)
            post.clock.later(minutes=59)
            assert post.drain(smtp) == Delivered(later=1)
            post.clock.later(hours=2)
            assert post.drain(smtp) == Delivered(failed=1)
        assert post.shown() == ("failed", "451 4.7.1 greylisted")


class TestServerAway:
    def test_nothing_is_counted_against_a_mail_and_all_wait(self, post: Post, smtpd: Smtpd) -> None:
        post.invite(*MANY)
        with smtpd.down():
            drain_until_refused(post, house.smtp(smtpd.port))
            assert post.drain(house.smtp(smtpd.port)) == Delivered()
        assert {row.attempts for row in post.rows.values()} == {0}
        delivery, words = post.shown(MANY[-1])
        assert (delivery, words) == ("delayed", "events: smtp 127.0.0.1: connection refused")

        post.clock.later(minutes=2)
        assert post.drain(house.smtp(smtpd.port)) == Delivered(sent=60)
        assert post.shown(MANY[-1]) == ("sent", None)

    def test_it_is_asked_again_after_growing_waits_of_at_most_ten_minutes(self, post: Post) -> None:
        post.invite()
        waits = []
        for _ in range(8):
            drain_until_refused(post, house.smtp(1))
            due = post.rows[ALICE.address].due_at
            waits.append((due - post.clock.moment) / timedelta(minutes=1))
            post.clock.moment = due
        assert 0.75 <= waits[0] <= 1.25
        assert waits[4] > 2
        assert 7.5 <= waits[-1] <= 12.5

    def test_away_all_the_time_fails_in_the_end(self, post: Post) -> None:
        post.invite(ALICE.address, BOB.address)
        said = [drain_until_refused(post, house.smtp(1))]
        while post.statuses()[ALICE.address] == "pending":
            post.clock.later(hours=1)
            said.append(drain_until_refused(post, house.smtp(1)))

        assert 72 <= len(said) <= 74
        assert said[0] == "events: smtp 127.0.0.1: connection refused"
        assert said[-1] == f"{said[0]}; given up: 2 mails"
        assert post.shown() == ("failed", said[0])
        post.clock.later(hours=9)
        assert post.drain(house.smtp(1)) == Delivered()

    def test_the_horizon_begins_with_the_first_try(self, post: Post) -> None:
        post.invite()
        post.clock.later(days=9)  # nobody ran rsvpd meanwhile
        drain_until_refused(post, house.smtp(1))
        assert post.statuses() == {ALICE.address: "pending"}

    @pytest.mark.parametrize("trouble", ["login", "certificate", "password file", "login wanted"])
    def test_a_setting_that_is_wrong_is_no_attempt(
        self, post: Post, postfix: Postfix, mailbox_user: str, trouble: str
    ) -> None:
        post.invite(ALICE.address, BOB.address)
        login = {"username": mailbox_user, "password": PASSWORD, "ca_file": str(postfix.ca_file)}
        if trouble == "login":
            login["password"] = "wrong"
        elif trouble == "certificate":
            del login["ca_file"]
        elif trouble == "password file":
            del login["password"]
            login["password_file"] = "/nowhere"
        else:
            with Scripted({"MAIL": "530 5.7.0 authentication required"}) as server:
                said = drain_until_refused(post, house.smtp(server.port))
                assert said.endswith(
                    "530 5.7.0 authentication required; check username, password and security"
                )
        if trouble != "login wanted":
            smtp = house.smtp(postfix.smtps_port, security="tls", host="localhost") | login
            drain_until_refused(post, smtp)
        assert [row.attempts for row in post.rows.values()] == [0, 0]
        assert {row.status for row in post.rows.values()} == {"pending"}
        assert {row.claimed_by for row in post.rows.values()} == {None}


class TestRate:
    def test_no_more_than_so_many_in_any_minute(self, post: Post, smtpd: Smtpd) -> None:
        post.invite(*MANY)
        smtp = house.smtp(smtpd.port, mails_per_minute=7)
        counts = []
        for _ in range(30):
            counts.append(post.drain(smtp).sent)
            post.clock.later(seconds=10)
        assert sum(counts) > 28
        assert all(sum(counts[start : start + 6]) <= 7 for start in range(len(counts)))

    def test_a_restart_does_not_forget_it(self, post: Post, smtpd: Smtpd) -> None:
        post.invite(*MANY)
        smtp = house.smtp(smtpd.port, mails_per_minute=7)
        post.drain(smtp)
        again = Post(house.app_of(url=post.app.database.url), post.clock)
        assert again.drain(smtp) == Delivered()
        post.clock.later(seconds=61)
        assert again.drain(smtp) == Delivered(sent=7)
        again.app.database.close()


@dataclass
class Lost:
    """A transport whose process is taken for dead after some mails, which then go to others."""

    post: Post
    after: int
    sure: bool = True
    id: str = "lost"
    sent: list[str] = field(default_factory=list)
    others: list[str] = field(default_factory=list)

    def send(
        self, _sender: str, recipient: str, _raw: bytes, _envelope_id: str | None = None
    ) -> Sent | Refused:
        self.sent.append(recipient)
        if len(self.sent) == self.after:
            self.sure = False
            with self.post.app.database.begin() as session:
                members.leave(session, self.id)
        return Sent()


class TestTwoAtOnce:
    def test_who_is_taken_for_dead_stops_and_another_sends_the_rest(self, post: Post) -> None:
        post.invite(*MANY[:10])
        lost = Lost(post, after=4)
        with post.app.database.begin() as session:
            members.join(session, lost.id, "this test", daemon=False)
        delivery = replace(post.app.delivery(lost), clock=post.clock, transport=lambda _: nullcontext(lost))
        delivery.drain(sending.organizer(smtp=house.smtp(1)))
        assert lost.sent == MANY[:4]

        other = Lost(post, after=99)
        with post.delivery() as delivery:
            replace(delivery, transport=lambda _: nullcontext(other)).drain(
                sending.organizer(smtp=house.smtp(1))
            )
        assert other.sent == MANY[4:10]

    def test_what_a_process_claimed_and_left_comes_to_it_again(self, post: Post) -> None:
        post.invite(*MANY[:10])
        lost = Lost(post, after=99)
        with post.delivery() as delivery:
            with post.app.database.begin() as session:
                outgoing.claim(session, "events", post.clock.now(), member=delivery.worker.id, limit=5)
            replace(delivery, transport=lambda _: nullcontext(lost)).drain(
                sending.organizer(smtp=house.smtp(1))
            )
        assert sorted(lost.sent) == MANY[:10]

    @pytest.mark.parametrize("limit", [None, 50])
    def test_two_processes_on_postgresql_never_send_a_mail_twice(
        self, tmp_path: Path, postgres: Postgres, smtpd: Smtpd, limit: int | None
    ) -> None:
        url = postgres.fresh_database()
        rate = {} if limit is None else {"mails_per_minute": limit}
        smtp = house.smtp(smtpd.port, **rate)
        file = house.config(tmp_path, house.organizer(smtp=smtp), database=url)
        with sending.post(url) as made:
            made.invite(*(f"p{number}@example.net" for number in range(200)))
        both: list[subprocess.Popen[str]] = [house.start("--config", file, "poll") for _ in range(3)]
        for one in both:
            out, err = one.communicate(timeout=60)
            assert one.returncode == 0, out + err

        taken = [one.recipients[0] for one in smtpd.taken]
        assert len(taken) == len(set(taken)) == (limit or 200)
