"""Mailboxes watched: one thread waits on all of them, and a few work where there is work.

`poll_interval` is the promise: every mailbox is looked at once in it, whatever its
server says or fails to say. IDLE only brings the next look forward.
"""

from __future__ import annotations

import heapq
import random
import selectors
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import count
from queue import Empty, SimpleQueue

import structlog

from rsvpd.app import App
from rsvpd.config import OrganizerSettings
from rsvpd.intake import LEFT_ALONE, Intake, Polled, Seen
from rsvpd.lanes import Lanes
from rsvpd.mail.imap import Idle, ImapMailbox
from rsvpd.ports import CouldNot, FolderUnavailable, LoginRefused, StoreUnavailable, Throttled
from rsvpd.sharing import Member
from rsvpd.telling import Telling
from rsvpd.turning import Turning, patience

log = structlog.get_logger("rsvpd")

_LONGEST_IDLE = 25 * 60.0
"""Seconds. A server may log out who idles for half an hour; RFC 2177 wants IDLE renewed before 29 minutes."""
_LONGEST_TURN = 1.0
"""Seconds after which the thread that waits shows that it is alive, and sees what it has in hand."""
_LONGEST_SILENCE = timedelta(minutes=1)
"""After which that thread is taken for stuck."""
_FIRST_WAIT: dict[type[CouldNot], float] = {LoginRefused: 60.0, Throttled: 30.0}
"""Seconds until the next try after a first failure, else one; after each further one twice as long."""
_LONGEST_WAIT, _LONGEST_WAIT_FOR_STORE = 300.0, 5.0
"""The database is ours: it minds no questions, and everything waits for it."""
_GRACE = (2.0, 8.0)
"""Seconds to finish when told to stop: for all, then for what is left after the connections were cut."""


@dataclass(slots=True, eq=False)
class Watched:
    """A mailbox with when it is due, and what is known of it."""

    organizer: OrganizerSettings
    mailbox: ImapMailbox
    seen: Seen = field(default_factory=dict)
    due: float = 0.0
    working: bool = False
    kicked: bool = False
    dropped: bool = False
    failures: int = 0
    news_in_a_row: int = 0
    waiting_on: socket.socket | None = None
    looked_at: datetime | None = None

    @property
    def folders(self) -> tuple[str, ...]:
        """What is watched; the first of them is waited on."""
        return self.organizer.imap.folders if self.organizer.imap else ()

    @property
    def job(self) -> str:
        """What the log calls it."""
        return f"poll {self.organizer.name}"


@dataclass(frozen=True, slots=True)
class Looked:
    """How a look ended: what went wrong, by folder (None is the whole mailbox), and whether it idles.

    `told`: it says something of the mailbox; not so if that is in other hands, or if rsvpd is at fault.
    """

    troubles: dict[str | None, CouldNot]
    idle: Idle = Idle.REFUSED
    told: bool = True

    @property
    def failure(self) -> CouldNot | None:
        """What broke the connection, or kept it from being made."""
        broken = (one for one in self.troubles.values() if not isinstance(one, FolderUnavailable))
        return next(broken, None)


