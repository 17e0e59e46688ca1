"""Outgoing rows -> SMTP: claimed by one process, sent without a transaction open, then marked.

At least once: a crash between the server's answer and the mark sends the same bytes
again (same UID, SEQUENCE and Message-ID), which clients show once.

The copy for the organizer's folder of sent mails is filed afterwards, by itself:
whatever happens to it, the mail is sent.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum

from rsvpd import retrying
from rsvpd.config import OrganizerSettings, SmtpSettings
from rsvpd.itip.addresses import normalise
from rsvpd.ports import (
    Clock,
    CouldNot,
    LoginRefused,
    MailboxUnavailable,
    Refused,
    Sent,
    SentFolder,
    StoreUnavailable,
    Transport,
    TransportLost,
    TransportUnavailable,
    Worker,
)
from rsvpd.store import filing, outgoing, reminding
from rsvpd.store.database import Database
from rsvpd.store.outgoing import Claimed
from rsvpd.store.writes import Transaction

_CLAIM = 50
_LONGEST_HOLD = timedelta(minutes=10)
"""A server that is away is asked again at least so often: one connection, whatever waits."""
_SHORT_HOLD = timedelta(seconds=30)
"""For those behind a mail that broke the connection: shorter than that one waits, so that they come first."""
_LOSSES = 3
"""So many broken connections in a row are the server's trouble, no longer that of each mail."""
_PAUSES = (0.5, 1, 2, 4, 8, 15, 30)
"""Seconds between tries to record what the server said: more than a minute in all."""
_COPY_TRIED = timedelta(days=1)
_COPY_TROUBLES = 3


class Fate(StrEnum):
    """What became of a mail: the server took it, it is tried again, or it is given up."""

    SENT = "sent"
    LATER = "later"
    FAILED = "failed"


Tell = Callable[[Claimed, Fate], None]
"""Told of each mail what became of it, once that is committed."""


@dataclass(slots=True)
class Delivered:
    """How many mails the server took, will be tried again, or were given up."""

    sent: int = 0
    later: int = 0
    failed: int = 0


@dataclass(frozen=True, slots=True)
class Delivery:
    """What sending needs, and who wants to hear of each mail."""

    database: Database
    clock: Clock
    transport: Callable[[OrganizerSettings], AbstractContextManager[Transport]]
    worker: Worker
    tell: Tell = lambda _mail, _fate: None

    def due(self, organizers: Sequence[OrganizerSettings]) -> list[OrganizerSettings]:
        """Those with mails that may be tried now: one question for all of them."""
        with self.database.read() as session:
            names = outgoing.organizers_due(session, self.clock.now(), member=self.worker.id)
        return [one for one in organizers if one.name in names and one.smtp is not None]

    def drain(self, organizer: OrganizerSettings, keep_on: Callable[[], bool] = lambda: True) -> Delivered:
        """Sends what is due, until nothing is or `keep_on` says no.

        Raises `TransportUnavailable`, or another `CouldNot`, where the server
        cannot be used: everything of this organizer then waits, up to the horizon.
        """
        if organizer.smtp is None:
            raise TransportUnavailable(
                f"{organizer.name}: no [organizer.smtp] is configured, so nothing is sent"
            )
        with self.transport(organizer) as transport:
            work = _Round(self, organizer, organizer.smtp, transport)
            while keep_on() and self.worker.sure and (batch := work.claim()):
                work.send(batch)
        return work.delivered


