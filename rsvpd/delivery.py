"""Outgoing rows -> SMTP: claimed under a lease, sent without a transaction open, then marked.

At least once: a crash between the server's answer and the mark sends the same bytes
again (same UID, SEQUENCE and Message-ID), which clients show once.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import timedelta

from rsvpd.config import OrganizerSettings
from rsvpd.itip.addresses import normalise
from rsvpd.ports import Clock, Refused, Sent, Transport, TransportUnavailable
from rsvpd.store import outgoing
from rsvpd.store.database import Database
from rsvpd.store.outgoing import Claimed

_CLAIM = 50
_LEASE = timedelta(minutes=10)
_FIRST_WAIT = timedelta(minutes=1)
_LONGEST_WAIT = timedelta(hours=2)
_HORIZON = timedelta(days=3)


@dataclass(slots=True)
class Delivered:
    """How many mails the server took, will be tried again, or were given up."""

    sent: int = 0
    later: int = 0
    failed: int = 0


@dataclass(frozen=True, slots=True)
class Delivery:
    """What sending needs."""

    database: Database
    clock: Clock
    transport: Callable[[OrganizerSettings], AbstractContextManager[Transport]]

    def drain(self, organizer: OrganizerSettings, keep_on: Callable[[], bool] = lambda: True) -> Delivered:
        """Sends what is due, until nothing is or `keep_on` says no.

        Raises `TransportUnavailable` where the server is away: what was claimed is due again.
        """
        delivered = Delivered()
        batch = self._claim(organizer)
        if not batch:
            return delivered
        with self.transport(organizer) as transport:
            while batch and keep_on():
                self._send(transport, organizer, batch, delivered)
                batch = self._claim(organizer)
        return delivered

    def _claim(self, organizer: OrganizerSettings) -> list[Claimed]:
        with self.database.begin() as session:
            return outgoing.claim(session, organizer.name, self.clock.now(), lease=_LEASE, limit=_CLAIM)

    def _send(
        self,
        transport: Transport,
        organizer: OrganizerSettings,
        batch: Sequence[Claimed],
        delivered: Delivered,
    ) -> None:
        sender = normalise(organizer.address) or organizer.address
        for number, mail in enumerate(batch):
            try:
                answer = transport.send(sender, mail.recipient, mail.raw)
            except TransportUnavailable as error:
                self._unavailable(mail, batch[number + 1 :], str(error))
                raise
            self._mark(mail, answer, delivered)

    def _unavailable(self, tried: Claimed, untried: Sequence[Claimed], words: str) -> None:
        now = self.clock.now()
        with self.database.begin() as session:
            outgoing.mark_later(session, tried, now + _wait(tried.attempts), words)
            outgoing.release(session, untried, now + _FIRST_WAIT)

    def _mark(self, mail: Claimed, answer: Sent | Refused, delivered: Delivered) -> None:
        now = self.clock.now()
        with self.database.begin() as session:
            if isinstance(answer, Sent):
                outgoing.mark_sent(session, mail, now)
                delivered.sent += 1
            elif answer.permanent or now - mail.created_at > _HORIZON:
                outgoing.mark_failed(session, mail, answer.words)
                delivered.failed += 1
            else:
                outgoing.mark_later(session, mail, now + _wait(mail.attempts), answer.words)
                delivered.later += 1


def _wait(attempts: int) -> timedelta:
    """Twice as long after each attempt, with jitter so that many mails do not come back at once."""
    longest = min(_FIRST_WAIT * (1 << min(attempts, 10)), _LONGEST_WAIT)
    return longest * random.uniform(0.75, 1.25)  # noqa: S311  no secret
