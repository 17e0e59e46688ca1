"""Which answer is newer, and what the answers of an attendee add up to (RFC 5546 2.1.4, 2.1.5).

A participation status is a fold over append-only answers: the highest Rank wins,
so the order in which replies were processed does not matter.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from rsvpd.itip.model import (
    Answer,
    Arrival,
    Attendee,
    Component,
    Meeting,
    Occurrence,
    PartStat,
    Rank,
    Revision,
)

_DTSTAMP_TRUSTED = timedelta(minutes=15)


def rank(component: Component, arrival: Arrival, meeting: Meeting) -> Rank:
    """The Rank of a reply, from the mail and the meeting alone."""
    stated = effective_sequence(component, arrival, meeting)
    # A bogus huge SEQUENCE must not shadow every later answer.
    return Rank(
        min(stated, meeting.sequence), answered_at(component, arrival), arrival.received_at, arrival.ordinal
    )


def effective_sequence(component: Component, arrival: Arrival, meeting: Meeting) -> int:
    """SEQUENCE, or where it is missing that of the revision the attendee could know when they wrote (SOGo)."""
    if component.sequence is not None:
        return component.sequence
    written_at = min(arrival.envelope.date or arrival.received_at, arrival.received_at)
    known = [r.sequence for r in meeting.revisions if r.sent_at <= written_at]
    if known:
        return max(known)
    return min((r.sequence for r in meeting.revisions), default=meeting.sequence)


def answered_at(component: Component, arrival: Arrival) -> datetime:
    """When the attendee answered, in UTC, never after the mail arrived.

    Outlook for Mac and SOGo write a DTSTAMP that is not the time of the answer:
    it counts only near the Date header; Outlook's own reply time counts before both.
    """
    date = arrival.envelope.date
    stated = date or arrival.received_at
    if component.dtstamp and (date is None or abs(component.dtstamp - date) <= _DTSTAMP_TRUSTED):
        stated = component.dtstamp
    return min(component.replied_at or stated, arrival.received_at)


def revision_of(meeting: Meeting, sequence: int) -> tuple[int, Revision] | None:
    """The revision that a reply of this SEQUENCE answered, with its number from 1."""
    known = [(n, r) for n, r in enumerate(meeting.revisions, 1) if r.sequence <= sequence]
    return known[-1] if known else None


def standing(
    answers: Iterable[Answer], meeting: Meeting, occurrence: Occurrence | None = None
) -> tuple[Answer, ...]:
    """The answers that still count: not outdated by a significant change, and an answer at all.

    One occurrence that was moved is asked about anew, the series is not.
    """
    asked_at = meeting.asked_at(occurrence)
    return tuple(
        answer
        for answer in answers
        if answer.rank.sequence >= asked_at and answer.partstat is not PartStat.NEEDS_ACTION
    )


def current(answers: Sequence[Answer], occurrence: Occurrence | None = None) -> Answer | None:
    """What an attendee answers for the series (None) or for one occurrence, out of standing answers.

    An answer to the series applies to every occurrence that has none of its own at
    least as new; one with RANGE=THISANDFUTURE to that occurrence and all later ones.
    """
    return newest(answer for answer in answers if _speaks_of(answer, occurrence))


def newest(answers: Iterable[Answer]) -> Answer | None:
    """The answer of the highest Rank; of equal ones the one that speaks of less, then the one recorded later."""
    recorded = reversed(tuple(answers))
    return max(
        recorded, key=lambda a: (a.rank, a.occurrence is not None, not a.this_and_future), default=None
    )


def covers(recorded: Answer, given: Answer) -> bool:
    """Whether `recorded` speaks of everything that `given` speaks of."""
    if recorded.occurrence is None:
        return True
    if given.occurrence is None or (given.this_and_future and not recorded.this_and_future):
        return False
    return _speaks_of(recorded, given.occurrence)


def _speaks_of(answer: Answer, occurrence: Occurrence | None) -> bool:
    if answer.occurrence is None:
        return True
    if occurrence is None:
        return False
    if answer.this_and_future:
        return answer.occurrence.key <= occurrence.key
    return answer.occurrence.key == occurrence.key


def changes_anything(given: Answer, answers: Sequence[Answer], meeting: Meeting) -> bool:
    """Whether `given`, not older than what covers it, says something else than `answers` wherever it speaks.

    What an attendee says of a series only changes where an answer or an override
    begins, and behind the beginning of a range: those few places stand for all.
    """
    overrides = meeting.recurrence.overrides if meeting.recurrence else ()
    named = [a for a in answers if a.occurrence is not None]
    places = {given.occurrence, *(a.occurrence for a in named), *(o.occurrence for o in overrides)}
    return any(_changed_at(place, given, answers, meeting) for place in places) or any(
        _changed_behind(start, given, answers, meeting)
        for start in (a.occurrence for a in (*named, given) if a.this_and_future)
    )


def _changed_at(place: Occurrence | None, given: Answer, answers: Sequence[Answer], meeting: Meeting) -> bool:
    if not _speaks_of(given, place) or not standing([given], meeting, place):
        return False
    return _is_news(given, current(standing(answers, meeting, place), place))


def _changed_behind(
    start: Occurrence | None, given: Answer, answers: Sequence[Answer], meeting: Meeting
) -> bool:
    """At an occurrence after `start` that nobody named: only the series and ranges speak of it."""
    broad = [a for a in answers if a.occurrence is None or a.this_and_future]
    if not (given.occurrence is None or given.this_and_future) or not _speaks_of(given, start):
        return False
    return _is_news(given, current(standing(broad, meeting), start))


def _is_news(given: Answer, shown: Answer | None) -> bool:
    return shown is None or (shown.rank <= given.rank and not say_the_same(shown, given))


def say_the_same(one: Answer, other: Answer) -> bool:
    """Whether two answers leave nothing different but when they were given."""

    def said(answer: Answer) -> tuple[object, ...]:
        return answer.partstat, answer.comment, answer.guests or 0, answer.delegated_to

    return said(one) == said(other)


def partstat(attendee: Attendee, meeting: Meeting, occurrence: Occurrence | None = None) -> PartStat:
    """The participation status of an attendee for the series or one occurrence."""
    answer = current(standing(attendee.answers, meeting, occurrence), occurrence)
    if answer is None and meeting.asked_at(occurrence) > meeting.significant_sequence:
        return PartStat.NEEDS_ACTION
    return answer.partstat if answer else attendee.partstat
