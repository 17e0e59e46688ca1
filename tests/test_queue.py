"""The outgoing queue, on SQLite and on PostgreSQL: nobody sends what somebody else is sending."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlmodel import select

import house
from builders import Party
from house import ALICE, NOW, UID
from rig.postgres import Postgres
from rsvpd.itip.ics.meetings import read_meetings
from rsvpd.itip.model import Meeting
from rsvpd.store import members, outgoing, queries, writes
from rsvpd.store.database import Database
from rsvpd.store.outgoing import Claimed, Mail
from rsvpd.store.tables import OutgoingRow

MEMBERS = ("one", "two", "three", "four")


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    url = f"sqlite:///{tmp_path}/store.db"
    if request.param == "postgresql":
        postgres: Postgres = request.getfixturevalue("postgres")
        url = postgres.fresh_database()
    found = Database(url)
    found.migrate()
    join(found)
    yield found
    found.close()


def join(database: Database) -> None:
    with database.begin() as session:
        for name in MEMBERS:
            members.join(session, name, f"process {name}", daemon=False)


def enqueue(database: Database, count: int = 1, organizer: str = "events") -> None:
    """Mails, the first for Alice, each for somebody else."""
    people = [ALICE, *(Party(f"p{number}@example.com", f"P {number}") for number in range(1, count))]
    imported = read_meetings(house.invite(house.UID, *people))
    assert isinstance(imported, tuple)
    meeting: Meeting = imported[0].meeting
    with database.begin() as session:
        stored = writes.add_meeting(session, meeting, organizer, sends=True, now=NOW, known_at=NOW)
        mails = [
            Mail(
                organizer=organizer,
                meeting_id=stored.id,
                attendee_id=stored.numbers[one.address],
                recipient=one.address,
                message_id=f"<{number}@{organizer}>",
                method="REQUEST",
                sequence=0,
                raw=b"\x00\xff raw %d" % number,
            )
            for number, one in enumerate(people)
        ]
        outgoing.enqueue(session, mails, NOW)


def claim(
    database: Database,
    now: datetime = NOW,
    limit: int = 50,
    organizer: str = "events",
    member: str = "one",
) -> list[Claimed]:
    with database.begin() as session:
        return outgoing.claim(session, organizer, now, member=member, limit=limit)


def rows(database: Database) -> list[OutgoingRow]:
    with database.begin() as session:
        return list(session.exec(select(OutgoingRow)))


def shown(database: Database) -> tuple[str | None, str | None]:
    with database.read() as session:
        (view,) = queries.attendance(session, uids=[UID])
    return view.attendees[0].delivery, view.attendees[0].delivery_words


def test_a_mail_is_due_at_once_and_its_bytes_are_kept(database: Database) -> None:
    enqueue(database)

    (mail,) = claim(database)
    assert (mail.recipient, mail.raw, mail.attempts) == (ALICE.address, b"\x00\xff raw 0", 0)
    assert mail.created_at == NOW
    assert shown(database) == ("pending", None)


def test_what_is_claimed_is_nobody_elses_while_its_process_is_a_member(database: Database) -> None:
    enqueue(database)
    (first,) = claim(database)

    assert claim(database, NOW + timedelta(days=1), member="two") == []
    with database.begin() as session:
        members.leave(session, "one")
    (again,) = claim(database, member="two")
    assert (again.id, again.raw) == (first.id, first.raw)


def test_an_organizer_claims_only_their_own(database: Database) -> None:
    enqueue(database, organizer="events")
    enqueue(database, organizer="sales")

    assert [mail.organizer for mail in claim(database, organizer="sales")] == ["sales"]


def test_many_at_once_never_claim_the_same_mail(database: Database) -> None:
    enqueue(database, 60)
    claimed: list[int] = []
    begin = threading.Barrier(4)

    def work(name: str) -> None:
        begin.wait()
        while batch := claim(database, limit=3, member=name):
            claimed.extend(mail.id for mail in batch)
            with database.begin() as session:
                for mail in batch:
                    outgoing.mark_sent(session, mail, NOW)

    threads = [threading.Thread(target=work, args=(name,)) for name in MEMBERS]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(claimed) == 60
    assert len(set(claimed)) == 60


def test_a_claim_that_is_not_committed_yet_keeps_others_away(postgres: Postgres) -> None:
    database = Database(postgres.fresh_database())
    database.migrate()
    join(database)
    enqueue(database, 2)

    with database.begin() as one, database.begin() as other:
        first = outgoing.claim(one, "events", NOW, member="one", limit=1)
        second = outgoing.claim(other, "events", NOW, member="two", limit=5)
    assert [mail.message_id for mail in first + second] == ["<0@events>", "<1@events>"]
    database.close()


def test_a_claim_in_a_block_that_raises_is_no_claim(database: Database) -> None:
    enqueue(database)
    with pytest.raises(ZeroDivisionError), database.begin() as session:
        outgoing.claim(session, "events", NOW, member="one", limit=1)
        raise ZeroDivisionError

    assert len(claim(database)) == 1


def test_what_was_sent_is_never_due_again(database: Database) -> None:
    enqueue(database)
    (mail,) = claim(database)
    with database.begin() as session:
        outgoing.mark_sent(session, mail, NOW)

    assert claim(database, NOW + timedelta(days=9)) == []
    (row,) = rows(database)
    assert (row.status, row.sent_at, row.attempts) == ("sent", NOW, 1)
    assert shown(database) == ("sent", None)


def test_what_is_put_off_is_due_then_and_not_before(database: Database) -> None:
    enqueue(database)
    (mail,) = claim(database)
    with database.begin() as session:
        outgoing.mark_later(session, mail, NOW + timedelta(minutes=2), "451 later", NOW)

    assert claim(database, NOW + timedelta(minutes=1)) == []
    assert shown(database) == ("delayed", "451 later")
    (again,) = claim(database, NOW + timedelta(minutes=2))
    assert (again.attempts, again.raw) == (1, mail.raw)


def test_what_failed_says_why_and_is_not_tried_again(database: Database) -> None:
    enqueue(database)
    (mail,) = claim(database)
    with database.begin() as session:
        outgoing.mark_failed(session, mail, "550 5.1.1 nobody here")

    assert claim(database, NOW + timedelta(days=9)) == []
    assert shown(database) == ("failed", "550 5.1.1 nobody here")
    with database.read() as session:
        assert queries.outgoing_counts(session) == {"failed": 1}


def test_what_was_not_tried_is_given_back(database: Database) -> None:
    enqueue(database, 3)
    mails = claim(database)
    with database.begin() as session:
        outgoing.release(session, mails[1:], NOW)

    assert [mail.id for mail in claim(database, member="two")] == [mail.id for mail in mails[1:]]
    assert {row.attempts for row in rows(database)} == {0}
