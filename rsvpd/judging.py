"""Mails that were read -> ledger rows, answers and what follows, inside one transaction.

What is decided is decided by `itip.matching`; here it is only loaded, recorded and
carried out, so that intake, `ingest`, `explain` and a later second look all do the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from rsvpd import posting
from rsvpd.itip import matching, overruling, trust
from rsvpd.itip.ics.reading import Limits
from rsvpd.itip.model import Answer, Arrival, Attendee, Component, Method, Outcome, PartStat, Role
from rsvpd.itip.reading import Item, ReadMail, read_again
from rsvpd.itip.trust import Policy
from rsvpd.itip.verdicts import Reason, Refusal, Verdict
from rsvpd.ports import CouldNot
from rsvpd.posting import Desk, Post
from rsvpd.related import Related, relate
from rsvpd.store import correspondence, ledger, pending, replaying, writes
from rsvpd.store.ledger import Place
from rsvpd.store.tables import InboundRow, MeetingRow
from rsvpd.store.writes import Stored, Transaction

_REQUEST = Post(Method.REQUEST)


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
    desk: Desk


@dataclass(slots=True)
class Case:
    """One item being judged: its ledger row, and what was found out; `summary` is that of the meeting it is about."""

    row: InboundRow
    item: Item
    arrival: Arrival
    stored: Stored | None = None
    related: Related | None = None
    verdict: Verdict | None = None
    summary: str | None = None

    @property
    def component(self) -> Component | None:
        """What is judged: the mail's own component, or what a mail in words amounts to."""
        return self.item.component or (self.related.component if self.related else None)


def record(session: Transaction, received: Sequence[Received], rules: Rules, now: datetime) -> list[Case]:
    """One ledger row for each item of the mails that concerns us, judged in their order, with all that follows."""
    cases = [
        Case(ledger.new_row(r.place, r.mail, item, number, r.arrival, now), item, r.arrival)
        for r in received
        for number, item in enumerate(r.mail.items)
    ]
    return Docket(session, rules, now).judge(cases)


def meeting_registered(session: Transaction, uid: str, rules: Rules, now: datetime) -> list[InboundRow]:
    """Judges again what came in for a meeting before it was known here; the rows whose outcome changed."""
    return judge_again(session, ledger.waiting_for_meeting(session, uid), rules, now)


def attendee_listed(
    session: Transaction, meeting_id: int, address: str, rules: Rules, now: datetime, settled_by: str
) -> list[InboundRow]:
    """Judges again what waited for somebody to be on the list; the rows that this released."""
    waiting = ledger.waiting_for_attendee(session, meeting_id, address)
    released = judge_again(session, waiting, rules, now)
    for row in released:
        row.settled_by, row.settled_at = settled_by, now
        session.add(row)
    return released


def judge_again(
    session: Transaction, rows: Sequence[InboundRow], rules: Rules, now: datetime
) -> list[InboundRow]:
    """Judges ledger rows with today's rules and meetings; those whose outcome changed."""
    former = {id(row): row.outcome for row in rows}
    Docket(session, rules, now).judge([reopened(row, rules) for row in rows])
    return [row for row in rows if row.outcome != former[id(row)]]


def reopened(row: InboundRow, rules: Rules) -> Case:
    """A ledger row as a case again, read with today's rules."""
    source, note, arrival = ledger.kept_note(row)
    item = read_again(source, row.raw, note, arrival.envelope, rules.limits)
    return Case(row, item, arrival)


