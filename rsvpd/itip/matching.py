"""decide: given what is stored and one incoming iTIP component, what is recorded (README, RFC 5546).

The rules speak in the order of the functions below; the first that refuses ends it.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime

from rsvpd.itip import occurrences, overruling, ranking, subjects, trust
from rsvpd.itip.answering import answer_in, delegation_problem, proposal_in
from rsvpd.itip.model import (
    Answer,
    Arrival,
    Component,
    MatchedBy,
    Meeting,
    MeetingStatus,
    Method,
    Occurrence,
    Outcome,
    PartStat,
    Proposal,
    Rank,
)
from rsvpd.itip.occurrences import NoOccurrence
from rsvpd.itip.trust import Identity, Policy, TextAnswers, Uninvited
from rsvpd.itip.verdicts import Finding, Reason, Refusal, Verdict

_ANSWERS = frozenset({Method.REPLY, Method.COUNTER, Method.REFRESH})
_NO_OCCURRENCE = {
    NoOccurrence.DOES_NOT_RECUR: (
        Reason.DOES_NOT_RECUR,
        "it answers one occurrence of a meeting that does not recur",
    ),
    NoOccurrence.NOT_IN_SERIES: (Reason.NOT_IN_SERIES, "the series has no occurrence at that time"),
    NoOccurrence.TOO_MUCH_WORK: (Reason.SERIES_LIMIT, "the series is past the limit of expansion"),
}


@dataclass(slots=True)
class _Case:
    """One component being judged, and what is known of it so far."""

    component: Component
    arrival: Arrival
    meeting: Meeting
    identity: Identity | None = None
    occurrence: Occurrence | None = None
    findings: list[Finding] = field(default_factory=list)

    def found(self, rule: str, says: str, source: str) -> None:
        self.findings.append(Finding(rule, says, source))

    def refused(self, outcome: Outcome, reason: Reason, words: str, answer: Answer | None = None) -> Verdict:
        identity = self.identity
        return Verdict(
            outcome=outcome,
            decision=Refusal(reason, words, answer),
            attendee=identity.claimed if identity else None,
            matched_by=identity.matched_by if identity else None,
            partstat=identity.user.partstat if identity else None,
            occurrence=self.occurrence,
            findings=tuple(self.findings),
        )


def decide(component: Component, arrival: Arrival, meeting: Meeting | None, policy: Policy) -> Verdict:
    """How one component of a mail is recorded.

    `meeting` needs to hold only those attendees whom the mail may concern; None
    says that no meeting has this UID.
    """
    refusal = _not_an_answer(component)
    if refusal is not None:
        return _plain(Outcome.NOT_A_REPLY, refusal, component, arrival)
    if meeting is None:
        return _plain(
            Outcome.UNKNOWN_MEETING,
            Refusal(Reason.NO_MEETING, "no meeting has this UID"),
            component,
            arrival,
        )
    case = _Case(component, arrival, meeting)
    case.found("meeting", f"the UID is that of “{meeting.summary}”", "RFC 5546 2.1.5")
    if component.organizer and component.organizer.address not in {None, meeting.organizer}:
        case.found(
            "organizer", f"names {component.organizer.address} as ORGANIZER: recorded, not fatal", "README"
        )
    case.identity = trust.identify(component, arrival.envelope, meeting, policy)
    in_words = _says_it_in_words(case, policy)
    case.occurrence = _claimed_occurrence(component, meeting)
    for rule in (
        _cancelled,
        _somebody_invited,
        _sender_may_speak,
        _asks_again,
        _current_revision,
        _known_occurrence,
    ):
        verdict = rule(case, policy)
        if verdict is not None:
            return verdict
    verdict = _answered(case)
    return overruling.only_words(verdict, policy) if in_words else verdict


def _says_it_in_words(case: _Case, policy: Policy) -> bool:
    """Takes the answer from the subject where no PARTSTAT can be read in a REPLY: gateways lose it, not the subject.

    It says no more than a subject without a calendar, so the same policy decides whether it counts.
    """
    identity = _of(case)
    if case.component.method is not Method.REPLY or policy.text_answers is TextAnswers.IGNORE:
        return False
    if identity.user.partstat is not None or identity.user.proposed_start is not None:
        return False
    said = subjects.answer_in(case.arrival.envelope.subject)
    if said is None:
        return False
    case.identity = replace(identity, user=replace(identity.user, partstat=said))
    case.found("words", f"no PARTSTAT, but the subject says {said}", "README")
    return True


def _not_an_answer(component: Component) -> Refusal | None:
    if component.kind != "VEVENT":
        return Refusal(Reason.OTHER_COMPONENT, f"a {component.kind} is no meeting")
    if component.method not in _ANSWERS:
        stated = component.method.value if component.method else "missing or unknown"
        return Refusal(Reason.OTHER_METHOD, f"METHOD is {stated}: no answer")
    return None


def _plain(outcome: Outcome, refusal: Refusal, component: Component, arrival: Arrival) -> Verdict:
    """A verdict without a meeting: it says what the mail claims."""
    named = next((user for user in component.attendees if user.address), None)
    user = named or next(iter(component.attendees), None)
    return Verdict(
        outcome=outcome,
        decision=refusal,
        attendee=named.address if named else arrival.envelope.from_address,
        partstat=user.partstat if user else None,
        occurrence=Occurrence(component.recurrence_id) if component.recurrence_id else None,
        findings=(Finding("method", refusal.words, "RFC 5546 1.4"),),
    )


def _claimed_occurrence(component: Component, meeting: Meeting) -> Occurrence | None:
    if component.recurrence_id is None:
        return None
    return occurrences.canonical(meeting, component.recurrence_id)


def _cancelled(case: _Case, _: Policy) -> Verdict | None:
    if case.meeting.status is not MeetingStatus.CANCELLED:
        return None
    case.found("cancelled", "a reply never brings back what was cancelled", "RFC 5546 3.2.5")
    return case.refused(Outcome.CANCELLED, Reason.MEETING_CANCELLED, "the meeting was cancelled")


def _somebody_invited(case: _Case, policy: Policy) -> Verdict | None:
    identity = _of(case)
    if identity.attendee is not None and not identity.attendee.removed:
        case.found("attendee", f"speaks of {identity.attendee.address}", "RFC 5546 3.2.3")
        return None
    if identity.attendee is None and policy.uninvited is Uninvited.ADD and _may_be_added(case):
        case.found("uninvited", "the policy adds uninvited responders", "RFC 5546 3.2.3")
        return None
    case.found("uninvited", f"{identity.claimed} is not on the list", "RFC 5546 3.2.3")
    return _not_invited(case, identity, policy)


def _may_be_added(case: _Case) -> bool:
    """Responders are added with their answer: a sender matched, no delegate too early, and something answered."""
    identity = _of(case)
    answers = identity.user.partstat not in {None, PartStat.NEEDS_ACTION}
    return (
        answers
        and case.component.method is not Method.REFRESH
        and identity.matched_by is not MatchedBy.NONE
        and not identity.user.delegated_from
    )


def _not_invited(case: _Case, identity: Identity, policy: Policy) -> Verdict:
    if identity.claimed is None:
        return case.refused(Outcome.HELD, Reason.NOBODY, "neither an ATTENDEE nor a sender can be read")
    if identity.attendee is not None:
        return _held(case, Reason.REMOVED, f"{identity.claimed} is no longer invited")
    if identity.user.delegated_from:
        words = f"{identity.claimed} answers for {identity.user.delegated_from[0]}, who has not delegated yet"
        return _held(case, Reason.DELEGATION_AWAITED, words)
    if policy.uninvited is Uninvited.IGNORE:
        return case.refused(
            Outcome.NOT_A_REPLY, Reason.IGNORED, f"{identity.claimed} was not invited: ignored"
        )
    return _held(case, Reason.UNINVITED, f"{identity.claimed} was not invited")


def _sender_may_speak(case: _Case, policy: Policy) -> Verdict | None:
    identity = _of(case)
    envelope = case.arrival.envelope
    sender = envelope.from_address or "a mail without From"
    how = "not matched" if identity.matched_by is MatchedBy.NONE else f"matched by {identity.matched_by}"
    case.found("sender", f"{sender} is {how}", "RFC 6047 3")
    if identity.matched_by is MatchedBy.NONE:
        words = f"{sender} may not speak for {identity.claimed}"
        if identity.user.sent_by:
            return _held(
                case, Reason.ASSISTANT, f"{words}: an assistant (SENT-BY) needs the organizer's word"
            )
        return _held(case, Reason.SENDER, words)
    missing = trust.failed_authentication(envelope, policy)
    if missing:
        case.found("authentication", f"{missing} did not pass", "RFC 8601 4.1")
        return _held(
            case, Reason.NOT_AUTHENTICATED, f"the sender is not authenticated: {missing} did not pass"
        )
    return None


def _asks_again(case: _Case, _: Policy) -> Verdict | None:
    """Whatever revision the attendee has: who has an old one is who needs the current one (RFC 5546 3.2.6)."""
    if case.component.method is not Method.REFRESH:
        return None
    return case.refused(Outcome.REFRESH, Reason.ASKED_AGAIN, "asks for the invitation again (REFRESH)")


def _current_revision(case: _Case, _: Policy) -> Verdict | None:
    stated = ranking.effective_sequence(case.component, case.arrival, case.meeting)
    attendee = _of(case).attendee
    needed = max(case.meeting.asked_at(case.occurrence), attendee.asked_sequence if attendee else 0)
    if stated >= needed:
        case.found(
            "sequence", f"{stated} answers the meeting as it is (asked last at {needed})", "RFC 5546 2.1.4"
        )
        return None
    case.found("sequence", f"{stated} is before the last significant change, {needed}", "RFC 5546 2.1.4")
    words = (
        f"answers {_revision_words(case.meeting, stated)}, before the last change that asked everybody again"
    )
    return case.refused(Outcome.OUTDATED, Reason.OLD_SEQUENCE, words, _answer_of(case))


def _revision_words(meeting: Meeting, sequence: int) -> str:
    known = ranking.revision_of(meeting, sequence)
    if known is None:
        return f"a revision that is not known here (sequence {sequence})"
    number, revision = known
    return (
        f"revision {number} of {len(meeting.revisions)} "
        f"(sequence {revision.sequence}, sent {revision.sent_at:%Y-%m-%d %H:%M} UTC)"
    )


def _known_occurrence(case: _Case, _: Policy) -> Verdict | None:
    if case.component.recurrence_id is None:
        return None
    found = occurrences.resolve(case.meeting, case.component.recurrence_id)
    if isinstance(found, Occurrence):
        case.occurrence = found
        case.found("occurrence", f"names the occurrence {found.key}", "RFC 5545 3.8.4.4")
        return None
    case.found("occurrence", f"{found.value.replace('_', ' ')}", "RFC 5545 3.8.4.4")
    if found is NoOccurrence.DELETED:
        return case.refused(Outcome.CANCELLED, Reason.OCCURRENCE_CANCELLED, "this occurrence was cancelled")
    return _held(case, *_NO_OCCURRENCE[found])


def _answered(case: _Case) -> Verdict:
    answer = _answer_of(case)
    chain = delegation_problem(answer, _of(case), case.meeting)
    if chain:
        return case.refused(Outcome.HELD, Reason.DELEGATION_LOOP, chain, answer)
    proposal = proposal_in(case.component, _of(case), case.meeting)
    outcome, reason, words = _compared(case, answer)
    if proposal is not None and outcome is not Outcome.OUTDATED:
        return _accepted(case, Outcome.PROPOSAL, reason, answer, proposal)
    if outcome is Outcome.APPLIED or (outcome is Outcome.UNCHANGED and reason is None):
        return _accepted(case, outcome, None, answer, None)
    return case.refused(outcome, reason or Reason.SAME_AGAIN, words, answer)


def _accepted(
    case: _Case, outcome: Outcome, reason: Reason | None, answer: Answer, proposal: Proposal | None
) -> Verdict:
    """What goes into the record; a proposal whose PARTSTAT says nothing new brings no answer."""
    verdict = case.refused(outcome, Reason.PROPOSED, "proposes another time or place", answer)
    no_answer = reason is not None or answer.partstat is PartStat.NEEDS_ACTION
    stated = ranking.effective_sequence(case.component, case.arrival, case.meeting)
    odd = "says what is recorded already" if outcome is Outcome.UNCHANGED else None
    if stated > case.meeting.sequence:
        odd = f"SEQUENCE {stated} is higher than the meeting's, {case.meeting.sequence}: counted as that"
    return replace(
        verdict,
        decision=verdict.decision if proposal is not None and no_answer else answer,
        partstat=answer.partstat,
        proposal=proposal,
        odd=odd,
    )


def _compared(case: _Case, answer: Answer) -> tuple[Outcome, Reason | None, str]:
    """Against what is recorded for that attendee and that occurrence, or all of it (RFC 5546 2.1.5)."""
    attendee = _of(case).attendee
    answers = attendee.answers if attendee else ()
    standing = ranking.standing(answers, case.meeting, answer.occurrence)
    recorded = ranking.newest(a for a in standing if ranking.covers(a, answer))
    if recorded is not None and answer.rank <= recorded.rank:
        if _same_mail(recorded.rank, answer.rank) and ranking.say_the_same(recorded, answer):
            case.found("newer", "a copy of the recorded answer", "RFC 5546 2.1.5")
            return Outcome.UNCHANGED, Reason.SAME_AGAIN, "says what is recorded already"
        if answer.rank < recorded.rank:
            case.found("newer", "older than the recorded answer", "RFC 5546 2.1.5")
            words = (
                f"older than the recorded answer, {recorded.partstat} of {_minute(recorded.rank.answered_at)}"
            )
            return Outcome.OUTDATED, Reason.OLDER_ANSWER, words
    if answer.partstat is PartStat.NEEDS_ACTION:
        case.found("partstat", "NEEDS-ACTION is no answer and overwrites none", "RFC 5545 3.2.12")
        return Outcome.UNCHANGED, Reason.NO_ANSWER_YET, "says only that an answer is still to come"
    case.found("newer", "newer than the recorded answer" if recorded else "the first one", "RFC 5546 2.1.5")
    if ranking.changes_anything(answer, answers, case.meeting):
        return Outcome.APPLIED, None, ""
    return Outcome.UNCHANGED, None, ""


def _same_mail(recorded: Rank, given: Rank) -> bool:
    return (recorded.sequence, recorded.answered_at) == (given.sequence, given.answered_at)


def _answer_of(case: _Case) -> Answer:
    """The answer that the component gives, whether or not it is accepted."""
    return answer_in(case.component, _of(case), case.occurrence, case.arrival, case.meeting)


def _held(case: _Case, reason: Reason, words: str) -> Verdict:
    return case.refused(Outcome.HELD, reason, words, _answer_of(case))


def _of(case: _Case) -> Identity:
    if case.identity is None:  # pragma: no cover  decide sets it before the first rule
        raise AssertionError
    return case.identity


def _minute(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"
