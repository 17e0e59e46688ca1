"""A meeting with everybody's answers as the object that a calendar keeps (RFC 4791 4.1)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from icalendar.parser import Contentline, Parameters

from rsvpd.itip import ranking, seats
from rsvpd.itip.addresses import normalise
from rsvpd.itip.apart import occurrences_apart
from rsvpd.itip.ics.lines import Property, parse_line, unfold
from rsvpd.itip.ics.writing import write
from rsvpd.itip.model import Attendee, Meeting, Method, Occurrence, Override, PartStat, Recurrence
from rsvpd.itip.seats import Seat


@dataclass(frozen=True, slots=True)
class _Said:
    """What one attendee answers, for the series or for one occurrence."""

    partstat: PartStat
    delegated_to: str | None = None
    delegated_from: str | None = None


def stored_object(
    meeting: Meeting, *, created_at: datetime, modified_at: datetime, sent_elsewhere: bool = False
) -> bytes:
    """The meeting as an .ics with every attendee's current PARTSTAT and without METHOD.

    An occurrence that somebody answers otherwise than the series has an override of
    its own. The same meeting with the same answers gives the same octets: DTSTAMP is
    when it last changed (RFC 5545 3.8.7.2).

    Args:
        meeting: with all its attendees and their answers; those removed are left out.
        created_at: CREATED, aware.
        modified_at: LAST-MODIFIED of what the organizer says, aware.
        sent_elsewhere: adds SCHEDULE-AGENT=CLIENT, so that a server which keeps it
            does not invite once more (RFC 6638 7.1).

    Raises:
        ValueError: a recurrence line that is no RRULE, RDATE or EXDATE.
    """
    people = [attendee for attendee in meeting.attendees if not attendee.removed]
    whole = _with_parts(meeting, people)
    octets = write(
        whole,
        Method.REQUEST,
        attendees=people,
        stamped_at=_changed_at(people, modified_at),
        created_at=created_at,
        modified_at=modified_at,
    )
    agent = {"SCHEDULE-AGENT": "CLIENT"} if sent_elsewhere else {}
    lines = _stored([*unfold(octets.decode())], whole, people, agent)
    return b"".join(_folded(line) for line in lines)


def _with_parts(meeting: Meeting, people: Sequence[Attendee]) -> Meeting:
    """The meeting with an override, as it is in the series, for each occurrence that somebody answers apart."""
    if meeting.recurrence is None:
        return meeting
    known = {override.occurrence.key for override in meeting.recurrence.overrides}
    named = {o.key: o for attendee in people for o in occurrences_apart(attendee, meeting)}
    added = tuple(Override(named[key]) for key in sorted(named.keys() - known))
    recurrence = Recurrence(meeting.recurrence.lines, (*meeting.recurrence.overrides, *added))
    return replace(meeting, recurrence=recurrence)


def _changed_at(people: Sequence[Attendee], modified_at: datetime) -> datetime:
    """When the meeting or an answer to it last changed."""
    arrived = (answer.rank.received_at for attendee in people for answer in attendee.answers)
    return max((modified_at, *arrived))


def _stored(
    lines: Sequence[str], meeting: Meeting, people: Sequence[Attendee], agent: Mapping[str, str]
) -> Iterator[str]:
    """The lines of a REQUEST as those of a stored object; `write` puts the series first, then each override."""
    overrides = meeting.recurrence.overrides if meeting.recurrence else ()
    parts: Iterator[Occurrence | None] = iter((None, *(override.occurrence for override in overrides)))
    users = _users(lines)
    said: Mapping[str, _Said] = {}
    for line in lines:
        if line == "BEGIN:VEVENT":
            said = _said(meeting, people, next(parts))
        found = parse_line(line) if _name(line) in {"ATTENDEE", "ORGANIZER"} else None
        if found is not None:
            more = _answer(said.get(normalise(found.value) or ""), users) if found.name == "ATTENDEE" else {}
            yield _changed(found, {**more, **agent})
        elif _name(line) != "METHOD":
            yield line


def _name(line: str) -> str:
    return line.partition(":")[0].partition(";")[0]


def _users(lines: Sequence[str]) -> dict[str, str]:
    """The URI of each attendee, by address."""
    found = (parse_line(line) for line in lines if _name(line) == "ATTENDEE")
    return {address: user.value for user in found if user and (address := normalise(user.value))}


def _said(meeting: Meeting, people: Sequence[Attendee], occurrence: Occurrence | None) -> dict[str, _Said]:
    """What each attendee answers, by address, as the attendance shows it."""
    found = {attendee.address: _answered(attendee, meeting, occurrence) for attendee in people}
    if occurrence is not None:
        return found
    line = [Seat(a, s.partstat, s.delegated_to, s.delegated_from) for a, s in found.items()]
    shown = seats.shown(line)
    return {address: replace(said, partstat=shown[address]) for address, said in found.items()}


def _answered(attendee: Attendee, meeting: Meeting, occurrence: Occurrence | None) -> _Said:
    answer = ranking.current(ranking.standing(attendee.answers, meeting, occurrence), occurrence)
    partstat = ranking.partstat(attendee, meeting, occurrence)
    return _Said(partstat, answer.delegated_to if answer else None, attendee.delegated_from)


def _answer(said: _Said | None, users: Mapping[str, str]) -> dict[str, str]:
    """The parameters that say what an attendee answers (RFC 5545 3.2.4, 3.2.5, 3.2.12)."""
    if said is None:
        return {}
    more = {"PARTSTAT": said.partstat.value}
    if said.partstat is PartStat.DELEGATED and (delegate := users.get(said.delegated_to or "")):
        more["DELEGATED-TO"] = delegate
    if delegator := users.get(said.delegated_from or ""):
        more["DELEGATED-FROM"] = delegator
    return more


def _changed(found: Property, more: Mapping[str, str]) -> str:
    """The property with other parameters."""
    parameters = {
        name: values[0] if len(values) == 1 else [*values] for name, values in found.parameters.items()
    }
    written = Parameters({**parameters, **more}).to_ical(sorted=False).decode()
    return f"{found.name};{written}:{found.value}" if written else f"{found.name}:{found.value}"


def _folded(line: str) -> bytes:
    """At 75 octets, between characters (RFC 5545 3.1)."""
    octets: bytes = Contentline(line).to_ical()  # type: ignore[no-untyped-call]
    return octets + b"\r\n"


__all__ = ["stored_object"]
