"""An .ics that somebody has -> a draft of ours that keeps its UID."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from rsvpd.itip.addresses import normalise
from rsvpd.itip.ics.meetings import grounded, read_meetings
from rsvpd.itip.ics.reading import Unreadable
from rsvpd.itip.model import Attendee, Details, Meeting, MeetingStatus, When
from rsvpd.ports import CouldNot


@dataclass(frozen=True, slots=True)
class TakenOver:
    """A meeting from an .ics that we want to invite to; everybody is asked anew."""

    meeting: Meeting

    def organizer(self, known: Mapping[str, str]) -> str | None:
        """Which organizer, out of names by normalised address, the file names; None if it names nobody.

        Raises `CouldNot` for one that we do not send for: a UID keeps its organizer (RFC 5546 2.1.3).
        """
        if not self.meeting.organizer:
            return None
        name = known.get(self.meeting.organizer)
        if name is None:
            raise CouldNot(
                f"organizer: it is {self.meeting.organizer}, for whom nothing is sent from here; "
                "`rsvpd meeting import` records it as theirs"
            )
        return name

    def filled(self, given: Mapping[str, object]) -> dict[str, object]:
        """What a draft of it says, where `given` says nothing; the organizer's own entry is left out.

        Raises `CouldNot` for a series that shall be at another time, or is in a zone without a name.
        """
        meeting = self.meeting
        if meeting.recurrence is not None:
            _refuse_other_times(meeting, given)
        found: dict[str, object] = {
            "uid": meeting.uid,
            "summary": meeting.summary,
            "description": meeting.description,
            "location": meeting.location,
            "start": _plain(meeting.start),
            "end": _plain(meeting.end) if "duration" not in given else None,
            "zone": meeting.zone or ("UTC" if _in_utc(meeting.start) else None),
            "attendees": [_entry(a) for a in meeting.attendees if a.address != meeting.organizer],
        }
        return {**found, **given}

    def completed(self, draft: Meeting) -> Meeting:
        """The draft with what only the file says.

        SEQUENCE stays, for whoever has the meeting already takes no lower one for newer.
        """
        meeting = self.meeting
        kinds = {attendee.address: attendee.cutype for attendee in meeting.attendees}
        return replace(
            draft,
            sequence=meeting.sequence,
            recurrence=draft.recurrence or grounded(meeting, draft.zone or "UTC").recurrence,
            details=replace(meeting.details, **_stated(draft.details)),
            attendees=tuple(replace(a, cutype=kinds.get(a.address, a.cutype)) for a in draft.attendees),
        )


def read(data: bytes) -> TakenOver:
    """The one meeting of an .ics. Raises `CouldNot` for anything else."""
    found = read_meetings(data)
    if isinstance(found, Unreadable):
        raise CouldNot(f"cannot be read as a calendar: {found.why}")
    if len(found) != 1:
        raise CouldNot(f"has {len(found)} meetings; write one file for each")
    meeting = found[0].meeting
    if meeting.status is MeetingStatus.CANCELLED:
        raise CouldNot("is cancelled, so there is nothing to invite to")
    return TakenOver(replace(meeting, organizer=normalise(meeting.organizer) or ""))


def _refuse_other_times(series: Meeting, given: Mapping[str, object]) -> None:
    """What a series says of single occurrences goes by its own times."""
    changed = [name for name in ("start", "end", "duration", "zone") if name in given]
    if changed:
        raise CouldNot(
            f"{changed[0]}: a series from a file keeps its times; move it with `meeting update` later"
        )
    moment = series.start
    nameless = isinstance(moment, datetime) and moment.tzinfo is not None and not _in_utc(moment)
    if nameless and series.zone is None:
        raise CouldNot(
            "zone: the series is in a zone that has no IANA name, so its later times are not known"
        )


def _stated(details: Details) -> dict[str, Any]:
    """What is not as it is by default."""
    plain = Details()
    return {
        one.name: getattr(details, one.name)
        for one in fields(details)
        if getattr(details, one.name) != getattr(plain, one.name)
    }


def _entry(attendee: Attendee) -> dict[str, str]:
    entry = {"email": attendee.address, "role": attendee.role.value}
    return entry | ({"name": attendee.name} if attendee.name else {})


def _plain(when: When) -> When:
    """A time as a draft takes it: in a zone with a name, else in UTC; a floating one as it is."""
    if not isinstance(when, datetime) or when.tzinfo is None or isinstance(when.tzinfo, ZoneInfo):
        return when
    return when.astimezone(UTC)


def _in_utc(when: When) -> bool:
    return isinstance(when, datetime) and when.tzinfo is UTC
