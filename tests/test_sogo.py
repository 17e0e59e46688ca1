"""An attendee whose groupware is a real SOGo: it shows what rsvpd sends, and what it answers is recorded."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from icalendar import Calendar, Event
from sending import Ticking

import house
from house import UID, Keys
from rig.dovecot import Dovecot
from rig.postfix import Postfix
from rig.sogo import Sogo, SogoUser
from rsvpd import sharing
from rsvpd.app import App
from rsvpd.changes import Manner
from rsvpd.store.queries import AttendeeView, LedgerView

pytestmark = pytest.mark.slow

ANSWERS = {"accept", "decline", "tentative"}
STARTED = datetime.now(UTC).replace(microsecond=0)
INVITED = STARTED - timedelta(hours=1)
START = (STARTED + timedelta(days=40)).replace(hour=14, minute=0, second=0, tzinfo=ZoneInfo("Europe/Zurich"))


@dataclass
class Office:
    """An organizer, Alice at her SOGo, and the mail between them."""

    app: App
    dovecot: Dovecot
    host: str
    alice: SogoUser
    replies: int = 0

    def invite(self, **fields: object) -> int:
        """Invite Alice, an hour ago by our clock; the number of the mail in her INBOX."""
        plain: Keys = {"uid": UID, "summary": "Büdget review", "attendees": [self.alice.address]}
        when = {"start": f"{START:%Y-%m-%dT%H:%M}", "duration": "1h", "zone": "Europe/Zurich"}
        replace(self.app.invitations, clock=Ticking(INVITED)).create(plain | when | fields)
        return self.send()

    def send(self) -> int:
        before = len(self.dovecot.messages(self.alice.address))
        with sharing.member(self.app.database) as worker:
            assert self.app.delivery(worker).drain(self.app.settings.organizer[0]).sent == 1
        house.eventually(lambda: len(self.dovecot.messages(self.alice.address)) > before)
        return before + 1

    def read(self) -> LedgerView:
        """What is recorded of the reply that comes next."""
        house.eventually(lambda: len(self.dovecot.messages(self.host)) > self.replies)
        self.replies += 1
        (organizer,) = self.app.settings.organizer
        with self.app.mailbox(organizer) as mailbox:
            (row,) = self.app.intake.poll_folders(mailbox, organizer.name, ["INBOX"]).rows
        return row

    @property
    def shown(self) -> AttendeeView:
        return house.attendee(self.app.database, self.alice.address)

    @property
    def last_reply(self) -> Event:
        parts = message_from_bytes(self.dovecot.messages(self.host)[-1]).walk()
        (ics,) = [p.get_payload(decode=True) for p in parts if p.get_content_type() == "text/calendar"]
        return event(ics)

    @property
    def kept(self) -> Event:
        """What Alice has in her calendar."""
        (ics,) = self.alice.calendar().values()
        return event(ics)


def event(ics: object) -> Event:
    assert isinstance(ics, str | bytes)
    (found,) = Calendar.from_ical(ics).walk("VEVENT")
    assert isinstance(found, Event)
    return found


@contextmanager
def opened(
    sogo: Sogo, dovecot: Dovecot, postfix: Postfix, host: str, folder: Path, **settings: object
) -> Iterator[Office]:
    organizer = house.organizer(
        address=host, imap=house.imap(dovecot, host), smtp=house.smtp(postfix.smtp_port)
    )
    app = house.app_of(organizer, url=f"sqlite:///{folder}/rsvpd.db", **settings)
    try:
        yield Office(app, dovecot, host, sogo.user())
    finally:
        app.database.close()


@pytest.fixture
def office(
    sogo: Sogo, dovecot: Dovecot, postfix: Postfix, mailbox_user: str, tmp_path: Path
) -> Iterator[Office]:
    with opened(sogo, dovecot, postfix, mailbox_user, tmp_path) as made:
        yield made


def test_it_offers_the_answers_and_the_one_given_is_recorded(office: Office) -> None:
    mail = office.invite(location="Room 5, first floor")
    assert office.alice.buttons(mail) >= ANSWERS
    office.alice.press(mail, "accept")

    row = office.read()
    assert (row.outcome, row.partstat, row.matched_by) == ("applied", "ACCEPTED", "from")
    assert office.shown.partstat == "ACCEPTED"
    kept = office.kept
    assert (kept["UID"], kept["SUMMARY"], kept["LOCATION"]) == (UID, "Büdget review", "Room 5, first floor")
    assert kept.decoded("DTSTART") == START


def test_a_changed_mind_counts_though_its_dtstamp_is_that_of_the_invitation(office: Office) -> None:
    office.alice.press(office.invite(), "accept")
    office.read()
    accepted = office.last_reply
    office.alice.answer("DECLINED")

    assert office.read().outcome == "applied"
    declined = office.last_reply
    assert [(it["SEQUENCE"], it.decoded("DTSTAMP")) for it in (accepted, declined)] == [(0, INVITED)] * 2
    shown = office.shown
    assert shown.partstat == "DECLINED"
    assert shown.answered_at is not None
    assert shown.answered_at >= STARTED

    office.alice.answer("ACCEPTED")
    office.read()
    assert office.shown.partstat == "ACCEPTED"


def test_after_another_time_only_the_answer_to_that_counts(office: Office) -> None:
    office.alice.press(office.invite(), "accept")
    office.read()
    later = START + timedelta(hours=2)
    office.app.changes.update(UID, {"start": f"{later:%Y-%m-%dT%H:%M}"}, Manner())
    mail = office.send()
    assert office.shown.partstat == "NEEDS-ACTION"

    office.alice.answer("DECLINED")  # in the calendar, which knows nothing yet of the mail
    assert office.read().outcome == "outdated"
    assert office.shown.partstat == "NEEDS-ACTION"

    assert office.alice.buttons(mail) >= ANSWERS
    office.alice.press(mail, "tentative")
    row = office.read()
    assert (row.outcome, row.sequence) == ("applied", 1)
    assert office.shown.partstat == "TENTATIVE"
    assert office.kept.decoded("DTSTART") == later


def test_a_cancelled_meeting_leaves_the_calendar_and_is_not_brought_back(office: Office) -> None:
    office.alice.press(office.invite(), "accept")
    office.read()
    office.app.changes.cancel(UID, Manner())
    mail = office.send()

    office.alice.answer("TENTATIVE")
    assert office.read().outcome == "cancelled"
    assert office.alice.buttons(mail) == {"deleteFromCalendar"}
    office.alice.press(mail, "deleteFromCalendar")
    assert office.alice.calendar() == {}


def test_one_occurrence_can_be_answered_apart(office: Office) -> None:
    office.alice.press(office.invite(recurrence="FREQ=WEEKLY;COUNT=4"), "accept")
    office.read()
    second = START + timedelta(weeks=1)
    office.alice.answer("DECLINED", occurrence=second)

    assert office.read().outcome == "applied"
    assert office.shown.partstat == "ACCEPTED"
    (one,) = office.shown.occurrences
    assert (one.partstat, one.occurrence) == ("DECLINED", second.astimezone(UTC).isoformat())


def test_a_reply_is_matched_by_its_token(
    sogo: Sogo, dovecot: Dovecot, postfix: Postfix, mailbox_user: str, tmp_path: Path
) -> None:
    secret = tmp_path / "secret"
    secret.write_text("0123456789abcdef0123456789abcdef")
    keys = {"reply_tokens": True, "token_secret_file": str(secret)}
    with opened(sogo, dovecot, postfix, mailbox_user, tmp_path, **keys) as office:
        office.alice.press(office.invite(), "accept")

        assert office.read().matched_by == "token"
        assert office.shown.partstat == "ACCEPTED"
