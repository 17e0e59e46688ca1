"""What `decide` may say: an answer accepted into the record, or a refusal with its reason."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from rsvpd.itip.model import Answer, MatchedBy, Occurrence, Outcome, PartStat, Proposal


class Reason(StrEnum):
    """Why a reply changed nothing, or waits for a person. The value is stable: scripts may test it."""

    SAME_AGAIN = "same_again"
    NO_ANSWER_YET = "no_answer_yet"
    OLD_SEQUENCE = "old_sequence"
    OLDER_ANSWER = "older_answer"
    SENDER = "sender_may_not_speak"
    NOT_AUTHENTICATED = "not_authenticated"
    NOBODY = "nobody_named"
    UNINVITED = "uninvited"
    REMOVED = "removed"
    ASSISTANT = "assistant"
    DELEGATION_AWAITED = "delegation_awaited"
    DELEGATION_LOOP = "delegation_loop"
    DOES_NOT_RECUR = "does_not_recur"
    NOT_IN_SERIES = "not_in_series"
    SERIES_LIMIT = "series_limit"
    NO_MEETING = "no_meeting"
    MEETING_CANCELLED = "meeting_cancelled"
    OCCURRENCE_CANCELLED = "occurrence_cancelled"
    OTHER_METHOD = "other_method"
    OTHER_COMPONENT = "other_component"
    AUTOMATIC = "automatic"
    TEXT_ANSWER = "text_answer"
    ENCRYPTED = "encrypted"
    UNREADABLE = "unreadable"
    NOT_FETCHED = "not_fetched"
    LIMIT = "limit"
    BOUNCE = "bounce"
    IGNORED = "ignored"
    ASKED_AGAIN = "asked_again"
    PROPOSED = "proposed"


@dataclass(frozen=True, slots=True)
class Finding:
    """One rule that spoke while a reply was judged, with where the rule comes from."""

    rule: str
    says: str
    source: str


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a component changed nothing: the reason, in words, and the answer that a release would record."""

    reason: Reason
    words: str
    answer: Answer | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """How one component was judged: the ledger row, but for when and where it came from.

    `decision` is an `Answer` for what goes into the record (also for an unchanged
    one that is newer than what was recorded), else a `Refusal`.
    """

    outcome: Outcome
    decision: Answer | Refusal
    attendee: str | None = None
    matched_by: MatchedBy | None = None
    partstat: PartStat | None = None
    occurrence: Occurrence | None = None
    proposal: Proposal | None = None
    odd: str | None = None
    findings: tuple[Finding, ...] = ()

    @property
    def answer(self) -> Answer | None:
        """The answer that is recorded, or that a release would record; None where there is none."""
        return self.decision if isinstance(self.decision, Answer) else self.decision.answer

    @property
    def reason(self) -> Reason | None:
        """Why nothing changed; None for an answer."""
        return self.decision.reason if isinstance(self.decision, Refusal) else None

    @property
    def words(self) -> str | None:
        """The reason in words, with what was odd about an answer that counted all the same."""
        return self.decision.words if isinstance(self.decision, Refusal) else self.odd
