"""Counter-proposals: the organizer accepts one, which moves the meeting, or declines it (RFC 5546 3.2.7, 3.2.8)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from rsvpd import posting
from rsvpd.itip.model import Meeting, Occurrence, Override, Recurrence, When
from rsvpd.itip.occurrences import resolve
from rsvpd.judging import Rules
from rsvpd.ports import Clock, CouldNot
from rsvpd.store import pending, writes
from rsvpd.store.convert import instant
from rsvpd.store.database import Database
from rsvpd.store.pending import Pending
from rsvpd.store.writes import Transaction


@dataclass(frozen=True, slots=True)
class Proposals:
    """What answering counter-proposals needs."""

    database: Database
    clock: Clock
    rules: Rules

    def accept(self, number: int) -> int:
        """Moves the meeting to what was proposed and asks everybody again; how many mails go out.

        A significant change: SEQUENCE goes up, and answers to the former time are history.
        Raises `CouldNot`.
        """
        now = self.clock.now()
        with self.database.begin() as session:
            proposal = self._pending(session, number)
            stored = writes.load_everyone(session, proposal.meeting)
            moved = _moved(stored.meeting, proposal, now)
            writes.revise_meeting(session, stored, moved, significant=True, now=now, known_at=now)
            writes.ask_again(session, stored)
            pending.settle(session, number, "accepted", now)
            everyone = [a.address for a in stored.meeting.attendees if not a.removed]
            return posting.post_request(session, stored, everyone, now, self.rules.token_secret)

    def decline(self, number: int, words: str | None) -> int:
        """Tells the attendee that the proposal is declined (DECLINECOUNTER). Raises `CouldNot`."""
        now = self.clock.now()
        with self.database.begin() as session:
            proposal = self._pending(session, number)
            stored = writes.load_everyone(session, proposal.meeting)
            pending.settle(session, number, "declined", now)
            return posting.post_decline(
                session, stored, proposal.attendee, words, now, self.rules.token_secret
            )

    def _pending(self, session: Transaction, number: int) -> Pending:
        proposal = pending.proposal(session, number)
        if proposal is None:
            raise CouldNot(f"no proposal {number} is pending; `rsvpd proposal list` shows them")
        if not proposal.meeting.sends:
            raise CouldNot(
                f"proposal {number} is for a meeting that was imported: answer it where its invitations come from"
            )
        return proposal


def _moved(meeting: Meeting, proposal: Pending, now: datetime) -> Meeting:
    if proposal.start is None:
        raise CouldNot(f"proposal {proposal.number} names no time; change the meeting yourself")
    if isinstance(proposal.start, datetime) and proposal.start.tzinfo and proposal.start <= now:
        raise CouldNot(f"proposal {proposal.number} is for a time that is past; decline it")
    changed = replace(meeting, sequence=meeting.sequence + 1, location=proposal.location or meeting.location)
    if proposal.occurrence is None:
        return replace(changed, start=proposal.start, end=proposal.end or proposal.start + _length(meeting))
    return replace(changed, recurrence=_with_override(meeting, proposal, proposal.start))


def _with_override(meeting: Meeting, proposal: Pending, start: When) -> Recurrence:
    occurrence = resolve(meeting, Occurrence.from_key(proposal.occurrence or "").at)
    if meeting.recurrence is None or not isinstance(occurrence, Occurrence):
        raise CouldNot(f"proposal {proposal.number} is for an occurrence that is no more; decline it")
    override = Override(occurrence, start=start, end=proposal.end or start + _length(meeting))
    others = tuple(o for o in meeting.recurrence.overrides if o.occurrence != occurrence)
    return replace(meeting.recurrence, overrides=(*others, override))


def _length(meeting: Meeting) -> timedelta:
    return instant(meeting.end, meeting.zone) - instant(meeting.start, meeting.zone)
