"""Every outcome that the core decides, one situation each (RFC 5546 2.1.4, 2.1.5, 3.2.3)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cases import (
    ACCEPTED,
    ALICE,
    DECLINED,
    EVE,
    NEEDS_ACTION,
    PLAIN,
    after,
    answers,
    arrival,
    cancelled,
    judge,
    meeting,
    person,
    reply,
    revised,
    rules,
    said,
    sent,
    series,
    shows,
    user,
    with_overrides,
)
from cases import at as utc
from rsvpd.itip import matching
from rsvpd.itip.model import (
    Answer,
    Arrival,
    CalendarUser,
    Component,
    Meeting,
    MeetingStatus,
    Method,
    Outcome,
    PartStat,
)
from rsvpd.itip.verdicts import Reason, Verdict

ACCEPTS = after(meeting(), sent(answers(ACCEPTED)))
THREE = revised(meeting(), (1, "2026-11-21 08:00", True), (2, "2026-11-22 08:00", False))
CALLED_OFF = meeting(status=MeetingStatus.CANCELLED)
ONE_CALLED_OFF = with_overrides(series(), cancelled("2026-12-10 13:00"))
EXCLUDED = rules(meeting(), ("RRULE:FREQ=WEEKLY", "EXDATE:20261210T130000Z"))
TENTH = utc("2026-12-10 13:00")

Situation = tuple[Component, Arrival, Meeting, Outcome, Reason | None]

SITUATIONS: dict[str, Situation] = {
    "the first answer": (reply(), arrival(), meeting(), Outcome.APPLIED, None),
    "a changed mind": (
        answers(DECLINED, "2026-11-24 10:00"),
        arrival("2026-11-24 10:00"),
        ACCEPTS,
        Outcome.APPLIED,
        None,
    ),
    "the same mail again": (reply(), arrival(), ACCEPTS, Outcome.UNCHANGED, Reason.SAME_AGAIN),
    "a copy that came in later": (reply(), arrival(ordinal=1), ACCEPTS, Outcome.UNCHANGED, None),
    "the same answer, newer": (
        answers(ACCEPTED, "2026-11-24 10:00"),
        arrival("2026-11-24 10:00"),
        ACCEPTS,
        Outcome.UNCHANGED,
        None,
    ),
    "an older answer that comes late": (
        answers(DECLINED, "2026-11-22 10:00"),
        arrival("2026-11-22 10:00"),
        ACCEPTS,
        Outcome.OUTDATED,
        Reason.OLDER_ANSWER,
    ),
    "an answer to an earlier revision": (reply(), arrival(), THREE, Outcome.OUTDATED, Reason.OLD_SEQUENCE),
    "an answer from before somebody was removed and invited again": (
        reply(),
        arrival(),
        revised(meeting(person(asked_sequence=1)), (1, "2026-11-21 08:00", False)),
        Outcome.OUTDATED,
        Reason.OLD_SEQUENCE,
    ),
    "nothing decided yet": (
        answers(NEEDS_ACTION),
        arrival(),
        meeting(),
        Outcome.UNCHANGED,
        Reason.NO_ANSWER_YET,
    ),
    "another time proposed": (
        reply(method=Method.COUNTER, start=utc("2026-12-04 09:00")),
        arrival(),
        meeting(),
        Outcome.PROPOSAL,
        None,
    ),
    "the invitation is wanted again": (
        reply(user(partstat=None), method=Method.REFRESH),
        arrival(),
        meeting(),
        Outcome.REFRESH,
        Reason.ASKED_AGAIN,
    ),
    "somebody else answers for Alice": (
        reply(),
        arrival(sender=EVE),
        meeting(),
        Outcome.HELD,
        Reason.SENDER,
    ),
    "an uninvited responder": (
        reply(user(EVE)),
        arrival(sender=EVE),
        meeting(),
        Outcome.HELD,
        Reason.UNINVITED,
    ),
    "an attendee who was removed": (
        reply(),
        arrival(),
        meeting(person(removed=True)),
        Outcome.HELD,
        Reason.REMOVED,
    ),
    "nobody can be read": (
        reply(user(None)),
        arrival(sender=None),
        meeting(),
        Outcome.HELD,
        Reason.NOBODY,
    ),
    "an occurrence the series does not have": (
        reply(recurrence_id=utc("2026-12-11 13:00")),
        arrival(),
        series(),
        Outcome.HELD,
        Reason.NOT_IN_SERIES,
    ),
    "an occurrence of a meeting that does not recur": (
        reply(recurrence_id=TENTH),
        arrival(),
        meeting(),
        Outcome.HELD,
        Reason.DOES_NOT_RECUR,
    ),
    "a series that cannot be followed": (
        reply(recurrence_id=TENTH),
        arrival(),
        series(rule="FREQ=NEVER"),
        Outcome.HELD,
        Reason.SERIES_LIMIT,
    ),
    "a cancelled meeting": (reply(), arrival(), CALLED_OFF, Outcome.CANCELLED, Reason.MEETING_CANCELLED),
    "a cancelled meeting, countered": (
        reply(method=Method.COUNTER),
        arrival(),
        CALLED_OFF,
        Outcome.CANCELLED,
        Reason.MEETING_CANCELLED,
    ),
    "a cancelled meeting, answered by somebody uninvited": (
        reply(user(EVE)),
        arrival(sender=EVE),
        CALLED_OFF,
        Outcome.CANCELLED,
        Reason.MEETING_CANCELLED,
    ),
    "a cancelled occurrence": (
        reply(recurrence_id=TENTH),
        arrival(),
        ONE_CALLED_OFF,
        Outcome.CANCELLED,
        Reason.OCCURRENCE_CANCELLED,
    ),
    "an occurrence deleted by EXDATE": (
        reply(recurrence_id=TENTH),
        arrival(),
        EXCLUDED,
        Outcome.CANCELLED,
        Reason.OCCURRENCE_CANCELLED,
    ),
    **{
        f"METHOD:{method}": (
            reply(method=method),
            arrival(),
            meeting(),
            Outcome.NOT_A_REPLY,
            Reason.OTHER_METHOD,
        )
        for method in (Method.REQUEST, Method.PUBLISH, Method.CANCEL, Method.ADD, Method.DECLINECOUNTER)
    },
    "a METHOD nobody knows": (
        reply(method=None),
        arrival(),
        meeting(),
        Outcome.NOT_A_REPLY,
        Reason.OTHER_METHOD,
    ),
    **{
        f"a reply to a {kind}": (
            reply(kind=kind),
            arrival(),
            meeting(),
            Outcome.NOT_A_REPLY,
            Reason.OTHER_COMPONENT,
        )
        for kind in ("VTODO", "VJOURNAL", "VFREEBUSY")
    },
}


@pytest.mark.parametrize("situation", SITUATIONS)
def test_outcome(situation: str) -> None:
    component, mail, to, outcome, reason = SITUATIONS[situation]
    assert said(judge(component, mail, to)) == (outcome, reason)


APPLYING = {
    "the first answer",
    "a changed mind",
    "a copy that came in later",
    "the same answer, newer",
    "another time proposed",
}


@pytest.mark.parametrize("situation", SITUATIONS)
def test_only_what_counts_goes_into_the_record(situation: str) -> None:
    component, mail, to, *_ = SITUATIONS[situation]
    assert isinstance(judge(component, mail, to).decision, Answer) is (situation in APPLYING)


@pytest.mark.parametrize("situation", SITUATIONS)
def test_only_a_changed_mind_changes_the_status(situation: str) -> None:
    component, mail, to, *_ = SITUATIONS[situation]
    if situation in {"the first answer", "a changed mind", "another time proposed"}:
        assert shows(after(to, (component, mail))) is component.attendees[0].partstat
    else:
        assert shows(after(to, (component, mail))) is shows(to)


@pytest.mark.parametrize("method", [Method.REPLY, Method.COUNTER, Method.REFRESH])
def test_no_meeting_has_this_uid(method: Method) -> None:
    verdict = matching.decide(reply(method=method), arrival(), None, PLAIN)
    assert said(verdict) == (Outcome.UNKNOWN_MEETING, Reason.NO_MEETING)
    assert (verdict.attendee, verdict.partstat, verdict.occurrence) == (ALICE, ACCEPTED, None)


def test_an_unknown_meeting_keeps_what_the_mail_claims() -> None:
    nameless = reply(user(None, DECLINED), recurrence_id=TENTH)
    verdict = matching.decide(nameless, arrival(), None, PLAIN)
    assert (verdict.attendee, verdict.partstat) == (ALICE, DECLINED)
    assert verdict.occurrence is not None
    assert verdict.occurrence.at == TENTH
    silent = matching.decide(replace(reply(), attendees=()), arrival(), None, PLAIN)
    assert (silent.attendee, silent.partstat) == (ALICE, None)


def test_other_methods_are_no_answers_even_to_unknown_meetings() -> None:
    verdict = matching.decide(reply(method=Method.REQUEST), arrival(), None, PLAIN)
    assert verdict.outcome is Outcome.NOT_A_REPLY


def test_nobody_and_nothing_needs_an_organizer() -> None:
    assert judge(reply(organizer=None)).outcome is Outcome.APPLIED


def test_another_organizer_is_recorded_and_not_fatal() -> None:
    verdict = judge(reply(organizer=CalendarUser("boss@example.org")))
    assert verdict.outcome is Outcome.APPLIED
    assert any("boss@example.org" in finding.says for finding in verdict.findings)


@pytest.mark.parametrize("organizer", [CalendarUser(None), CalendarUser("events@example.org")])
def test_our_own_or_an_unreadable_organizer_is_not_worth_a_word(organizer: CalendarUser) -> None:
    spoke = [finding.rule for finding in judge(reply(organizer=organizer)).findings]
    assert "organizer" not in spoke


@pytest.mark.parametrize("partstat", [PartStat.NEEDS_ACTION, None])
def test_no_answer_never_overwrites_one(partstat: PartStat | None) -> None:
    later = reply(user(partstat=partstat), dtstamp=utc("2026-11-25 10:00"))
    verdict = judge(later, arrival("2026-11-25 10:00"), ACCEPTS)
    assert said(verdict) == (Outcome.UNCHANGED, Reason.NO_ANSWER_YET)
    assert shows(after(ACCEPTS, (later, arrival("2026-11-25 10:00")))) is ACCEPTED


def test_a_changed_comment_or_number_of_guests_is_a_changed_answer() -> None:
    for changed in (user(comment="Late"), user(guests=1)):
        verdict = judge(reply(changed, dtstamp=utc("2026-11-24 10:00")), arrival("2026-11-24 10:00"), ACCEPTS)
        assert verdict.outcome is Outcome.APPLIED


OUTDATED_WORDS: dict[str, tuple[int, Meeting, str]] = {
    "the first": (0, THREE, "revision 1 of 3 (sequence 0, sent 2026-11-20 08:00 UTC)"),
    "the second": (
        1,
        revised(THREE, (3, "2026-11-23 08:00", True)),
        "revision 2 of 4 (sequence 1, sent 2026-11-21 08:00 UTC)",
    ),
    "before all that are known": (
        0,
        revised(meeting(sequence=2), (3, "2026-11-21 08:00", True)),
        "a revision that is not known here (sequence 0)",
    ),
    "between two that are known": (
        1,
        revised(meeting(), (2, "2026-11-21 08:00", True)),
        "revision 1 of 2 (sequence 0, sent 2026-11-20 08:00 UTC)",
    ),
}


@pytest.mark.parametrize("situation", OUTDATED_WORDS)
def test_an_outdated_answer_says_which_revision_it_answered(situation: str) -> None:
    sequence, to, words = OUTDATED_WORDS[situation]
    verdict = judge(reply(sequence=sequence), to=to)
    assert verdict.outcome is Outcome.OUTDATED
    assert words in (verdict.words or "")


@pytest.mark.parametrize(
    "verdict",
    [judge(to=THREE), judge(mail=arrival(sender=EVE)), judge(reply(recurrence_id=TENTH))],
)
def test_held_and_outdated_rows_keep_the_answer_a_release_would_record(verdict: Verdict) -> None:
    assert not isinstance(verdict.decision, Answer)
    assert verdict.decision.answer is not None
    assert (verdict.decision.answer.attendee, verdict.decision.answer.partstat) == (ALICE, ACCEPTED)


def test_every_verdict_names_the_rules_that_spoke() -> None:
    for component, mail, to, *_ in SITUATIONS.values():
        assert all(f.rule and f.says and f.source for f in judge(component, mail, to).findings)
        assert judge(component, mail, to).findings
