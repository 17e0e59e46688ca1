"""What the templates are given: prepared text, in English, by the clocks of the organizer's zone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from rsvpd.app import App
from rsvpd.itip.model import Occurrence, PartStat, When
from rsvpd.letters.languages import language
from rsvpd.letters.plain import one_line, paragraphs
from rsvpd.letters.spans import Spoken, brief, span, spoken
from rsvpd.reports.wording import ORDER, key, moment
from rsvpd.store.browsing import Person
from rsvpd.store.history import AnswerView, Past
from rsvpd.store.pending import Pending
from rsvpd.store.queries import AttendeeView, MeetingView

SPEECH = language("en")
_TROUBLE = {"failed": "Could not be delivered", "delayed": "Delivery is late"}
_ROLES = {"OPT-PARTICIPANT": "optional", "CHAIR": "chair", "NON-PARTICIPANT": "for information"}
_SAID = {
    PartStat.ACCEPTED: "accepted",
    PartStat.TENTATIVE: "tentative",
    PartStat.DECLINED: "declined",
    PartStat.DELEGATED: "delegated",
    PartStat.NEEDS_ACTION: "no answer",
}


@dataclass(frozen=True, slots=True)
class Count:
    """Seats of one participation status."""

    key: str
    label: str
    number: int


@dataclass(frozen=True, slots=True)
class Shown:
    """One attendee as a row of the table says it."""

    id: int
    name: str
    email: str
    role: str
    key: str
    label: str
    headline: str
    history: tuple[str, ...]
    earlier: int
    comment: str
    remarks: tuple[str, ...]
    trouble: str
    proposal: str
    apart: tuple[str, ...]


def zone_of(house: App, organizer: str) -> str:
    """By whose clocks an organizer's answers are told; UTC for one that is in the settings no more."""
    return next((one.zone for one in house.settings.organizer if one.name == organizer), "UTC")


def when(meeting: MeetingView) -> Spoken:
    """When a meeting is, by its own clocks."""
    return spoken(span(meeting.start, meeting.end, meeting.zone), SPEECH)


def month(start: When) -> str:
    """`Dec`."""
    return SPEECH.date("brief", start).rsplit(" ", 1)[1]


def answer(partstat: str | None) -> str:
    """What a row of the ledger answers; empty for none that is known."""
    return _SAID[PartStat(partstat)] if partstat in set(PartStat) else ""


def at(instant: datetime, zone: str) -> str:
    """`Tue 3 Dec 2026 14:00`."""
    return moment(instant, SPEECH, zone)


def counted(counts: Mapping[PartStat, int]) -> tuple[Count, ...]:
    """Seats by participation status, in the order of the bars; nobody who delegated is not worth a word."""
    return tuple(
        Count(key(partstat), SPEECH.say(f"report_{key(partstat)}"), counts[partstat])
        for partstat, _ in ORDER
        if counts[partstat] or partstat is not PartStat.DELEGATED
    )


def in_words(counts: tuple[Count, ...]) -> str:
    """`12 accepted, 3 tentative, 5 no answer yet`: what a bar shows."""
    said = [f"{count.number} {count.label.lower()}" for count in counts if count.number]
    return ", ".join(said) or "nobody is invited"


def shown(person: Person, past: Past | None, meeting: MeetingView, zone: str, now: datetime) -> Shown:
    """One attendee in words."""
    view, answers = person.view, past.answers if past else ()
    return Shown(
        id=person.id,
        name=one_line(view.name),
        email=view.email,
        role=_ROLES.get(view.role, ""),
        key=key(view.partstat),
        label=SPEECH.say(f"report_{key(view.partstat)}"),
        headline=_headline(view, answers, zone, now),
        history=tuple(_told(answer, meeting.zone, zone, now) for answer in answers),
        earlier=past.earlier if past else 0,
        comment=paragraphs(view.comment),
        remarks=tuple(_remarks(view)),
        trouble=_trouble(view),
        proposal=_proposed(view, meeting.zone),
        apart=tuple(
            f"{occurrence(o.occurrence, meeting.zone)}: {_SAID[o.partstat]}" for o in view.occurrences
        ),
    )