@dataclass(slots=True)
class Docket:
    """The meetings and attendees that a batch of mails concerns, loaded at once and judged one by one.

    `posts` says whether what follows is sent: not while the ledger is replayed,
    when the meeting is judged `as_of` the time the mail was first judged.
    """

    session: Transaction
    rules: Rules
    now: datetime
    posts: bool = True
    as_of: datetime | None = None
    _meetings: dict[tuple[str | None, str], Stored] = field(default_factory=dict)
    _delegates: list[tuple[Stored, str]] = field(default_factory=list)

    def judge(self, cases: Sequence[Case]) -> list[Case]:
        """Judges and records the cases in their order; those that concern us."""
        for case in cases:
            case.related = self._relate(case)
        concern = [case for case in cases if case.component or case.item.problem or case.related]
        self._load(concern)
        for case in concern:
            self._judge(case)
        self._record(concern)
        self._follow(concern)
        return concern

    def release(self, case: Case, released_at: datetime) -> None:
        """Records the answer of a held or outdated row because a person said so. Raises `CouldNot`."""
        case.related = self._relate(case)
        self._load([case])
        component = case.component
        if component is not None:
            case.stored = self._meetings.get((case.row.organizer, component.uid))
        verdict = self._decided(case)
        if component is None or case.stored is None or verdict is None:
            raise CouldNot(
                f"ledger row {case.row.id} cannot be released: no answer to a known meeting can be read in it"
            )
        case.verdict = overruling.released(verdict, case.stored.meeting, released_at)
        if not isinstance(case.verdict.decision, Answer):
            raise CouldNot(f"ledger row {case.row.id} cannot be released: {verdict.words}")
        ledger.put_verdict(case.row, case.verdict, case.stored.id)
        self.accept(case.stored, component, case.verdict.decision)
        self._record([case])
        self._follow([case])

    def _relate(self, case: Case) -> Related | None:
        secret = self.rules.desk.token_secret
        return relate(self.session, case.item, case.arrival.envelope, case.row.organizer, secret)

    def _load(self, cases: Sequence[Case]) -> None:
        for organizer in {case.row.organizer for case in cases}:
            concerned = [c for c in cases if c.row.organizer == organizer and c.component]
            found = writes.find_meetings(self.session, {_uid(c) for c in concerned}, organizer)
            writes.lock(self.session, found.values())
            loaded: dict[int, Stored] = {}
            for uid, row in found.items():
                number = writes.stored_id(row.id)
                if number not in loaded:
                    same = [c for c in concerned if (r := found.get(_uid(c))) is not None and r.id == row.id]
                    loaded[number] = self._load_one(row, same)
                self._meetings[organizer, uid] = loaded[number]

    def _load_one(self, row: MeetingRow, cases: Sequence[Case]) -> Stored:
        addresses = {address for case in cases for address in _named(case)}
        numbers = {n for case in cases for n in trust.token_numbers(case.arrival.envelope)}
        stored = writes.load_concerned(self.session, row, addresses, numbers)
        if self.rules.desk.token_secret:
            for attendee in stored.meeting.attendees:
                token = trust.make_token(
                    self.rules.desk.token_secret, stored.numbers[attendee.address], row.uid, attendee.address
                )
                stored.put(replace(attendee, token=token))
        return stored

    def _judge(self, case: Case) -> None:
        component = case.component
        if component is not None:
            case.stored = self._meetings.get((case.row.organizer, component.uid))
        verdict = self._decided(case)
        if verdict is None:
            return
        case.verdict = verdict
        number = case.stored.id if case.stored else None
        case.summary = case.stored.meeting.summary if case.stored else None
        if case.related:
            meeting = case.related.invitation.meeting
            number, case.summary = writes.stored_id(meeting.id), meeting.summary
            ledger.put_uid(case.row, meeting.uid)
        ledger.put_verdict(case.row, verdict, number)
        if case.stored is not None and component is not None and isinstance(verdict.decision, Answer):
            self.accept(case.stored, component, verdict.decision)

    def _decided(self, case: Case) -> Verdict | None:
        """None for what could not even be read: its row says why."""
        if case.related is not None and case.related.verdict is not None:
            return case.related.verdict
        component = case.component
        if component is None:
            return None
        meeting = case.stored.meeting if case.stored else None
        if case.stored and self.as_of:
            meeting = replaying.as_of(case.stored, self.as_of)
        try:
            verdict = matching.decide(component, case.arrival, meeting, self.rules.policy)
        except Exception as error:  # noqa: BLE001  a mail that breaks gets its row and never holds up the others
            words = f"could not be judged, which is a mistake in rsvpd: {type(error).__name__}: {error}"
            return Verdict(Outcome.UNREADABLE, Refusal(Reason.UNREADABLE, words[:500]))
        in_words = case.item.component is None
        return overruling.only_words(verdict, self.rules.policy) if in_words else verdict

    def accept(self, stored: Stored, component: Component, answer: Answer) -> None:
        """The answer counts from here on for the mails after it."""
        attendee = stored.attendee(answer.attendee)
        if attendee is None:  # the policy adds uninvited responders, or a person did
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

    def _record(self, cases: Sequence[Case]) -> None:
        self.session.add_all(case.row for case in cases)
        self.session.flush()
        answers = [
            (case.stored, case.row, case.verdict.decision)
            for case in cases
            if case.stored and case.verdict and isinstance(case.verdict.decision, Answer)
        ]
        writes.add_answers(self.session, answers)
        for case in cases:
            if case.related and case.item.bounce:
                correspondence.show_failure(self.session, case.related.invitation, case.item.bounce)
            if case.stored and case.verdict and case.verdict.proposal and case.verdict.answer:
                number = case.stored.numbers.get(_addressed(case.verdict, case.stored))
                if number is not None:
                    rank = case.verdict.answer.rank
                    pending.add(self.session, number, case.row, case.verdict.proposal, rank)

    def _follow(self, cases: Sequence[Case]) -> None:
        if self.posts:
            for case in cases:
                if case.stored and case.verdict and case.verdict.outcome is Outcome.REFRESH:
                    again = [_addressed(case.verdict, case.stored)]
                    posting.post(self.session, case.stored, again, _REQUEST, self.now, self.rules.desk)
        delegates, self._delegates = self._delegates, []
        for stored, delegate in delegates:
            self._delegated(stored, delegate)

    def _delegated(self, stored: Stored, delegate: str) -> None:
        """The delegate gets the REQUEST (RFC 5546 3.2.2.3); an answer that came before is released."""
        if self.posts:
            posting.post(self.session, stored, [delegate], _REQUEST, self.now, self.rules.desk)
            attendee_listed(self.session, stored.id, delegate, self.rules, self.now, "delegation")


def _uid(case: Case) -> str:
    return case.component.uid if case.component else ""


def _named(case: Case) -> Iterable[str]:
    """Every address that the case may turn out to speak of."""
    envelope, component = case.arrival.envelope, case.component
    for address in (envelope.from_address, envelope.sender):
        if address:
            yield address
    for user in component.attendees if component else ():
        if user.address:
            yield user.address
        yield from user.delegated_from
        yield from user.delegated_to


def _addressed(verdict: Verdict, stored: Stored) -> str:
    """The listed attendee that a verdict is about."""
    if isinstance(verdict.decision, Answer):
        return verdict.decision.attendee
    found = trust.find_attendee(stored.meeting, verdict.attendee or "")
    return found.address if found else ""


def _uninvited(component: Component, answer: Answer) -> Attendee:
    user = next((u for u in component.attendees if u.address == answer.attendee), None)
    return Attendee(
        address=answer.attendee,
        name=user.name if user else None,
        role=Role.OPT_PARTICIPANT,
        delegated_from=user.delegated_from[0] if user and user.delegated_from else None,
    )
