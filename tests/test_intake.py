"""Reading a mailbox of Dovecot: everything once, nothing marked, nothing lost."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlmodel import select

import house
from builders import CLIENTS, google, odd
from house import ALICE, BOB, NOW, UID, Keys, Wire, facts, invite
from rig.dovecot import Dovecot
from rsvpd import intake
from rsvpd.app import App
from rsvpd.intake import Polled
from rsvpd.itip.model import PartStat
from rsvpd.ports import MailboxUnavailable
from rsvpd.store.tables import CursorRow


@dataclass
class Inbox:
    """The mailbox of one organizer, with a house that watches it."""

    dovecot: Dovecot
    user: str
    app: App
    keys: Keys

    def put(self, *mails: bytes, folder: str = "INBOX", when: datetime | None = None) -> None:
        for raw in mails:
            self.dovecot.append(self.user, raw, folder, when)

    def poll(self, folder: str = "INBOX", *, stop: bool = False, **keys: object) -> Polled:
        """One pass; with `stop` it is asked to end after the first batch."""
        one = house.organizer(imap=self.keys | keys)
        (organizer,) = house.settings_of(one).organizer
        with self.app.mailbox(organizer) as mailbox:
            return self.app.intake.poll(mailbox, "events", folder, keep_on=lambda: not stop)

    def cursor(self, folder: str = "INBOX") -> CursorRow:
        with self.app.database.begin() as session:
            return session.exec(select(CursorRow).where(CursorRow.mailbox == f"events/{folder}")).one()

    @property
    def outcomes(self) -> list[str]:
        return house.outcomes(self.app.database)

    @property
    def alice(self) -> PartStat:
        return house.attendee(self.app.database).partstat


@pytest.fixture
def inbox(dovecot: Dovecot, mailbox_user: str, tmp_path: Path) -> Iterator[Inbox]:
    keys = house.imap(dovecot, mailbox_user)
    app = house.app_of(house.organizer(imap=keys), url=f"sqlite:///{tmp_path}/rsvpd.db")
    app.invitations.import_ics(invite(UID, ALICE, BOB), "events")
    yield Inbox(dovecot, mailbox_user, app, keys)
    app.database.close()


def answers(count: int) -> list[bytes]:
    """Alice changes her mind every minute; the last answer is to accept."""
    partstats = ["ACCEPTED", "DECLINED"] * count
    return [
        google(facts(partstat=partstats[number], dtstamp=NOW - timedelta(minutes=number + 1)))
        for number in reversed(range(count))
    ]


class TestOnce:
    def test_new_mails_are_recorded_once(self, inbox: Inbox) -> None:
        inbox.put(*answers(3))

        assert len(inbox.poll().rows) == 3
        assert inbox.poll().mails == 0
        assert inbox.outcomes == ["applied"] * 3
        assert inbox.alice is PartStat.ACCEPTED

    def test_only_what_came_since_is_looked_at(self, inbox: Inbox) -> None:
        inbox.put(*answers(4)[:3])
        inbox.poll()
        inbox.put(answers(4)[3], odd.booking_confirmation(facts()))

        assert inbox.poll().mails == 2
        assert inbox.cursor().last_uid == 5

    def test_nothing_is_marked_as_seen(self, inbox: Inbox) -> None:
        inbox.put(*answers(2), with_attachment(google(facts())))
        inbox.poll()

        assert inbox.dovecot.flags(inbox.user) == dict.fromkeys((1, 2, 3), frozenset())

    def test_an_empty_mailbox_gives_nothing(self, inbox: Inbox) -> None:
        assert inbox.poll() == Polled()
        assert inbox.poll() == Polled()

    def test_the_same_mail_in_two_folders_counts_once(self, inbox: Inbox) -> None:
        (mail,) = answers(1)
        inbox.put(mail)
        inbox.put(mail, folder="Replies")
        inbox.poll()
        inbox.poll("Replies")

        assert inbox.outcomes == ["applied", "unchanged"]

    @pytest.mark.parametrize("folder", ["Antworten/Räume", "with space & sign", "日本語"])
    def test_a_folder_may_have_any_name(self, inbox: Inbox, folder: str) -> None:
        inbox.put(*answers(1), folder=folder)
        inbox.poll(folder)

        assert inbox.outcomes == ["applied"]

    def test_batches_are_committed_one_by_one(self, inbox: Inbox, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(intake, "BATCH", 2)
        inbox.put(*answers(5))

        assert inbox.poll(stop=True).mails == 2
        assert inbox.cursor().last_uid == 2
        assert inbox.poll().mails == 3
        assert inbox.outcomes == ["applied"] * 5

    def test_a_mail_that_was_removed_is_behind_the_cursor(self, inbox: Inbox) -> None:
        inbox.put(*answers(3))
        with inbox.dovecot.login(inbox.user, "INBOX") as client:
            client.delete_messages([2, 3])
            client.expunge()
        inbox.poll()
        inbox.put(*answers(4)[3:])

        assert inbox.poll().mails == 1


class TestLookback:
    def test_the_first_look_goes_back_as_far_as_asked(self, inbox: Inbox) -> None:
        inbox.put(answers(2)[0], when=NOW - timedelta(days=40))
        inbox.put(answers(2)[1], when=NOW - timedelta(days=20))

        assert inbox.poll().mails == 1
        assert inbox.poll().mails == 0

    def test_an_old_mail_behind_a_new_one_stays_out_for_good(self, inbox: Inbox) -> None:
        inbox.put(answers(2)[1], when=NOW - timedelta(days=20))
        inbox.put(answers(2)[0], when=NOW - timedelta(days=40))

        assert inbox.poll().mails == 1
        assert inbox.poll().mails == 0

    def test_nothing_but_old_mails_is_nothing(self, inbox: Inbox) -> None:
        inbox.put(*answers(2), when=NOW - timedelta(days=40))

        assert inbox.poll().mails == 0
        assert inbox.poll().mails == 0
        assert inbox.cursor().last_uid == 2


class TestUidvalidity:
    def test_a_change_starts_over_and_records_nothing_twice(self, inbox: Inbox) -> None:
        inbox.put(*answers(3))
        inbox.poll()
        inbox.dovecot.set_uidvalidity(inbox.user, 4711)
        inbox.put(answers(4)[3])

        assert len(inbox.poll().rows) == 1
        assert len(inbox.outcomes) == 4
        assert (inbox.cursor().uidvalidity, inbox.cursor().last_uid) == (4711, 4)

    def test_nor_if_the_poll_after_it_is_interrupted(
        self, inbox: Inbox, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        inbox.put(*answers(5))
        inbox.poll()
        monkeypatch.setattr(intake, "BATCH", 2)
        inbox.dovecot.set_uidvalidity(inbox.user, 4711)

        inbox.poll(stop=True)
        inbox.poll(stop=True)
        inbox.poll()

        assert len(inbox.outcomes) == 5
        assert inbox.poll().mails == 0

    def test_nor_if_it_changes_again_and_back(self, inbox: Inbox) -> None:
        inbox.put(*answers(2))
        former = None
        for uidvalidity in (4711, 4712, 4711):
            inbox.poll()
            inbox.dovecot.set_uidvalidity(inbox.user, uidvalidity)
            former = inbox.cursor().uidvalidity
        inbox.poll()

        assert former == 4712
        assert len(inbox.outcomes) == 2

    def test_two_copies_of_a_mail_stay_two(self, inbox: Inbox) -> None:
        (mail,) = answers(1)
        inbox.put(mail, mail)
        inbox.poll()
        assert inbox.outcomes == ["applied", "unchanged"]
        inbox.dovecot.set_uidvalidity(inbox.user, 4711)
        inbox.put(mail)

        assert len(inbox.poll().rows) == 1


def with_attachment(
    mail: bytes, megabytes: int = 20, boundary: str = '"big"', subject: str = "Accepted"
) -> bytes:
    """The mail of a client whose user put a film beside the answer."""
    header, _, body = mail.partition(b"\r\n\r\n")
    rows = re.sub(rb"\r\n[ \t]+", b" ", header).split(b"\r\n")
    inner = [row for row in rows if row.lower().startswith(b"content-")]
    top = [row for row in rows if row not in inner and not row.lower().startswith((b"mime-", b"subject"))]
    kind = f"Subject: {subject}\r\nContent-Type: multipart/mixed; boundary={boundary}\r\nMIME-Version: 1.0"
    line = b"A" * 76 + b"\r\n"
    film = b"Content-Type: video/mp4\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    film += line * (megabytes * 1024 * 1024 // len(line))
    edge = b"\r\n--" + boundary.strip('"').encode()
    parts = (b"\r\n".join([*inner, b"", body]), film)
    body = b"".join(edge + b"\r\n" + part for part in parts) + edge + b"--\r\n"
    return b"\r\n".join([*top, kind.encode(), b"", body])


class TestLarge:
    def test_a_large_mail_is_never_fetched_whole(self, inbox: Inbox) -> None:
        inbox.put(with_attachment(google(facts(comment="See the film"))))

        with Wire(inbox.dovecot.imap_port) as wire:
            inbox.poll(port=wire.port)
        assert wire.received < 100_000
        assert inbox.outcomes == ["applied"]
        assert house.attendee(inbox.app.database).comment == "See the film"

    @pytest.mark.parametrize("client", sorted(CLIENTS))
    def test_the_answer_of_every_client_is_found_in_it(self, inbox: Inbox, client: str) -> None:
        inbox.put(with_attachment(CLIENTS[client](facts()), megabytes=1))
        inbox.poll()

        assert inbox.outcomes == ["applied"]
        assert inbox.alice is PartStat.ACCEPTED

    @pytest.mark.parametrize(
        ("boundary", "subject"),
        [("Apple-Mail-4711", "Accepted"), ('"big"', "Accepted: the boundary=wall, room 3")],
        ids=["not quoted", "a subject that speaks of one"],
    )
    def test_its_boundary_is_found(self, inbox: Inbox, boundary: str, subject: str) -> None:
        inbox.put(with_attachment(google(facts()), megabytes=1, boundary=boundary, subject=subject))
        inbox.poll()

        assert inbox.outcomes == ["applied"]

    def test_a_large_mail_without_a_calendar_is_none_of_our_business(self, inbox: Inbox) -> None:
        text = b"From: a@example.com\r\nContent-Type: text/plain\r\n\r\nLook at this."
        inbox.put(with_attachment(text))

        with Wire(inbox.dovecot.imap_port) as wire:
            polled = inbox.poll(port=wire.port)
        assert wire.received < 100_000
        assert (polled.mails, polled.passed, polled.rows) == (1, 1, [])

    def test_a_mail_over_the_limit_has_a_row_that_says_so(self, inbox: Inbox, tmp_path: Path) -> None:
        inbox.put(with_attachment(google(facts()), megabytes=2), google(facts()))
        limits = {"message_bytes": 1024 * 1024}
        small = house.app_of(url=f"sqlite:///{tmp_path}/rsvpd.db", limits=limits)
        inbox.app = small

        with Wire(inbox.dovecot.imap_port) as wire:
            inbox.poll(port=wire.port)
        assert wire.received < 100_000
        assert inbox.outcomes == ["unreadable", "applied"]
        words = house.ledger(small.database)[0].words
        assert words
        assert "1048576 bytes" in words
        small.database.close()

    def test_a_calendar_over_the_limit_is_not_fetched(self, inbox: Inbox) -> None:
        huge = house.plain_reply(facts(), "DESCRIPTION:" + "x" * 3_000_000)
        inbox.put(huge, google(facts()))

        with Wire(inbox.dovecot.imap_port) as wire:
            inbox.poll(port=wire.port)
        assert wire.received < 100_000
        assert inbox.outcomes == ["unreadable", "applied"]

    def test_many_small_mails_need_few_questions(self, inbox: Inbox) -> None:
        with inbox.dovecot.login(inbox.user) as client:
            client.multiappend("INBOX", answers(100))

        with Wire(inbox.dovecot.imap_port) as wire:
            assert inbox.poll(port=wire.port).mails == 100
        assert wire.received < 2 * sum(map(len, answers(100)))


class TestTrouble:
    def test_a_wrong_password_is_one_line(self, inbox: Inbox) -> None:
        inbox.dovecot.set_password(inbox.user, "changed")

        with pytest.raises(
            MailboxUnavailable, match=r"login refused .* check username and password"
        ) as error:
            inbox.poll()
        house.one_line_of(error)

    @pytest.mark.parametrize("secret", ["", "pässwörd", 'quo"te\\d', "line\nbreak"])
    def test_a_password_of_any_kind_is_only_refused(self, inbox: Inbox, secret: str) -> None:
        with pytest.raises(MailboxUnavailable, match="check username and password") as error:
            inbox.poll(password=secret)
        house.one_line_of(error)

    def test_a_server_that_is_down_is_one_line(self, inbox: Inbox) -> None:
        with inbox.dovecot.down(), pytest.raises(MailboxUnavailable, match="connection refused") as error:
            inbox.poll()
        assert "events: imap 127.0.0.1" in house.one_line_of(error)

    def test_an_unknown_host_is_one_line(self, inbox: Inbox) -> None:
        with pytest.raises(MailboxUnavailable) as error:
            inbox.poll(host="nowhere.invalid", security="tls")
        house.one_line_of(error)

    def test_an_unknown_folder_is_named(self, inbox: Inbox) -> None:
        with pytest.raises(MailboxUnavailable, match="Nowhere") as error:
            inbox.poll("Nowhere")
        house.one_line_of(error)

    @pytest.mark.parametrize("security", ["tls", "starttls"])
    def test_a_certificate_that_nobody_vouches_for_is_refused(self, inbox: Inbox, security: str) -> None:
        port = inbox.dovecot.imaps_port if security == "tls" else inbox.dovecot.imap_port
        with pytest.raises(MailboxUnavailable, match="certificate cannot be trusted") as error:
            inbox.poll(security=security, port=port)
        house.one_line_of(error)

    @pytest.mark.parametrize("security", ["tls", "starttls"])
    def test_a_certificate_of_our_own_authority_is_trusted(self, inbox: Inbox, security: str) -> None:
        inbox.put(*answers(1))
        port = inbox.dovecot.imaps_port if security == "tls" else inbox.dovecot.imap_port
        inbox.poll(security=security, port=port, ca_file=inbox.dovecot.ca_file)

        assert inbox.outcomes == ["applied"]

    def test_a_server_that_speaks_no_imap_is_one_line(self, inbox: Inbox, smtpd: object) -> None:
        port = smtpd.port  # type: ignore[attr-defined]
        with pytest.raises(MailboxUnavailable) as error:
            inbox.poll(port=port, timeout="2s")
        house.one_line_of(error)

    @pytest.mark.parametrize("limit", [200, 1_500, 8_000, 20_000])
    def test_a_line_that_is_cut_loses_nothing(
        self, inbox: Inbox, limit: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(intake, "BATCH", 2)
        monkeypatch.setattr("rsvpd.mail.imap.folder._BATCH", 2)
        inbox.put(*answers(9))
        with Wire(inbox.dovecot.imap_port, limit=limit) as wire, pytest.raises(MailboxUnavailable) as error:
            inbox.poll(port=wire.port)
        house.one_line_of(error)

        inbox.poll()
        assert inbox.outcomes == ["applied"] * 9
        assert inbox.alice is PartStat.ACCEPTED

    def test_a_server_that_goes_away_between_batches_loses_nothing(
        self, inbox: Inbox, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(intake, "BATCH", 2)
        monkeypatch.setattr("rsvpd.mail.imap.folder._BATCH", 2)
        inbox.put(*answers(5))
        (organizer,) = house.settings_of(house.organizer(imap=inbox.keys)).organizer
        try:
            with inbox.app.mailbox(organizer) as mailbox, pytest.raises(MailboxUnavailable) as error:
                inbox.app.intake.poll(
                    mailbox, "events", "INBOX", progress=lambda _done, _all: inbox.dovecot.stop()
                )
        finally:
            inbox.dovecot.start()
        house.one_line_of(error)
        assert len(inbox.outcomes) == 2

        inbox.poll()
        assert inbox.outcomes == ["applied"] * 5
