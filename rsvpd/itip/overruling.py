"""A verdict changed afterwards: by the policy on answers in words, or by a person who released it."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from rsvpd.itip import ranking
from rsvpd.itip.model import Answer, Meeting, Outcome, PartStat, Rank
from rsvpd.itip.trust import Policy, TextAnswers
from rsvpd.itip.verdicts import Reason, Refusal, Verdict


def only_words(verdict: Verdict, policy: Policy) -> Verdict:
    """A verdict on an answer that the subject of a mail says alone: the policy decides whether it counts."""
    answer = verdict.decision
    if not isinstance(answer, Answer) or policy.text_answers is TextAnswers.APPLY:
        return verdict
    if policy.text_answers is TextAnswers.IGNORE:
        words = "says its answer in words only: ignored"
        return replace(verdict, outcome=Outcome.NOT_A_REPLY, decision=Refusal(Reason.IGNORED, words))
    words = f"says its answer in words only: {answer.partstat}"
    return replace(verdict, outcome=Outcome.HELD, decision=Refusal(Reason.TEXT_ANSWER, words, answer))


def released(verdict: Verdict, meeting: Meeting, released_at: datetime) -> Verdict:
    """The verdict after a person said that the answer counts.

    An answer that would lose against what is recorded counts as given when it was
    released; one to an occurrence of a meeting that does not recur counts for the
    meeting. A refusal stays one where the mail holds no answer at all.
    """
    answer = verdict.answer
    if answer is None or answer.partstat is PartStat.NEEDS_ACTION:
        return verdict
    if meeting.recurrence is None:
        answer = replace(answer, occurrence=None, this_and_future=False)
    attendee = next((a for a in meeting.attendees if a.address == answer.attendee), None)
    recorded = (
        ranking.current(ranking.standing(attendee.answers, meeting), answer.occurrence) if attendee else None
    )
    needed = max(meeting.significant_sequence, attendee.asked_sequence if attendee else 0)
    if answer.rank.sequence < needed or (recorded and answer.rank < recorded.rank):
        now = Rank(meeting.sequence, released_at, answer.rank.received_at, answer.rank.ordinal)
        answer = replace(answer, rank=now)
    return replace(verdict, outcome=Outcome.APPLIED, decision=answer)
