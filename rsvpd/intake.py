"""Mailbox -> ledger rows and answers: one poll of one organizer, or files given by hand.

A batch is one transaction: rows, answers and the cursor together. A crash before
the commit fetches again; after it, the mailbox's numbers are known already.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from hashlib import sha256
from itertools import islice

from rsvpd.itip.model import Arrival, Envelope, Outcome
from rsvpd.itip.reading import Item, ReadMail, Source, read_mail
from rsvpd.itip.verdicts import Reason
from rsvpd.judging import Case, Received, Rules, record
from rsvpd.ports import (
    Clock,
    CouldNot,
    Fetched,
    Finished,
    Folder,
    FolderState,
    Mailbox,
    MailboxUnavailable,
    Throttled,
    Unreachable,
)
from rsvpd.store import hard_mails, ledger, owners
from rsvpd.store.database import Database
from rsvpd.store.hard_mails import HardMail
from rsvpd.store.ledger import Place
from rsvpd.store.queries import LedgerView, ledger_view
from rsvpd.store.writes import Transaction

BATCH = 500
"""Mails in one transaction."""
_TRIES, _TRIED_FOR = 3, timedelta(hours=1)
"""A mail is set aside after so many tries if others come, and in any case after that time: a server may be ill."""

LEFT_ALONE = "mails cannot be marked or moved there, and are left as they are"
"""What is said once of a mailbox whose server can do neither."""

INGESTED = "ingest"
"""The name of the mailbox of mails that were given by hand."""


@dataclass(slots=True)
class Polled:
    """What a poll found: mails looked at, how many were none of our business, the rows, folders in trouble."""

    mails: int = 0
    passed: int = 0
    rows: list[LedgerView] = field(default_factory=list)
    troubles: dict[str | None, CouldNot] = field(default_factory=dict)
    """By folder; None is the whole mailbox."""
    unsupported: list[str] = field(default_factory=list)
    """Mailboxes that can neither mark nor move mails."""


@dataclass(frozen=True, slots=True)
class Ingested:
    """A file and its ledger rows; none if it is none of our business."""

    file: str
    rows: tuple[LedgerView, ...]


Seen = dict[str, FolderState]
"""How the folders were when everything in them was read; it is written to."""

Tell = Callable[[Sequence[LedgerView]], None]
"""Told the rows of each batch once they are committed; they are then kept nowhere, however many there are."""

Progress = Callable[[int, int], None]
"""Told (mails done, mails in all) after each batch."""


@dataclass(frozen=True, slots=True)
class Intake:
    """What reading mailboxes and files needs."""

    database: Database
    clock: Clock
    rules: Rules
    lookback: timedelta

    def poll_folders(
        self,
        mailbox: Mailbox,
        organizer: str,
        folders: Sequence[str],
        *,
        seen: Seen | None = None,
        tell: Tell | None = None,
        progress: Callable[[str, int, int], None] = lambda _folder, _done, _all: None,
        keep_on: Callable[[], bool] = lambda: True,
    ) -> Polled:
        """Reads what is new in each folder; one folder's trouble does not keep the others from being read."""
        found = Polled()
        for folder in folders:
            if not keep_on():
                break
            try:
                polled = self.poll(
                    mailbox,
                    organizer,
                    folder,
                    seen=seen,
                    tell=tell,
                    progress=partial(progress, folder),
                    keep_on=keep_on,
                )
            except Unreachable as error:
                found.troubles[None] = error
                break
            except MailboxUnavailable as error:
                found.troubles[folder] = error
                continue
            found.mails += polled.mails
            found.passed += polled.passed
            found.rows += polled.rows
            found.unsupported += polled.unsupported
        return found

    def poll(
        self,
        mailbox: Mailbox,
        organizer: str,
        folder: str,
        *,
        seen: Seen | None = None,
        tell: Tell | None = None,
        progress: Progress = lambda _done, _all: None,
        keep_on: Callable[[], bool] = lambda: True,
    ) -> Polled:
        """Reads what is new in a folder and records it, batch by batch, while `keep_on` says so.

        A folder whose state is `seen` still has nothing new. Raises `CouldNot` where
        the mailbox or the store is away; what was committed stays.
        """
        polled = Polled()
        if seen is not None and folder in seen and mailbox.state(folder) == seen[folder]:
            return polled
        with mailbox.open(folder) as opened:
            name = f"{organizer}/{opened.name}"
            place = Place(name, opened.state.uidvalidity, None, organizer)
            with self.database.read() as session:
                cursor = ledger.cursor(session, name)
            known = cursor.last_uid if cursor and cursor.uidvalidity == place.uidvalidity else None
            uids = opened.since(self.clock.now() - self.lookback) if known is None else opened.newer(known)
            for batch in self._fetched(opened, uids, place):
                views = self._record(batch, place, polled, finishes=mailbox.finishes)
                if tell is None:
                    polled.rows += views
                else:
                    tell(views)
                progress(polled.mails, len(uids))
                if not keep_on():
                    return polled
            if known is None or uids:
                self._advance(place, _last(opened, uids, first=known is None))
            if mailbox.finishes:
                self._finish(mailbox, folder, place, polled)
            if seen is not None and opened.state.uidnext is not None:
                seen[folder] = opened.state
        return polled

    def _fetched(self, opened: Folder, uids: Sequence[int], place: Place) -> Iterator[list[Fetched]]:
        """The mails in batches. Where one could not be fetched, one at a time, so that it alone is in the way."""
        with self.database.read() as session:
            hard = hard_mails.of(session, place.mailbox, place.uidvalidity or 0)
        done = 0
        if hard is not None:
            behind = 0
            for done, uid in enumerate(uids, start=1):  # noqa: B007  what is left is fetched in batches
                to_blame = uid == hard.imap_uid and self._is_to_blame(opened, uids, hard)
                yield from ([one] for one in self._tried(opened, [uid], place, to_blame=to_blame))
                behind += uid >= hard.imap_uid
                if to_blame or behind > BATCH:  # it was one of as many
                    break
            with self.database.begin() as session:
                hard_mails.forget(session, place.mailbox)
        yield from _batches(self._tried(opened, uids[done:], place))

    def _tried(
        self, opened: Folder, uids: Sequence[int], place: Place, *, to_blame: bool = False
    ) -> Iterator[Fetched]:
        """Fetches, and notes which mail was the first that could not be; one that is to blame is set aside."""
        last = 0
        try:
            for fetched in opened.fetch(uids):
                last = fetched.imap_uid
                yield fetched
        except Throttled:  # it says so itself: no mail is to blame
            raise
        except MailboxUnavailable as error:
            first = next((uid for uid in uids if uid > last), None)
            if first is not None:
                self._note_hard(place, first, str(error), set_aside=to_blame)
            raise

    def _note_hard(self, place: Place, uid: int, words: str, *, set_aside: bool) -> None:
        now = self.clock.now()
        with self.database.begin() as session:
            hard = hard_mails.note(session, place.mailbox, place.uidvalidity or 0, uid, words, now)
            if set_aside:
                hard_mails.forget(session, place.mailbox)
                joined = replace(self, database=self.database.joined(session))
                joined._record([_missing(place, hard, now)], place, Polled(), finishes=False)  # noqa: SLF001  its own

    def _is_to_blame(self, opened: Folder, uids: Sequence[int], hard: HardMail) -> bool:
        """Whether a mail that does not come now is set aside: others come, or it did not for an hour."""
        if hard.tries < _TRIES:
            return False
        if self.clock.now() - hard.since >= _TRIED_FOR:
            return True
        others = [uid for uid in uids if uid != hard.imap_uid]
        if not others:
            recent = opened.since(self.clock.now() - self.lookback)
            others = [uid for uid in recent if uid != hard.imap_uid]
        return bool(others) and any(True for _ in opened.fetch(others[-1:]))

    def fetch_again(self, mailbox: Mailbox, row: LedgerView) -> list[LedgerView]:
        """Tries a mail again that was set aside; the rows that take the place of its own. Raises `CouldNot`."""
        organizer, _, folder = row.mailbox.partition("/")
        with self.database.read() as session:
            imap_uid, uidvalidity = ledger.number_of(session, row.id)
        with mailbox.open(folder) as opened:
            place = Place(row.mailbox, opened.state.uidvalidity, None, organizer)
            same = opened.state.uidvalidity == uidvalidity
            mails = list(opened.fetch([imap_uid])) if same else []
        if not mails:
            raise CouldNot(
                f"ledger row {row.id}: the mail is not in {row.mailbox} any more; "
                f"`rsvpd review dismiss {row.id}` takes it off the list"
            )
        with self.database.begin() as session:
            ledger.take_back(session, row.id)
            joined = replace(self, database=self.database.joined(session))
            return joined._record(mails, place, Polled(), finishes=mailbox.finishes)  # noqa: SLF001  its own

    def _finish(self, mailbox: Mailbox, folder: str, place: Place, polled: Polled) -> None:
        """Marks or moves what the ledger says is waiting for it, be it from a run that crashed."""
        uidvalidity = place.uidvalidity or 0
        with self.database.read() as session:
            waiting = ledger.unfinished(session, place.mailbox, uidvalidity)
        for start in range(0, len(waiting), BATCH):
            batch = waiting[start : start + BATCH]
            if mailbox.finish(folder, uidvalidity, batch) is Finished.UNSUPPORTED:
                polled.unsupported.append(place.mailbox)
            with self.database.begin() as session:
                ledger.finish(session, place.mailbox, uidvalidity, batch)

    def _advance(self, place: Place, last: int) -> None:
        with self.database.begin() as session:
            now = self.clock.now()
            ledger.advance(session, place.mailbox, place.uidvalidity or 0, last, passed=0, now=now)

    def _record(
        self, batch: Sequence[Fetched], place: Place, polled: Polled, *, finishes: bool
    ) -> list[LedgerView]:
        """Rows, answers and the cursor in one transaction."""
        now = self.clock.now()
        received = [_received(fetched, place, self.rules) for fetched in batch]
        concern = [r for r in received if r.mail.items]
        missing = {fetched.imap_uid for fetched in batch if fetched.missing}
        with self.database.begin() as session:
            known = _known(session, place, concern)
            cases = record(session, [r for r in concern if r.place.imap_uid not in known], self.rules, now)
            for case in cases:
                case.row.unfinished = finishes and _concerns_us(case)
                if case.row.imap_uid in missing:
                    case.row.reason = Reason.NOT_FETCHED.value
            passed = len(received) - len(known | {case.row.imap_uid for case in cases})
            uidvalidity, last = place.uidvalidity or 0, batch[-1].imap_uid
            ledger.advance(session, place.mailbox, uidvalidity, last, passed=passed, now=now)
            views = [ledger_view(case.row) for case in cases]
        polled.mails += len(received)
        polled.passed += passed
        return views

    def ingest(self, files: Iterable[tuple[str, bytes]], organizer: str | None = None) -> Iterator[Ingested]:
        """Records mails from elsewhere, in the order given: what an MTA pipe or a test uses.

        Raises `CouldNot` at a mail that may be about meetings of several organizers; those before it are recorded.
        """
        for ordinal, (name, raw) in enumerate(files):
            now = self.clock.now()
            place = Place(INGESTED, None, None, organizer)
            received = _received(Fetched(ordinal, now, raw), place, self.rules)
            with self.database.begin() as session:
                place = replace(place, organizer=organizer or owners.addressed(session, received.mail))
                cases = record(session, [replace(received, place=place)], self.rules, now)
                views = tuple(ledger_view(case.row) for case in cases)
            yield Ingested(name, views)


