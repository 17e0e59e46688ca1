"""How it goes, in truth: the database, every mailbox, every server, the queue, the daemons.

The database knows what every process said; what this process knows itself, and
has not written down yet, counts beside it. Where the database is away, that is
the first thing to say.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from rsvpd.config import OrganizerSettings, Settings
from rsvpd.ports import Clock, CouldNot
from rsvpd.store import health, members, webhooks
from rsvpd.store.database import Database
from rsvpd.store.health import Part, Queue, Waiting
from rsvpd.store.members import Daemon
from rsvpd.store.webhooks import WebhookView

HOUSEKEEPING = "housekeeping"
"""What is kept no longer is taken away, and the database kept in order."""
WRITING = "health"
"""The part of a daemon that writes down how it goes: where it fails, the database only reads, if that."""
_GRACE = timedelta(minutes=2)
"""How long a look at a mailbox, or a due mail, may be late."""


@dataclass(frozen=True, slots=True)
class Job:
    """What is done for an organizer, and how it goes. `late`: it should have worked again by now."""

    verb: str
    organizer: str
    worked_at: datetime | None
    trouble: str | None
    since: datetime | None
    late: bool = False

    @property
    def name(self) -> str:
        """The verb and for whom; what is done for everybody has the verb alone."""
        return f"{self.verb} {self.organizer}".rstrip()

    @property
    def well(self) -> bool:
        """Whether it works as it shall."""
        return self.trouble is None and not self.late

    @property
    def words(self) -> str | None:
        """What is wrong with it."""
        if self.trouble is None and self.late:
            return "nothing heard of it for too long"
        return self.trouble


@dataclass(frozen=True, slots=True)
class Sight:
    """All of it at one moment. `database` is what is wrong with it; `stuck` are loops that no longer turn."""

    at: datetime
    database: str | None
    jobs: tuple[Job, ...]
    queues: tuple[Queue, ...] = ()
    waiting: Waiting | None = None
    daemons: tuple[Daemon, ...] = ()
    stuck: tuple[str, ...] = ()
    webhooks: tuple[WebhookView, ...] = ()

    @property
    def troubles(self) -> list[str]:
        """What is wrong, a line each; none if all is well."""
        found = [self.database] if self.database else []
        found += [f"{loop} does not go on: restart the daemon" for loop in self.stuck]
        found += [f"{job.name}: {job.words}" for job in self.jobs if not job.well]
        found += [f"{queue.organizer}: {_NOT_TAKEN}" for queue in self.queues if self.is_late(queue)]
        hooked = ((one.name, self.trouble_of(one)) for one in self.webhooks)
        return found + [f"webhook {name}: {words}" for name, words in hooked if words]

    def as_json(self) -> dict[str, Any]:
        """All of it for programs; instants stay what they are."""
        jobs = [asdict(job) | {"well": job.well, "trouble": job.words} for job in self.jobs]
        return {
            "at": self.at,
            "well": self.well,
            "troubles": self.troubles,
            "database": self.database is None,
            "daemons": [asdict(daemon) for daemon in self.daemons],
            "jobs": [{key: job[key] for key in _JOB} for job in jobs],
            "queues": [asdict(queue) for queue in self.queues],
            "webhooks": [asdict(one) | {"trouble": self.trouble_of(one)} for one in self.webhooks],
            "held": self.waiting.held if self.waiting else None,
            "proposals": self.waiting.proposals if self.waiting else None,
            "unfetched": self.waiting.unfetched if self.waiting else None,
        }

    @property
    def well(self) -> bool:
        """Whether nothing is wrong."""
        return not self.troubles

    def is_late(self, queue: Queue) -> bool:
        """Whether mails are due that nobody takes."""
        return queue.due_since is not None and self.at - queue.due_since > _GRACE

    def trouble_of(self, webhook: WebhookView) -> str | None:
        """What is wrong with a webhook: it takes nothing, or nobody tells it."""
        if webhook.trouble is not None or webhook.oldest_at is None:
            return webhook.trouble
        heard = max(webhook.oldest_at, webhook.delivered_at or webhook.oldest_at)
        return _NOT_TOLD if self.at - heard > _GRACE else None


_HOUSE_AGAIN = timedelta(days=2)
"""House is kept once a day; so long that was not done is a trouble."""
_CHORES = ("deliver", "file", "calendar", "remind", "report")
"""What is asked for all organizers at once: worth a word only where that fails."""
_SILENT = ("remind", "report")
"""Jobs that are worth a word only where they fail."""
_JOB = ("verb", "organizer", "well", "worked_at", "trouble", "since")
_UNITS = ((86_400, "d"), (3600, "h"), (60, "min"), (1, "s"))
_NOT_TOLD = "changes wait and nobody sends them: is `rsvpd run` running?"
_NOT_TAKEN = "mails are due and nobody sends them: is `rsvpd run` running?"


@dataclass(frozen=True, slots=True)
class Seeing:
    """What looking needs."""

    database: Database
    clock: Clock
    settings: Settings

    def look(
        self,
        live: Mapping[str, Part] | None = None,
        stuck: tuple[str, ...] = (),
        *,
        since: datetime | None = None,
    ) -> Sight:
        """How it goes now. `live` and `stuck` are what a daemon knows of itself, which runs `since` then."""
        known: dict[str, Part] = {}
        queues: list[Queue] = []
        hooks: list[WebhookView] = []
        waiting, trouble, daemons = None, None, []
        try:
            now = self.clock.now()
            with self.database.read() as session:
                known, daemons = health.parts(session), members.daemons(session)
                queues, waiting = health.queues(session, now), health.waiting(session)
                hooks = webhooks.views(session, self.settings.webhook)
        except CouldNot as error:
            now, trouble = datetime.now(UTC), str(error)
        merged = _newest(known, live or {})
        trouble = trouble or (live[WRITING].trouble if live and WRITING in live else None)
        begun = since or min((daemon.joined_at for daemon in daemons), default=None)
        waits = {queue.organizer for queue in queues if queue.waiting}
        merged = {name: self._over(part, waits, now) for name, part in merged.items()}
        jobs = [job for one in self.settings.organizer for job in self._jobs(one, merged, now, begun)]
        jobs += _of_the_house(merged, now)
        return Sight(now, trouble, tuple(jobs), tuple(queues), waiting, tuple(daemons), stuck, tuple(hooks))

    def _over(self, part: Part, waits: Collection[str], now: datetime) -> Part:
        """A trouble is over where nothing is left to be done: it then is not told of again, nor ended."""
        verb, _, organizer = part.part.partition(" ")
        told_again = _HOUSE_AGAIN if verb == HOUSEKEEPING else self.settings.poll_interval * 2 + _GRACE
        over = now - part.told_at > told_again
        if organizer:
            over = {"deliver": organizer not in waits, "poll": False}.get(verb, over)
        return replace(part, trouble=None, since=None) if part.trouble and over else part

    def _jobs(
        self, organizer: OrganizerSettings, known: Mapping[str, Part], now: datetime, begun: datetime | None
    ) -> Iterator[Job]:
        for verb in _verbs(organizer):
            name = f"{verb} {organizer.name}"
            part = known.get(name) or Part(name, now)
            late = False
            if verb == "poll":
                heard = part.worked_at if part.worked_at and part.worked_at < now + _GRACE else begun
                late = heard is not None and now - heard > self.settings.poll_interval * 2 + _GRACE
            yield Job(verb, organizer.name, part.worked_at, part.trouble, part.since, late)
        for verb in _SILENT:
            part = known.get(f"{verb} {organizer.name}") or Part(verb, now)
            if part.trouble:
                yield Job(verb, organizer.name, part.worked_at, part.trouble, part.since)
        for folder in organizer.imap.folders if organizer.imap else ():
            inside = known.get(f"poll {organizer.name}/{folder}")
            if inside is not None and inside.trouble:
                yield Job(
                    "poll", f"{organizer.name}/{folder}", inside.worked_at, inside.trouble, inside.since
                )


def _of_the_house(known: Mapping[str, Part], now: datetime) -> Iterator[Job]:
    """What is done for all organizers at once."""
    for verb in _CHORES:
        part = known.get(verb)
        if part is not None and part.trouble:
            yield Job(verb, "", part.worked_at, part.trouble, part.since)
    if (part := known.get(HOUSEKEEPING)) is not None:
        late = part.worked_at is not None and now - part.worked_at > _HOUSE_AGAIN
        yield Job(HOUSEKEEPING, "", part.worked_at, part.trouble, part.since, late)


def _verbs(organizer: OrganizerSettings) -> Iterator[str]:
    if organizer.imap is not None:
        yield "poll"
    if organizer.smtp is not None:
        yield "deliver"
        if organizer.imap is not None and organizer.imap.save_sent:
            yield "file"
    if organizer.caldav is not None:
        yield "calendar"


def _newest(known: Mapping[str, Part], live: Mapping[str, Part]) -> dict[str, Part]:
    found = dict(known)
    for name, part in live.items():
        before = found.get(name)
        if before is None:
            found[name] = part
        elif before.told_at <= part.told_at:
            since = before.since if before.trouble and part.trouble else part.since
            found[name] = replace(part, worked_at=part.worked_at or before.worked_at, since=since)
    return found


def age(now: datetime, then: datetime) -> str:
    """`5 s`, `3 min`, `2 h` or `4 d`: the largest unit that there is one of."""
    seconds = max((now - then) // timedelta(seconds=1), 0)
    return next((f"{seconds // size} {unit}" for size, unit in _UNITS if seconds >= size), "0 s")
