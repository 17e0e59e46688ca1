"""Mails that were read -> ledger rows, answers and what follows, inside one transaction.

What is decided is decided by `itip.matching`; here it is only loaded, recorded and
carried out, so that intake, `ingest` and a later second look all do the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from rsvpd import posting
from rsvpd.itip import matching, trust
from rsvpd.itip.addresses import without_detail
from rsvpd.itip.ics.reading import Limits
from rsvpd.itip.model import (
    Answer,
    Arrival,
    Attendee,
    Component,
    Outcome,
    PartStat,
    Role,
)
from rsvpd.itip.reading import Item, ReadMail, read_again
from rsvpd.itip.trust import Policy
from rsvpd.itip.verdicts import Reason, Refusal, Verdict
from rsvpd.store import ledger, writes
from rsvpd.store.ledger import Place
from rsvpd.store.tables import InboundRow, MeetingRow
from rsvpd.store.writes import Stored, Transaction


@dataclass(frozen=True, slots=True)
class Received:
    """A mail that was read, with where it was found and when it came in."""

    place: Place
    mail: ReadMail
    arrival: Arrival


@dataclass(frozen=True, slots=True)
class Rules:
    """What judging needs to know beside the store."""

    policy: Policy
    limits: Limits


def record(
    session: Transaction, received: Sequence[Received], rules: Rules, now: datetime
) -> list[InboundRow]:
    """One ledger row for each item of the mails, judged in their order, with all that follows."""
    docket = Docket(session, rules, now)
    cases = [
        _Case(ledger.new_row(r.place, r.mail, item, number, r.arrival, now), item, r.arrival)
        for r in received
        for number, item in enumerate(r.mail.items)
    ]
    docket.judge(cases)
    return [case.row for case in cases]


def meeting_registered(session: Transaction, uid: str, rules: Rules, now: datetime) -> list[InboundRow]:
    """Judges again what came in for a meeting before it was known here."""
    return judge_again(session, ledger.waiting_for_meeting(session, uid), rules, now)


def judge_again(
    session: Transaction, rows: Sequence[InboundRow], rules: Rules, now: datetime
) -> list[InboundRow]:
    """Judges ledger rows with today's rules and today's meetings; those whose outcome changed."""
    former = {id(row): row.outcome for row in rows}
    cases = []
    for row in rows:
        source, note, arrival = ledger.kept_note(row)
        cases.append(_Case(row, read_again(source, row.raw, note, rules.limits), arrival))
    Docket(session, rules, now).judge(cases)
    return [row for row in rows if row.outcome != former[id(row)]]


@dataclass(slots=True)
class _Case:
    row: InboundRow
    item: Item
    arrival: Arrival
    stored: Stored | None = None
    verdict: Verdict | None = None


@dataclass(slots=True)
class Docket:
    """The meetings and attendees that a batch of mails concerns, loaded at once and judged one by one."""

    session: Transaction
    rules: Rules
    now: datetime
    _meetings: dict[tuple[str | None, str], Stored] = field(default_factory=dict)
    _delegates: list[tuple[Stored, str]] = field(default_factory=list)

    def judge(self, cases: Sequence[_Case]) -> None:
        """Judges and records the cases in their order; then those whom that released."""
        self._load(cases)
        for case in cases:
            self._judge(case)
        self._record(cases)
        self._follow(cases)

    def _load(self, cases: Sequence[_Case]) -> None:
        for organizer in {case.row.organizer for case in cases}:
            concerned = [c for c in cases if c.row.organizer == organizer and c.item.component]
            uids = {c.item.component.uid for c in concerned if c.item.component}
            found = writes.find_meetings(self.session, uids, organizer)
            loaded: dict[int, Stored] = {}
            for uid, row in found.items():
                number = writes.stored_id(row.id)
                if number not in loaded:
                    same = [c for c in concerned if (r := found.get(_uid(c))) is not None and r.id == row.id]
                    loaded[number] = self._load_one(row, same)
                self._meetings[organizer, uid] = loaded[number]

    def _load_one(self, row: MeetingRow, cases: Sequence[_Case]) -> Stored:
        addresses = {address for case in cases for address in _named(case)}
        numbers = {n for case in cases for n in trust.token_numbers(case.arrival.envelope)}
        return writes.load_concerned(self.session, row, addresses, numbers)

    def _judge(self, case: _Case) -> None:
        component = case.item.component
        if component is None:
            return
        case.stored = self._meetings.get((case.row.organizer, component.uid))
        verdict = self._decided(component, case)
        case.verdict = verdict
        ledger.put_verdict(case.row, verdict, case.stored.id if case.stored else None)
        answer = verdict.decision
        if case.stored is not None and isinstance(answer, Answer):
            self._accept(case.stored, component, answer)

    def _decided(self, component: Component, case: _Case) -> Verdict:
        meeting = case.stored.meeting if case.stored else None
        try:
            return matching.decide(component, case.arrival, meeting, self.rules.policy)
        except Exception as error:  # noqa: BLE001  a mail that breaks gets its row and never holds up the others
            words = f"could not be judged, which is a mistake in rsvpd: {type(error).__name__}: {error}"
            return Verdict(Outcome.UNREADABLE, Refusal(Reason.UNREADABLE, words[:500]))

    def _accept(self, stored: Stored, component: Component, answer: Answer) -> None:
        """The answer counts from here on for the mails after it."""
        attendee = stored.attendee(answer.attendee)
        if attendee is None:  # the policy adds uninvited responders
            attendee = _uninvited(component, answer)
            writes.add_attendee(self.session, stored, attendee)
        stored.put(replace(attendee, answers=(*attendee.answers, answer)))
        if answer.delegated_to and answer.partstat is PartStat.DELEGATED:
            self._add_delegate(stored, component, answer, answer.delegated_to)

    def _add_delegate(self, stored: Stored, component: Component, answer: Answer, address: str) -> None:
        if writes.is_listed(self.session, stored, address):
            return
        listed = next((user for user in component.attendees if user.address == address), None)
        delegator = stored.attendee(answer.attendee)
        delegate = Attendee(
            address=address,
            name=listed.name if listed else None,
            role=delegator.role if delegator else Role.REQ_PARTICIPANT,
            delegated_from=answer.attendee,
        )
        writes.add_attendee(self.session, stored, delegate)
        self._delegates.append((stored, address))

    def _record(self, cases: Sequence[_Case]) -> None:
        self.session.add_all(case.row for case in cases)
        self.session.flush()
        answers = [
            (case.stored, case.row, case.verdict.decision)
            for case in cases
            if case.stored and case.verdict and isinstance(case.verdict.decision, Answer)
        ]
        writes.add_answers(self.session, answers)
        for case in cases:
            if case.stored and case.verdict and case.verdict.proposal and case.verdict.attendee:
                number = case.stored.numbers.get(_addressed(case.verdict, case.stored))
                if number is not None:
                    ledger.add_proposal(self.session, number, case.row, case.verdict.proposal)

    def _follow(self, cases: Sequence[_Case]) -> None:
        for case in cases:
            if case.stored is None or case.verdict is None:
                continue
            if case.verdict.outcome is Outcome.REFRESH:
                posting.post_request(
                    self.session, case.stored, [_addressed(case.verdict, case.stored)], self.now
                )
        for stored, delegate in self._delegates:
            self._delegated(stored, delegate)

    def _delegated(self, stored: Stored, delegate: str) -> None:
        """The delegate gets the REQUEST (RFC 5546 3.2.2.3); an answer that came before is released."""
        posting.post_request(self.session, stored, [delegate], self.now)
        waiting = ledger.waiting_for_attendee(self.session, stored.id, delegate)
        for row in judge_again(self.session, waiting, self.rules, self.now):
            row.settled_by, row.settled_at = "delegation", self.now
            self.session.add(row)


def _uid(case: _Case) -> str:
    return case.item.component.uid if case.item.component else ""


def _named(case: _Case) -> Iterable[str]:
    """Every address that the case may turn out to speak of."""
    envelope, component = case.arrival.envelope, case.item.component
    for address in (envelope.from_address, envelope.sender):
        if address:
            yield address
    for user in component.attendees if component else ():
        if user.address:
            yield user.address
        yield from user.delegated_from


def _addressed(verdict: Verdict, stored: Stored) -> str:
    """The listed attendee that a verdict is about."""
    if isinstance(verdict.decision, Answer):
        return verdict.decision.attendee
    claimed = verdict.attendee or ""
    found = trust.find_attendee(stored.meeting, claimed)
    return found.address if found else without_detail(claimed)


def _uninvited(component: Component, answer: Answer) -> Attendee:
    user = next((u for u in component.attendees if u.address == answer.attendee), None)
    return Attendee(
        address=answer.attendee,
        name=user.name if user else None,
        role=Role.OPT_PARTICIPANT,
        delegated_from=user.delegated_from[0] if user and user.delegated_from else None,
    )
