"""Reminder rules -> mails in the outgoing queue: to whom a rule applies now, each moment served once.

What is due is a query at each look. It is decided again, under a lock and with what is
recorded then, in the transaction that puts the mail into the queue: so an answer that
comes in meanwhile counts, and nobody is reminded twice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from zoneinfo import ZoneInfo

from rsvpd import letters, notices, posting
from rsvpd.config import OrganizerSettings, ReminderSettings, Settings
from rsvpd.itip import ranking, reminding
from rsvpd.itip.changing import at_occurrence
from rsvpd.itip.model import Meeting, Method, PartStat
from rsvpd.itip.reminding import Date, Rule, Standing, Turn
from rsvpd.judging import Rules
from rsvpd.ports import Clock, CouldNot
from rsvpd.posting import Post, Stationery
from rsvpd.store import outgoing, writes
from rsvpd.store import reminding as kept
from rsvpd.store.convert import digest
from rsvpd.store.database import Database
from rsvpd.store.outgoing import Mail
from rsvpd.store.reminding import Asked, Served
from rsvpd.store.tables import MeetingRow
from rsvpd.store.writes import Stored, Transaction

_PORTION = 500
"""Attendees whom one transaction reminds."""
NOTICE = "REMINDER"
"""What stands in the queue for a mail without a calendar."""


@dataclass(frozen=True, slots=True)
class Planned:
    """What a rule has to say of an attendee: a moment that is due, put off by quiet hours, or still to come."""

    uid: str
    rule: str
    attendee: str
    name: str | None
    partstat: PartStat
    occurrence: str | None
    number: int
    at: datetime
    standing: Standing


@dataclass(frozen=True, slots=True)
class _Case:
    """One rule for one attendee, with its moment and the date it is about."""

    settings: ReminderSettings
    asked: Asked
    date: Date
    turn: Turn

    @property
    def key(self) -> str:
        return self.date.occurrence.key if self.date.occurrence else ""


@dataclass(frozen=True, slots=True)
class Reminders:
    """What reminding needs."""

    database: Database
    clock: Clock
    settings: Settings
    rules: Rules

    def due(self, organizers: Sequence[OrganizerSettings]) -> list[OrganizerSettings]:
        """Those with meetings of which somebody may be reminded: one question for all of them."""
        if not self.settings.reminder:
            return []
        with self.database.read() as session:
            names = kept.organizers(session, self.clock.now())
        return [one for one in organizers if one.name in names and one.smtp and self._rules_of(one)]

    def remind(
        self, organizer: OrganizerSettings, keep_on: Callable[[], bool] = lambda: True, uid: str | None = None
    ) -> int:
        """Puts every reminder that is due into the queue, of one meeting or of all; how many mails.

        Raises `CouldNot`, at the end, for a rule whose words cannot be used.
        """
        rules = self._rules_of(organizer)
        if not rules or organizer.smtp is None:
            return 0
        mails, troubles = 0, list[str]()
        with self.database.read() as session:
            numbers = [row.id for row in self._meetings(session, organizer, uid)]
        for number in numbers:
            if not keep_on():
                break
            try:
                mails += self._remind_of(organizer, rules, writes.stored_id(number))
            except letters.LetterBroken as error:
                troubles.append(str(error))
        if troubles:
            raise CouldNot(f"{organizer.name}: no reminder could be written: {troubles[0]}")
        return mails

    def planned(self, uid: str) -> list[Planned]:
        """What the rules have to say of a meeting now; nothing is done. Raises `CouldNot`."""
        found: list[Planned] = []
        with self.database.read() as session:
            for organizer in self._organizers_of(session, uid):
                for row in self._meetings(session, organizer, uid):
                    look = _Look(session, row, self._rules_of(organizer), organizer.zone, self.clock.now())
                    found += [_planned(row.uid, case) for case in look.cases()]
        return sorted(found, key=lambda one: (one.at, one.rule, one.attendee))

    def remind_of(self, uid: str) -> list[Planned]:
        """Puts what is due for one meeting into the queue; what that was. Raises `CouldNot`."""
        due = [one for one in self.planned(uid) if one.standing is Standing.DUE]
        with self.database.read() as session:
            organizers = self._organizers_of(session, uid)
        for organizer in organizers:
            if organizer.smtp is None:
                raise CouldNot(
                    f"{organizer.name}: no [organizer.smtp] is configured, so nobody can be reminded"
                )
            self.remind(organizer, uid=uid)
        return due

    def _rules_of(self, organizer: OrganizerSettings) -> list[ReminderSettings]:
        return [one for one in self.settings.reminder if one.concerns(organizer.name)]

    def _meetings(
        self, session: Transaction, organizer: OrganizerSettings, uid: str | None
    ) -> list[MeetingRow]:
        return kept.meetings(session, organizer.name, self.clock.now(), digest(uid) if uid else None)

    def _organizers_of(self, session: Transaction, uid: str) -> list[OrganizerSettings]:
        known = [o for o in self.settings.organizer if uid in writes.find_meetings(session, [uid], o.name)]
        if not known:
            raise CouldNot(f"there is no meeting {uid}; `rsvpd meeting list` shows them")
        if not self.settings.reminder:
            raise CouldNot("no [[reminder]] is configured; `rsvpd init` shows how")
        return known

    def _remind_of(self, organizer: OrganizerSettings, rules: Sequence[ReminderSettings], number: int) -> int:
        """Looks first without a lock: mostly nothing is due."""
        with self.database.read() as session:
            row = session.get(MeetingRow, number)
            if row is None:
                return 0
            look = _Look(session, row, rules, organizer.zone, self.clock.now())
            due = sorted({c.asked.id for c in look.cases() if c.turn.standing is Standing.DUE})
        mails = 0
        for start in range(0, len(due), _PORTION):
            with self.database.begin() as session:
                mails += self._serve(session, organizer, rules, number, due[start : start + _PORTION])
        return mails

    def _serve(
        self,
        session: Transaction,
        organizer: OrganizerSettings,
        rules: Sequence[ReminderSettings],
        number: int,
        ids: Sequence[int],
    ) -> int:
        free = set(kept.lock(session, organizer.name, number, ids))
        row = session.get(MeetingRow, number, populate_existing=True)
        now = self.clock.now()
        if row is None or number not in {one.id for one in kept.meetings(session, organizer.name, now)}:
            return 0
        look = _Look(session, row, rules, organizer.zone, now)
        due = [c for c in look.cases() if c.turn.standing is Standing.DUE and c.asked.id in free]
        writer = _Writer(session, look.stored, self.rules, now)
        served = [*writer.serve(due)]
        kept.record(session, served, now)
        return len({one.mail.message_id for one in served})


@dataclass
class _Look:
    """A meeting as the rules see it now."""

    session: Transaction
    row: MeetingRow
    rules: Sequence[ReminderSettings]
    zone: str
    now: datetime

    @cached_property
    def stored(self) -> Stored:
        return writes.load(self.session, self.row)

    @property
    def meeting(self) -> Meeting:
        return self.stored.meeting

    def cases(self) -> Iterator[_Case]:
        """One for each rule and attendee that it has something to say of."""
        zone = ZoneInfo(self.meeting.zone or self.zone)
        coming = reminding.next_date(self.meeting, self.now, zone)
        if coming is None or self.meeting.details.announcement:
            return
        for settings in self.rules:
            rule = settings.rule
            for date, who in self._dates(rule, coming):
                for one in self._asked(who, date):
                    yield from self._case(settings, rule, one, date)

    def _dates(self, rule: Rule, coming: Date) -> Iterator[tuple[Date, frozenset[PartStat]]]:
        """Which date the rule is about, for whom.

        Of a series, who accepted is reminded of every date. The others are asked about
        the whole, before its first date, or until its next one.
        """
        accepted, others = rule.who & {PartStat.ACCEPTED}, rule.who - {PartStat.ACCEPTED}
        if self.meeting.recurrence is None or rule.before_start is None:
            yield replace(coming, occurrence=None), rule.who
            return
        if accepted:
            yield coming, accepted
        first = Date(self.row.starts_at)
        if others and first.starts_at > self.now:
            yield first, others

    def _asked(self, who: frozenset[PartStat], date: Date) -> list[Asked]:
        sequence = self.meeting.significant_sequence
        if date.occurrence is None:
            return kept.asked(self.session, self.stored.id, sequence, who)
        everyone = writes.load_everyone(self.session, self.row).meeting
        answer = {a.address: ranking.partstat(a, everyone, date.occurrence) for a in everyone.attendees}
        found = kept.asked(self.session, self.stored.id, sequence)
        return [replace(a, partstat=answer[a.address]) for a in found if answer[a.address] in who]

    def _case(self, settings: ReminderSettings, rule: Rule, one: Asked, date: Date) -> Iterator[_Case]:
        if not one.rsvp and one.partstat is not PartStat.ACCEPTED:
            return  # nobody asked them
        zone = ZoneInfo(settings.zone_of(one.address, self.meeting.zone or self.zone))
        key = date.occurrence.key if date.occurrence else ""
        found = reminding.turn(
            rule,
            start=date.starts_at,
            invited_at=one.invited_at,
            zone=zone,
            now=self.now,
            served=one.served.get((rule.name, key), 0),
        )
        if found is not None:
            yield _Case(settings, one, date, found)


@dataclass(frozen=True, slots=True)
class _Writer:
    """Writes the mails that are due for one meeting; several rules at once make one mail."""

    session: Transaction
    stored: Stored
    rules: Rules
    now: datetime

    def serve(self, due: Sequence[_Case]) -> Iterator[Served]:
        firsts: dict[int, _Case] = {}
        for case in due:
            firsts.setdefault(case.asked.id, case)
        mails: dict[int, Mail] = {}
        for settings in {case.settings.name: case.settings for case in firsts.values()}.values():
            mine = [case for case in firsts.values() if case.settings is settings]
            asks = [case.asked.address for case in mine if case.asked.partstat is not PartStat.ACCEPTED]
            post = Post(Method.REQUEST, message=settings.message, fills=True, reminder=True)
            asked = posting.post(self.session, self.stored, asks, post, self.now, self.rules.desk)
            notes = [self._notice(case) for case in mine if case.asked.partstat is PartStat.ACCEPTED]
            outgoing.enqueue(self.session, notes, self.now)
            mails |= {mail.attendee_id: mail for mail in (*asked, *notes) if mail.attendee_id is not None}
        for case in due:
            if case.asked.id in mails:
                yield self._served(case, mails[case.asked.id])

    def _notice(self, case: _Case) -> Mail:
        row, asked = self.stored.row, case.asked
        everyone = writes.load_everyone(self.session, row).meeting
        meeting = at_occurrence(everyone, case.date.occurrence) if case.date.occurrence else everyone
        stationery = self.rules.desk.stationery.get(row.organizer, Stationery())
        style = replace(
            stationery.style,
            message=case.settings.message,
            fills=True,
            show_attendees=stationery.show_attendees,
        )
        attendee = next(a for a in everyone.attendees if a.address == asked.address)
        return notices.notice(
            organizer=row.organizer,
            organizer_mailbox=(everyone.organizer, everyone.organizer_name),
            stationery=stationery,
            letter=letters.coming(meeting, attendee, style=style),
            recipient=(asked.address, asked.name),
            kind=NOTICE,
            now=self.now,
            meeting_id=self.stored.id,
            attendee_id=asked.id,
            sequence=everyone.sequence,
        )

    def _served(self, case: _Case, mail: Mail) -> Served:
        return Served(
            attendee_id=case.asked.id,
            rule=case.settings.name,
            sequence=self.stored.meeting.significant_sequence,
            occurrence=case.key,
            number=case.turn.number,
            partstat=case.asked.partstat,
            starts_at=case.date.starts_at,
            mail=mail,
        )


def _planned(uid: str, case: _Case) -> Planned:
    return Planned(
        uid=uid,
        rule=case.settings.name,
        attendee=case.asked.address,
        name=case.asked.name,
        partstat=case.asked.partstat,
        occurrence=case.key or None,
        number=case.turn.number,
        at=case.turn.at,
        standing=case.turn.standing,
    )
