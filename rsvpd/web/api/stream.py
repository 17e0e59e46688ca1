"""Server-sent events: the only part of the API that is asynchronous, for its many who only wait.

The feed is read once for all of them, a second at most after a commit; each listener
has a place in it of its own. Who lags behind what is remembered reads from the
database again, so that a slow listener costs nobody memory.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from itertools import takewhile

import structlog
from anyio import CapacityLimiter, to_thread

from rsvpd.app import App
from rsvpd.contract import Change
from rsvpd.ports import CouldNot
from rsvpd.store import access, feed
from rsvpd.store.access import TokenView

log = structlog.get_logger("rsvpd")

_PAUSE_SECONDS = 1.0
_SILENCE_SECONDS = 15.0
"""After which a line without meaning keeps proxies from ending the connection."""
_REMEMBERED, _PAGE = 2_000, 500
_READERS = 2
"""Listeners that read from the database at a time; the others wait their turn."""


@dataclass(frozen=True, slots=True)
class Event:
    """A change as it is sent."""

    number: int
    organizer: str | None
    raw: bytes


@dataclass(slots=True)
class Stream:
    """The end of the feed, and who waits for more of it."""

    house: Callable[[], App]
    ending: bool = False
    _listeners: int = 0
    _newest: int = -1
    _revoked: frozenset[int] = frozenset()
    _recent: deque[Event] = field(default_factory=lambda: deque(maxlen=_REMEMBERED))
    _news: asyncio.Event = field(default_factory=asyncio.Event)
    _reading: asyncio.Task[None] | None = None
    _readers: CapacityLimiter | None = None

    def close(self) -> None:
        """Ends every stream within a second; from any thread."""
        self.ending = True

    async def events(self, place: int, caller: TokenView, organizer: str | None) -> AsyncIterator[bytes]:
        """What changes after `place`, as long as the token is good."""
        self._listeners += 1
        try:
            await self._begin()
            yield b"retry: 2000\n\n"
            while not self._over() and caller.id not in self._revoked:
                news = self._news
                some = await self._after(place)
                if told := b"".join(one.raw for one in some if organizer in {None, one.organizer}):
                    yield told
                if some:
                    place = some[-1].number
                elif not await self._wait(news):
                    yield b": nothing new\n\n"
        except CouldNot as error:  # the listener comes back, and says where it was
            log.warning("a stream of changes ended", why=str(error))
        finally:
            self._listeners -= 1

    async def _begin(self) -> None:
        """The first listener sets the reading going; the last one to leave ends it."""
        if self._readers is None:
            self._readers = CapacityLimiter(_READERS)
        if self._reading is None or self._reading.done():
            self._recent.clear()
            self._newest = -1
            self._reading = asyncio.create_task(self._read())
        while self._newest < 0 and not self._over():
            await self._wait(self._news)

    def _over(self) -> bool:
        return self.ending or self._reading is None or self._reading.done()

    async def _wait(self, news: asyncio.Event) -> bool:
        """Whether there are news before the silence becomes too long."""
        try:
            await asyncio.wait_for(news.wait(), _SILENCE_SECONDS)
        except TimeoutError:
            return False
        return True

    async def _read(self) -> None:
        while self._listeners and not self.ending:
            more = False
            try:
                more = await self._look()
            except feed.FeedPruned:  # after days without the database; who comes back is told
                break
            except CouldNot as error:
                log.warning("no changes can be told", why=str(error))
            await asyncio.sleep(0 if more else _PAUSE_SECONDS)
        self._wake()

    async def _look(self) -> bool:
        """Whether there is more than was read."""
        newest, found, revoked = await to_thread.run_sync(self._looked, self._newest)
        if self._newest >= 0 and not found and revoked == self._revoked:
            return False
        self._newest, self._revoked = newest, revoked
        self._recent.extend(found)
        self._wake()
        return len(found) == _PAGE

    def _wake(self) -> None:
        news, self._news = self._news, asyncio.Event()
        news.set()

    def _looked(self, place: int) -> tuple[int, list[Event], frozenset[int]]:
        with self.house().database.read() as session:
            revoked = access.revoked(session)
            if place < 0:
                return feed.newest(session), [], revoked
            found = [_event(view) for view in feed.after(session, place, limit=_PAGE)]
        return found[-1].number if found else place, found, revoked

    async def _after(self, place: int) -> list[Event]:
        first = self._recent[0].number if self._recent else self._newest + 1
        if place >= first - 1:
            later = takewhile(lambda event: event.number > place, reversed(self._recent))
            return [*later][::-1]
        return await to_thread.run_sync(self._page, place, limiter=self._readers)

    def _page(self, place: int) -> list[Event]:
        with self.house().database.read() as session:
            return [_event(view) for view in feed.after(session, place, limit=_PAGE)]


def _event(view: feed.ChangeView) -> Event:
    said = Change.model_validate(view).model_dump_json()
    raw = f"id: {view.number}\nevent: {view.kind}\ndata: {said}\n\n"
    return Event(view.number, view.organizer, raw.encode())
