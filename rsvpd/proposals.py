"""Counter-proposals: the organizer accepts one, which moves the meeting, or declines it (RFC 5546 3.2.7, 3.2.8)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from rsvpd import posting
from rsvpd.itip import changing
from rsvpd.itip.model import Meeting, MeetingStatus, Method, Occurrence
from rsvpd.itip.occurrences import resolve
from rsvpd.judging import Rules
from rsvpd.ports import Clock, CouldNot
from rsvpd.posting import Post
from rsvpd.store import pending, writes
from rsvpd.store.convert import instant
from rsvpd.store.database import Database
from rsvpd.store.pending import Pending
from rsvpd.store.tables import ProposalStatus
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
            writes.lock(session, [proposal.meeting])
            stored = writes.load_everyone(session, proposal.meeting)
            before = stored.meeting
            moved, occurrence = _moved(before, proposal, now)
            pending.settle(session, number, ProposalStatus.ACCEPTED, now)
            writes.revise_meeting(
                session, stored, moved, significant=occurrence is None, now=now, known_at=now
            )
            if occurrence is None:
                writes.ask_again(session, stored)
            everyone = [a.address for a in before.attendees if not a.removed]
            post = Post(Method.REQUEST, before=before, occurrence=occurrence)
            return len(posting.post(session, stored, everyone, post, now, self.rules.desk))

    def decline(self, number: int, words: str | None) -> int:
        """Tells the attendee that the proposal is declined (DECLINECOUNTER). Raises `CouldNot`."""
        now = self.clock.now()
        with self.database.begin() as session:
            proposal = self._pending(session, number)
            stored = writes.load_everyone(session, proposal.meeting)
            pending.settle(session, number, ProposalStatus.DECLINED, now)
            post = Post(Method.DECLINECOUNTER, message=words)
            return len(posting.post(session, stored, [proposal.attendee], post, now, self.rules.desk))

    def _pending(self, session: Transaction, number: int) -> Pending:
        proposal = pending.proposal(session, number)
        if proposal is None:
            raise CouldNot(f"no proposal {number} is pending; `rsvpd proposal list` shows them")
        if not proposal.meeting.sends:
            raise CouldNot(
                f"proposal {number} is for a meeting that was imported: answer it where its invitations come from"
            )
        return proposal


def _moved(meeting: Meeting, proposal: Pending, now: datetime) -> tuple[Meeting, Occurrence | None]:
    if meeting.status is MeetingStatus.CANCELLED:
        raise CouldNot(f"proposal {proposal.number} is for a meeting that is cancelled; decline it")
    start = proposal.start
    if start is None:
        raise CouldNot(f"proposal {proposal.number} names no time; change the meeting yourself")
    if instant(start, meeting.zone) <= now:
        raise CouldNot(f"proposal {proposal.number} is for a time that is past; decline it")
    end = proposal.end or start + changing.length(meeting)
    if proposal.occurrence is None:
        there = replace(meeting, location=proposal.location or meeting.location)
        moved = changing.rescheduled(there, start, end, meeting.zone)
        return changing.revised(meeting, moved, significant=True), None
    occurrence = resolve(meeting, Occurrence.from_key(proposal.occurrence).at)
    if not isinstance(occurrence, Occurrence):
        raise CouldNot(f"proposal {proposal.number} is for an occurrence that is no more; decline it")
    return changing.with_moved(meeting, occurrence, start, end), occurrence  # which has no place of its own
