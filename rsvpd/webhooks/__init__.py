"""Changes -> the programs that asked to be told: one call for each, in order, signed, until it is taken.

The feed is the outbox and a place in it the mark. At least once: a crash between the
receiver's answer and the mark sends the same event again, with the same webhook-id.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from http import HTTPStatus

from rsvpd import retrying
from rsvpd.config import Settings, WebhookSettings
from rsvpd.contract import Change, Event, Missed, Tried
from rsvpd.ports import Clock, CouldNot, ReceiverUnavailable, StoreUnavailable, Worker
from rsvpd.store import feed, webhooks
from rsvpd.store.database import Database
from rsvpd.store.feed import ChangeView, FeedPruned
from rsvpd.store.webhooks import Place, WebhookView
from rsvpd.webhooks import signing
from rsvpd.webhooks.calling import Answer, Receiver, receiver

_PAGE = 100
MISSED, TEST = "changes.missed", "test"
"""The types of events that are no change: some were taken away before, and a try."""


@dataclass(slots=True)
class Told:
    """How many events the receiver took; `missed` are the places between which changes were gone already."""

    events: int = 0
    missed: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Webhooks:
    """What telling needs."""

    database: Database
    clock: Clock
    settings: Settings

    def due(self) -> list[WebhookSettings]:
        """Those that there may be something to tell: a look without a claim."""
        now = self.clock.now()
        with self.database.read() as session:
            return [one for one in self.settings.webhook if webhooks.due(session, one.name, now)]

    def tell(
        self, webhook: WebhookSettings, worker: Worker, keep_on: Callable[[], bool] = lambda: True
    ) -> Told:
        """Sends what the webhook was not told yet, until there is nothing, or `keep_on` says no.

        Raises `ReceiverUnavailable`, or another `CouldNot`, where that is not
        possible now: it is then tried again later, or for 410 Gone only once a
        person resumes it.
        """
        now = self.clock.now()
        with self.database.read() as session:
            if not webhooks.due(session, webhook.name, now):
                return Told()
        with self.database.begin() as session:
            place = webhooks.claim(session, webhook.name, now, member=worker.id)
        if place is None:
            return Told()
        work = _Round(self, webhook, place)
        try:
            work.tell(lambda: worker.sure and keep_on())
        finally:
            with suppress(CouldNot), self.database.begin() as session:  # else it is free when we are gone
                webhooks.release(session, webhook.name, worker.id)
        return work.told

    def test(self, webhook: WebhookSettings) -> Answer:
        """Sends an event that says nothing, and gives what came back. Raises `CouldNot`."""
        event = Event(type=TEST, timestamp=self.clock.now(), data=Tried(webhook=webhook.name))
        with receiver(webhook) as line:
            return self.post(line, f"test-{secrets.token_hex(8)}", event)

    def post(self, line: Receiver, event_id: str, event: Event) -> Answer:
        """One signed call."""
        body = event.model_dump_json().encode()
        signed = signing.headers(event_id, body, line.settings.keys(), self.clock.now())
        return line.post(signed, body)

    def resume(self, webhook: WebhookSettings, *, skip: bool) -> None:
        """Lets one that was stopped, or that waits, go on at once. Raises `CouldNot` if it never began."""
        with self.database.begin() as session:
            if not webhooks.resume(session, webhook.name, self.clock.now(), skip=skip):
                raise CouldNot(
                    f"{webhook.name}: nothing was sent to it yet; `rsvpd run` begins with what changes next"
                )

    def views(self) -> list[WebhookView]:
        """How it goes with each."""
        with self.database.read() as session:
            return webhooks.views(session, self.settings.webhook)


@dataclass(slots=True)
class _Round:
    """One connection, and how far it came."""

    webhooks: Webhooks
    settings: WebhookSettings
    place: Place
    told: Told = field(default_factory=Told)

    def tell(self, keep_on: Callable[[], bool]) -> None:
        """Sends one by one; what comes meanwhile too."""
        try:
            with receiver(self.settings) as line:
                while keep_on() and self._some(line, keep_on):
                    pass
        except CouldNot as error:
            if not isinstance(error, StoreUnavailable):
                self._put_off(error)
            raise

    def _some(self, line: Receiver, keep_on: Callable[[], bool]) -> bool:
        """Sends a page; whether another one may follow."""
        try:
            with self.webhooks.database.read() as session:
                newest = feed.newest(session)
                views = feed.after(session, self.place.number, webhooks.wanted(self.settings), limit=_PAGE)
        except FeedPruned as pruned:
            self._tell_of_gap(line, pruned.first)
            return True
        for view in views:
            if not keep_on():
                return False
            event = Event(type=view.kind, timestamp=view.at, data=Change.model_validate(view))
            self._send(line, str(view.number), event)
            self._took(view)
        if len(views) == _PAGE:
            return True
        if newest > self.place.number:  # the rest concerns others
            self._advance(newest, told=False)
        return False

    def _tell_of_gap(self, line: Receiver, first: int) -> None:
        """What waited for too long is gone: the receiver is to know, as whoever asks for it would."""
        gone = Missed(after=self.place.number, until=first)
        event = Event(type=MISSED, timestamp=self.webhooks.clock.now(), data=gone)
        self._send(line, f"missed-{first}", event)
        self.told.missed = (self.place.number, first)
        self._advance(first, told=True)

    def _send(self, line: Receiver, event_id: str, event: Event) -> None:
        """Raises `ReceiverUnavailable` unless the receiver takes it."""
        answer = self.webhooks.post(line, f"{self.place.prefix}-{event_id}", event)
        words = refusal(self.settings.name, answer)
        if words is not None:
            raise _NotTaken(f"{self.settings.name}: {words}", answer)

    def _took(self, view: ChangeView) -> None:
        self._advance(view.number, told=True)
        self.told.events += 1

    def _advance(self, number: int, *, told: bool) -> None:
        now = self.webhooks.clock.now()
        with self.webhooks.database.begin() as session:
            webhooks.advance(session, self.place.name, number, now if told else None)
        attempts = 0 if told else self.place.attempts
        self.place = Place(self.place.name, self.place.prefix, number, attempts)

    def _put_off(self, error: CouldNot) -> None:
        """Waits longer each time, and as long as the receiver asks; one that is gone is not asked again."""
        now, wait = self.webhooks.clock.now(), retrying.wait(self.place.attempts)
        words = str(error).removeprefix(f"{self.place.name}: ")
        gone = isinstance(error, _NotTaken) and error.answer.status == HTTPStatus.GONE
        if isinstance(error, _NotTaken) and error.answer.retry_after is not None:
            asked = timedelta(seconds=error.answer.retry_after)
            wait = max(wait, min(asked, retrying.LONGEST_WAIT))
        with self.webhooks.database.begin() as session:
            if gone:
                webhooks.stop(session, self.place, words, now)
            else:
                webhooks.put_off(session, self.place, now + wait, words, now)


class _NotTaken(ReceiverUnavailable):
    """The receiver answered, but did not take the event."""

    def __init__(self, words: str, answer: Answer) -> None:
        super().__init__(words)
        self.answer = answer


def refusal(name: str, answer: Answer) -> str | None:
    """Why an answer takes nothing, and what to do; None if it takes what was sent."""
    if HTTPStatus.OK <= answer.status < HTTPStatus.MULTIPLE_CHOICES:
        return None
    if answer.status == HTTPStatus.GONE:
        return (
            "answered 410 Gone, so nothing is sent any more; take it out of the settings, "
            f"or `rsvpd webhook resume {name}`"
        )
    if HTTPStatus.MULTIPLE_CHOICES <= answer.status < HTTPStatus.BAD_REQUEST:
        return f"answered {answer.words}; redirects are not followed: set url to where it leads"
    return f"answered {answer.words}"