def _missing(place: Place, hard: HardMail, now: datetime) -> Fetched:
    """What stands for a mail that is set aside."""
    words = f"could not be fetched in {hard.tries} tries ({hard.words}); `rsvpd review retry` tries it again"
    number = f"X-Not-Fetched: {place.mailbox} {place.uidvalidity} {hard.imap_uid}\n\n"
    return Fetched(hard.imap_uid, now, number.encode(), words, missing=True)


def _last(folder: Folder, uids: Sequence[int], *, first: bool) -> int:
    """Where the folder was read to: mails removed meanwhile and those before the lookback are behind it too."""
    newest = uids[-1] if uids else 0
    return max(newest, folder.state.uidnext - 1) if folder.state.uidnext and first else newest


def _concerns_us(case: Case) -> bool:
    """Whether the mail is about a meeting of ours; what else is in a person's inbox stays as it is."""
    return case.row.meeting_id is not None and case.row.outcome != Outcome.NOT_A_REPLY


def _batches(fetched: Iterator[Fetched]) -> Iterator[list[Fetched]]:
    while batch := list(islice(fetched, BATCH)):
        yield batch


def _known(session: Transaction, place: Place, received: Sequence[Received]) -> set[int]:
    """IMAP UIDs of mails whose rows are there already, be it under an earlier UIDVALIDITY."""
    uidvalidity = place.uidvalidity or 0
    numbered = {r.place.imap_uid: r.mail.fingerprint for r in received if r.place.imap_uid is not None}
    known = ledger.known_numbers(session, place.mailbox, uidvalidity, numbered)
    new = {uid: fingerprint for uid, fingerprint in numbered.items() if uid not in known}
    return known | ledger.moved(session, place.mailbox, uidvalidity, new)


def _read(raw: bytes, rules: Rules) -> ReadMail:
    try:
        return read_mail(raw, rules.limits)
    except Exception as error:  # noqa: BLE001  one mail must never hold up a mailbox
        words = f"could not be read, which is a mistake in rsvpd: {type(error).__name__}: {error}"[:500]
        return ReadMail(Envelope(), (Item(Source.CALENDAR, b"", problem=words),), sha256(raw).hexdigest())


def _received(fetched: Fetched, place: Place, rules: Rules) -> Received:
    mail = _read(fetched.raw, rules)
    if fetched.problem:
        mail = ReadMail(
            mail.envelope, (Item(Source.CALENDAR, b"", problem=fetched.problem),), mail.fingerprint
        )
    where = Place(place.mailbox, place.uidvalidity, fetched.imap_uid, place.organizer)
    return Received(where, mail, Arrival(mail.envelope, fetched.received_at, fetched.imap_uid))
