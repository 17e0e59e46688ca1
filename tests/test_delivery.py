"""Handing invitations over: each once, to one recipient, and again later where it was not taken."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from pathlib import Path

import pytest
from sending import Ticking
from sqlmodel import select

import house
from house import ALICE, BOB, START, UID, Keys
from rig.dovecot import DOMAIN, PASSWORD, Dovecot
from rig.postfix import Postfix
from rig.smtpd import Smtpd
from rsvpd import sharing
from rsvpd.app import App
from rsvpd.delivery import Delivered
from rsvpd.ports import CouldNot, TransportUnavailable
from rsvpd.store.tables import OutgoingRow

CAROL = "carol@example.net"


@dataclass
class Post:
    """An organizer with mails to send."""

    app: App
    clock: Ticking

    def drain(self, smtp: Keys, **options: Callable[[], bool]) -> Delivered:
        (organizer,) = house.settings_of(house.organizer(smtp=smtp)).organizer
        with sharing.member(self.app.database) as worker:
            return replace(self.app.delivery(worker), clock=self.clock).drain(organizer, **options)

    def later(self, **much: float) -> None:
        self.clock.later(**much)

    @property
    def rows(self) -> dict[str, OutgoingRow]:
        with self.app.database.begin() as session:
            return {row.recipient: row for row in session.exec(select(OutgoingRow))}

    def shown(self, address: str = ALICE.address) -> tuple[str | None, str | None]:
        view = house.attendee(self.app.database, address)
        return view.delivery, view.delivery_words


def invite(app: App, *attendees: str, uid: str = UID) -> None:
    fields = {
        "uid": uid,
        "summary": "Budget review",
        "start": f"{START:%Y-%m-%dT%H:%M}",
        "duration": "1h",
        "attendees": list(attendees or (f"Alice Example <{ALICE.address}>", BOB.address, CAROL)),
    }
    app.invitations.create(fields)


@pytest.fixture
def post(tmp_path: Path) -> Iterator[Post]:
    app = house.app_of(url=f"sqlite:///{tmp_path}/rsvpd.db")
    invite(app)
    # The clock stands a little ahead, so that what was put in just now is due.
    yield Post(app, Ticking(datetime.now(UTC) + timedelta(minutes=5)))
    app.database.close()


class TestSink:
    def test_each_mail_goes_to_one_recipient(self, post: Post, smtpd: Smtpd) -> None:
        assert post.drain(house.smtp(smtpd.port)) == Delivered(sent=3)

        assert [one.recipients for one in smtpd.taken] == [(ALICE.address,), (BOB.address,), (CAROL,)]
        assert {one.sender for one in smtpd.taken} == {"events@example.org"}
        for one in smtpd.taken:
            assert message_from_bytes(one.content)["To"].endswith(f"{one.recipients[0]}>") or (
                message_from_bytes(one.content)["To"] == one.recipients[0]
            )
        assert post.drain(house.smtp(smtpd.port)) == Delivered()
        assert post.shown() == ("sent", None)

    def test_the_bytes_are_those_of_the_queue(self, post: Post, smtpd: Smtpd) -> None:
        post.drain(house.smtp(smtpd.port))

        assert [one.content for one in smtpd.taken] == [row.raw for row in post.rows.values()]

    def test_a_refusal_for_good_fails_that_recipient_only(self, post: Post, smtpd: Smtpd) -> None:
        smtpd.answers[BOB.address] = "550 5.1.1 no such user here"

        assert post.drain(house.smtp(smtpd.port)) == Delivered(sent=2, failed=1)
        assert post.shown(BOB.address) == ("failed", "550 5.1.1 no such user here")
        assert post.shown(CAROL) == ("sent", None)
        post.later(days=4)
        assert post.drain(house.smtp(smtpd.port)) == Delivered()

    def test_a_refusal_for_now_comes_back_later(self, post: Post, smtpd: Smtpd) -> None:
        smtpd.answers[BOB.address] = "451 4.7.1 greylisted"
        assert post.drain(house.smtp(smtpd.port)) == Delivered(sent=2, later=1)
        assert post.shown(BOB.address) == ("delayed", "451 4.7.1 greylisted")
        assert post.drain(house.smtp(smtpd.port)) == Delivered()

        smtpd.answers.clear()
        post.later(minutes=2)
        assert post.drain(house.smtp(smtpd.port)) == Delivered(sent=1)
        assert post.shown(BOB.address) == ("sent", None)

    def test_a_refusal_for_now_is_for_good_after_three_days(self, post: Post, smtpd: Smtpd) -> None:
        smtpd.answers[BOB.address] = "451 4.7.1 greylisted"
        began = post.clock.now()
        tries = 0
        while post.shown(BOB.address)[0] != "failed":
            post.clock.moment = max(post.clock.now(), post.rows[BOB.address].due_at)
            post.drain(house.smtp(smtpd.port))
            tries += 1
            assert tries < 80

        assert timedelta(days=3) <= post.clock.now() - began < timedelta(days=3, hours=3)
        assert 34 <= tries <= 54

    @pytest.mark.parametrize("place", ["recipient", "data"])
    def test_a_server_that_is_about_to_close_is_away(self, post: Post, smtpd: Smtpd, place: str) -> None:
        if place == "recipient":
            smtpd.answers[ALICE.address] = "421 4.3.2 shutting down"
        else:
            smtpd.answer_to_data = "421 4.3.2 shutting down"
        with pytest.raises(TransportUnavailable, match=r"421 4\.3\.2 shutting down") as error:
            post.drain(house.smtp(smtpd.port))
        house.one_line_of(error)

        smtpd.answers, smtpd.answer_to_data = {}, "250 fine"
        post.later(minutes=2)
        assert post.drain(house.smtp(smtpd.port)) == Delivered(sent=3)

    def test_a_refusal_of_the_content_is_that_mails(self, post: Post, smtpd: Smtpd) -> None:
        smtpd.answer_to_data = "554 5.7.1 looks like spam"

        assert post.drain(house.smtp(smtpd.port)) == Delivered(failed=3)
        assert post.shown() == ("failed", "554 5.7.1 looks like spam")

    def test_a_lost_answer_repeats_the_same_bytes(self, post: Post, smtpd: Smtpd) -> None:
        smtpd.drop_after_data = True
        with pytest.raises(TransportUnavailable) as error:
            post.drain(house.smtp(smtpd.port))
        house.one_line_of(error)
        assert len(smtpd.taken) == 1

        smtpd.drop_after_data = False
        post.later(minutes=2)
        assert post.drain(house.smtp(smtpd.port)) == Delivered(sent=3)
        of_alice = [one.content for one in smtpd.taken if one.recipients == (ALICE.address,)]
        assert len(of_alice) == 2
        assert of_alice[0] == of_alice[1]

    def test_a_server_that_is_down_leaves_all_due(self, post: Post, smtpd: Smtpd) -> None:
        with smtpd.down(), pytest.raises(TransportUnavailable, match="connection refused") as error:
            post.drain(house.smtp(smtpd.port))
        assert "events: smtp 127.0.0.1" in house.one_line_of(error)

        post.later(minutes=2)
        assert post.drain(house.smtp(smtpd.port)) == Delivered(sent=3)

    def test_a_server_that_goes_down_in_the_middle_loses_nothing(self, post: Post, smtpd: Smtpd) -> None:
        for number in range(60):
            invite(post.app, f"p{number}@example.net", uid=f"{number}@example.org")
        smtpd.answers["p20@example.net"] = "421 4.3.2 shutting down"
        with pytest.raises(TransportUnavailable):
            post.drain(house.smtp(smtpd.port))

        smtpd.answers.clear()
        post.later(minutes=2)
        post.drain(house.smtp(smtpd.port))
        taken = [one.recipients[0] for one in smtpd.taken]
        assert len(taken) == len(set(taken)) == 63

    def test_a_stop_leaves_the_rest_due_at_once(self, post: Post, smtpd: Smtpd) -> None:
        for number in range(60):
            invite(post.app, f"p{number}@example.net", uid=f"{number}@example.org")
        asked = iter([True])
        post.drain(house.smtp(smtpd.port), keep_on=lambda: next(asked, False))
        assert len(smtpd.taken) == 50

        post.drain(house.smtp(smtpd.port))
        assert len(smtpd.taken) == 63

    def test_a_server_that_closes_idle_connections_is_called_again(self, post: Post, smtpd: Smtpd) -> None:
        post.drain(house.smtp(smtpd.port))
        smtpd.stop()
        smtpd.start()
        invite(post.app, "dave@example.net", uid="another@example.org")

        assert post.drain(house.smtp(smtpd.port)) == Delivered(sent=1)

    def test_an_address_beyond_ascii_needs_and_uses_smtputf8(self, post: Post, smtpd: Smtpd) -> None:
        invite(post.app, "jürgen@example.net", uid="another@example.org")

        assert post.drain(house.smtp(smtpd.port)) == Delivered(sent=4)
        assert smtpd.taken[-1].recipients == ("jürgen@example.net",)

    def test_a_password_file_that_is_missing_leaves_all_due(
        self, post: Post, smtpd: Smtpd, tmp_path: Path
    ) -> None:
        login = {"username": "events", "password_file": str(tmp_path / "secret")}
        with pytest.raises(CouldNot, match=r"password_file .*secret: No such file") as error:
            post.drain(house.smtp(smtpd.port, **login))
        house.one_line_of(error)

        post.later(minutes=2)
        assert post.drain(house.smtp(smtpd.port)) == Delivered(sent=3)

    def test_a_server_without_starttls_is_one_line(self, post: Post, smtpd: Smtpd) -> None:
        with pytest.raises(TransportUnavailable, match="STARTTLS") as error:
            post.drain(house.smtp(smtpd.port, security="starttls"))
        house.one_line_of(error)

    def test_a_server_without_login_is_one_line(self, post: Post, smtpd: Smtpd) -> None:
        with pytest.raises(TransportUnavailable, match="offers no login here; remove username") as error:
            post.drain(house.smtp(smtpd.port, username="events", password="x"))
        house.one_line_of(error)


def submission(postfix: Postfix, security: str, user: str, **keys: object) -> Keys:
    port = postfix.smtps_port if security == "tls" else postfix.submission_port
    login: Keys = {"username": user, "password": PASSWORD, "ca_file": str(postfix.ca_file)}
    return house.smtp(port, security=security, host="localhost") | login | keys


@pytest.mark.parametrize("security", ["tls", "starttls"])
class TestSubmission:
    def test_a_login_under_tls_delivers(
        self, post: Post, postfix: Postfix, dovecot: Dovecot, mailbox_user: str, security: str
    ) -> None:
        invite(post.app, mailbox_user, uid="another@example.org")
        post.drain(submission(postfix, security, mailbox_user))

        (raw,) = house.eventually(lambda: dovecot.messages(mailbox_user))
        assert message_from_bytes(raw)["From"].endswith("<events@example.org>")
        assert raw.replace(b"\r\n", b"\n").endswith(
            post.rows[mailbox_user].raw.replace(b"\r\n", b"\n")[-500:]
        )

    @pytest.mark.parametrize("secret", ["wrong", "pässwörd", ""])
    def test_a_refused_login_is_one_line_and_leaves_all_due(
        self, post: Post, postfix: Postfix, smtpd: Smtpd, security: str, secret: str
    ) -> None:
        user = f"somebody{random.randrange(10**9)}@{DOMAIN}"  # noqa: S311
        with pytest.raises(
            TransportUnavailable, match=r"login refused .* check username and password"
        ) as error:
            post.drain(submission(postfix, security, user, password=secret))
        house.one_line_of(error)

        post.later(minutes=2)
        assert post.drain(house.smtp(smtpd.port)) == Delivered(sent=3)

    def test_a_certificate_that_nobody_vouches_for_is_refused(
        self, post: Post, postfix: Postfix, mailbox_user: str, security: str
    ) -> None:
        keys = submission(postfix, security, mailbox_user)
        del keys["ca_file"]
        with pytest.raises(TransportUnavailable, match="certificate cannot be trusted") as error:
            post.drain(keys)
        house.one_line_of(error)

    def test_a_ca_file_that_is_missing_leaves_all_due(
        self, post: Post, postfix: Postfix, smtpd: Smtpd, mailbox_user: str, security: str
    ) -> None:
        with pytest.raises(CouldNot, match="ca_file /nowhere") as error:
            post.drain(submission(postfix, security, mailbox_user, ca_file="/nowhere"))
        house.one_line_of(error)

        post.later(minutes=2)
        assert post.drain(house.smtp(smtpd.port)) == Delivered(sent=3)
