"""The second look: what a mail would do and why, what waits for a person, and everything judged again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from rsvpd.itip.addresses import normalise
from rsvpd.itip.model import Arrival, Outcome
from rsvpd.itip.reading import read_mail
from rsvpd.itip.verdicts import Reason
from rsvpd.judging import Case, Docket, Received, Rules, judge_again, record, reopened
from rsvpd.ports import Clock, CouldNot
from rsvpd.store import ledger, owners, replaying, writes
from rsvpd.store.database import Database
from rsvpd.store.ledger import Place
from rsvpd.store.queries import LedgerView, ledger_view
from rsvpd.store.tables import InboundRow
from rsvpd.store.writes import Transaction

_REPLAYED = 500


@dataclass(frozen=True, slots=True)
class Settled:
    """A ledger row that a person decided on."""

    row: LedgerView


@dataclass(frozen=True, slots=True)
class Changed:
    """What replaying the ledger would change: a row's outcome, or an attendee's participation status."""

    what: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Review:
    """What the second look needs."""

    database: Database
    clock: Clock
    rules: Rules

    def explain(self, raw: bytes, organizer: str | None) -> list[Case]:
        """How a mail would be recorded, with every rule that spoke. Nothing is recorded. Raises `CouldNot`."""
        mail = read_mail(raw, self.rules.limits)
        now = self.clock.now()
        with self.database.rehearse() as session:
            place = Place("explain", None, None, organizer or owners.addressed(session, mail))
            received = Received(place, mail, Arrival(mail.envelope, now))
            return record(session, [received], self.rules, now)

    def release(self, numbers: Sequence[int], by: str) -> list[Settled]:
        """Records the answers of held or outdated rows, with who decided it and when. Raises `CouldNot`."""
        return self._settle(
            numbers, by, lambda session, case, now: Docket(session, self.rules, now).release(case, now)
        )

    def dismiss(self, numbers: Sequence[int], by: str) -> list[Settled]:
        """Takes rows off the list for good: held, outdated, or of mails that were set aside; they change nothing."""
        return self._settle(numbers, by, None)

    def _settle(
        self, numbers: Sequence[int], by: str, decide: Callable[[Transaction, Case, datetime], None] | None
    ) -> list[Settled]:
        now = self.clock.now()
        with self.database.begin() as session:
            rows = ledger.by_number(session, numbers)
            for number in numbers:
                row = rows.get(number)
                if row is None:
                    raise CouldNot(f"there is no ledger row {number}; `rsvpd review list` shows what waits")
                if not _waits(row, decides=decide is not None) or row.settled_by:
                    settled = f", settled by {row.settled_by}" if row.settled_by else ""
                    raise CouldNot(
                        f"ledger row {number} is {row.outcome}{settled}: there is nothing to decide"
                    )
                if decide is not None:
                    decide(session, reopened(row, self.rules), now)
                row.settled_by, row.settled_at = by, now
                session.add(row)
            session.flush()
            return [Settled(ledger_view(rows[number])) for number in numbers]

    def alias(self, address: str, aliases: Sequence[str]) -> list[LedgerView]:
        """Records that a person also writes from other addresses; the rows that this released."""
        known = normalise(address)
        others = [normalise(alias) for alias in aliases]
        for text, found in zip((address, *aliases), (known, *others), strict=True):
            if found is None:
                raise CouldNot(f"{text!r} is no mail address")
        now = self.clock.now()
        with self.database.begin() as session:
            named = [other for other in others if other]
            writes.add_aliases(session, known or "", named)
            waiting = ledger.waiting_for_alias(session, [known or "", *named])
            released = judge_again(session, waiting, self.rules, now)
            for row in released:
                row.settled_by, row.settled_at = "alias", now
                session.add(row)
            return [ledger_view(row) for row in released]

    def replay(self, *, apply: bool) -> list[Changed]:
        """Judges every kept ledger row again with today's rules; what changes, recorded only if `apply`."""
        with self.database.begin() if apply else self.database.rehearse() as session:
            before = replaying.states(session)
            replaying.forget_answers(session)
            changed: list[Changed] = []
            after = 0
            while rows := replaying.rows_after(session, after, _REPLAYED):
                after = writes.stored_id(rows[-1].id)
                changed += self._replayed(session, rows)
            replaying.refold(session)
            now = replaying.states(session)
        people = {
            key: (before.get(key, "nobody"), now.get(key, "nobody")) for key in before.keys() | now.keys()
        }
        return changed + [Changed(k, a, b) for k, (a, b) in sorted(people.items()) if a != b]

    def _replayed(self, session: Transaction, rows: Sequence[InboundRow]) -> list[Changed]:
        former = {row.id: row.outcome for row in rows}
        for row in rows:
            docket = Docket(session, self.rules, row.recorded_at, posts=False, as_of=row.recorded_at)
            if row.settled_by and row.outcome == Outcome.APPLIED and row.settled_at:
                docket.release(reopened(row, self.rules), row.settled_at)
            else:
                docket.judge([reopened(row, self.rules)])
        return [
            Changed(f"ledger row {row.id}", former[row.id], row.outcome)
            for row in rows
            if row.outcome != former[row.id]
        ]


def _waits(row: InboundRow, *, decides: bool) -> bool:
    """Whether a row is for a person to decide; of a mail that was set aside there is nothing to let count."""
    set_aside = row.reason == Reason.NOT_FETCHED and not decides
    return set_aside or row.outcome in {Outcome.HELD, Outcome.OUTDATED}