def _headline(view: AttendeeView, answers: tuple[AnswerView, ...], zone: str, now: datetime) -> str:
    """`accepted 3 Dec 09:12, was declined; by iPhone`."""
    series = [answer for answer in answers if answer.occurrence is None]
    if not series:
        return ""
    last, others = series[0], [one for one in series[1:] if one.partstat is not series[0].partstat]
    said = f"{_SAID[last.partstat]} {_clock(last.answered_at, zone, now)}"
    if last.partstat is not view.partstat and view.partstat is PartStat.NEEDS_ACTION:
        said = f"asked again; had {said}" if last.delegated_to is None else f"asked again; {said}"
    if others:
        said += f", was {_SAID[others[0].partstat]}"
    return said + (f"; by {one_line(last.client)}" if last.client else "")


def _told(answer: AnswerView, meeting_zone: str | None, zone: str, now: datetime) -> str:
    """One answer with everything it said."""
    said = [f"{_SAID[answer.partstat]} {_clock(answer.answered_at, zone, now)}"]
    if answer.occurrence:
        said.append(f"only for {occurrence(answer.occurrence, meeting_zone)}")
    if answer.guests:
        said.append(SPEECH.say("report_brings", count=answer.guests))
    if answer.delegated_to:
        said.append(f"to {answer.delegated_to}")
    if answer.sent_by:
        said.append(f"sent by {answer.sent_by}")
    if answer.client:
        said.append(f"by {one_line(answer.client)}")
    if answer.settled_by:
        said.append(f"released by {one_line(answer.settled_by)}")
    if answer.comment:
        said.append(f"“{one_line(answer.comment)}”")
    return "; ".join(said)


def _clock(instant: datetime, zone: str, now: datetime) -> str:
    """`3 Dec 09:12`, with its year where that is not plain."""
    local, today = instant.astimezone(ZoneInfo(zone)), now.astimezone(ZoneInfo(zone))
    year = f" {local.year}" if local.year != today.year else ""
    month = SPEECH.date("brief", local).split(" ", 1)[1]
    return f"{month}{year} {SPEECH.clock(local)}"


def _remarks(view: AttendeeView) -> Iterator[str]:
    if view.guests:
        yield SPEECH.say("report_brings", count=view.guests)
    if view.delegated_to:
        yield f"delegated to {view.delegated_to}"
    if view.delegated_from:
        yield SPEECH.say("report_for", who=view.delegated_from)
    if view.sent_by:
        yield f"answered by {view.sent_by}"


def _trouble(view: AttendeeView) -> str:
    if view.delivery not in _TROUBLE:
        return ""
    words = one_line(view.delivery_words)
    return f"{_TROUBLE[view.delivery]}: {words}" if words else _TROUBLE[view.delivery]


def _proposed(view: AttendeeView, zone: str | None) -> str:
    if view.proposal is None:
        return ""
    start = view.proposal.start
    return f"Proposes {time_span(start, view.proposal.end, zone)}" if start else "Proposes a change"


def time_span(start: When, end: When | None, zone: str | None) -> str:
    """`Tue 3 Dec 2026 14:00 Europe/Zurich`; with its end, if it has one."""
    found = span(start, end or start, zone)
    said = brief(found, SPEECH, year=True, whole=end is not None)
    return f"{said} {found.zone}" if found.zone else said


def occurrence(text: str, zone: str | None) -> str:
    """The occurrence that a RECURRENCE-ID names, by the meeting's clocks."""
    start = Occurrence.from_key(text).at
    return brief(span(start, start, zone), SPEECH, year=True)


@dataclass(frozen=True, slots=True)
class Proposed:
    """A counter-proposal that waits."""

    id: int
    who: str
    uid: str
    summary: str
    what: str
    occurrence: str
    comment: str
    proposed_at: str


def proposed(one: Pending, zone: str) -> Proposed:
    """A counter-proposal in words."""
    meeting_zone = one.meeting.zone
    times = time_span(one.start, one.end, meeting_zone) if one.start else ""
    what = ", ".join(filter(None, (times, one_line(one.location))))
    return Proposed(
        id=one.number,
        who=one.attendee,
        uid=one.meeting.uid,
        summary=one_line(one.meeting.summary),
        what=what or "another time, without saying which",
        occurrence=occurrence(one.occurrence, meeting_zone) if one.occurrence else "",
        comment=paragraphs(one.comment),
        proposed_at=f"{at(one.proposed_at, zone)} {zone}",
    )
