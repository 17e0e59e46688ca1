"""What becomes of a mail on the server after it was recorded: nothing, a keyword, or another folder."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from imapclient import IMAPClient

import house
from builders import odd
from house import UID, facts, invite
from imapd import Imapd
from rig.dovecot import Dovecot
from rsvpd.app import App
from rsvpd.config import ConfigInvalid
from rsvpd.intake import Polled
from rsvpd.mail.imap import ImapMailbox
from rsvpd.ports import FolderUnavailable
from rsvpd.store import ledger
from watchhouse import reply

MARK = {"afterwards": "mark"}
MOVE = {"afterwards": "move", "move_to": "\\Archive"}


class CrashedError(Exception):
    """Where a test has the process end."""


@dataclass
class Box:
    """A mailbox of Dovecot, and a house that may be told to finish its mails."""

    dovecot: Dovecot
    user: str
    app: App

    def poll(self, **keys: object) -> Polled:
        imap = house.imap(self.dovecot, self.user, **keys)
        (organizer,) = house.settings_of(house.organizer(imap=imap)).organizer
        assert organizer.imap
        with self.app.mailbox(organizer) as mailbox:
            return self.app.intake.poll_folders(mailbox, "events", organizer.imap.folders)

    def put(self, *mails: bytes) -> None:
        for raw in mails:
            self.dovecot.append(self.user, raw)

    def keywords(self) -> list[set[str]]:
        return [set(flags) for flags in self.dovecot.flags(self.user).values()]

    def counts(self) -> tuple[int, int]:
        """Mails in INBOX and in Archive."""
        return len(self.dovecot.messages(self.user)), len(self.dovecot.messages(self.user, "Archive"))


@pytest.fixture
def box(dovecot: Dovecot, mailbox_user: str, tmp_path: Path) -> Iterator[Box]:
    app = house.app_of(url=f"sqlite:///{tmp_path}/rsvpd.db")
    app.invitations.import_ics(invite(UID), "events")
    yield Box(dovecot, mailbox_user, app)
    app.database.close()


@pytest.fixture(params=["MOVE", "UIDPLUS"])
def moving(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Servers with MOVE, and those that only can copy and expunge."""
    if request.param == "UIDPLUS":
        has = IMAPClient.has_capability
        monkeypatch.setattr(IMAPClient, "has_capability", lambda s, c: c != "MOVE" and has(s, c))


def other_mails() -> list[bytes]:
    """None of our business: a person's own mail, somebody's invitation, an answer to another's meeting."""
    foreign = house.plain_reply(facts(uid="foreign@example.net"))
    request = house.plain_reply(facts()).replace(b"METHOD:REPLY", b"METHOD:REQUEST")
    return [b"Subject: hello\r\n\r\nhello", odd.booking_confirmation(facts(uid="b@x")), foreign, request]


def test_by_default_nothing_is_done(box: Box) -> None:
    box.put(reply())
    box.poll()
    assert box.keywords() == [set()]


def test_what_concerns_us_is_marked_and_nothing_else(box: Box) -> None:
    box.put(reply(), *other_mails())
    box.poll(**MARK)
    assert box.keywords() == [{"$RsvpProcessed"}, set(), set(), set(), set()]


@pytest.mark.usefixtures("moving")
def test_what_concerns_us_is_moved_and_nothing_else(box: Box) -> None:
    box.put(*other_mails(), reply())
    with box.dovecot.login(box.user, "INBOX") as client:
        client.delete_messages([1])  # marked by its owner, and not for us to expunge
    box.poll(**MOVE)
    assert box.counts() == (4, 1)
    assert box.poll(**MOVE).mails == 0


@pytest.mark.usefixtures("moving")
@pytest.mark.parametrize("keys", [MARK, MOVE], ids=["mark", "move"])
def test_a_crash_after_the_commit_is_made_up_for(
    box: Box, monkeypatch: pytest.MonkeyPatch, keys: dict[str, str]
) -> None:
    def crash(*_: object, **__: object) -> None:
        raise CrashedError

    box.put(reply(), reply(1))
    with monkeypatch.context() as patched, pytest.raises(CrashedError):
        patched.setattr(ImapMailbox, "finish", crash)
        box.poll(**keys)
    assert house.outcomes(box.app.database) == ["applied", "unchanged"]
    with monkeypatch.context() as patched, pytest.raises(CrashedError):
        patched.setattr(ledger, "finish", crash)
        box.poll(**keys)
    box.poll(**keys)

    assert box.counts() == ((0, 2) if keys == MOVE else (2, 0))
    assert box.keywords() == ([] if keys == MOVE else [{"$RsvpProcessed"}] * 2)
    assert house.outcomes(box.app.database) == ["applied", "unchanged"]


