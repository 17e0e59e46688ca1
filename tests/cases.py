"""Meetings, components and arrivals in few words, for tests of the core.

Times are texts in UTC ("2026-11-23 10:00"); whatever a test does not name is the obvious:
Alice is invited to a meeting of one hour, and her client answers it as it should.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from rsvpd.itip import matching
from rsvpd.itip.model import (
    Answer,
    Arrival,
    Attendee,
    CalendarUser,
    Component,
    Envelope,
    Meeting,
    Method,
    Occurrence,
    Outcome,
    Override,
    PartStat,
    Recurrence,
    Revision,
    When,
)
from rsvpd.itip.ranking import partstat
from rsvpd.itip.trust import Policy
from rsvpd.itip.verdicts import Reason, Verdict

UID = "review@example.org"
ORGANIZER = "events@example.org"
ALICE = "alice@example.com"
BOB = "bob@example.net"
CAROL = "carol@example.net"
DAVE = "dave@example.net"
EVE = "eve@example.com"
INVITED_AT = "2026-11-20 08:00"
ANSWERED_AT = "2026-11-23 10:00"
ZURICH = ZoneInfo("Europe/Zurich")
PLAIN = Policy()

ACCEPTED = PartStat.ACCEPTED
DECLINED = PartStat.DECLINED
TENTATIVE = PartStat.TENTATIVE
DELEGATED = PartStat.DELEGATED
NEEDS_ACTION = PartStat.NEEDS_ACTION


def at(text: str) -> datetime:
    """The instant that `text` names in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def local(text: str) -> datetime:
    """The time in Zurich that `text` names."""
    return datetime.fromisoformat(text).replace(tzinfo=ZURICH)


def occurrence(text: str) -> Occurrence:
    """The occurrence at an instant in UTC, or on a day."""
    return Occurrence(at(text) if ":" in text else date.fromisoformat(text))


def person(address: str = ALICE, *answers: Answer, **changes: object) -> Attendee:
    """Somebody invited."""
    return replace(Attendee(address, answers=answers), **changes)  # type: ignore[arg-type]


def meeting(*people: Attendee, **changes: object) -> Meeting:
    """A meeting in Zurich at 14:00 on 3 December 2026, with one revision; Alice is invited if nobody is named."""
    start = local("2026-12-03 14:00")
    plain = Meeting(
        uid=UID,
        organizer=ORGANIZER,
        start=start,
        end=start + timedelta(hours=1),
        summary="Budget review",
        zone="Europe/Zurich",
        attendees=people or (person(),),
    )
    changed = replace(plain, **changes)  # type: ignore[arg-type]
    if changed.revisions:
        return changed
    return replace(changed, revisions=(Revision(changed.sequence, at(INVITED_AT)),))


def series(*people: Attendee, rule: str = "FREQ=WEEKLY", **changes: object) -> Meeting:
    """The same every week: 3, 10, 17, 24, 31 December 2026 at 13:00 UTC and so on."""
    given: dict[str, object] = {"recurrence": Recurrence((f"RRULE:{rule}",)), **changes}
    return meeting(*people, **given)


def with_overrides(one: Meeting, *overrides: Override) -> Meeting:
    """A series with occurrences that were moved or cancelled."""
    recurrence = one.recurrence or Recurrence()
    return replace(one, recurrence=replace(recurrence, overrides=overrides))


def revised(one: Meeting, *changes: tuple[int, str, bool]) -> Meeting:
    """The meeting after changes (SEQUENCE, when sent, significant)."""
    more = tuple(Revision(sequence, at(sent_at), significant) for sequence, sent_at, significant in changes)
    revisions = (*one.revisions, *more)
    return replace(one, sequence=max(r.sequence for r in revisions), revisions=revisions)


def user(
    address: str | None = ALICE, partstat: PartStat | None = ACCEPTED, **changes: object
) -> CalendarUser:
    """An ATTENDEE property."""
    return replace(CalendarUser(address, partstat=partstat), **changes)  # type: ignore[arg-type]


