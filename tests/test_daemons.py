"""Several daemons on one PostgreSQL, killed at random while they work."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from rig.dovecot import Dovecot
from rig.postgres import Postgres
from rig.smtpd import Smtpd
from siege import Siege, work


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_three_daemons_killed_at_random_lose_nothing_and_do_nothing_twice(
    tmp_path: Path, dovecot: Dovecot, postgres: Postgres, smtpd: Smtpd, capsys: pytest.CaptureFixture[str]
) -> None:
    chance = random.Random(20261124)  # noqa: S311  a schedule, no secret
    siege = Siege(tmp_path, postgres.fresh_database(), dovecot, smtpd, chance)
    siege.prepare(organizers=3)
    try:
        with siege.besieged(daemons=3):
            work(siege, seconds=60, replies_per_second=8, invitations=10)
        figures = siege.settled()
    finally:
        siege.end()
    with capsys.disabled():
        print(f"\nthree daemons on one database: {figures}")
    assert figures.kills >= 10
    assert "mistake in rsvpd" not in siege.said()
    assert "Traceback" not in siege.said()
