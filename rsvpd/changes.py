"""What an organizer changes about a meeting that is invited to already, and the mails that follow from it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from rsvpd import drafts, judging, posting
from rsvpd.config import OrganizerSettings, Settings
from rsvpd.drafts import DraftRefused
from rsvpd.itip import changing, ranking
from rsvpd.itip.addresses import normalise
from rsvpd.itip.changing import Difference
from rsvpd.itip.model import Attendee, Meeting, MeetingStatus, Method, Occurrence, PartStat, When
from rsvpd.itip.occurrences import resolve
from rsvpd.judging import Rules
from rsvpd.ports import Clock, CouldNot
from rsvpd.posting import Post
from rsvpd.store import writes
from rsvpd.store.convert import instant
from rsvpd.store.database import Database
from rsvpd.store.outgoing import Mail
from rsvpd.store.writes import Stored, Transaction


class Notify(StrEnum):
    """Who is told of a change."""

    CHANGED = "changed"
    ALL = "all"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Manner:
    """How a change is made: a word to the attendees, who is told, and whether it is only tried."""

    message: str | None = None
    notify: Notify | None = None
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class Changed:
    """What a change changes, and the mails that go out for it."""

    uid: str
    summary: str
    sequence: int
    asks_again: bool
    differences: tuple[Difference, ...]
    mails: tuple[Mail, ...]


@dataclass(slots=True)
class _Change:
    """A change in the making: what is loaded, and what was found."""

    session: Transaction
    stored: Stored
    now: datetime
    mails: list[Mail] = field(default_factory=list)
    differences: tuple[Difference, ...] = ()
    asks_again: bool = False


@dataclass(frozen=True, slots=True)
class Changes:
    """What changing meetings needs."""

    database: Database
    clock: Clock
    settings: Settings
    rules: Rules

    def update(
        self,
        uid: str,
        fields: Mapping[str, object],
        manner: Manner,
        *,
        occurrence: str | None = None,
        significant: bool = False,
    ) -> Changed:
        """Changes what, when or where; `fields` are those of a draft. Raises `CouldNot`.

        A significant change (start, end, recurrence, or what the organizer says is
        one) asks everybody again; any other keeps the answers.
        """
        if "organizer" in fields:
            raise CouldNot(
                "organizer: cannot be changed, calendars would take it for another meeting; "
                "cancel this one and create a new one"
            )

        def work(change: _Change) -> None:
            if occurrence is not None:
                self._move_occurrence(change, fields, occurrence, manner)
                return
            before = change.stored.meeting
            after = self._redrafted(change, fields)
            change.asks_again = significant or changing.is_significant(before, after)
            after = changing.revised(before, after, significant=change.asks_again)
            self._put(change, after, significant=change.asks_again)
            self._tell(change, manner, Post(Method.REQUEST, before=before, message=manner.message))

        return self._changed(uid, manner, work)

    def cancel(self, uid: str, manner: Manner, *, occurrence: str | None = None) -> Changed:
        """Calls off a meeting, or one occurrence of it. Raises `CouldNot`."""

        def work(change: _Change) -> None:
            before = change.stored.meeting
            at = _occurrence(before, occurrence) if occurrence is not None else None
            after = changing.without(before, at) if at else changing.called_off(before)
            self._put(change, after, significant=False)
            if at:
                change.differences += (Difference("occurrence", _shown(at.at), "cancelled"),)
            self._tell(change, manner, Post(Method.CANCEL, occurrence=at, message=manner.message))

        return self._changed(uid, manner, work)

    def resend(self, uid: str, manner: Manner, addresses: Sequence[str] = ()) -> Changed:
        """Sends the REQUEST again, with its SEQUENCE: to these, else to who has not answered (RFC 5546 3.2.2.7)."""

        def work(change: _Change) -> None:
            waiting = _waiting(change.stored.meeting)
            chosen = [_listed(change.stored, address).address for address in addresses] or waiting
            post = Post(Method.REQUEST, message=manner.message, reminder=not addresses)
            self._tell(change, manner, post, chosen)

        return self._changed(uid, manner, work)

    def add(self, uid: str, people: Sequence[str], manner: Manner) -> Changed:
        """Invites more people; the others are not disturbed unless `notify` says so. Raises `CouldNot`."""

        def work(change: _Change) -> None:
            added = self._drafted_people(change, people)
            for attendee in added:
                former = change.stored.attendee(attendee.address)
                if former is not None and not former.removed:
                    raise CouldNot(f"{attendee.address} is invited already")
                writes.put_attendee(change.session, change.stored, attendee)
                judging.attendee_listed(
                    change.session, change.stored.id, attendee.address, self.rules, change.now, "added"
                )
            change.differences = tuple(Difference("attendee", "", a.address) for a in added)
            chosen = [a.address for a in added]
            everyone = _expected(change.stored.meeting) if manner.notify is Notify.ALL else chosen
            self._tell(change, manner, Post(Method.REQUEST, message=manner.message), everyone)

        return self._changed(uid, manner, work)

    def remove(self, uid: str, addresses: Sequence[str], manner: Manner) -> Changed:
        """Takes people off the list; they alone are told (CANCEL, RFC 5546 3.2.5). Raises `CouldNot`."""

        def work(change: _Change) -> None:
            removed = [_listed(change.stored, address) for address in addresses]
            after = replace(change.stored.meeting, sequence=change.stored.meeting.sequence + 1)
            self._put(change, after, significant=False)
            chosen = [attendee.address for attendee in removed]
            self._tell(change, manner, Post(Method.CANCEL, removed=True, message=manner.message), chosen)
            writes.remove_attendees(change.session, change.stored, chosen, change.now)
            change.differences = tuple(Difference("attendee", address, "") for address in chosen)

        return self._changed(uid, manner, work)

    def _changed(self, uid: str, manner: Manner, work: Callable[[_Change], None]) -> Changed:
        with self.database.rehearse() if manner.dry_run else self.database.begin() as session:
            row = writes.find_meetings(session, [uid], None).get(uid)
            if row is None:
                raise CouldNot(f"there is no meeting {uid}; `rsvpd meeting list` shows them")
            if not row.sends:
                raise CouldNot(
                    f"{uid} was imported: change it where its invitations come from, and import it again"
                )
            stored = writes.load_everyone(session, row)
            if stored.meeting.status is MeetingStatus.CANCELLED:
                raise CouldNot(f"{uid} is cancelled; create a new meeting instead")
            change = _Change(session, stored, self.clock.now())
            work(change)
            return Changed(
                uid=stored.meeting.uid,
                summary=stored.meeting.summary,
                sequence=stored.meeting.sequence,
                asks_again=change.asks_again,
                differences=change.differences,
                mails=tuple(change.mails),
            )

    def _put(self, change: _Change, after: Meeting, *, significant: bool) -> None:
        before = change.stored.meeting
        change.differences = tuple(_differences(before, after))
        writes.revise_meeting(
            change.session, change.stored, after, significant=significant, now=change.now, known_at=change.now
        )
        if significant:
            writes.ask_again(change.session, change.stored)
        change.stored.meeting = writes.load_everyone(change.session, change.stored.row).meeting

    def _tell(
        self, change: _Change, manner: Manner, post: Post, recipients: Sequence[str] | None = None
    ) -> None:
        if manner.notify is Notify.NONE:
            return
        chosen = _expected(change.stored.meeting) if recipients is None else recipients
        change.mails += posting.post(change.session, change.stored, chosen, post, change.now, self.rules.desk)

    def _move_occurrence(
        self, change: _Change, fields: Mapping[str, object], text: str, manner: Manner
    ) -> None:
        others = sorted(set(fields) - {"start", "end", "duration", "zone"})
        if others:
            raise CouldNot(f"{others[0]}: of a single occurrence only the time can be changed")
        before = change.stored.meeting
        at = _occurrence(before, text)
        there = changing.at_occurrence(before, at)
        moved = self._drafted(change, there, fields)
        self._put(change, changing.with_moved(before, at, moved.start, moved.end), significant=False)
        change.differences += (Difference("occurrence", _shown(there.start), _shown(moved.start)),)
        change.asks_again = True
        self._tell(change, manner, Post(Method.REQUEST, before=before, occurrence=at, message=manner.message))

    def _redrafted(self, change: _Change, fields: Mapping[str, object]) -> Meeting:
        before = change.stored.meeting
        drafted = self._drafted(change, before, fields)
        moved = changing.rescheduled(before, drafted.start, drafted.end, drafted.zone)
        return replace(
            moved,
            summary=drafted.summary,
            description=drafted.description,
            location=drafted.location,
            details=drafted.details if fields.keys() & _DETAILS else before.details,
        )

    def _drafted(self, change: _Change, before: Meeting, fields: Mapping[str, object]) -> Meeting:
        """The meeting with these fields changed, checked as a new one would be."""
        organizer = self._organizer(change)
        kept: dict[str, object] = {
            "organizer": organizer.name,
            "uid": before.uid,
            "summary": before.summary,
            "description": before.description,
            "location": before.location,
            "start": before.start.isoformat(),
            "end": before.end.isoformat(),
            "zone": before.zone or "UTC",
            "attendees": ["somebody@example.org"],
        }
        if "start" in fields and not fields.keys() & {"end", "duration"}:
            del kept["end"]
            kept["duration"] = f"{int(changing.length(before).total_seconds())}s"
        if "duration" in fields:
            kept.pop("end", None)
        if "zone" in fields and "start" not in fields:
            raise CouldNot("zone: say start too, for the time in the new zone")
        in_time = fields.keys() & {"start", "end", "duration"}
        now = change.now if in_time else min(change.now, instant(before.start, before.zone))
        stated = {key: value for key, value in (kept | dict(fields)).items() if value is not None}
        return self._draft(stated, organizer, now)

    def _drafted_people(self, change: _Change, people: Sequence[str]) -> tuple[Attendee, ...]:
        return self._drafted(change, change.stored.meeting, {"attendees": list(people)}).attendees

    def _draft(self, fields: Mapping[str, object], organizer: OrganizerSettings, now: datetime) -> Meeting:
        try:
            return drafts.draft(fields, organizer=organizer, now=now)
        except DraftRefused as error:
            raise CouldNot(str(error)) from error

    def _organizer(self, change: _Change) -> OrganizerSettings:
        return self.settings.named(change.stored.row.organizer)


_DETAILS = frozenset(
    {
        "description_html",
        "conference",
        "url",
        "priority",
        "class",
        "busy",
        "categories",
        "alarms",
        "attachments",
    }
)


def _occurrence(meeting: Meeting, text: str) -> Occurrence:
    """The occurrence that a person names by its start, in the meeting's zone unless they say another."""
    try:
        asked: When = (
            datetime.fromisoformat(text)
            if "T" in text or " " in text
            else datetime.fromisoformat(text).date()
        )
    except ValueError as error:
        raise CouldNot(f"occurrence: {text!r} is no time; write 2026-12-10T14:00 or 2026-12-10") from error
    found = resolve(meeting, asked)
    if isinstance(found, Occurrence):
        return found
    raise CouldNot(f"occurrence: {text}: {found.value.replace('_', ' ')}")