def test_a_crash_between_copy_and_expunge_leaves_one_copy(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    has = IMAPClient.has_capability
    monkeypatch.setattr(IMAPClient, "has_capability", lambda s, c: c != "MOVE" and has(s, c))

    def crash(*_: object) -> None:
        raise CrashedError

    box.put(reply())
    with monkeypatch.context() as patched, pytest.raises(CrashedError):
        patched.setattr(IMAPClient, "uid_expunge", crash)
        box.poll(**MOVE)
    assert box.counts() == (1, 1)
    box.poll(**MOVE)
    assert box.counts() == (0, 1)


def test_it_begins_with_the_mails_recorded_from_then_on(box: Box) -> None:
    box.put(reply())
    box.poll()
    box.put(reply(1))
    box.poll(**MARK)
    assert box.keywords() == [set(), {"$RsvpProcessed"}]


def test_after_a_change_of_uidvalidity_the_right_mails_are_marked(
    box: Box, monkeypatch: pytest.MonkeyPatch
) -> None:
    box.put(b"Subject: other\r\n\r\nx", reply())
    with monkeypatch.context() as patched:
        patched.setattr(ImapMailbox, "finish", lambda *_: (_ for _ in ()).throw(FolderUnavailable("later")))
        assert box.poll(**MARK).troubles
    box.dovecot.set_uidvalidity(box.user, 4711)
    box.poll(**MARK)
    assert box.keywords() == [set(), {"$RsvpProcessed"}]


def test_a_folder_that_is_not_there_is_one_line_and_loses_nothing(box: Box) -> None:
    box.put(reply())
    (trouble,) = box.poll(afterwards="move", move_to="Done").troubles.values()
    assert "folder Done (move_to)" in str(trouble)
    with box.dovecot.login(box.user) as client:
        client.create_folder("Done")
    assert not box.poll(afterwards="move", move_to="Done").troubles
    assert len(box.dovecot.messages(box.user, "Done")) == 1


def test_a_server_without_keywords_is_lived_without(box: Box) -> None:
    with Imapd(mails=[reply()]) as server:
        polled = box.poll(port=server.port, **MARK)
        assert (polled.unsupported, polled.troubles) == (["events/INBOX"], {})
        assert box.poll(port=server.port, **MARK).unsupported == []
        assert "STORE" not in server.asked


def test_cron_is_told_once_that_a_server_has_no_keywords(tmp_path: Path) -> None:
    with Imapd(mails=[reply(), reply(1)]) as server:
        keys = {
            "host": "127.0.0.1",
            "port": server.port,
            "security": "none",
            "username": "u",
            "password": "p",
        }
        world = house.World(tmp_path, house.organizer(imap=keys | MARK))
        world.imports(invite(UID, house.ALICE))
        done = world.run("poll")
        (line,) = done.err.splitlines()
        assert line == "rsvpd: events/INBOX: mails cannot be marked or moved there, and are left as they are"
        assert done.code == 0
        assert world.run("poll").err == ""


def test_a_server_that_could_only_expunge_everything_is_left_as_it_is(box: Box) -> None:
    with Imapd(mails=[reply()]) as server:
        assert box.poll(port=server.port, **MOVE).unsupported == ["events/INBOX"]
        assert not {"COPY", "EXPUNGE", "STORE"} & set(server.asked)


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"afterwards": "move"}, "needs move_to"),
        ({"afterwards": "move", "move_to": "INBOX"}, "is one of the folders that are watched"),
    ],
)
def test_what_cannot_work_is_refused(keys: dict[str, Any], words: str) -> None:
    imap = {"host": "127.0.0.1", "security": "none", "username": "u", "password": "p"}
    with pytest.raises(ConfigInvalid, match=words):
        house.settings_of(house.organizer(imap=imap | keys))
