"""The work of `rsvpd run`: every mailbox watched and every queue drained, under the settings of the moment."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial

import structlog
from apscheduler.schedulers.background import BackgroundScheduler

from rsvpd import housekeeping, sharing
from rsvpd.app import App
from rsvpd.config import OrganizerSettings
from rsvpd.delivery import Fate
from rsvpd.ports import CouldNot
from rsvpd.seeing import WRITING
from rsvpd.sharing import Member
from rsvpd.store import health
from rsvpd.store.outgoing import Claimed
from rsvpd.telling import Telling
from rsvpd.turning import Turning, patience
from rsvpd.watching import Watch

DELIVERY_INTERVAL = timedelta(seconds=2)
"""How often the outgoing queue is looked at; other processes put mails into it."""
_BEAT, _LONGEST_SILENCE = timedelta(seconds=5), timedelta(minutes=1)
"""How often the scheduler shows that it turns, and how it goes; after what silence it is taken for stuck."""

_VACUUM = timedelta(minutes=30)
"""A tenth of what a large database may take to give its space back, without a sign meanwhile."""
REMINDER_INTERVAL = timedelta(minutes=1)
"""How often the rules of reminders and the schedules of reports are looked at."""

log = structlog.get_logger("rsvpd")


@dataclass(slots=True)
class Daemon:
    """The mailboxes watched, the jobs, what is told of them, and whether to stop.

    `noted` is called after each time that how it goes was written down.
    """

    app: App
    telling: Telling = field(default_factory=Telling)
    turning: Turning = field(default_factory=Turning)
    noted: Callable[[], None] = lambda: None
    stopping: threading.Event = field(default_factory=threading.Event)

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """Works until the end of the block; the batch in hand is finished first.

        Raises `StoreUnavailable` where the database is away, or takes only one daemon and has one.
        """
        wanted = [organizer.name for organizer in self.app.settings.organizer]
        with sharing.member(self.app.database, wanted, daemon=True) as member:
            watch, scheduler = Watch(self.app, member, self.telling, self.turning), self._scheduler(member)
            watch.start()
            scheduler.start()
            try:
                yield
            finally:
                self.stopping.set()
                scheduler.pause()
                watch.stop()
                self.turning.ended("scheduler")  # it only waits now for what is in hand
                scheduler.shutdown(wait=True)
                self._write_down_at_last()

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
            executors={"default": {"type": "threadpool", "max_workers": len(jobs) + 3}},
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
        )
        for name, work, organizer, every in jobs:
            timeout = _timeout(organizer)
            _every(every, scheduler, name, partial(self._guarded, name, partial(work, organizer), timeout))
        _every(_BEAT, scheduler, "beat", partial(self.turning.beat, "scheduler", _LONGEST_SILENCE))
        _every(_BEAT, scheduler, WRITING, partial(self._guarded, WRITING, self._write_down))
        tidy = partial(self._guarded, "housekeeping", self._keep_house, _VACUUM)
        _every(housekeeping.EVERY, scheduler, "housekeeping", tidy)
        return scheduler

    def _guarded(self, name: str, work: Callable[[], bool | None], timeout: timedelta = timedelta()) -> None:
        """One job's trouble is one line when it begins and one when it ends, and never another job's.

        `work` says whether a server was asked: finding nothing due says nothing of it, and None of nothing.
        """
        try:
            with self.turning.turn(name, patience(timeout)):
                tried = work()
        except CouldNot as error:
            self.telling.troubles.begin(name, error)
        except Exception as error:  # noqa: BLE001  the next tick tries again
            self.telling.troubles.mistake(name, error)
        else:
            if tried:
                self.telling.troubles.end(name)
            elif tried is not None:
                self.telling.troubles.nothing_to_do(name)

    def _write_down(self) -> bool:
        """For whoever asks how it goes, in whatever process."""
        said = self.telling.troubles.changed()
        try:
            with self.app.database.begin() as session:
                health.note(session, said)
        except CouldNot:
            self.telling.troubles.again(said)
            raise
        self.noted()
        return True

    def _write_down_at_last(self) -> None:
        with suppress(CouldNot):  # the work is done; only the news of it is late
            self._write_down()

    def _deliver(self, member: Member, organizer: OrganizerSettings) -> bool:
        """Whether the server was asked at all: finding nothing due says nothing of it."""
        keep_on = partial(self._keep_on, f"deliver {organizer.name}")
        delivered = self.app.delivery(member, self._mailed).drain(organizer, keep_on)
        return bool(delivered.sent or delivered.later or delivered.failed)

    def _mailed(self, mail: Claimed, fate: Fate) -> None:
        self.turning.again(f"deliver {mail.organizer}")
        self.telling.mailed(mail, fate)

    def _file(self, organizer: OrganizerSettings) -> bool:
        copies = self.app.filing.file(organizer)
        if copies:
            log.info("filed", organizer=organizer.name, copies=copies)
        return bool(copies)

    def _remind(self, organizer: OrganizerSettings) -> bool:
        mails = self.app.reminders.remind(
            organizer, keep_on=partial(self._keep_on, f"remind {organizer.name}")
        )
        if mails:
            log.info("reminded", organizer=organizer.name, mails=mails)
        return True

    def _report(self, organizer: OrganizerSettings) -> bool:
        reports = self.app.reports.send_due(organizer)
        if reports:
            log.info("reported", organizer=organizer.name, reports=reports)
        return True

    def _keep_calendar(self, organizer: OrganizerSettings) -> bool:
        put = self.app.calendars.update(
            organizer, keep_on=partial(self._keep_on, f"calendar {organizer.name}")
        )
        if put:
            log.info("calendar kept", organizer=organizer.name, meetings=put)
        return bool(put)

    def _keep_house(self) -> bool:
        kept = self.app.housekeeping.tidy(keep_on=partial(self._keep_on, "housekeeping"))
        if kept.anything:
            log.info(
                "kept house",
                replies=kept.replies,
                mails=kept.mails,
                meetings=kept.meetings,
                changes=kept.changes,
                freed_bytes=kept.freed,
            )
        return True

    def _keep_on(self, name: str) -> bool:
        self.turning.again(name)
        return not self.stopping.is_set()


def _one_at_a_time(
    member: Member, work: Callable[[OrganizerSettings], bool]
) -> Callable[[OrganizerSettings], bool | None]:
    """Work that one daemon of all does for an organizer: this one, if it has that in hand; else None."""

    def shared(organizer: OrganizerSettings) -> bool | None:
        with member.working_on(organizer.name) as mine:
            return work(organizer) if mine else None

    return shared


def _keeps_sent(organizer: OrganizerSettings) -> bool:
    """Whether there is something to file, and where."""
    return organizer.smtp is not None and organizer.imap is not None and organizer.imap.save_sent


def _timeout(organizer: OrganizerSettings) -> timedelta:
    """How long a job of this organizer waits for a server at most."""
    servers = (organizer.imap, organizer.smtp, organizer.caldav)
    return max((server.timeout for server in servers if server is not None), default=timedelta())


def _every(interval: timedelta, scheduler: BackgroundScheduler, name: str, work: Callable[[], None]) -> None:
    scheduler.add_job(
        work, "interval", seconds=interval.total_seconds(), next_run_time=datetime.now(UTC), name=name
    )
