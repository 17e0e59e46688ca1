"""The copy of what was sent: one for each batch, filed after the mails, and never a reason to send again."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sending
from sending import Post

import house
from house import ALICE, BOB
from rig.dovecot import Dovecot
from rig.smtpd import Smtpd
from rsvpd.config import OrganizerSettings
from rsvpd.delivery import Delivered
from rsvpd.ports import MailboxUnavailable, SentFolder


@dataclass
class Office:
    """An organizer with a mailbox and somewhere to send to."""

    post: Post
    dovecot: Dovecot
    smtpd: Smtpd
    user: str

    def send(self) -> Delivered:
        return self.post.drain(house.smtp(self.smtpd.port))

    def file(self, **keys: object) -> int:
        imap = house.imap(self.dovecot, self.user, **keys)
        return self.file_for(sending.organizer(imap=imap))

    def file_for(self, organizer: OrganizerSettings) -> int:
        return replace(self.post.app.filing, clock=self.post.clock).file(organizer)

    def copies(self, folder: str = "Sent") -> list[bytes]:
        return self.dovecot.messages(self.user, folder)


@pytest.fixture
def office(tmp_path: Path, dovecot: Dovecot, smtpd: Smtpd, mailbox_user: str) -> Iterator[Office]:
    with sending.post(f"sqlite:///{tmp_path}/rsvpd.db") as made:
        yield Office(made, dovecot, smtpd, mailbox_user)


def test_the_copy_is_the_mail_itself_seen_and_as_old_as_its_sending(office: Office) -> None:
    office.post.invite()
    office.send()
    office.post.clock.later(hours=3)
    assert office.file() == 1

    row = office.post.rows[ALICE.address]
    assert office.copies() == [row.raw] == [office.smtpd.taken[0].content]
    assert office.dovecot.flags(office.user, "Sent") == {1: frozenset({"\\Seen"})}
    with office.dovecot.login(office.user, "Sent") as client:
        client.normalise_times = False
        arrived_at = client.fetch([1], ["INTERNALDATE"])[1][b"INTERNALDATE"].astimezone(UTC)
        assert row.sent_at is not None
        assert arrived_at == row.sent_at.replace(microsecond=0)
    assert row.filed_at == office.post.clock.moment
    assert office.copies("INBOX") == []


def test_a_batch_has_one_copy_and_another_batch_another(office: Office) -> None:
    office.post.invite(*(f"p{number}@example.net" for number in range(60)))
    office.post.invite("dave@example.net", uid="another@example.org")
    office.send()
    assert office.file() == 2
    assert office.file() == 0
    assert len(office.copies()) == 2


def test_it_is_of_the_first_mail_that_was_taken(office: Office) -> None:
    office.smtpd.answers = {ALICE.address: "550 5.1.1 nobody", BOB.address: "451 4.7.1 later"}
    office.post.invite(ALICE.address, BOB.address, "carol@example.net")
    office.send()
    office.file()
    assert office.copies() == [office.post.rows["carol@example.net"].raw]

    # Those that are taken later belong to the same batch, however late that is.
    office.smtpd.answers.clear()
    office.post.clock.later(days=2)
    assert office.send() == Delivered(sent=1)
    assert office.file() == 0


def test_nothing_is_filed_before_it_was_sent(office: Office) -> None:
    office.post.invite()
    assert office.file() == 0
    assert office.copies() == []


def test_a_crash_before_the_note_files_it_once_all_the_same(office: Office) -> None:
    office.post.invite()
    office.send()
    office.file()
    with office.post.app.database.begin() as session:
        row = office.post.rows[ALICE.address]
        row.filed_at = None
        session.add(row)

    assert office.file() == 1
    assert len(office.copies()) == 1


def test_a_server_that_keeps_what_is_sent_has_it_once(office: Office) -> None:
    office.post.invite()
    office.dovecot.append(office.user, office.post.rows[ALICE.address].raw, "Sent", datetime.now(UTC))
    office.send()
    office.file()
    assert len(office.copies()) == 1


def test_the_folder_may_be_named(office: Office) -> None:
    office.dovecot.append(office.user, b"Subject: Old\r\n\r\n", "Gesendete Einladungen/Über alles")
    office.post.invite()
    office.send()
    office.file(sent_folder="Gesendete Einladungen/Über alles")
    assert len(office.copies("Gesendete Einladungen/Über alles")) == 2
    assert office.copies() == []


@pytest.mark.parametrize("keys", [{"save_sent": False}, None])
def test_who_wants_none_gets_none(office: Office, keys: dict[str, object] | None) -> None:
    office.post.invite()
    office.send()
    assert (office.file_for(sending.organizer()) if keys is None else office.file(**keys)) == 0
    assert office.copies() == []


@pytest.mark.parametrize("trouble", ["down", "login", "folder"])
def test_what_cannot_be_filed_is_one_line_and_comes_later(office: Office, trouble: str) -> None:
    office.post.invite()
    office.send()
    keys = {"login": {"password": "wrong"}, "folder": {"sent_folder": "Nowhere"}}.get(trouble, {})
    down = office.dovecot.down() if trouble == "down" else contextlib.nullcontext()
    with down, pytest.raises(MailboxUnavailable) as error:
        office.file(**keys)
    assert house.one_line_of(error).startswith("events: imap 127.0.0.1: ")

    assert office.send() == Delivered()
    assert office.post.shown() == ("sent", None)
    assert office.file() == 1
    assert len(office.smtpd.taken) == 1


def test_what_could_not_be_filed_for_a_day_is_left(office: Office) -> None:
    office.post.invite()
    office.send()
    office.post.clock.later(hours=25)
    assert office.file() == 0


def test_one_that_is_refused_never_holds_up_the_others(office: Office) -> None:
    class Choosy:
        filed: list[bytes] = []  # noqa: RUF012

        def file_sent(self, _message_id: str, raw: bytes, _sent_at: datetime) -> None:
            if not self.filed and raw == refused:
                raise MailboxUnavailable("too large")
            self.filed.append(raw)

    @contextlib.contextmanager
    def folder(_: OrganizerSettings) -> Iterator[SentFolder]:
        yield Choosy()

    office.post.invite()
    office.post.invite("dave@example.net", uid="another@example.org")
    office.send()
    refused = office.post.rows[ALICE.address].raw
    filing = replace(office.post.app.filing, clock=office.post.clock, folder=folder)
    organizer = sending.organizer(imap=house.imap(office.dovecot, office.user))
    with pytest.raises(MailboxUnavailable, match="too large"):
        filing.file(organizer)
    assert Choosy.filed == [office.post.rows["dave@example.net"].raw]
    assert filing.file(organizer) == 1


@pytest.fixture
def file(tmp_path: Path, dovecot: Dovecot, smtpd: Smtpd, mailbox_user: str) -> Path:
    imap, smtp = house.imap(dovecot, mailbox_user), house.smtp(smtpd.port)
    made = house.config(tmp_path, house.organizer(imap=imap, smtp=smtp), poll_interval="1s")
    with sending.post(f"sqlite:///{tmp_path}/rsvpd.db") as post:
        post.invite()
    return made


def test_poll_sends_and_files(file: Path, dovecot: Dovecot, mailbox_user: str) -> None:
    assert house.run("--config", file, "poll").out == "1 sent\n"
    assert len(dovecot.messages(mailbox_user, "Sent")) == 1


def test_the_daemon_files_and_trouble_with_it_is_one_line(
    file: Path, dovecot: Dovecot, smtpd: Smtpd, mailbox_user: str
) -> None:
    file.write_text(file.read_text().replace("[organizer.smtp]", 'sent_folder = "Outbox"\n[organizer.smtp]'))
    daemon = house.start("--config", file, "run")
    house.eventually(lambda: smtpd.taken)
    until = datetime.now(UTC) + timedelta(seconds=3)
    house.eventually(lambda: datetime.now(UTC) > until)
    dovecot.append(mailbox_user, b"Subject: Old\r\n\r\n", "Outbox")
    house.eventually(lambda: len(dovecot.messages(mailbox_user, "Outbox")) == 2)
    house.eventually(lambda: datetime.now(UTC) > until + timedelta(seconds=1))
    daemon.send_signal(signal.SIGTERM)
    _, err = daemon.communicate(timeout=20)

    said = [line for line in err.splitlines() if "file events" in line]
    assert ["could not" in line for line in said] == [True, False], err
    assert "works again" in said[1]
    assert len(smtpd.taken) == 1
