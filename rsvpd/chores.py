"""What is done for organizers at intervals: one question tells for whom, and those are served side by side.

So a thousand organizers for whom nothing is due cost no more than one, and a server
that hangs holds up its own organizers alone.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial

import structlog

from rsvpd.app import App
from rsvpd.config import OrganizerSettings, WebhookSettings
from rsvpd.delivery import Fate
from rsvpd.lanes import Lanes
from rsvpd.ports import CouldNot, ReceiverUnavailable
from rsvpd.sharing import Member
from rsvpd.store.outgoing import Claimed
from rsvpd.telling import Telling
from rsvpd.turning import Turning, patience

log = structlog.get_logger("rsvpd")


@dataclass(frozen=True, slots=True)
class Guard:
    """Does a job so that its trouble is one line when it begins and one when it ends, and never another job's."""

    telling: Telling
    turning: Turning

    def turn(self, job: str, work: Callable[[], bool | None], timeout: timedelta = timedelta()) -> None:
        """`work` says whether a server was asked: finding nothing due says nothing of it, and None of nothing."""
        try:
            with self.turning.turn(job, patience(timeout)):
                tried = work()
        except CouldNot as error:
            self.telling.troubles.begin(job, error)
        except Exception as error:  # noqa: BLE001  the next turn tries again
            self.telling.troubles.mistake(job, error)
        else:
            if tried:
                self.telling.troubles.end(job)
            elif tried is not None:
                self.telling.troubles.nothing_to_do(job)


@dataclass(frozen=True, slots=True)
class Chore:
    """Something done for organizers: who has it due, what it is, and which server it waits for.

    `alone`: one daemon of all does it for an organizer, the one that has them in hand.
    """

    verb: str
    due: Callable[[Sequence[OrganizerSettings]], list[OrganizerSettings]]
    work: Callable[[OrganizerSettings], bool]
    server: Callable[[OrganizerSettings], Hashable] = lambda _: "database"
    alone: bool = False


@dataclass(slots=True)
class Chores:
    """Everything that is done for organizers and webhooks at intervals, under the settings of `app`."""

    app: App
    member: Member
    guard: Guard
    stopping: threading.Event
    lanes: Lanes = field(default_factory=Lanes)
    _in_hand: set[str] = field(default_factory=set)

    def look(self, chore: Chore) -> None:
        """Has everybody served for whom something is due; who is being served is not served twice at once."""
        organizers, troubles = self.app.settings.organizer, self.guard.telling.troubles
        due = {one.name for one in chore.due(organizers)}
        for organizer in organizers:
            job = f"{chore.verb} {organizer.name}"
            if organizer.name not in due:
                troubles.nothing_to_do(job)
            elif not chore.alone or self.member.has(organizer.name):
                work = (
                    partial(self._alone, chore, organizer) if chore.alone else partial(chore.work, organizer)
                )
                self._begin(job, chore.server(organizer), work, _timeout(organizer))
        troubles.over(chore.verb)

    def tell(self) -> None:
        """Has every webhook told of what changed, each in a lane of its own, so that none waits for another."""
        troubles = self.guard.telling.troubles
        due = self.app.webhooks.due()
        for webhook in self.app.settings.webhook:
            job = f"webhook {webhook.name}"
            if webhook not in due:
                troubles.nothing_to_do(job)
            else:
                self._begin(job, job, partial(self._told, webhook, job), webhook.timeout)
        troubles.over("webhook")

    def _begin(self, job: str, server: Hashable, work: Callable[[], bool | None], timeout: timedelta) -> None:
        if job not in self._in_hand:
            self._in_hand.add(job)
            troubled = self.guard.telling.troubles.has(job)
            self.lanes.put(server, partial(self._do, job, work, timeout), troubled=troubled)

    def _do(self, job: str, work: Callable[[], bool | None], timeout: timedelta) -> None:
        try:
            self.guard.turn(job, work, timeout)
        finally:
            self._in_hand.discard(job)

    def _told(self, webhook: WebhookSettings, job: str) -> bool:
        """Whether the receiver was asked at all."""
        telling = self.guard.telling
        try:
            told = self.app.webhooks.tell(webhook, self.member, partial(self.keep_on, job))
        except ReceiverUnavailable:
            telling.metrics.event("later")
            raise
        telling.told(webhook.name, told)
        return bool(told.events or told.missed)

    def _alone(self, chore: Chore, organizer: OrganizerSettings) -> bool | None:
        with self.member.working_on(organizer.name) as mine:
            return chore.work(organizer) if mine else None

    # What there is to do

    def deliver(self) -> Chore:
        """Mails that are due go to the SMTP server."""
        due = self.app.delivery(self.member).due
        return Chore("deliver", due, self._deliver, lambda one: one.smtp and (one.smtp.host, one.smtp.port))

    def file(self) -> Chore:
        """A copy of what was sent goes into the organizer's mailbox."""

        def server(organizer: OrganizerSettings) -> Hashable:
            return organizer.imap and (organizer.imap.host, organizer.imap.port)

        return Chore("file", self.app.filing.due, self._file, server, alone=True)

    def keep_calendars(self) -> Chore:
        """What changed goes into the organizer's own calendar."""

        def server(organizer: OrganizerSettings) -> Hashable:
            return organizer.caldav and organizer.caldav.url

        return Chore("calendar", self.app.calendars.due, self._keep_calendar, server, alone=True)

    def remind(self) -> Chore:
        """Who is to be reminded gets a mail."""
        return Chore("remind", self.app.reminders.due, self._remind)

    def report(self) -> Chore:
        """Reports whose time has come are mailed."""
        return Chore("report", self.app.reports.due, self._report)

    def _deliver(self, organizer: OrganizerSettings) -> bool:
        """Whether the server was asked at all."""
        delivery = self.app.delivery(self.member, self._mailed)
        delivered = delivery.drain(organizer, partial(self.keep_on, f"deliver {organizer.name}"))
        return bool(delivered.sent or delivered.later or delivered.failed)

    def _mailed(self, mail: Claimed, fate: Fate) -> None:
        self.guard.turning.again(f"deliver {mail.organizer}")
        self.guard.telling.mailed(mail, fate)

    def _file(self, organizer: OrganizerSettings) -> bool:
        copies = self.app.filing.file(organizer)
        if copies:
            log.info("filed", organizer=organizer.name, copies=copies)
        return bool(copies)

    def _keep_calendar(self, organizer: OrganizerSettings) -> bool:
        put = self.app.calendars.update(organizer, partial(self.keep_on, f"calendar {organizer.name}"))
        if put:
            log.info("calendar kept", organizer=organizer.name, meetings=put)
        return bool(put)

    def _remind(self, organizer: OrganizerSettings) -> bool:
        mails = self.app.reminders.remind(organizer, partial(self.keep_on, f"remind {organizer.name}"))
        if mails:
            log.info("reminded", organizer=organizer.name, mails=mails)
        return True

    def _report(self, organizer: OrganizerSettings) -> bool:
        reports = self.app.reports.send_due(organizer)
        if reports:
            log.info("reported", organizer=organizer.name, reports=reports)
        return True

    def keep_on(self, job: str) -> bool:
        """A sign of that job; whether it is to go on."""
        self.guard.turning.again(job)
        return not self.stopping.is_set()


def _timeout(organizer: OrganizerSettings) -> timedelta:
    """How long a job of this organizer waits for a server at most."""
    servers = (organizer.imap, organizer.smtp, organizer.caldav)
    return max((server.timeout for server in servers if server is not None), default=timedelta())
