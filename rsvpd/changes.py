"""What an organizer changes about a meeting that is invited to already, and the mails that follow from it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from rsvpd import drafts, judging, posting
from rsvpd.config import Settings
from rsvpd.drafts import DraftRefused, Files
from rsvpd.itip import changing, ranking
from rsvpd.itip.addresses import normalise
from rsvpd.itip.differences import Difference, differences, shown
from rsvpd.itip.model import Attendee, Meeting, MeetingStatus, Method, Occurrence, PartStat, When
from rsvpd.itip.occurrences import NoOccurrence, resolve
from rsvpd.judging import Rules
from rsvpd.ports import Clock, CouldNot
from rsvpd.posting import Post
from rsvpd.store import listing, owners, writes
from rsvpd.store.database import Database
from rsvpd.store.outgoing import Mail
from rsvpd.store.writes import Stored, Transaction


class Notify(StrEnum):
    """Who is told of a change: those whom it concerns, everybody, nobody."""

    CHANGED = "changed"
    ALL = "all"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Manner:
    """How a change is made: a word to the attendees, who is told, and whether it is only tried."""

    message: str | None = None
    notify: Notify = Notify.CHANGED
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class Changed:
    """What a change changes, and the mails that go out for it.

    `asks_again` says whether answers to what was before count no longer: for `occurrence`,
    or for all of the meeting where that is None.
    """

    uid: str
    summary: str
    sequence: int
    asks_again: bool
    occurrence: str | None
    differences: tuple[Difference, ...]
    mails: tuple[Mail, ...]


@dataclass(slots=True)
class _Change:
    """A change in the making: what is loaded, and what was found."""

    session: Transaction
    stored: Stored
    now: datetime
    manner: Manner
    mails: list[Mail] = field(default_factory=list)
    differences: tuple[Difference, ...] = ()
    asks_again: bool = False
    occurrence: str | None = None

    def refuse_over(self, occurrence: Occurrence | None = None) -> None:
        """What is over is nothing to write to people about; the record may still be put right."""
        meeting = self.stored.meeting
        one = changing.at_occurrence(meeting, occurrence) if occurrence else meeting
        if self.manner.notify is not Notify.NONE and changing.is_over(one, self.now):
            raise CouldNot(
                f"{meeting.uid} is over: nobody is written to about it; --notify none changes the record alone"
            )


@dataclass(frozen=True, slots=True)
class Changes:
    """What changing meetings needs. Every verb raises `CouldNot`, and then nothing is changed."""

    database: Database
    clock: Clock
    settings: Settings
    rules: Rules
    only: str | None = None
    """The organizer to whose meetings it is confined."""

    def update(
        self,
        uid: str,
        fields: Mapping[str, object],
        manner: Manner,
        *,
        occurrence: str | None = None,
        significant: bool = False,
        attachable: Files | None = None,
    ) -> Changed:
        """Changes what, when or where; `fields` and `attachable` are those of `drafts.redraft`.

        A significant change (start, end, recurrence, or what the organizer says is
        one) asks everybody again; any other keeps the answers (RFC 5546 2.1.4).
        """

        def work(change: _Change) -> None:
            if occurrence is not None:
                self._move_occurrence(change, fields, occurrence)
                return
            before = change.stored.meeting
            after = _redrafted(before, fields, change.now, attachable)
            again = significant or changing.is_significant(before, after)
            if not again and not differences(before, after):
                raise CouldNot(
                    f"{uid} is so already, nothing is changed; `rsvpd meeting resend` sends it again"
                )
            change.asks_again = again and not after.details.announcement
            self._put(change, changing.revised(before, after, significant=again), significant=again)
            self._tell(change, Post(Method.REQUEST, before=before))

        return self._changed(uid, manner, work)

    def cancel(self, uid: str, manner: Manner, *, occurrence: str | None = None) -> Changed:
        """Calls off a meeting, or one occurrence of it (RFC 5546 3.2.5)."""

        def work(change: _Change) -> None:
            before = change.stored.meeting
            at = _occurrence(before, occurrence) if occurrence is not None else None
            change.refuse_over(at)
            self._put(change, changing.without(before, at) if at else changing.called_off(before))
            self._tell(change, Post(Method.CANCEL, occurrence=at))

        return self._changed(uid, manner, work)

    def resend(self, uid: str, manner: Manner, addresses: Sequence[str] = ()) -> Changed:
        """Sends the REQUEST again, with its SEQUENCE: to these, else to who has not answered (RFC 5546 3.2.2.7)."""

        def work(change: _Change) -> None:
            change.refuse_over()
            chosen = [_listed(change.stored, one).address for one in addresses]
            post = Post(Method.REQUEST, reminder=not addresses)
            self._tell(change, post, chosen or _waiting(change.stored.meeting))

        return self._changed(uid, manner, work)

    def add(self, uid: str, people: Sequence[object], manner: Manner) -> Changed:
        """Invites more people, each as in a draft; the others are not disturbed unless all shall be told."""

        def work(change: _Change) -> None:
            change.refuse_over()
            before = change.stored.meeting
            added = [one.address for one in self._invited(change, people)]
            change.differences = tuple(Difference("attendee", "", address) for address in added)
            self._tell(change, Post(Method.REQUEST), added)
            self._tell_the_others(change, before, added)

        return self._changed(uid, manner, work)

    def remove(self, uid: str, addresses: Sequence[str], manner: Manner) -> Changed:
        """Takes people off the list, who are told (CANCEL, RFC 5546 3.2.5); the others only if all shall be."""

        def work(change: _Change) -> None:
            change.refuse_over()
            before = change.stored.meeting
            gone = [*dict.fromkeys(_listed(change.stored, address).address for address in addresses)]
            self._put(change, replace(before, sequence=before.sequence + 1))
            change.differences += tuple(Difference("attendee", address, "") for address in gone)
            self._tell(change, Post(Method.CANCEL, removed=True), gone)
            listing.remove_attendees(change.session, change.stored, gone, change.now)
            self._tell_the_others(change, before, gone)

        return self._changed(uid, manner, work)

    def _changed(self, uid: str, manner: Manner, work: Callable[[_Change], None]) -> Changed:
        with self.database.rehearse() if manner.dry_run else self.database.begin() as session:
            change = _Change(session, _changeable(session, uid, self.only), self.clock.now(), manner)
            work(change)
            meeting = change.stored.meeting
            return Changed(
                uid=meeting.uid,
                summary=meeting.summary,
                sequence=meeting.sequence,
                asks_again=change.asks_again,
                occurrence=change.occurrence,
                differences=change.differences,
                mails=tuple(change.mails),
            )

    def _put(self, change: _Change, after: Meeting, *, significant: bool = False) -> None:
        change.differences = differences(change.stored.meeting, after)
        writes.revise_meeting(
            change.session, change.stored, after, significant=significant, now=change.now, known_at=change.now
        )
        if significant:
            writes.ask_again(change.session, change.stored)
        change.stored.meeting = writes.load_everyone(change.session, change.stored.row).meeting

    def _tell(self, change: _Change, post: Post, recipients: Sequence[str] | None = None) -> None:
        if change.manner.notify is Notify.NONE:
            return
        chosen = _expected(change.stored.meeting) if recipients is None else recipients
        worded = replace(post, message=change.manner.message)
        change.mails += posting.post(
            change.session, change.stored, chosen, worded, change.now, self.rules.desk
        )

    def _tell_the_others(self, change: _Change, before: Meeting, concerned: Sequence[str]) -> None:
        """Who came or went, for those who are neither; they are told only if all shall be."""
        if change.manner.notify is Notify.ALL:
            others = [address for address in _expected(before) if address not in set(concerned)]
            self._tell(change, Post(Method.REQUEST, before=before, people=True), others)

    def _move_occurrence(self, change: _Change, fields: Mapping[str, object], text: str) -> None:
        for other in sorted(set(fields) - {"start", "end", "duration", "zone"}):
            raise CouldNot(f"{other}: of a single occurrence only the time can be changed")
        before = change.stored.meeting
        at = _occurrence(before, text)
        there = changing.at_occurrence(before, at)
        moved = _redrafted(there, fields, change.now)
        if not changing.is_significant(there, moved):
            raise CouldNot(f"the occurrence is at {shown(there.start)} already, nothing is changed")
        self._put(change, changing.with_moved(before, at, moved.start, moved.end))
        change.asks_again = not before.details.announcement
        change.occurrence = shown(there.start)
        self._tell(change, Post(Method.REQUEST, before=before, occurrence=at))

    def _invited(self, change: _Change, people: Sequence[object]) -> tuple[Attendee, ...]:
        """The people, who are on the list now; what they answered before is judged again."""
        try:
            added = drafts.invitees([*people], change.stored.meeting.organizer)
        except DraftRefused as error:
            raise CouldNot(str(error)) from error
        for attendee in added:
            former = change.stored.attendee(attendee.address)
            if former is not None and not former.removed:
                raise CouldNot(f"{attendee.address} is invited already")
        for attendee in added:
            listing.put_attendee(change.session, change.stored, attendee)
            judging.attendee_listed(
                change.session, change.stored.id, attendee.address, self.rules, change.now, "added"
            )
        return added


def _changeable(session: Transaction, uid: str, organizer: str | None) -> Stored:
    """The meeting with everybody, which nobody else changes meanwhile."""
    row = owners.only(writes.namesakes(session, [uid], organizer)[uid], "--organizer")
    if row is None:
        raise CouldNot(f"there is no meeting {uid}; `rsvpd meeting list` shows them")
    if not row.sends:
        raise CouldNot(f"{uid} was imported: change it where its invitations come from, and import it again")
    writes.lock(session, [row])
    stored = writes.load_everyone(session, row)
    if stored.meeting.status is MeetingStatus.CANCELLED:
        raise CouldNot(f"{uid} is cancelled, which cannot be taken back; create a new meeting instead")
    return stored


def _redrafted(
    before: Meeting, fields: Mapping[str, object], now: datetime, attachable: Files | None = None
) -> Meeting:
    try:
        return drafts.redraft(before, fields, now=now, attachable=attachable)
    except DraftRefused as error:
        raise CouldNot(str(error)) from error


_NONE_SUCH = {
    NoOccurrence.DOES_NOT_RECUR: "the meeting is no series, leave it out",
    NoOccurrence.NOT_IN_SERIES: "the series has none then; name it by its start",
    NoOccurrence.DELETED: "it is cancelled already",
    NoOccurrence.TOO_MUCH_WORK: "is too far away",
}


def _occurrence(meeting: Meeting, text: str) -> Occurrence:
    """The occurrence that a person names by its start, now or before it was moved, by the clocks of the meeting."""
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError as error:
        raise CouldNot(f"occurrence: {text!r} is no time; write 2026-12-10T14:00 or 2026-12-10") from error
    asked: When = moment if "T" in text or " " in text.strip() else moment.date()
    found = resolve(meeting, asked)
    if found is NoOccurrence.NOT_IN_SERIES:
        found = next((o for o in _moved_ones(meeting) if _starts(meeting, o, asked)), found)
    if isinstance(found, Occurrence):
        return found
    raise CouldNot(f"occurrence: {text}: {_NONE_SUCH[found]}")


def _moved_ones(meeting: Meeting) -> list[Occurrence]:
    overrides = meeting.recurrence.overrides if meeting.recurrence else ()
    return [override.occurrence for override in overrides if override.start and not override.cancelled]


def _starts(meeting: Meeting, occurrence: Occurrence, asked: When) -> bool:
    start = changing.at_occurrence(meeting, occurrence).start
    if not isinstance(start, datetime) or not isinstance(asked, datetime):
        return f"{start:%Y-%m-%d}" == f"{asked:%Y-%m-%d}"
    return (start if asked.tzinfo else start.replace(tzinfo=None)) == asked


def _listed(stored: Stored, address: str) -> Attendee:
    wanted = normalise(address)
    found = next((a for a in stored.meeting.attendees if a.address == wanted and not a.removed), None)
    if found is None:
        raise CouldNot(f"{address} is not invited to {stored.meeting.uid}")
    return found


def _expected(meeting: Meeting) -> list[str]:
    return [attendee.address for attendee in meeting.attendees if not attendee.removed]


def _waiting(meeting: Meeting) -> list[str]:
    """Who was asked and has not answered."""
    return [
        a.address
        for a in meeting.attendees
        if not a.removed and a.rsvp and ranking.partstat(a, meeting) is PartStat.NEEDS_ACTION
    ]
