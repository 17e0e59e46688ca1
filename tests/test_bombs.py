"""Input made to cost much costs little: the kernel ends the process that takes more (see `bombs`)."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import bombs
import pytest

import house
from rsvpd.itip.ics.reading import Limits
from rsvpd.itip.reading import read_mail


@pytest.mark.slow
@pytest.mark.parametrize("name", bombs.BOMBS)
def test_a_bomb_takes_bounded_time_and_memory(name: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "bombs", name],
        env=house.environment(PYTHONPATH=str(Path(__file__).parent)),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{done.returncode}: {done.stderr[-1000:]}"


def test_a_mail_of_100_mb_is_one_line(tmp_path: Path) -> None:
    file = tmp_path / "large.eml"
    file.write_bytes(b"From: alice@example.com\r\n\r\n" + b"x" * (100 * bombs.MEGABYTE))
    config = house.config(tmp_path, house.organizer(), database=f"sqlite:///{tmp_path}/rsvpd.db")

    done = house.run("--config", config, "explain", file)

    assert done.err == ""
    assert "the mail is larger than the limit of 26214400 bytes" in done.out


def test_of_a_mail_past_the_limit_only_the_header_is_read() -> None:
    raw = b"From: alice@example.com\r\nSubject: Film\r\n\r\n" + b"x" * 1_000
    found = read_mail(raw, Limits(message_bytes=len(raw) - 1))
    assert [item.problem for item in found.items] == ["the mail is larger than the limit of 1041 bytes"]
    assert (found.envelope.from_address, found.envelope.subject) == ("alice@example.com", "Film")
    assert read_mail(raw, Limits(message_bytes=len(raw))).items == ()