def reply(*users: CalendarUser, **changes: object) -> Component:
    """A VEVENT with METHOD:REPLY, in which Alice accepts if nobody is named."""
    plain = Component(
        kind="VEVENT",
        method=Method.REPLY,
        uid=UID,
        sequence=0,
        dtstamp=at(ANSWERED_AT),
        attendees=users or (user(),),
    )
    return replace(plain, **changes)  # type: ignore[arg-type]


def answers(partstat: PartStat, text: str = ANSWERED_AT, **changes: object) -> Component:
    """Alice's answer, written at that time."""
    return reply(user(partstat=partstat), **{"dtstamp": at(text), **changes})


def arrival(
    text: str = ANSWERED_AT, *, sender: str | None = ALICE, ordinal: int = 0, **envelope: object
) -> Arrival:
    """A mail from Alice, written and received at that time; `date=None` for a mail without Date."""
    plain = Envelope(from_address=sender, recipients=(ORGANIZER,), date=at(text))
    return Arrival(replace(plain, **envelope), at(text), ordinal)  # type: ignore[arg-type]


def judge(
    component: Component | None = None,
    mail: Arrival | None = None,
    to: Meeting | None = None,
    policy: Policy = PLAIN,
) -> Verdict:
    """How a reply is judged: Alice's by default, to a meeting she is invited to."""
    return matching.decide(component or reply(), mail or arrival(), to or meeting(), policy)


def said(verdict: Verdict) -> tuple[Outcome, Reason | None]:
    """Outcome and reason."""
    return verdict.outcome, verdict.reason


def answer_of(verdict: Verdict) -> Answer:
    """The answer that goes into the record."""
    assert isinstance(verdict.decision, Answer), verdict
    return verdict.decision


def recorded(one: Meeting, verdict: Verdict) -> Meeting:
    """The meeting after a verdict: the answer appended, a delegate or an uninvited responder added."""
    if not isinstance(verdict.decision, Answer):
        return one
    answer = verdict.decision
    people = {p.address: p for p in one.attendees}
    known = people.get(answer.attendee, Attendee(answer.attendee))
    people[known.address] = replace(known, answers=(*known.answers, answer))
    if answer.partstat is DELEGATED and answer.delegated_to and answer.delegated_to not in people:
        people[answer.delegated_to] = Attendee(answer.delegated_to, delegated_from=answer.attendee)
    return replace(one, attendees=tuple(people.values()))


def after(one: Meeting, *mails: tuple[Component, Arrival], policy: Policy = PLAIN) -> Meeting:
    """The meeting after these mails, judged and recorded in this order."""
    for component, mail in mails:
        one = recorded(one, matching.decide(component, mail, one, policy))
    return one


def sent(component: Component, text: str | None = None, *, sender: str = ALICE) -> tuple[Component, Arrival]:
    """A component with the mail it came in, sent when it was written unless said otherwise."""
    moment = text or f"{component.dtstamp:%Y-%m-%d %H:%M:%S}"
    return component, arrival(moment, sender=sender)


def shows(one: Meeting, address: str = ALICE, where: str | None = None) -> PartStat:
    """The participation status of an attendee for the series, or for the occurrence at `where`."""
    someone = next(p for p in one.attendees if p.address == address)
    return partstat(someone, one, occurrence(where) if where else None)


def moved(text: str, to: str, zone: ZoneInfo = ZURICH, *, sequence: int = 0) -> Override:
    """An occurrence (an instant in UTC) that was moved to another time."""
    start = at(to).astimezone(zone)
    return Override(occurrence(text), start=start, end=start + timedelta(hours=1), sequence=sequence)


def cancelled(text: str) -> Override:
    """An occurrence that was cancelled."""
    return Override(occurrence(text), cancelled=True)


def rules(one: Meeting, lines: Iterable[str], start: When | None = None) -> Meeting:
    """The meeting with these recurrence lines, from another start on if given."""
    begins = start or one.start
    length = timedelta(hours=1) if isinstance(begins, datetime) else timedelta(days=1)
    return replace(one, start=begins, end=begins + length, recurrence=Recurrence(tuple(lines)))
