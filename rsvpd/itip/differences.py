"""What is different between two states of a meeting, in few words for the organizer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from rsvpd.itip.changing import at_occurrence, rescheduled
from rsvpd.itip.model import Details, Meeting, Override, When


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that a change changes, as people would say it."""

    what: str
    before: str
    after: str


def differences(before: Meeting, after: Meeting) -> tuple[Difference, ...]:
    """Everything but the attendees, in the order in which people ask."""
    old, new = _said(before), _said(after)
    whole = (Difference(what, old[what], new[what]) for what in old if old[what] != new[what])
    return (*whole, *_single_ones(before, after))


def _said(meeting: Meeting) -> dict[str, str]:
    return {
        "summary": meeting.summary,
        "start": shown(meeting.start),
        "end": shown(meeting.end),
        "zone": meeting.zone or "",
        "repeats": "\n".join(meeting.recurrence.lines) if meeting.recurrence else "",
        "where": meeting.location or "",
        "description": meeting.description or "",
        **_details(meeting.details),
        "status": meeting.status.value.lower(),
        "sequence": str(meeting.sequence),
    }


def _details(details: Details) -> dict[str, str]:
    return {
        "HTML": details.html or "",
        "online": details.conference or "",
        "url": details.url or "",
        "priority": str(details.priority or ""),
        "class": details.classification.value.lower(),
        "time shown as": "free" if details.transparent else "busy",
        "categories": ", ".join(details.categories),
        "alarms": ", ".join(
            f"{alarm.before} before the {'end' if alarm.from_end else 'start'}" for alarm in details.alarms
        ),
        "files": ", ".join(f"{file.name} ({len(file.data):,} bytes)" for file in details.attachments),
    }


def _single_ones(before: Meeting, after: Meeting) -> Iterator[Difference]:
    """Occurrences that changed beside what moved with the series."""
    moved = rescheduled(before, after.start, after.end, after.zone)
    old, new = _overrides(moved), _overrides(after)
    for key, override in sorted(new.items()):
        was, now = _one(moved, old.get(key, Override(override.occurrence))), _one(after, override)
        if was != now:
            yield Difference("occurrence", was, now)


def _overrides(meeting: Meeting) -> dict[str, Override]:
    return {o.occurrence.key: o for o in meeting.recurrence.overrides} if meeting.recurrence else {}


def _one(meeting: Meeting, override: Override) -> str:
    if override.cancelled:
        return "cancelled"
    one = at_occurrence(meeting, override.occurrence)
    return f"{shown(one.start)} to {shown(one.end)}"


def shown(when: When) -> str:
    """`Thu 2026-12-03 14:00`, or a day."""
    return f"{when:%a %Y-%m-%d %H:%M}" if isinstance(when, datetime) else f"{when:%a %Y-%m-%d}"
