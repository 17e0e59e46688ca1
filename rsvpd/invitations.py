"""A meeting that somebody describes -> rows, and its invitations in the outgoing queue."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from rsvpd import drafts, judging, posting
from rsvpd.config import OrganizerSettings, Settings
from rsvpd.drafts import DraftRefused, Files
from rsvpd.itip import changing
from rsvpd.itip.addresses import normalise
from rsvpd.itip.ics.meetings import Imported, grounded, read_meetings
from rsvpd.itip.ics.reading import Unreadable
from rsvpd.itip.model import Meeting, Method
from rsvpd.judging import Rules
from rsvpd.ports import Clock, CouldNot
from rsvpd.posting import Post
from rsvpd.store import writes
from rsvpd.store.database import Database
from rsvpd.store.outgoing import Mail
from rsvpd.store.writes import Stored, Transaction
from rsvpd.taken_over import TakenOver


class Recorded(StrEnum):
    """What became of a meeting that was imported."""

    NEW = "recorded"
    REVISED = "revised"
    SAME = "unchanged"


@dataclass(frozen=True, slots=True)
class Registered:
    """A meeting that is in the store now, how many ledger rows waited for it, and the mails that go out."""

    uid: str
    summary: str
    recorded: Recorded
    attendees: int
    released: int
    mails: tuple[Mail, ...] = ()


@dataclass(frozen=True, slots=True)
class Invitations:
    """What inviting needs."""

    database: Database
    clock: Clock
    settings: Settings
    rules: Rules

    def create(
        self, fields: Mapping[str, object], like: TakenOver | None = None, attachable: Files | None = None
    ) -> Registered:
        """Records a meeting and puts an invitation for each attendee into the queue.

        `like` is a meeting from an .ics, out of which comes what `fields` do not say;
        `attachable` gives the files that they name.
        Raises `CouldNot` with one line, before anything is stored, for what cannot be a meeting.
        """
        if like is not None:
            fields = self._filled(fields, like)
        stated = fields.get("organizer")
        organizer = self.settings.named(stated if isinstance(stated, str) else None)
        if organizer.smtp is None:
            raise CouldNot(f"{organizer.name}: no [organizer.smtp] is configured, so nobody can be invited")
        now = self.clock.now()
        try:
            meeting = drafts.draft(
                {**fields, "organizer": organizer.name}, organizer=organizer, now=now, attachable=attachable
            )
        except DraftRefused as error:
            raise CouldNot(str(error)) from error
        meeting = like.completed(meeting) if like is not None else meeting
        with self.database.begin() as session:
            if writes.find_meeting(session, meeting.uid, organizer.name) is not None:
                raise CouldNot(
                    f"uid: there is a meeting {meeting.uid} already; leave uid out to get a new one"
                )
            stored = writes.add_meeting(session, meeting, organizer.name, sends=True, now=now, known_at=now)
            mails = posting.post(
                session,
                stored,
                [a.address for a in meeting.attendees],
                Post(Method.REQUEST),
                now,
                self.rules.desk,
            )
            return replace(self._registered(session, meeting, Recorded.NEW, now), mails=tuple(mails))

    def _filled(self, fields: Mapping[str, object], like: TakenOver) -> dict[str, object]:
        known = {normalise(one.address) or "": one.name for one in self.settings.organizer}
        named, stated = like.organizer(known), fields.get("organizer")
        if named is not None and isinstance(stated, str) and self.settings.named(stated).name != named:
            raise CouldNot(f"organizer: it is {named}, and a meeting keeps its organizer")
        return {"organizer": named, **like.filled(fields)}

    def import_ics(self, data: bytes, organizer: str | None) -> list[Registered]:
        """Records the meetings of an .ics as they are; nothing is sent. Raises `CouldNot`."""
        found = read_meetings(data)
        if isinstance(found, Unreadable):
            raise CouldNot(f"cannot be read as a calendar: {found.why}")
        with self.database.begin() as session:
            return [self._import(session, one, self._organizer_of(one, organizer)) for one in found]

    def _organizer_of(self, imported: Imported, stated: str | None) -> OrganizerSettings:
        if stated is None:
            for organizer in self.settings.organizer:
                if normalise(organizer.address) == imported.meeting.organizer:
                    return organizer
        return self.settings.named(stated)

    def _import(self, session: Transaction, imported: Imported, organizer: OrganizerSettings) -> Registered:
        now = self.clock.now()
        known_at = min(imported.written_at or now, now)
        meeting = imported.meeting
        if not meeting.organizer:
            meeting = replace(meeting, organizer=normalise(organizer.address) or "")
        if meeting.zone is None and not meeting.all_day and getattr(meeting.start, "tzinfo", None) is None:
            meeting = grounded(meeting, organizer.zone)
        row = writes.find_meeting(session, meeting.uid, organizer.name)
        if row is None:
            writes.add_meeting(session, meeting, organizer.name, sends=False, now=now, known_at=known_at)
            return self._registered(session, meeting, Recorded.NEW, now)
        if row.sends:
            raise CouldNot(
                f"{meeting.uid} is a meeting that rsvpd itself invites to; change it with `rsvpd meeting`"
            )
        return self._revise(session, writes.load_everyone(session, row), meeting, now, known_at)

    def _revise(
        self, session: Transaction, stored: Stored, meeting: Meeting, now: datetime, known_at: datetime
    ) -> Registered:
        former = stored.meeting
        if meeting.sequence < former.sequence:
            raise CouldNot(
                f"{meeting.uid}: sequence {meeting.sequence} is older than what is recorded, {former.sequence}"
            )
        significant = changing.is_significant(former, meeting)
        writes.revise_meeting(session, stored, meeting, significant=significant, now=now, known_at=known_at)
        writes.sync_attendees(session, stored, meeting.attendees, now)
        same = replace(former, attendees=(), revisions=()) == replace(meeting, attendees=(), revisions=())
        return self._registered(session, meeting, Recorded.SAME if same else Recorded.REVISED, now)

    def _registered(
        self, session: Transaction, meeting: Meeting, recorded: Recorded, now: datetime
    ) -> Registered:
        released = judging.meeting_registered(session, meeting.uid, self.rules, now)
        return Registered(meeting.uid, meeting.summary, recorded, len(meeting.attendees), len(released))
