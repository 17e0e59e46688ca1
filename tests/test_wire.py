"""Wires to the mail servers that are cut, stall and lie: nothing is lost, nothing recorded or sent otherwise."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from rig.dovecot import Dovecot
from rig.proxy import CORRUPT, CUT, DELAY, RESET, STALL, TRUNCATE, Proxy
from rig.smtpd import Smtpd
from siege.besieging import Siege, work

SEED = 20261124
SECONDS = 40
FAULTS = (DELAY, CUT, RESET, TRUNCATE, STALL)


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_faults_between_the_parts_lose_nothing_and_change_nothing(
    tmp_path: Path, dovecot: Dovecot, smtpd: Smtpd, capsys: pytest.CaptureFixture[str]
) -> None:
    chance = random.Random(SEED)  # noqa: S311  a schedule, no secret
    siege = Siege(tmp_path, f"sqlite:///{tmp_path}/rsvpd.db", dovecot, smtpd, chance)
    with (
        Proxy(dovecot.imaps_port, SEED, (*FAULTS, CORRUPT), bytes_before=10_000) as imap,
        Proxy(smtpd.port, SEED, FAULTS, bytes_before=4_000) as smtp,
    ):
        siege.imap = {
            "host": "localhost",
            "port": imap.port,
            "security": "tls",
            "ca_file": str(dovecot.ca_file),
        }
        siege.smtp = {"port": smtp.port}
        siege.prepare(organizers=3, timeout="3s")
        try:
            siege.start(daemons=1)
            work(siege, seconds=SECONDS, replies_per_second=5, invitations=12)
            imap.evil = smtp.evil = False
            figures = siege.settled(240)
        finally:
            siege.end()
    with capsys.disabled():
        print(f"\nIMAP {dict(imap.done)}, SMTP {dict(smtp.done)}: {figures}")
    assert min(imap.done.total(), smtp.done.total()) >= len(FAULTS)
    assert "mistake in rsvpd" not in siege.said()
    assert "Traceback" not in siege.said()
