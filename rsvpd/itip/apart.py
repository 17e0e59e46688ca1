"""Where an attendee answers single occurrences of a series otherwise than the series itself."""

from __future__ import annotations

from rsvpd.itip import occurrences, ranking
from rsvpd.itip.model import Attendee, Meeting, Occurrence, PartStat

_SPELLED_OUT = 100
"""How many occurrences an answer to «this and all later ones» is spelled out for."""


def occurrences_apart(attendee: Attendee, meeting: Meeting) -> dict[Occurrence, PartStat]:
    """The occurrences whose participation status differs from that of the series, in order of time."""
    series = ranking.partstat(attendee, meeting)
    overrides = meeting.recurrence.overrides if meeting.recurrence else ()
    named = {o.occurrence.key: o.occurrence for o in overrides if not o.cancelled}
    for answer in ranking.standing(attendee.answers, meeting):
        if answer.occurrence is not None:
            named[answer.occurrence.key] = answer.occurrence
            if answer.this_and_future:
                later = occurrences.following(meeting, answer.occurrence, _SPELLED_OUT)
                named.update((occurrence.key, occurrence) for occurrence in later)
    found = {named[key]: ranking.partstat(attendee, meeting, named[key]) for key in sorted(named)}
    return {occurrence: partstat for occurrence, partstat in found.items() if partstat is not series}
