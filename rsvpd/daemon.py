"""`rsvpd run`: every mailbox watched and every queue drained, until a signal says stop."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from types import FrameType
from typing import TypeVar

import structlog
from apscheduler.schedulers.background import BackgroundScheduler

from rsvpd import housekeeping, sharing
from rsvpd.app import App
from rsvpd.config import OrganizerSettings
from rsvpd.ports import CouldNot
from rsvpd.sharing import Member
from rsvpd.troubles import Troubles
from rsvpd.watching import Watch

DELIVERY_INTERVAL = timedelta(seconds=2)
"""How often the outgoing queue is looked at; other processes put mails into it."""

Subject = TypeVar("Subject")
REMINDER_INTERVAL = timedelta(minutes=1)
"""How often the rules of reminders and the schedules of reports are looked at."""

log = structlog.get_logger("rsvpd")


@dataclass(slots=True)
class Daemon:
    """The mailboxes watched, the jobs, what each last complained of, and whether to stop."""

    app: App
    stopping: threading.Event = field(default_factory=threading.Event)
    _troubles: Troubles = field(default_factory=Troubles)

    def run(self) -> None:
        """Works until SIGTERM or SIGINT; the batch in hand is finished first."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        wanted = [organizer.name for organizer in self.app.settings.organizer]
        with sharing.member(self.app.database, wanted, daemon=True) as member:
            watch, scheduler = Watch(self.app, member, self._troubles), self._scheduler(member)
            watch.start()
            scheduler.start()
            log.info("started", organizers=len(wanted))
            self.stopping.wait()
            log.info("stopping")
            watch.stop()
            scheduler.shutdown(wait=True)
        log.info("stopped")

    def _stop(self, _number: int, _frame: FrameType | None) -> None:
        self.stopping.set()

    def _scheduler(self, member: Member) -> BackgroundScheduler:
        alone = partial(_one_at_a_time, member)
        jobs = [
            (f"{verb} {organizer.name}", work, organizer, seconds)
            for organizer in self.app.settings.organizer
            for verb, work, seconds, wanted in (
                ("deliver", partial(self._deliver, member), DELIVERY_INTERVAL, organizer.smtp),
                ("calendar", alone(self._keep_calendar), self.app.settings.poll_interval, organizer.caldav),
                ("remind", self._remind, REMINDER_INTERVAL, organizer.smtp),
                ("report", self._report, REMINDER_INTERVAL, organizer.smtp),
                ("file", alone(self._file), self.app.settings.poll_interval, _keeps_sent(organizer)),
            )
            if wanted
        ]
        # What is due is a query at tick time, never a persisted job; a tick that was missed is made up once.
        scheduler = BackgroundScheduler(
            timezone=UTC,
            executors={"default": {"type": "threadpool", "max_workers": len(jobs) + 1}},
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
        )
        for name, work, organizer, every in jobs:
            scheduler.add_job(
                self._guarded,
                "interval",
                args=(name, work, organizer),
                seconds=every.total_seconds(),
                next_run_time=datetime.now(UTC),
                name=name,
            )
        now, day = datetime.now(UTC), housekeeping.EVERY.total_seconds()
        scheduler.add_job(
            self._guarded,
            "interval",
            args=("housekeeping", self._keep_house, None),
            seconds=day,
            next_run_time=now,
        )
        return scheduler

    def _guarded(self, name: str, work: Callable[[Subject], bool], subject: Subject) -> None:
        """One job's trouble is one line when it begins and one when it ends, and never another job's."""
        try:
            tried = work(subject)
        except CouldNot as error:
            self._troubles.begin(name, error)
        except Exception:
            log.exception("mistake in rsvpd", job=name)
        else:
            if tried:
                self._troubles.end(name)

    def _deliver(self, member: Member, organizer: OrganizerSettings) -> bool:
        """Whether the server was asked at all: finding nothing due says nothing of it."""
        delivered = self.app.delivery(member).drain(organizer, keep_on=self._keep_on)
        if delivered.sent or delivered.later or delivered.failed:
            log.info(
                "delivered",
                organizer=organizer.name,
                sent=delivered.sent,
                later=delivered.later,
                failed=delivered.failed,
            )
        return bool(delivered.sent or delivered.later or delivered.failed)

    def _file(self, organizer: OrganizerSettings) -> bool:
        copies = self.app.filing.file(organizer)
        if copies:
            log.info("filed", organizer=organizer.name, copies=copies)
        return bool(copies)

    def _remind(self, organizer: OrganizerSettings) -> bool:
        mails = self.app.reminders.remind(organizer, keep_on=self._keep_on)
        if mails:
            log.info("reminded", organizer=organizer.name, mails=mails)
        return True

    def _report(self, organizer: OrganizerSettings) -> bool:
        reports = self.app.reports.send_due(organizer)
        if reports:
            log.info("reported", organizer=organizer.name, reports=reports)
        return True

    def _keep_calendar(self, organizer: OrganizerSettings) -> bool:
        put = self.app.calendars.update(organizer, keep_on=self._keep_on)
        if put:
            log.info("calendar kept", organizer=organizer.name, meetings=put)
        return bool(put)

    def _keep_house(self, _: None) -> bool:
        kept = self.app.housekeeping.tidy(keep_on=self._keep_on)
        if kept.anything:
            log.info(
                "kept house",
                replies=kept.replies,
                mails=kept.mails,
                meetings=kept.meetings,
                freed_bytes=kept.freed,
            )
        return True

    def _keep_on(self) -> bool:
        return not self.stopping.is_set()


def _one_at_a_time(
    member: Member, work: Callable[[OrganizerSettings], bool]
) -> Callable[[OrganizerSettings], bool]:
    """Work that one daemon of all does for an organizer: this one, if it has that in hand."""

    def shared(organizer: OrganizerSettings) -> bool:
        with member.working_on(organizer.name) as mine:
            return mine and work(organizer)

    return shared


def _keeps_sent(organizer: OrganizerSettings) -> bool:
    """Whether there is something to file, and where."""
    return organizer.smtp is not None and organizer.imap is not None and organizer.imap.save_sent
