"""What changing a meeting does: what is significant, and what SEQUENCE does (RFC 5546 2.1.4; README)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta, tzinfo
from zoneinfo import ZoneInfo

from rsvpd.itip.model import Meeting, MeetingStatus, Occurrence, Override, Recurrence, When


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that a change changes, as people would say it."""

    what: str
    before: str
    after: str


def is_significant(before: Meeting, after: Meeting) -> bool:
    """Whether a change asks everybody again: start, end, duration or recurrence."""
    return (before.start, before.end, _lines(before)) != (after.start, after.end, _lines(after))


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


def _lines(meeting: Meeting) -> tuple[str, ...]:
    return tuple(sorted(meeting.recurrence.lines)) if meeting.recurrence else ()


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
        self._by = _naive(after.start, self._after) - _naive(before.start, self._before)

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
        if name not in {"RDATE", "EXDATE"}:
            return line
        at = self.when(_stamped(value))
        if isinstance(at, datetime):
            return f"{name}:{at.astimezone(UTC):%Y%m%dT%H%M%SZ}"
        return f"{name}:{at:%Y%m%d}"


def _stamped(value: str) -> When:
    if len(value) == 8:
        return datetime.strptime(value, "%Y%m%d").date()  # noqa: DTZ007  a day
    moment = datetime.strptime(value.rstrip("Z"), "%Y%m%dT%H%M%S")  # noqa: DTZ007  local unless it ends in Z
    return moment.replace(tzinfo=UTC) if value.endswith("Z") else moment
