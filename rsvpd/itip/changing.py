"""What changing a meeting does: what is significant, and what SEQUENCE does (RFC 5546 2.1.4; README)."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta, tzinfo
from zoneinfo import ZoneInfo

from rsvpd.itip.model import Meeting, MeetingStatus, Occurrence, Override, Recurrence, When
from rsvpd.itip.occurrences import canonical, following, resolve

_UNTIL = re.compile(r"(?<=[:;]UNTIL=)[0-9TZ]+", re.IGNORECASE)


def is_significant(before: Meeting, after: Meeting) -> bool:
    """Whether a change asks everybody again: start, end, duration or recurrence.

    So does the zone of a series, for it moves the other occurrences.
    """
    return _times(before) != _times(after)


def _times(meeting: Meeting) -> tuple[object, ...]:
    lines = sorted(meeting.recurrence.lines) if meeting.recurrence else None
    # In UTC: two times of one zone compare by the clock, even in the hour that comes twice.
    return _in_utc(meeting.start), _in_utc(meeting.end), lines, meeting.zone if lines else None


def _in_utc(when: When) -> When:
    return when.astimezone(UTC) if isinstance(when, datetime) and when.tzinfo else when


def revised(before: Meeting, after: Meeting, *, significant: bool) -> Meeting:
    """`after` with its SEQUENCE: higher for a significant change, the same for any other."""
    return replace(after, sequence=before.sequence + 1 if significant else before.sequence)


def rescheduled(meeting: Meeting, start: When, end: When, zone: str | None) -> Meeting:
    """The meeting at another time; what was said of single occurrences moves with the series."""
    moved = replace(meeting, start=start, end=end, zone=zone)
    if meeting.recurrence is None or (start, end, zone) == (meeting.start, meeting.end, meeting.zone):
        return moved
    shift = _Shift(meeting, moved)
    return replace(
        moved,
        recurrence=Recurrence(
            tuple(shift.line(line) for line in meeting.recurrence.lines),
            tuple(shift.override(override) for override in meeting.recurrence.overrides),
        ),
    )


def repeating(meeting: Meeting, recurrence: Recurrence | None) -> Meeting:
    """The meeting with another recurrence; what was said of occurrences that are no more is forgotten."""
    if recurrence is None:
        return replace(meeting, recurrence=None)
    bare = replace(meeting, recurrence=replace(recurrence, overrides=()))
    overrides = meeting.recurrence.overrides if meeting.recurrence else ()
    kept = tuple(o for o in overrides if isinstance(resolve(bare, o.occurrence.at), Occurrence))
    return replace(meeting, recurrence=replace(recurrence, overrides=kept))


def is_over(meeting: Meeting, now: datetime) -> bool:
    """Whether all of it lies before `now`, every occurrence of a series."""
    if meeting.recurrence is None:
        return _ends_at(meeting) <= now
    moved = [o for o in meeting.recurrence.overrides if not o.cancelled]
    if any(_ends_at(at_occurrence(meeting, o.occurrence)) > now for o in moved):
        return False
    since = now - length(meeting)
    first = canonical(meeting, since.date() if meeting.all_day else since)
    gone = {o.occurrence.key for o in moved}
    later = following(meeting, first, len(gone) + 2)
    return all(o.key in gone or _ends_at(at_occurrence(meeting, o)) <= now for o in later)


def _ends_at(meeting: Meeting) -> datetime:
    """When it ends; a day ends by the clocks of its zone."""
    zone = ZoneInfo(meeting.zone) if meeting.zone else UTC
    end = meeting.end if isinstance(meeting.end, datetime) else datetime.combine(meeting.end, time())
    return (end if end.tzinfo else end.replace(tzinfo=zone)).astimezone(UTC)


def called_off(meeting: Meeting) -> Meeting:
    """The meeting cancelled as a whole (RFC 5546 3.2.5)."""
    return replace(meeting, sequence=meeting.sequence + 1, status=MeetingStatus.CANCELLED)


def without(meeting: Meeting, occurrence: Occurrence) -> Meeting:
    """The series with one occurrence cancelled; the answers to the others stand."""
    return _with(meeting, Override(occurrence, cancelled=True))


def with_moved(meeting: Meeting, occurrence: Occurrence, start: When, end: When) -> Meeting:
    """The series with one occurrence moved: that one is asked about again, the others are not."""
    return _with(meeting, Override(occurrence, start=start, end=end, sequence=meeting.sequence + 1))


def length(meeting: Meeting) -> timedelta:
    """How long the meeting is."""
    return _naive(meeting.end, UTC) - _naive(meeting.start, UTC)


def lasting(start: When, meeting: Meeting) -> When:
    """The end of what begins at `start` and is as long as `meeting`: so many days, or exactly so many hours."""
    if not isinstance(start, datetime):
        return start + length(meeting)
    return (start.astimezone(UTC) + length(meeting)).astimezone(start.tzinfo)


def at_occurrence(meeting: Meeting, occurrence: Occurrence) -> Meeting:
    """One occurrence as if it were the meeting: for the words of a mail."""
    overrides = meeting.recurrence.overrides if meeting.recurrence else ()
    override = next((o for o in overrides if o.occurrence.key == occurrence.key), Override(occurrence))
    start = override.start or _there(occurrence.at, meeting)
    end = override.end or start + length(meeting)
    return replace(meeting, start=start, end=end, recurrence=None)


def _with(meeting: Meeting, override: Override) -> Meeting:
    recurrence = meeting.recurrence or Recurrence()
    others = tuple(o for o in recurrence.overrides if o.occurrence.key != override.occurrence.key)
    return replace(
        meeting,
        sequence=meeting.sequence + 1,
        recurrence=replace(recurrence, overrides=(*others, override)),
    )


def _there(when: When, meeting: Meeting) -> When:
    if not isinstance(when, datetime) or not meeting.zone:
        return when
    return when.astimezone(ZoneInfo(meeting.zone))


def _naive(when: When, zone: tzinfo) -> datetime:
    if not isinstance(when, datetime):
        return datetime.combine(when, time())
    return when.astimezone(zone).replace(tzinfo=None) if when.tzinfo else when


class _Shift:
    """Local times of a series moved by as much as its start was."""

    def __init__(self, before: Meeting, after: Meeting) -> None:
        self._before = ZoneInfo(before.zone) if before.zone else UTC
        self._after = ZoneInfo(after.zone) if after.zone else UTC
        self._all_day = after.all_day
        self._began, self._begins = _naive(before.start, self._before), _naive(after.start, self._after)
        self._by = self._begins - self._began

    def when(self, when: When) -> When:
        moved = _naive(when, self._before) + self._by
        return moved.date() if self._all_day else moved.replace(tzinfo=self._after)

    def override(self, override: Override) -> Override:
        at = self.when(override.occurrence.at)
        return replace(
            override,
            occurrence=Occurrence(at.astimezone(UTC) if isinstance(at, datetime) else at),
            start=self.when(override.start) if override.start else None,
            end=self.when(override.end) if override.end else None,
            sequence=0,
        )

    def line(self, line: str) -> str:
        name, _, value = line.partition(":")
        if name in {"RDATE", "EXDATE"}:
            return f"{name}:{_stamp(self.when(_stamped(value)))}"
        return _UNTIL.sub(lambda found: self._until(found[0]), line)

    def _until(self, value: str) -> str:
        """UNTIL, which is of the same kind as DTSTART (RFC 5545 3.3.10), at the end of the last day."""
        last = _naive(_stamped(value), self._before)
        if len(value) > 8 and last.time() < self._began.time():
            last -= timedelta(days=1)
        day = last.date() + (self._begins.date() - self._began.date())
        return _stamp(day if self._all_day else datetime.combine(day, time(23, 59, 59), self._after))


def _stamp(when: When) -> str:
    return f"{when.astimezone(UTC):%Y%m%dT%H%M%SZ}" if isinstance(when, datetime) else f"{when:%Y%m%d}"


def _stamped(value: str) -> When:
    if len(value) == 8:
        return datetime.strptime(value, "%Y%m%d").date()  # noqa: DTZ007  a day
    moment = datetime.strptime(value.rstrip("Z"), "%Y%m%dT%H%M%S")  # noqa: DTZ007  local unless it ends in Z
    return moment.replace(tzinfo=UTC) if value.endswith("Z") else moment
