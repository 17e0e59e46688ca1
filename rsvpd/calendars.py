"""Meetings that rsvpd invites to -> the organizer's own calendar, with everybody's answers.

Mail reaches the attendees' calendars only. What the calendar lacks is a query at
each look, so whatever was missed while the server was away is put there later.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import timedelta

from rsvpd.config import OrganizerSettings
from rsvpd.itip.ics.exporting import stored_object
from rsvpd.ports import Calendar, CalendarUnavailable, Clock, Refused
from rsvpd.store import calendar_copies
from rsvpd.store.calendar_copies import Changed
from rsvpd.store.database import Database

_KEPT_UP = timedelta(days=30)
"""How long after a meeting late answers still reach the calendar."""


@dataclass(frozen=True, slots=True)
class Calendars:
    """What keeping calendars needs."""

    database: Database
    clock: Clock
    opens: Callable[[OrganizerSettings], AbstractContextManager[Calendar]]

    def due(self, organizers: Sequence[OrganizerSettings]) -> list[OrganizerSettings]:
        """Those whose calendar lacks something: as many questions for all of them as for one."""
        names = {one.organizer for one in self._changed(organizers)}
        return [one for one in organizers if one.name in names]

    def update(self, organizer: OrganizerSettings, keep_on: Callable[[], bool] = lambda: True) -> int:
        """Puts what changed into the organizer's calendar; how many meetings.

        Raises `CalendarUnavailable` where the server is away, or at the end for
        meetings that it refuses; each of them is tried again at the next look.
        """
        changed = self._changed([organizer])
        if not changed:
            return 0
        refused: list[str] = []
        with self.opens(organizer) as calendar:
            for one in changed:
                if not keep_on():
                    break
                answer = self._put(calendar, one)
                refused += [answer.words] if answer else []
        if refused:
            raise CalendarUnavailable(
                f"{organizer.name}: the calendar refuses {len(refused)} of {len(changed)} meetings: {refused[0]}"
            )
        return len(changed)

    def _changed(self, organizers: Sequence[OrganizerSettings]) -> list[Changed]:
        places = {
            one.name: f"{one.caldav.url} {one.caldav.calendar or ''}" for one in organizers if one.caldav
        }
        if not places:
            return []
        with self.database.read() as session:
            return calendar_copies.changed(session, places, self.clock.now() - _KEPT_UP)

    def _put(self, calendar: Calendar, one: Changed) -> Refused | None:
        """No transaction is open while the server works."""
        with self.database.read() as session:
            whole = calendar_copies.whole_numbered(session, one.meeting_id)
        if whole is None:
            return None
        ics = stored_object(
            whole.meeting, created_at=whole.created_at, modified_at=whole.modified_at, sent_elsewhere=True
        )
        answer = calendar.put(whole.meeting.uid, ics)
        if answer is None:
            with self.database.begin() as session:
                calendar_copies.mark_put(session, one, self.clock.now())
            return None
        return Refused(f"{whole.meeting.uid}: {answer.words}", permanent=answer.permanent)
