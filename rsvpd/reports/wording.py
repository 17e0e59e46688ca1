"""What the templates of a report are given: prepared text, in the organizer's language and zone."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from rsvpd.itip.model import PartStat, When
from rsvpd.letters.languages import Language
from rsvpd.letters.plain import one_line
from rsvpd.letters.spans import Spoken, span, spoken
from rsvpd.store.queries import AttendeeView, ProposalView
from rsvpd.store.reporting import ReportView

_NAMED = 50
"""More people than these are a number; the attached tables have all of them."""
_COMMENT = 300
"""Characters of a comment."""
_BAR = 50
"""Columns of the bar in plain text."""
ORDER = (
    (PartStat.ACCEPTED, "#"),
    (PartStat.TENTATIVE, "~"),
    (PartStat.NEEDS_ACTION, "."),
    (PartStat.DELEGATED, "+"),
    (PartStat.DECLINED, "x"),
)
"""In which order answers stand, and by which sign in a bar of text."""


@dataclass(frozen=True, slots=True)
class Count:
    """Seats of one participation status; `share` is their part of 100."""

    key: str
    label: str
    number: int
    sign: str
    share: int


@dataclass(frozen=True, slots=True)
class Said:
    """Somebody, and what there is to say of them."""

    who: str
    words: str = ""


@dataclass(frozen=True, slots=True)
class Part:
    """A heading with the people below it, and how many more there are."""

    heading: str
    people: tuple[Said, ...]
    more: str = ""


@dataclass(frozen=True, slots=True)
class Told:
    """One meeting in words."""

    summary: str
    when: Spoken
    location: str
    cancelled: bool
    counts: tuple[Count, ...]
    seats: int
    guests: int
    bar: str
    news: tuple[str, ...]
    parts: tuple[Part, ...]
    held: int


def told(view: ReportView, speech: Language, zone: str) -> Told:
    """One meeting in words; instants by the clocks of `zone`, the meeting's own times by its own."""
    meeting, attendees = view.attendance.meeting, view.attendance.attendees
    counts = _counts(view, speech)
    return Told(
        summary=one_line(meeting.summary),
        when=spoken(span(meeting.start, meeting.end, meeting.zone), speech),
        location=one_line(meeting.location),
        cancelled=meeting.status == "CANCELLED",
        counts=counts,
        seats=sum(count.number for count in counts),
        guests=view.guests,
        bar=_bar(counts),
        news=tuple(_news(view, speech, zone)),
        parts=tuple(_parts(attendees, meeting.zone, speech)),
        held=view.held,
    )


def moment(at: datetime, speech: Language, zone: str) -> str:
    """`Tue 3 Dec 2026 14:00`."""
    local = at.astimezone(ZoneInfo(zone))
    return speech.say("brief_time", day=speech.date("brief_year", local), time=speech.clock(local))


def _counts(view: ReportView, speech: Language) -> tuple[Count, ...]:
    numbers = [view.attendance.counts[partstat] for partstat, _ in ORDER]
    shares = portions(numbers, 100)
    return tuple(
        Count(key(partstat), speech.say(f"report_{key(partstat)}"), number, sign, share)
        for (partstat, sign), number, share in zip(ORDER, numbers, shares, strict=True)
        if number or partstat is not PartStat.DELEGATED
    )


def key(partstat: PartStat) -> str:
    """What a participation status is called in phrases and style sheets."""
    return partstat.value.lower().replace("-", "_")


def portions(numbers: Sequence[int], whole: int) -> list[int]:
    """`whole` divided as the numbers are, in whole parts that add up to it; nothing that is there gets none."""
    total = sum(numbers)
    if not total:
        return [0] * len(numbers)
    parts = [max(number * whole // total, 1 if number else 0) for number in numbers]
    while sum(parts) > whole:
        parts[parts.index(max(parts))] -= 1
    rest = sorted(range(len(numbers)), key=lambda n: -(numbers[n] * whole % total) if numbers[n] else 1)
    for place in range(whole - sum(parts)):
        parts[rest[place % len(rest)]] += 1
    return parts


def _bar(counts: Sequence[Count]) -> str:
    lengths = portions([count.number for count in counts], _BAR)
    return "".join(count.sign * length for count, length in zip(counts, lengths, strict=True))


def _news(view: ReportView, speech: Language, zone: str) -> Iterable[str]:
    if view.revised_at:
        yield speech.say("report_revised", when=moment(view.revised_at, speech, zone))
    for one in view.answers:
        words = speech.say(
            "report_change",
            who=_who(one.name, one.email),
            after=speech.say(f"report_{key(one.after)}"),
            before=speech.say(f"report_{key(one.before)}"),
        )
        comment = _short(one.comment)
        yield f"{speech.say('label', label=words)} {comment}" if comment else words
    for gone in view.removed:
        yield speech.say("report_gone", who=_who(gone.name, gone.email))


def _parts(attendees: Sequence[AttendeeView], zone: str | None, speech: Language) -> Iterable[Part]:
    for partstat in (PartStat.DECLINED, PartStat.NEEDS_ACTION, PartStat.TENTATIVE, PartStat.ACCEPTED):
        people = [Said(_who(a.name, a.email), _words(a, speech)) for a in attendees if a.partstat is partstat]
        yield from _part(f"report_{key(partstat)}", people, speech)
    proposing = [(a, a.proposal) for a in attendees if a.proposal]
    people = [Said(_who(a.name, a.email), _proposed(p, zone, speech)) for a, p in proposing]
    yield from _part("report_proposals", people, speech)
    lost = [a for a in attendees if a.delivery in {"failed", "delayed"}]
    people = [Said(_who(a.name, a.email), one_line(a.delivery_words)) for a in lost]
    yield from _part("report_undelivered", people, speech)


def _part(key: str, people: Sequence[Said], speech: Language) -> Iterable[Part]:
    if people:
        left = len(people) - _NAMED
        more = speech.say("report_more", count=left) if left > 0 else ""
        yield Part(f"{speech.say(key)} ({len(people)})", tuple(people[:_NAMED]), more)


def _words(attendee: AttendeeView, speech: Language) -> str:
    found = [_short(attendee.comment)]
    if attendee.guests:
        found.append(speech.say("report_brings", count=attendee.guests))
    if attendee.delegated_from:
        found.append(speech.say("report_for", who=attendee.delegated_from))
    return "; ".join(filter(None, found))


def _proposed(proposal: ProposalView, zone: str | None, speech: Language) -> str:
    when = _when(proposal.start, proposal.end, zone, speech) if proposal.start else ""
    return "; ".join(filter(None, (when, one_line(proposal.location), _short(proposal.comment))))


def _when(start: When, end: When | None, zone: str | None, speech: Language) -> str:
    return spoken(span(start, end or start, zone), speech).brief


def _who(name: str | None, email: str) -> str:
    return f"{one_line(name)} <{email}>" if one_line(name) else email


def _short(comment: str | None) -> str:
    text = one_line(comment)
    return text if len(text) <= _COMMENT else text[: _COMMENT - 1].rstrip() + "…"
