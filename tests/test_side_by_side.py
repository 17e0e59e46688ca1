"""An answer that is judged while the organizer changes the meeting, on the database that lets both work at once."""

from __future__ import annotations

import threading

from sqlalchemy import event

import house
from changing import UID, Bench
from house import ALICE
from rig.postgres import Postgres
from rsvpd.changes import Manner


def test_a_change_waits_for_the_answer_that_is_being_judged(postgres: Postgres) -> None:
    """Else the answer would be written over the question that the change puts to everybody again."""
    one = Bench(house.app_of(url=postgres.fresh_database()))
    one.create()
    other = Bench(house.app_of(url=one.app.settings.database.url), clock=one.clock)
    moving = threading.Thread(
        target=lambda: other.changes.update(UID, {"start": "2026-12-04T14:00"}, Manner())
    )

    def overtake(*words: object) -> None:
        if "INSERT INTO inbound" in str(words[2]):
            moving.start()
            moving.join(1)  # it cannot end before the answer is recorded

    event.listen(one.app.database.engine, "before_cursor_execute", overtake)
    assert one.answer(ALICE, "ACCEPTED") == "applied"
    moving.join()

    assert one.meeting.sequence == 1
    assert one.partstats()[ALICE.address] == "NEEDS-ACTION"
    for house_ in (one, other):
        house_.app.database.close()
