"""What the README says of each threat is shown by tests; and those that belong nowhere else."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

import house
from builders import Party
from house import ALICE, EVENTS, UID, World, facts, invite, plain_reply
from manual import ROOT, names, section
from rig.dovecot import DOMAIN, Dovecot


def test_every_threat_names_what_shows_its_answer() -> None:
    (threats,) = section("Security").tables
    shown = [file for *_, cell in threats for file in names(cell)]

    assert len(threats) >= 15
    assert [file for file in shown if not (ROOT / file).is_file()] == []


def test_nothing_that_a_mail_names_is_fetched(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("a word that is nowhere else")
    world = World(tmp_path, house.organizer())
    world.imports(invite(UID, ALICE))
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.setblocking(False)
        url = f"http://127.0.0.1:{listening.getsockname()[1]}/x"
        named = [f"ATTACH:{url}", f"ATTACH:file://{secret}", f"URL:{url}", f"ALTREP:{url}", f"X-PHOTO:{url}"]
        mail = plain_reply(facts(), *named)
        assert world.ingest(mail)[0]["outcome"] == "applied"
        assert world.run("explain", world.write("again.eml", mail)).code == 0

        with pytest.raises(BlockingIOError):
            listening.accept()
    kept = b"".join(file.read_bytes() for file in tmp_path.glob("rsvpd.db*"))
    assert secret.read_bytes() not in kept


def test_a_folder_that_is_a_command_is_only_a_folder(dovecot: Dovecot, tmp_path: Path) -> None:
    organizer = Party(f"commanding@{DOMAIN}", EVENTS.name)
    with dovecot.login(organizer.address) as client:
        client.create_folder("Kept")
    asked = house.imap(dovecot, organizer.address, folders=['" DELETE Kept', "(DELETE Kept)", "{4}"])
    file = house.config(tmp_path, house.organizer("events", organizer.address, imap=asked))

    assert house.run("--config", file, "poll").err.count("Mailbox doesn't exist") == 3
    with dovecot.login(organizer.address) as client:
        assert client.folder_exists("Kept")


def test_a_folder_has_one_line(tmp_path: Path) -> None:
    asked = {"host": "127.0.0.1", "username": "x", "password": "y"}
    file = house.config(tmp_path, house.organizer(imap={**asked, "folders": ["INBOX\r\nA1 DELETE Kept"]}))

    assert "cannot be a folder's name" in house.one_line(house.run("--config", file, "poll"))
