"""The work of `rsvpd run`: every mailbox watched and every queue drained, under the settings of the moment."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial

import structlog
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.base import BaseTrigger

from rsvpd import sharing
from rsvpd.app import App
from rsvpd.chores import Chore, Chores, Guard
from rsvpd.pace import Pace
from rsvpd.ports import CouldNot
from rsvpd.seeing import HOUSEKEEPING, WRITING
from rsvpd.store import health
from rsvpd.telling import Telling
from rsvpd.turning import Turning
from rsvpd.watching import Watch

DELIVERY_INTERVAL = timedelta(seconds=2)
"""How often the outgoing queue is looked at; other processes put mails into it."""
REMINDER_INTERVAL = timedelta(minutes=1)
"""How often the rules of reminders and the schedules of reports are looked at."""
_BEAT, _LONGEST_SILENCE = timedelta(seconds=5), timedelta(minutes=1)
"""How often the scheduler shows that it turns, and how it goes; after what silence it is taken for stuck."""
_CLOCK_SECONDS = 1.0
"""How often the clock is held against one that nobody can set."""
_HOUSE = timedelta(seconds=5)
"""How often it is seen whether house must be kept."""
_SOON, _LATE = 5.0, 3600.0
"""Seconds: soon again for a database that was away, then later and later, for a disk that is full."""
_DAY = 24 * 3600.0
"""Seconds after which house is kept again, and for which a clock that was set ahead is not believed in that."""
_VACUUM = timedelta(minutes=30)
"""A tenth of what a large database may take to give its space back, without a sign meanwhile."""

log = structlog.get_logger("rsvpd")


class Every(BaseTrigger):  # type: ignore[misc]  # apscheduler has no types
    """A turn at once, and each next one so long after the last, however the clock was set: none is made up."""

    def __init__(self, interval: Callable[[], timedelta]) -> None:
        self._interval = interval

    def get_next_fire_time(self, previous_fire_time: datetime | None, now: datetime) -> datetime:
        """When the next turn is."""
        return now if previous_fire_time is None else now + self._interval()


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
    _house_at: float = 0.0
    """When house is to be kept, by `time.monotonic`."""
    _house_failures: int = 0
    """How often in a row that failed."""
    _believed_at: float = 0.0
    """From when on the clock is believed in what cannot be undone, by `time.monotonic`."""

    @contextmanager
    def at_work(self) -> Iterator[Callable[[App], None]]:
        """Works until the end of the block; the batch in hand is finished first. Gives what takes new settings.

        Raises `StoreUnavailable` where the database is away, or takes only one daemon and has one.
        """
        with sharing.member(self.app.database, self._names(), daemon=True) as member:
            self._doubt_a_gap()
            chores = Chores(self.app, member, Guard(self.telling, self.turning), self.stopping)
            watch, scheduler = Watch(self.app, member, self.telling, self.turning), self._scheduler(chores)
            clocks = threading.Thread(
                target=self._watch_clocks, args=(scheduler,), name="clocks", daemon=True
            )
            watch.start()
            scheduler.start()
            clocks.start()
            try:
                yield partial(self._renew, member, chores, watch, scheduler)
            finally:
                self.stopping.set()
                scheduler.pause()
                watch.stop()
                clocks.join()
                self.turning.ended("scheduler")  # it only waits now for what is in hand
                scheduler.shutdown(wait=True)
                chores.lanes.end()
                self._write_down_at_last()

    def _names(self) -> list[str]:
        return [organizer.name for organizer in self.app.settings.organizer]

    def _renew(
        self, member: sharing.Member, chores: Chores, watch: Watch, scheduler: BackgroundScheduler, app: App
    ) -> None:
        """Goes on under new settings; what they leave as it was is not interrupted."""
        self.app = chores.app = app
        member.wanted = tuple(self._names())
        with suppress(CouldNot):  # the next beat takes and leaves work
            member.beat()
        watch.renew(app)
        _at_once(scheduler)

    def _scheduler(self, chores: Chores) -> BackgroundScheduler:
        # What is due is a query at tick time, never a persisted job.
        scheduler = BackgroundScheduler(
            timezone=UTC,
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
        )

        def every(interval: Callable[[], timedelta], name: str, work: Callable[[], None]) -> None:
            scheduler.add_job(work, Every(interval), name=name)

        def look(interval: Callable[[], timedelta], name: str, chore: Callable[[], Chore]) -> None:
            every(interval, name, partial(chores.guard.turn, name, lambda: chores.look(chore())))

        def polling() -> timedelta:
            return self.app.settings.poll_interval

        look(lambda: DELIVERY_INTERVAL, "deliver", chores.deliver)
        look(polling, "file", chores.file)
        look(polling, "calendar", chores.keep_calendars)
        look(lambda: REMINDER_INTERVAL, "remind", chores.remind)
        look(lambda: REMINDER_INTERVAL, "report", chores.report)
        every(lambda: DELIVERY_INTERVAL, "webhook", partial(chores.guard.turn, "webhook", chores.tell))
        every(lambda: _BEAT, "beat", partial(self.turning.beat, "scheduler", _LONGEST_SILENCE))
        every(lambda: _BEAT, WRITING, partial(chores.guard.turn, WRITING, self._write_down))
        tidy = partial(chores.guard.turn, HOUSEKEEPING, partial(self._keep_house, chores), _VACUUM)
        every(lambda: _HOUSE, HOUSEKEEPING, tidy)
        return scheduler

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

    def _keep_house(self, chores: Chores) -> bool | None:
        if time.monotonic() < self._house_at:
            return None
        self._house_at = time.monotonic() + min(_SOON * 2 ** min(self._house_failures, 10), _LATE)
        self._house_failures += 1
        believed = time.monotonic() >= self._believed_at
        kept = self.app.housekeeping.tidy(
            keep_on=partial(chores.keep_on, HOUSEKEEPING), clock_is_believed=believed
        )
        self._house_at, self._house_failures = time.monotonic() + _DAY, 0
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

    # The clock may be set, to whatever time

    def _watch_clocks(self, scheduler: BackgroundScheduler) -> None:
        """The scheduler goes by the machine's clock, all else by the one that rules."""
        machine, ruling = Pace(lambda: datetime.now(UTC)), Pace(self.app.clock.now)
        while not self.stopping.wait(_CLOCK_SECONDS):
            if machine.jump():
                _at_once(scheduler)
            with suppress(CouldNot):
                if jump := ruling.jump():
                    self._take_for_set(jump)

    def _take_for_set(self, jump: timedelta) -> None:
        log.warning("the clock was set", seconds=round(jump.total_seconds()))
        self.telling.troubles.shift(jump)
        if jump > timedelta(seconds=_DAY):  # less takes away nothing that would not go tomorrow
            self._believed_at = time.monotonic() + _DAY

    def _doubt_a_gap(self) -> None:
        """After a day without a word from anybody either nobody worked, or the clock is ahead."""
        with self.app.database.read() as session:
            last = max((part.told_at for part in health.parts(session).values()), default=None)
        if last is not None and self.app.clock.now() - last > timedelta(seconds=_DAY):
            self._believed_at = time.monotonic() + _DAY


def _at_once(scheduler: BackgroundScheduler) -> None:
    """Has every job look at once, for its next turn may be set for a time that is far ahead by now."""
    for job in scheduler.get_jobs():
        job.modify(next_run_time=datetime.now(UTC))