def _listed(stored: Stored, address: str) -> Attendee:
    wanted = normalise(address)
    found = next((a for a in stored.meeting.attendees if a.address == wanted and not a.removed), None)
    if found is None:
        raise CouldNot(f"{address} is not invited to {stored.meeting.uid}")
    return found


def _expected(meeting: Meeting) -> list[str]:
    return [attendee.address for attendee in meeting.attendees if not attendee.removed]


def _waiting(meeting: Meeting) -> list[str]:
    return [
        a.address
        for a in meeting.attendees
        if not a.removed and ranking.partstat(a, meeting) is PartStat.NEEDS_ACTION
    ]


def _differences(before: Meeting, after: Meeting) -> list[Difference]:
    pairs = {
        "summary": (before.summary, after.summary),
        "start": (_shown(before.start), _shown(after.start)),
        "end": (_shown(before.end), _shown(after.end)),
        "zone": (before.zone or "UTC", after.zone or "UTC"),
        "where": (before.location or "", after.location or ""),
        "description": (before.description or "", after.description or ""),
        "status": (before.status.value.lower(), after.status.value.lower()),
        "sequence": (str(before.sequence), str(after.sequence)),
    }
    return [Difference(what, a, b) for what, (a, b) in pairs.items() if a != b]


def _shown(when: When) -> str:
    return f"{when:%a %Y-%m-%d %H:%M}" if isinstance(when, datetime) else f"{when:%a %Y-%m-%d}"