class Watch:
    """The mailboxes that this process has in hand, of those with an [organizer.imap]."""

    def __init__(self, app: App, member: Member, telling: Telling, turning: Turning) -> None:
        self._shared_at = 0.0
        self.mailboxes: dict[str, Watched] = {}
        self._app = app
        self._member = member
        self._interval = app.settings.poll_interval.total_seconds()
        self._telling = telling
        self._turning = turning
        self._stopping = threading.Event()
        self._requests: SimpleQueue[Callable[[], None]] = SimpleQueue()
        self._wakes, self._waker = socket.socketpair()
        self._selector = selectors.DefaultSelector()
        self._heap: list[tuple[float, int, Watched]] = []
        self._numbers = count()
        self._lanes = Lanes()
        self._leaving: list[Watched] = []
        self._intake: Intake | None = None
        self._unsupported: set[str] = set()
        self._thread = threading.Thread(target=self._run, name="watch", daemon=True)
        for end in (self._wakes, self._waker):
            end.setblocking(False)
        self._selector.register(self._wakes, selectors.EVENT_READ)

    def start(self) -> None:
        """Begins to watch."""
        self._thread.start()

    def kick(self, name: str) -> None:
        """Has a mailbox looked at now; if that is being done, once more. May be called from any thread."""
        self._ask(partial(self._kick, name))

    def renew(self, app: App) -> None:
        """Goes on under new settings; what they leave as it was is not touched. May be called from any thread."""
        self._ask(partial(self._renew, app))

    def stop(self) -> None:
        """Ends when the batches in hand are committed; who hangs on the wire is cut off."""
        self._stopping.set()
        self._ask(lambda: None)
        self._thread.join(_GRACE[0])
        for watched in self._at_work():
            watched.mailbox.cut()
        self._thread.join(_GRACE[1])
        self._waker.close()

    # The thread that waits

    def _ask(self, request: Callable[[], None]) -> None:
        self._requests.put(request)
        with suppress(BlockingIOError, OSError):  # full: it is awake already
            self._waker.send(b".")

    def _run(self) -> None:
        while not self._stopping.is_set() or self._at_work():
            self._turning.beat("watch", _LONGEST_SILENCE)
            try:
                self._turn()
            except Exception as error:  # noqa: BLE001  the others are watched all the same
                self._telling.troubles.mistake("watch", error)
        self._turning.ended("watch")
        for watched in self.mailboxes.values():
            watched.mailbox.drop()
        self._selector.close()
        self._wakes.close()

    def _at_work(self) -> list[Watched]:
        return [one for one in (*self.mailboxes.values(), *self._leaving) if one.working]

    def _turn(self) -> None:
        for key, _ in self._selector.select(self._until_due()):
            if key.data is None:
                with suppress(BlockingIOError):
                    self._wakes.recv(4096)
            else:
                self._hear(key.data)
        for request in self._asked():
            request()
        if not self._stopping.is_set():
            if time.monotonic() - self._shared_at >= _LONGEST_TURN:
                self._share()
            self._begin()

    def _share(self) -> None:
        """Watches what this process has in hand by now, and no longer what it had."""
        self._shared_at = time.monotonic()
        for organizer in self._app.settings.organizer:
            has = organizer.imap is not None and self._member.has(organizer.name)
            if has and organizer.name not in self.mailboxes and not self._leaves(organizer.name):
                watched = Watched(organizer, self._app.kept_mailbox(organizer))
                self.mailboxes[organizer.name] = watched
                self._schedule(watched, 0)
            elif not has and (former := self.mailboxes.pop(organizer.name, None)):
                self._drop(former)

    def _leaves(self, name: str) -> bool:
        """Whether somebody still works on what is no longer watched: it is not looked at twice at once."""
        return any(one.organizer.name == name for one in self._leaving)

    def _renew(self, app: App) -> None:
        before = {one.name: _reach(self._app, one) for one in self._app.settings.organizer}
        now = {one.name: one for one in app.settings.organizer}
        self._app, self._intake = app, None
        self._interval = app.settings.poll_interval.total_seconds()
        for name, watched in list(self.mailboxes.items()):
            if name in now and _reach(app, now[name]) == before[name]:
                watched.organizer = now[name]
                if not watched.working:
                    self._schedule(watched, min(watched.due - time.monotonic(), self._interval))
            else:
                self._drop(self.mailboxes.pop(name))
        self._share()

    def _asked(self) -> Iterator[Callable[[], None]]:
        with suppress(Empty):
            while True:
                yield self._requests.get_nowait()

    def _until_due(self) -> float:
        return (
            min(max(self._heap[0][0] - time.monotonic(), 0), _LONGEST_TURN) if self._heap else _LONGEST_TURN
        )

    def _hear(self, watched: Watched) -> None:
        try:
            news = watched.mailbox.hear()
        except CouldNot as error:
            self._rest(watched, Looked({None: error}))
        else:
            if news:
                self._schedule(watched, 0)

    def _schedule(self, watched: Watched, seconds: float) -> None:
        watched.due = time.monotonic() + seconds
        heapq.heappush(self._heap, (watched.due, next(self._numbers), watched))

    def _begin(self) -> None:
        """Gives what is due to workers, as many as there may be."""
        now = time.monotonic()
        while self._heap and self._heap[0][0] <= now:
            due, _, watched = heapq.heappop(self._heap)
            if due == watched.due and not watched.working and not watched.dropped:
                self._no_longer_waits(watched)
                watched.working = True
                server, troubled = watched.mailbox.server, watched.failures > 0
                self._lanes.put(server, partial(self._work, watched), troubled=troubled)

    def _ended(self, watched: Watched, looked: Looked) -> None:
        watched.working = False
        if watched.dropped:
            self._leaving.remove(watched)
            watched.mailbox.drop()
        else:
            self._rest(watched, looked)

    def _rest(self, watched: Watched, looked: Looked) -> None:
        """Says what is wrong or right again, and when the next look is due."""
        self._no_longer_waits(watched)
        if looked.told:
            self._say(watched, looked)
        failure = looked.failure
        watched.news_in_a_row = watched.news_in_a_row + 1 if looked.idle is Idle.NEWS else 0
        if failure:
            watched.failures += 1
            seconds = self._wait(watched.failures, failure)
            if None not in looked.troubles and len(looked.troubles) < len(watched.folders):
                seconds = min(seconds, self._interval)  # what is promised to the other folders
        else:
            watched.failures, watched.looked_at = 0, datetime.now(UTC)
            seconds = min(self._interval, _LONGEST_IDLE) * random.uniform(0.9, 1)  # noqa: S311  no secret
        if watched.kicked or watched.news_in_a_row == 1:
            seconds = 0
        elif watched.news_in_a_row:  # a server that always has news
            seconds = min(seconds, 1)
        watched.kicked = False
        watched.waiting_on = watched.mailbox.wire if looked.idle is Idle.WAITING else None
        if watched.waiting_on:
            self._selector.register(watched.waiting_on, selectors.EVENT_READ, watched)
        self._schedule(watched, seconds)

    def _wait(self, failures: int, failure: CouldNot) -> float:
        first = min(_FIRST_WAIT.get(type(failure), 1.0), self._interval)
        of_store = isinstance(failure, StoreUnavailable)
        longest = _LONGEST_WAIT_FOR_STORE if of_store else max(_LONGEST_WAIT, self._interval)
        # A quarter more or less, so that many do not come back at once.
        return min(first * (1 << min(failures - 1, 20)), longest) * random.uniform(0.75, 1.25)  # noqa: S311

    def _say(self, watched: Watched, looked: Looked) -> None:
        if failure := looked.failure:
            kind = type(failure) if isinstance(failure, LoginRefused | Throttled | StoreUnavailable) else None
            self._telling.troubles.begin(watched.job, failure, kind or "connection")
            return
        self._telling.troubles.end(watched.job)
        for folder in watched.folders:
            job = f"{watched.job}/{folder}"
            if trouble := looked.troubles.get(folder):
                self._telling.troubles.begin(job, trouble, "folder")
            else:
                self._telling.troubles.end(job)

    def _no_longer_waits(self, watched: Watched) -> None:
        if watched.waiting_on is not None:
            with suppress(KeyError, ValueError):
                self._selector.unregister(watched.waiting_on)
            watched.waiting_on = None

    def _drop(self, watched: Watched) -> None:
        watched.dropped = True
        self._no_longer_waits(watched)
        if watched.working:
            self._leaving.append(watched)
        else:
            watched.mailbox.drop()

    def _kick(self, name: str) -> None:
        if watched := self.mailboxes.get(name):
            watched.kicked = watched.working
            if not watched.working:
                self._schedule(watched, 0)

    # The threads that work

    def _work(self, watched: Watched) -> None:
        try:
            with self._member.working_on(watched.organizer.name) as mine, self._watched_over(watched):
                looked = self._look(watched) if mine else Looked({}, told=False)
        except CouldNot as error:
            looked = Looked({None: error})
        except Exception as error:  # noqa: BLE001  this mailbox is tried again, like one in trouble
            self._telling.troubles.mistake(watched.job, error)
            looked = Looked({None: CouldNot("mistake in rsvpd")}, told=False)
        self._ask(partial(self._ended, watched, looked))

    def _look(self, watched: Watched) -> Looked:
        if self._intake is None:
            self._intake = self._app.intake
        mailbox, name = watched.mailbox, watched.organizer.name
        keep_on = partial(self._keep_on, watched)
        first, *others = watched.folders  # the first one last: it stays selected, to be waited on
        polled = self._intake.poll_folders(
            mailbox,
            name,
            [*others, first],
            seen=watched.seen,
            tell=self._telling.recorded,
            keep_on=keep_on,
        )
        self._say_unsupported(polled)
        troubles: dict[str | None, CouldNot] = {**polled.troubles}
        if None in troubles or watched.folders[0] in troubles or not keep_on():
            return Looked(troubles)
        if not mailbox.may_stay:
            mailbox.close()
            return Looked(troubles)
        return Looked(troubles, mailbox.idle(watched.seen.get(watched.folders[0])))

    def _say_unsupported(self, polled: Polled) -> None:
        for mailbox in set(polled.unsupported) - self._unsupported:
            self._unsupported.add(mailbox)
            log.warning(LEFT_ALONE, mailbox=mailbox)

    def _watched_over(self, watched: Watched) -> AbstractContextManager[None]:
        timeout = watched.organizer.imap.timeout if watched.organizer.imap else timedelta()
        return self._turning.turn(watched.job, patience(timeout))

    def _keep_on(self, watched: Watched) -> bool:
        self._turning.again(watched.job)
        return not self._stopping.is_set() and not watched.dropped


def _reach(app: App, organizer: OrganizerSettings) -> tuple[object, ...]:
    """All that a mailbox is reached and read by: where that changed, the connection is made anew."""
    settings = app.settings
    return organizer.imap, organizer.oauth, settings.limits, settings.state_directory
