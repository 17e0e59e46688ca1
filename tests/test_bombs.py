"""Input made to cost much costs little: the kernel ends the process that takes more (see `bombs`)."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import bombs
import pytest

import house


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
