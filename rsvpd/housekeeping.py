"""What is kept no longer, what a person wants erased, and the database kept in order."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from rsvpd.config import Settings
from rsvpd.itip.addresses import normalise
from rsvpd.itip.pseudonyms import Person, is_pseudonym
from rsvpd.ports import Clock, CouldNot
from rsvpd.store import erasing, feed, retention, upkeep, webhooks
from rsvpd.store.database import Database
from rsvpd.store.erasing import Erasure
from rsvpd.store.writes import Transaction

_PIECE = 200
"""Rows in one transaction: so long do others wait at most."""


@dataclass(frozen=True, slots=True)
class Kept:
    """What was taken away, and bytes given back to the file system; `lingers` as in `upkeep.Tidied`."""

    replies: int
    mails: int
    meetings: int
    freed: int
    lingers: bool
    changes: int = 0

    @property
    def anything(self) -> bool:
        """Whether there was something to do."""
        return bool(self.replies or self.mails or self.meetings or self.changes or self.freed)


@dataclass(frozen=True, slots=True)
class Erased:
    """What erasing a person touches: rows by table; files of meetings with them in it, which stay."""

    addresses: tuple[str, ...]
    names: tuple[str, ...]
    touched: dict[str, int]
    files: tuple[str, ...] = ()
    lingers: bool = False


@dataclass(frozen=True, slots=True)
class Housekeeping:
    """What keeping house needs."""

    database: Database
    clock: Clock
    settings: Settings
    piece: int = field(default=_PIECE)

    def tidy(
        self,
        *,
        whole: bool = False,
        keep_on: Callable[[], bool] = lambda: True,
        clock_is_believed: bool = True,
    ) -> Kept:
        """Takes away what is kept no longer, in small transactions; gives room back, always if `whole`.

        Nothing is taken away by a clock that is not believed: it would not come back.
        """
        now = self.clock.now()
        replies = mails = meetings = 0
        if self.settings.keep_raw_days is not None and clock_is_believed:
            before = now - timedelta(days=self.settings.keep_raw_days)
            replies = self._emptied(retention.empty_ledger, before, now, keep_on)
            mails = self._emptied(retention.empty_outgoing, before, now, keep_on)
        if self.settings.keep_finished_meetings_days is not None and clock_is_believed:
            before = now - timedelta(days=self.settings.keep_finished_meetings_days)
            meetings = self._remove_meetings(before, keep_on)
        changes = self._prune(now, keep_on) if clock_is_believed else 0
        tidied = upkeep.tidy(self.database, whole=whole) if keep_on() else upkeep.Tidied()
        return Kept(replies, mails, meetings, tidied.freed, tidied.lingers, changes)

    def _prune(self, now: datetime, keep_on: Callable[[], bool]) -> int:
        """What a webhook was not told of yet stays for twice as long."""
        days = timedelta(days=self.settings.keep_changes_days)
        names = [webhook.name for webhook in self.settings.webhook]

        def told(session: Transaction, before: datetime, _now: datetime, limit: int) -> int:
            return feed.prune(session, before, limit, keep_after=webhooks.behind(session, names))

        def anyway(session: Transaction, before: datetime, _now: datetime, limit: int) -> int:
            return feed.prune(session, before, limit)

        return self._emptied(anyway, now - 2 * days, now, keep_on) + self._emptied(
            told, now - days, now, keep_on
        )

    def _emptied(
        self,
        some: Callable[[Transaction, datetime, datetime, int], int],
        before: datetime,
        now: datetime,
        keep_on: Callable[[], bool],
    ) -> int:
        total = 0
        while keep_on():
            with self.database.begin() as session:
                count = some(session, before, now, self.piece)
            total += count
            if count < self.piece:
                break
        return total

    def _remove_meetings(self, before: datetime, keep_on: Callable[[], bool]) -> int:
        total, after = 0, 0
        while keep_on():
            with self.database.read() as session:
                over, last = retention.finished_after(session, after, before, self.piece)
            for number in over:
                with self.database.begin() as session:
                    retention.remove_meeting(session, number)
            total += len(over)
            if last is None:
                break
            after = last
        return total

    def erase(self, address: str, *, rehearse: bool) -> Erased:
        """Replaces a person by a pseudonym everywhere; changes nothing if `rehearse`. Raises `CouldNot`."""
        begin = self.database.rehearse if rehearse else self.database.begin
        person, own = self._person(address, rehearse=rehearse)
        erasure = Erasure(person, self.clock.now(), own)
        for table in erasing.tables():
            after = None
            while True:
                with begin() as session:
                    after = erasure.batch(session, table, after, self.piece)
                if after is None:
                    break
        tidied = upkeep.Tidied() if rehearse else upkeep.tidy(self.database, whole=True)
        return Erased(
            tuple(sorted(person.addresses)),
            tuple(sorted(person.names)),
            dict(sorted(erasure.touched.items())),
            tuple(erasure.files),
            tidied.lingers,
        )

    def _person(self, address: str, *, rehearse: bool) -> tuple[Person, frozenset[int]]:
        known = normalise(address)
        if known is None:
            raise CouldNot(f"{address!r} is no mail address")
        if is_pseudonym(known):
            raise CouldNot(f"{known} is a pseudonym: that person was erased already")
        begin = self.database.rehearse if rehearse else self.database.begin
        with begin() as session:
            person = erasing.find(session, known, erasing.key(session, keep=not rehearse))
            self._refuse_organizers(session, person)
            waiting = erasing.in_the_way(session, person)
            if waiting:
                number, recipient = waiting[0]
                raise CouldNot(
                    f"{len(waiting)} mails that name {known} are not sent yet, such as {number} to {recipient}; "
                    "let them go, or take them out with `rsvpd outgoing drop`"
                )
            return person, erasing.own_attendees(session, person)

    def _refuse_organizers(self, session: Transaction, person: Person) -> None:
        configured = [
            one
            for organizer in self.settings.organizer
            for one in (organizer.address, organizer.sender.address if organizer.sender else None)
            if one is not None
        ]
        if any(person.has(normalise(one)) for one in configured) or erasing.organizes(session, person):
            raise CouldNot(
                "that is an organizer's address, without which its meetings cannot be kept; only attendees are erased"
            )
