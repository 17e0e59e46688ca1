"""Daemons killed at every step of their work lose nothing and do nothing twice."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

import house
from builders import Party
from house import ALICE, UID, World, facts, invite, plain_reply
from rig.dovecot import Dovecot
from rig.postgres import Postgres
from rig.smtpd import Smtpd
from siege.besieging import Siege, work
from siege.killing import kill

ENOUGH = 10


@pytest.mark.slow
@pytest.mark.timeout(400)
@pytest.mark.parametrize(("kind", "daemons"), [("sqlite", 1), ("postgresql", 3)])
def test_daemons_killed_at_every_step_lose_nothing_and_do_nothing_twice(
    kind: str,
    daemons: int,
    tmp_path: Path,
    dovecot: Dovecot,
    smtpd: Smtpd,
    request: pytest.FixtureRequest,
    capsys: pytest.CaptureFixture[str],
) -> None:
    url = f"sqlite:///{tmp_path}/rsvpd.db"
    if kind == "postgresql":
        postgres: Postgres = request.getfixturevalue("postgres")
        url = postgres.fresh_database()
    siege = Siege(tmp_path, url, dovecot, smtpd, random.Random(20261124))  # noqa: S311  a schedule, no secret
    siege.prepare(organizers=3)
    try:
        with siege.besieged(daemons):
            while siege.killed() < ENOUGH:
                work(siege, seconds=5, replies_per_second=8, invitations=2)
        figures = siege.settled()
    finally:
        siege.end()
    with capsys.disabled():
        print(f"\n{kind}: {figures}")
    assert "mistake in rsvpd" not in siege.said()
    assert "Traceback" not in siege.said()


@pytest.mark.slow
def test_a_replay_that_is_killed_was_done_wholly_or_not_at_all(tmp_path: Path) -> None:
    world = World(tmp_path, house.organizer())
    world.imports(invite(UID, ALICE))
    people = [Party(f"p{n}@example.com", f"P {n}") for n in range(20)]
    world.ingest(*(plain_reply(facts(attendee=one)) for one in (ALICE, *people)))
    before = world.attendance(UID)
    world.file = house.config(tmp_path, house.organizer(), uninvited="add")
    statement, kills = 5, 0
    while kill(["--config", world.file, "replay", "--apply"], statement):
        assert world.attendance(UID) == before
        statement, kills = statement * 3, kills + 1

    assert kills >= 3
    assert len(world.attendance(UID)[0]["attendees"]) == 1 + len(people)
