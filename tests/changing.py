"""An organizer who changes meetings: the real verbs on a real store, and what lies in the outgoing queue."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

from icalendar import Calendar
from sending import Ticking
from sqlmodel import col, select

import house
from builders import Party
from house import ALICE, BOB, Keys
from keeping import users
from rsvpd.app import App
from rsvpd.changes import Changed, Changes, Manner
from rsvpd.itip.model import Meeting
from rsvpd.store import queries, writes
from rsvpd.store.outgoing import Mail
from rsvpd.store.tables import OutgoingRow

UID = "budget@example.org"
CAROL = Party("carol@example.net", "Carol")
NOW = datetime(2026, 11, 24, 9, tzinfo=UTC)
MEETING: Keys = {
    "uid": UID,
    "summary": "Budget",
    "start": "2026-12-03T14:00",
    "end": "2026-12-03T15:00",
    "zone": "Europe/Zurich",
    "location": "Room 7",
    "attendees": [f"{ALICE.name} <{ALICE.address}>", BOB.address],
}
SERIES = MEETING | {"recurrence": "FREQ=WEEKLY;COUNT=5"}


@dataclass
class Bench:
    """A house whose clock is set by hand."""

    app: App
    clock: Ticking = field(default_factory=lambda: Ticking(NOW))

    @property
    def changes(self) -> Changes:
        return replace(self.app.changes, clock=self.clock)

    def create(self, fields: Keys = MEETING, **more: object) -> None:
        replace(self.app.invitations, clock=self.clock).create({**fields, **more})
        self.send()

    def send(self) -> None:
        """As if everything in the queue had gone out; then a minute passes."""
        with self.app.database.begin() as session:
            for row in session.exec(select(OutgoingRow).where(OutgoingRow.status == "pending")):
                row.status, row.sent_at = "sent", self.clock.now()
                session.add(row)
        self.clock.later(minutes=1)

    def update(self, manner: Manner = Manner(), /, **fields: object) -> Changed:  # noqa: B008  frozen
        return self.changes.update(UID, fields, manner)

    def move(self, occurrence: str, **fields: object) -> Changed:
        return self.changes.update(UID, fields, Manner(), occurrence=occurrence)

    def answer(self, who: Party, partstat: str, *lines: str, sequence: int = 0) -> str:
        """What became of an answer that arrives now."""
        facts = house.facts(
            UID, attendee=who, partstat=partstat, sequence=sequence, dtstamp=self.clock.now(), message_id="x"
        )
        self.clock.later(minutes=1)
        intake = replace(self.app.intake, clock=self.clock)
        (ingested,) = intake.ingest([("mail", house.plain_reply(facts, *lines))])
        return ingested.rows[0].outcome

    def partstats(self) -> dict[str, str]:
        with self.app.database.read() as session:
            (view,) = queries.attendance(session, uids=[UID])
        return {one.email: one.partstat for one in view.attendees}

    @property
    def meeting(self) -> Meeting:
        with self.app.database.begin() as session:
            return writes.load_everyone(session, writes.find_meetings(session, [UID], None)[UID]).meeting

    @property
    def waiting(self) -> list[OutgoingRow]:
        with self.app.database.begin() as session:
            query = select(OutgoingRow).where(OutgoingRow.status == "pending")
            return list(session.exec(query.order_by(col(OutgoingRow.id))))

    def everything(self) -> list[str]:
        """Every row of every table."""
        connection = self.app.database.engine.raw_connection()
        try:
            return list(connection.driver_connection.iterdump())  # type: ignore[union-attr]
        finally:
            connection.close()


@contextlib.contextmanager
def bench(folder: Path, settings: Keys | None = None, **organizer: Any) -> Iterator[Bench]:  # noqa: ANN401  whatever a section has
    app = house.app_of(house.organizer(**organizer), url=f"sqlite:///{folder}/rsvpd.db", **(settings or {}))
    try:
        yield Bench(app)
    finally:
        app.database.close()


def by(changed: Changed) -> list[tuple[str, str, int]]:
    """The mails of a change: METHOD, to whom, SEQUENCE."""
    return [(mail.method, mail.recipient, mail.sequence) for mail in changed.mails]


def message(mail: Mail | OutgoingRow) -> EmailMessage:
    found = message_from_bytes(mail.raw, policy=default)
    assert isinstance(found, EmailMessage)
    return found


def text(mail: Mail | OutgoingRow, subtype: str = "plain") -> str:
    body = message(mail).get_body((subtype,))
    assert body is not None
    return " ".join(str(body.get_content()).split())


def calendar(mail: Mail | OutgoingRow) -> Any:  # noqa: ANN401  what its values are is for each test to say
    """The calendar of a mail, which is there twice alike and without an error."""
    parts = [p for p in message(mail).walk() if p.get_content_type() in {"text/calendar", "application/ics"}]
    (octets,) = {part.get_payload(decode=True) for part in parts}
    assert isinstance(octets, bytes)
    found = Calendar.from_ical(octets)
    assert isinstance(found, Calendar)
    assert not any(component.errors for component in found.walk())
    return found


def event(mail: Mail | OutgoingRow) -> Any:  # noqa: ANN401
    """The only VEVENT of a mail."""
    (one,) = calendar(mail).events
    return one


def shown(mail: Mail | OutgoingRow) -> dict[str, str]:
    """The PARTSTAT of each ATTENDEE of the first VEVENT."""
    found = users(calendar(mail).events[0], "ATTENDEE")
    return {user.removeprefix("mailto:"): user.params["PARTSTAT"] for user in found}


def stamped(mail: Mail | OutgoingRow) -> timedelta:
    """How long after NOW it was stamped."""
    stamped: datetime = event(mail)["DTSTAMP"].dt
    return stamped - NOW