@dataclass(slots=True)
class _Round:
    """One connection, what became of the mails, how many in a row broke it, and which of the claimed remind."""

    delivery: Delivery
    organizer: OrganizerSettings
    settings: SmtpSettings
    transport: Transport
    delivered: Delivered = field(default_factory=Delivered)
    losses: int = 0
    reminders: set[int] = field(default_factory=set)

    def claim(self) -> list[Claimed]:
        """The next mails, as many as the rate allows."""
        name, now, limit = self.organizer.name, self.delivery.clock.now(), _CLAIM
        worker = self.delivery.worker.id
        with self.delivery.database.begin() as session:
            outgoing.forgive(session, name, now)
            if self.settings.mails_per_minute is not None:
                limit = min(limit, outgoing.allowance(session, name, now, self.settings.mails_per_minute))
            batch = outgoing.claim(session, name, now, member=worker, limit=limit) if limit > 0 else []
            self.reminders = reminding.among(session, [mail.id for mail in batch])
            return batch

    def send(self, batch: Sequence[Claimed]) -> None:
        """Sends them one by one, as long as nobody can have taken this process for dead."""
        sender = normalise(self.organizer.address) or self.organizer.address
        for number, mail in enumerate(batch):
            if not self.delivery.worker.sure:
                return
            if mail.id in self.reminders and self._outlived(mail):
                continue
            try:
                answer = self.transport.send(sender, mail.recipient, mail.raw, mail.message_id.strip("<>"))
            except TransportLost as error:
                self._lost(mail, batch[number + 1 :], error)
            except CouldNot as error:
                self._hold(batch[number:], error)
                raise
            else:
                self.losses = 0
                self._mark(mail, answer)

    def _outlived(self, mail: Claimed) -> bool:
        """Whether there is an answer by now: asked at the last moment, so that one just given counts."""
        with self.delivery.database.begin() as session:
            return reminding.withdraw(session, mail.id, self.delivery.clock.now())

    def _lost(self, mail: Claimed, untried: Sequence[Claimed], error: TransportLost) -> None:
        """Counts against this mail; the others go on, unless they would fare no better."""
        with self.delivery.database.begin() as session:
            fate = self._put_off(session, mail, str(error))
        self._told(mail, fate)
        self.losses += 1
        if error.others_wait or self.losses >= _LOSSES:
            self._hold(untried, error, _SHORT_HOLD)
            raise error

    def _hold(self, untried: Sequence[Claimed], error: CouldNot, wait: timedelta | None = None) -> None:
        """Has everything of this organizer wait; what has waited for too long fails.

        Each time about as long as it took up to now, so that the waits double
        without anything being counted.
        """
        name, now, words = self.organizer.name, self.delivery.clock.now(), str(error)
        with self.delivery.database.begin() as session:
            outgoing.release(session, untried, now)
            since = outgoing.waiting_since(session, name) or now
            wait = wait or retrying.jittered(min(max(now - since, retrying.FIRST_WAIT), _LONGEST_HOLD))
            outgoing.hold(session, name, now, now + wait, words)
            horizon = now - self.settings.give_up_after
            given_up = outgoing.give_up(session, name, before=horizon, words=words)
        if given_up:
            raise TransportUnavailable(f"{words}; given up: {given_up} mails") from error

    def _mark(self, mail: Claimed, answer: Sent | Refused) -> None:
        """Waits for a database that is away: for want of a mark the mail would be sent again."""
        for pause in _PAUSES:
            try:
                self._mark_now(mail, answer)
            except StoreUnavailable:
                time.sleep(pause)
            else:
                return
        self._mark_now(mail, answer)

    def _mark_now(self, mail: Claimed, answer: Sent | Refused) -> None:
        now = self.delivery.clock.now()
        with self.delivery.database.begin() as session:
            if isinstance(answer, Sent):
                outgoing.mark_sent(session, mail, now)
                fate = Fate.SENT
            elif answer.permanent:
                outgoing.mark_failed(session, mail, answer.words)
                fate = Fate.FAILED
            else:
                fate = self._put_off(session, mail, answer.words)
        self._told(mail, fate)

    def _told(self, mail: Claimed, fate: Fate) -> None:
        """Counted and told once it is committed."""
        self.delivered.sent += fate is Fate.SENT
        self.delivered.later += fate is Fate.LATER
        self.delivered.failed += fate is Fate.FAILED
        self.delivery.tell(mail, fate)

    def _put_off(self, session: Transaction, mail: Claimed, words: str) -> Fate:
        """It is tried again later, or given up at the horizon."""
        now = self.delivery.clock.now()
        if now - (mail.first_tried_at or now) >= self.settings.give_up_after:
            outgoing.mark_failed(session, mail, words)
            return Fate.FAILED
        outgoing.mark_later(session, mail, now + retrying.wait(mail.attempts), words, now)
        return Fate.LATER


def keeps_sent(organizer: OrganizerSettings) -> bool:
    """Whether there is something to file, and where."""
    return organizer.smtp is not None and organizer.imap is not None and organizer.imap.save_sent


@dataclass(frozen=True, slots=True)
class Filing:
    """What filing copies of sent mails needs."""

    database: Database
    clock: Clock
    folder: Callable[[OrganizerSettings], AbstractContextManager[SentFolder]]

    def due(self, organizers: Sequence[OrganizerSettings]) -> list[OrganizerSettings]:
        """Those with copies to file: one question for all of them."""
        with self.database.read() as session:
            names = filing.organizers_due(session, self.clock.now() - _COPY_TRIED)
        return [one for one in organizers if one.name in names and keeps_sent(one)]

    def file(self, organizer: OrganizerSettings) -> int:
        """Files a copy of each batch that was sent within a day and has none yet; how many.

        A crash between the filing and its mark files it again, but the folder
        refuses what it has. Raises `MailboxUnavailable`; it is tried again later.
        """
        if not keeps_sent(organizer):
            return 0
        with self.database.read() as session:
            since = self.clock.now() - _COPY_TRIED
            copies = filing.copies_due(session, organizer.name, since)
        troubles: list[MailboxUnavailable] = []
        filed = 0
        if copies:
            with self.folder(organizer) as folder:
                for copy in copies:
                    try:
                        folder.file_sent(copy.message_id, copy.raw, copy.sent_at)
                    except MailboxUnavailable as error:  # one that is refused never holds up the others
                        troubles.append(error)
                        if isinstance(error, LoginRefused) or len(troubles) == _COPY_TROUBLES:
                            break
                    else:
                        with self.database.begin() as session:
                            filing.mark_filed(session, copy, self.clock.now())
                        filed += 1
        if troubles:
            raise troubles[0]
        return filed
