"""A house whose organizer has a calendar on a real Radicale."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from icalendar import Calendar, Event, vCalAddress

import house
from house import ALICE, BOB, NOW, UID, Keys, facts, invite, plain_reply
from rig.radicale import PASSWORD, Radicale
from rsvpd.app import App
from rsvpd.config import OrganizerSettings
from rsvpd.taken_over import read


@dataclass
class Kept:
    """A house whose organizer has a calendar, and the calendar."""

    app: App
    server: Radicale
    user: str

    @property
    def organizer(self) -> OrganizerSettings:
        return self.app.settings.organizer[0]

    def update(self) -> int:
        return self.app.calendars.update(self.organizer)

    def invite(self, **changes: str | None) -> None:
        self.app.invitations.create({}, read(invite(UID, ALICE, BOB, **changes)))

    def answer(self, partstat: str, *lines: str, hours: int = 1) -> None:
        mail = plain_reply(facts(partstat=partstat, dtstamp=NOW - timedelta(hours=hours)), *lines)
        (ingested,) = self.app.intake.ingest([("mail", mail)])
        assert [row.outcome for row in ingested.rows] == ["applied"]

    def events(self) -> list[Event]:
        """The VEVENTs of the one object in the calendar, as icalendar reads them, without complaints."""
        (octets,) = self.server.objects(self.user)
        calendar = Calendar.from_ical(octets)
        assert isinstance(calendar, Calendar)
        assert not calendar.errors
        assert "METHOD" not in calendar
        return [event for event in calendar.walk("VEVENT") if isinstance(event, Event)]


def caldav(server: Radicale, user: str, **keys: object) -> Keys:
    """The keys of [organizer.caldav]."""
    plain = {"url": server.url, "username": user, "password": PASSWORD, "timeout": "10s"}
    return plain | keys


@contextmanager
def keeping(server: Radicale, folder: Path, *calendars: str, **keys: object) -> Iterator[Kept]:
    user = server.user(*calendars or ("Events",))
    organizer = house.organizer(caldav=caldav(server, user, **keys))
    app = house.app_of(organizer, url=f"sqlite:///{folder}/rsvpd.db")
    yield Kept(app, server, user)
    app.database.close()


def users(event: Event, name: str) -> list[vCalAddress]:
    found = event[name]
    return [user for user in (found if isinstance(found, list) else [found]) if isinstance(user, vCalAddress)]


def partstats(event: Event) -> dict[str, str]:
    return {user.removeprefix("mailto:"): user.params["PARTSTAT"] for user in users(event, "ATTENDEE")}
