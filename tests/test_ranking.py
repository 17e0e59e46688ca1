"""Which answer is newer, and what the answers of an attendee add up to (RFC 5546 2.1.4, 2.1.5)."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from cases import (
    ACCEPTED,
    ALICE,
    BOB,
    DECLINED,
    NEEDS_ACTION,
    TENTATIVE,
    after,
    answer_of,
    answers,
    arrival,
    at,
    judge,
    meeting,
    occurrence,
    person,
    reply,
    revised,
    said,
    sent,
    series,
    shows,
    user,
)
from rsvpd.itip import ranking
from rsvpd.itip.model import Answer, Arrival, Component, Meeting, Outcome, PartStat, Rank, Revision
from rsvpd.itip.verdicts import Reason

MEETING = revised(
    meeting(), (1, "2026-11-21 08:00", True), (2, "2026-11-22 08:00", False), (3, "2026-11-22 20:00", False)
)
"""SEQUENCE 0 and 1 asked everybody, 2 and 3 changed the summary."""

SEQUENCES: dict[str, tuple[int | None, Outcome]] = {
    "before the last significant change": (0, Outcome.OUTDATED),
    "the last significant change": (1, Outcome.APPLIED),
    "after it, but not the newest": (2, Outcome.APPLIED),
    "the newest": (3, Outcome.APPLIED),
    "higher than ours": (4, Outcome.APPLIED),
    "bogus": (999_999_999, Outcome.APPLIED),
}


@pytest.mark.parametrize("situation", SEQUENCES)
def test_sequence_against_the_last_significant_change(situation: str) -> None:
    sequence, outcome = SEQUENCES[situation]
    assert judge(reply(sequence=sequence), to=MEETING).outcome is outcome


def test_a_meeting_without_revisions_is_asked_at_its_sequence() -> None:
    bare = replace(meeting(), sequence=2, revisions=())
    assert judge(reply(sequence=1), to=bare).outcome is Outcome.OUTDATED
    assert judge(reply(sequence=2), to=bare).outcome is Outcome.APPLIED
    assert answer_of(judge(reply(sequence=None), to=bare)).rank.sequence == 2


def test_a_sequence_higher_than_ours_is_odd_and_counts_as_ours() -> None:
    verdict = judge(reply(sequence=9), to=MEETING)
    assert answer_of(verdict).rank.sequence == MEETING.sequence
    assert "SEQUENCE 9 is higher" in (verdict.odd or "")
    assert verdict.words == verdict.odd
    assert judge(reply(sequence=3), to=MEETING).odd is None


def test_a_bogus_huge_sequence_does_not_shadow_the_next_answer() -> None:
    bogus = answers(ACCEPTED, "2026-11-23 10:00", sequence=2**31 - 1)
    after_it = after(meeting(), sent(bogus), sent(answers(DECLINED, "2026-11-24 10:00")))
    assert shows(after_it) is DECLINED


WITHOUT_SEQUENCE: dict[str, tuple[str | None, str, int]] = {
    "before the first was sent": ("2026-11-19 00:00", "2026-11-19 00:00", 0),
    "the first was known": ("2026-11-20 09:00", "2026-11-23 10:00", 0),
    "the moment it was sent": ("2026-11-21 08:00", "2026-11-23 10:00", 1),
    "the third was known": ("2026-11-22 09:00", "2026-11-23 10:00", 2),
    "all were known": ("2026-11-23 09:00", "2026-11-23 10:00", 3),
    "no Date: when it came": (None, "2026-11-21 09:00", 1),
    "a Date in the future: when it came": ("2027-11-22 09:00", "2026-11-21 09:00", 1),
}


@pytest.mark.parametrize("situation", WITHOUT_SEQUENCE)
def test_without_sequence_the_revision_that_was_known_when_it_was_written(situation: str) -> None:
    date, received, sequence = WITHOUT_SEQUENCE[situation]
    mail = arrival(received, date=at(date) if date else None)
    assert ranking.effective_sequence(reply(sequence=None), mail, MEETING) == sequence


REVISIONS = {0: (1, 0), 1: (2, 1), 2: (3, 2), 3: (4, 3), 9: (4, 3)}


@pytest.mark.parametrize("sequence", REVISIONS)
def test_the_revision_that_was_answered(sequence: int) -> None:
    known = ranking.revision_of(MEETING, sequence)
    assert known is not None
    assert (known[0], known[1].sequence) == REVISIONS[sequence]


def test_a_revision_from_before_the_meeting_was_known_here() -> None:
    assert ranking.revision_of(meeting(sequence=4), 3) is None


TIMES: dict[str, tuple[dict[str, str | None], str]] = {
    "DTSTAMP equals Date": ({"dtstamp": "10:00", "date": "10:00"}, "10:00"),
    "DTSTAMP minutes before Date (iOS)": ({"dtstamp": "09:50", "date": "10:00"}, "09:50"),
    "DTSTAMP a quarter of an hour before Date": ({"dtstamp": "09:45", "date": "10:00"}, "09:45"),
    "DTSTAMP a quarter of an hour after Date": ({"dtstamp": "10:15", "date": "10:00"}, "10:15"),
    "DTSTAMP is stale (SOGo)": ({"dtstamp": "09:44", "date": "10:00"}, "10:00"),
    "DTSTAMP is in the future": ({"dtstamp": "10:16", "date": "10:00"}, "10:00"),
    "no DTSTAMP": ({"date": "10:00"}, "10:00"),
    "no Date (Roundcube)": ({"dtstamp": "08:00"}, "08:00"),
    "neither": ({}, "11:00"),
    "a reply time (Outlook for Mac)": ({"dtstamp": "08:00", "date": "10:00", "replied": "09:58"}, "09:58"),
    "a reply time far from Date counts all the same": ({"date": "10:00", "replied": "07:00"}, "07:00"),
    "Date after arrival": ({"date": "12:00"}, "11:00"),
    "DTSTAMP and Date after arrival": ({"dtstamp": "12:00", "date": "12:00"}, "11:00"),
    "a reply time after arrival": ({"date": "10:00", "replied": "12:00"}, "11:00"),
}


@pytest.mark.parametrize("situation", TIMES)
def test_when_it_was_answered(situation: str) -> None:
    given, expected = TIMES[situation]
    stated = {name: at(f"2026-11-23 {text}") for name, text in given.items() if text}
    component = reply(dtstamp=stated.get("dtstamp"), replied_at=stated.get("replied"))
    mail = arrival("2026-11-23 11:00", date=stated.get("date"))
    assert ranking.answered_at(component, mail) == at(f"2026-11-23 {expected}")


def test_a_stale_dtstamp_does_not_lose_a_changed_mind() -> None:
    """SOGo writes the DTSTAMP of the invitation into every answer."""
    yes, no = (
        (answers(partstat, "2026-11-20 08:00"), arrival(text))
        for partstat, text in ((ACCEPTED, "2026-11-23 10:00"), (DECLINED, "2026-11-23 11:00"))
    )
    assert shows(after(meeting(), yes, no)) is DECLINED
    assert shows(after(meeting(), no, yes)) is DECLINED


def test_a_clock_that_runs_behind_ours_still_answers_the_invitation() -> None:
    """Only the attendee's own answers are compared with each other."""
    early = answers(ACCEPTED, "2020-01-01 00:00")
    assert judge(early, arrival("2026-11-23 10:00", date=at("2020-01-01 00:00"))).outcome is Outcome.APPLIED


def test_answers_of_others_are_not_compared() -> None:
    both = meeting(person(), person(BOB))
    bobs = reply(user(BOB, DECLINED), dtstamp=at("2026-11-24 10:00"))
    one = after(both, sent(bobs, sender=BOB), sent(answers(ACCEPTED)))
    assert (shows(one), shows(one, BOB)) == (ACCEPTED, DECLINED)


TIED = (answers(ACCEPTED), answers(DECLINED))

LATER: dict[str, tuple[Arrival, Arrival]] = {
    "by INTERNALDATE": (
        arrival("2026-11-23 10:01", date=at("2026-11-23 10:00")),
        arrival("2026-11-23 10:02", date=at("2026-11-23 10:00")),
    ),
    "by IMAP UID or the order given": (arrival(ordinal=1), arrival(ordinal=2)),
}


@pytest.mark.parametrize("situation", LATER)
def test_of_equal_answers_the_later_arrival_wins(situation: str) -> None:
    first, second = LATER[situation]
    mails = [(TIED[0], first), (TIED[1], second)]
    assert shows(after(meeting(), *mails)) is DECLINED
    assert shows(after(meeting(), *reversed(mails))) is DECLINED


def test_the_same_answer_newer_advances_what_later_ones_are_compared_with() -> None:
    """Yes at ten, yes again at noon; a no of eleven that comes last is older."""
    one = after(
        meeting(), sent(answers(ACCEPTED)), sent(answers(ACCEPTED, "2026-11-23 12:00", comment="Sure"))
    )
    again = after(one, sent(answers(ACCEPTED, "2026-11-23 12:30", comment="Sure")))
    late = judge(answers(DECLINED, "2026-11-23 12:10"), arrival("2026-11-23 12:10"), again)
    assert said(late) == (Outcome.OUTDATED, Reason.OLDER_ANSWER)


def test_a_tied_answer_said_again_later_advances_too() -> None:
    """Yes, no and yes again within one second (Cyrus): the last one to arrive stands, in any order."""
    yes, no, again = (
        (answers(partstat), arrival(ordinal=number))
        for number, partstat in enumerate((ACCEPTED, DECLINED, ACCEPTED))
    )
    assert shows(after(meeting(), yes, no, again)) is ACCEPTED
    assert shows(after(meeting(), yes, again, no)) is ACCEPTED


def test_a_copy_of_the_recorded_mail_from_another_folder_is_unchanged() -> None:
    one = after(meeting(), (reply(), arrival("2026-11-23 10:05", date=at("2026-11-23 10:00"))))
    for received in ("2026-11-23 10:01", "2026-11-23 10:09"):
        copy = judge(reply(), arrival(received, date=at("2026-11-23 10:00")), one)
        assert copy.outcome is Outcome.UNCHANGED


def test_a_significant_change_asks_again() -> None:
    one = after(meeting(), sent(answers(ACCEPTED)))
    changed = revised(one, (1, "2026-11-24 08:00", True))
    assert shows(changed) is NEEDS_ACTION
    assert len(changed.attendees[0].answers) == 1, "the former answer stays in history"
    again = after(changed, sent(answers(TENTATIVE, "2026-11-24 10:00", sequence=1)))
    assert shows(again) is TENTATIVE


def test_any_other_change_keeps_the_answers() -> None:
    one = after(meeting(), sent(answers(ACCEPTED)))
    assert shows(revised(one, (1, "2026-11-24 08:00", False))) is ACCEPTED


def test_an_answer_to_the_change_that_overtook_it() -> None:
    """Written before the change reached the attendee: outdated, whatever its time."""
    changed = revised(meeting(), (1, "2026-11-24 08:00", True))
    late = answers(ACCEPTED, "2026-11-25 10:00", sequence=0)
    assert said(judge(late, arrival("2026-11-25 10:00"), changed)) == (
        Outcome.OUTDATED,
        Reason.OLD_SEQUENCE,
    )


def test_a_bogus_sequence_is_outdated_by_the_next_significant_change() -> None:
    one = after(meeting(), sent(answers(ACCEPTED, sequence=99)))
    assert shows(revised(one, (1, "2026-11-24 08:00", True))) is NEEDS_ACTION


def given(partstat: PartStat, text: str, where: str | None = None, *, later: bool = False) -> Answer:
    moment = at(f"2026-11-23 {text}")
    spot = occurrence(where) if where else None
    return Answer(ALICE, partstat, Rank(0, moment, moment, 0), occurrence=spot, this_and_future=later)


FIRST, SECOND, THIRD = "2026-12-03 13:00", "2026-12-10 13:00", "2026-12-17 13:00"

FOLDS: dict[str, tuple[tuple[Answer, ...], dict[str | None, PartStat | None]]] = {
    "none": ((), {None: None, FIRST: None}),
    "the series": ((given(ACCEPTED, "10:00"),), {None: ACCEPTED, FIRST: ACCEPTED}),
    "one occurrence": (
        (given(DECLINED, "10:00", SECOND),),
        {None: None, FIRST: None, SECOND: DECLINED, THIRD: None},
    ),
    "an occurrence after the series": (
        (given(ACCEPTED, "10:00"), given(DECLINED, "11:00", SECOND)),
        {None: ACCEPTED, FIRST: ACCEPTED, SECOND: DECLINED, THIRD: ACCEPTED},
    ),
    "the series after an occurrence": (
        (given(ACCEPTED, "12:00"), given(DECLINED, "11:00", SECOND)),
        {None: ACCEPTED, SECOND: ACCEPTED},
    ),
    "the series and an occurrence in one mail": (
        (given(ACCEPTED, "11:00"), given(DECLINED, "11:00", SECOND)),
        {None: ACCEPTED, SECOND: DECLINED},
    ),
    "this and all later ones": (
        (given(DECLINED, "11:00", SECOND, later=True),),
        {None: None, FIRST: None, SECOND: DECLINED, THIRD: DECLINED},
    ),
    "one after this and all later ones": (
        (given(DECLINED, "11:00", SECOND, later=True), given(ACCEPTED, "12:00", THIRD)),
        {SECOND: DECLINED, THIRD: ACCEPTED},
    ),
    "one before this and all later ones": (
        (given(DECLINED, "11:00", SECOND, later=True), given(ACCEPTED, "10:00", THIRD)),
        {SECOND: DECLINED, THIRD: DECLINED},
    ),
    "one and all later ones in one mail": (
        (given(DECLINED, "11:00", SECOND, later=True), given(ACCEPTED, "11:00", SECOND)),
        {SECOND: ACCEPTED, THIRD: DECLINED},
    ),
    "the series after this and all later ones": (
        (given(DECLINED, "11:00", SECOND, later=True), given(TENTATIVE, "12:00")),
        {None: TENTATIVE, SECOND: TENTATIVE, THIRD: TENTATIVE},
    ),
}


@pytest.mark.parametrize("situation", FOLDS)
def test_what_the_answers_add_up_to(situation: str) -> None:
    said_so, expected = FOLDS[situation]
    for ordered in (said_so, said_so[::-1]):
        found = {spot: ranking.current(ordered, occurrence(spot) if spot else None) for spot in expected}
        assert {spot: answer and answer.partstat for spot, answer in found.items()} == expected


def test_days_are_compared_as_days() -> None:
    later = given(DECLINED, "11:00", "2026-12-10", later=True)
    assert ranking.current((later,), occurrence("2026-12-09")) is None
    assert ranking.current((later,), occurrence("2026-12-11")) is later


def test_the_status_of_an_attendee_is_what_was_imported_until_they_answer() -> None:
    imported = person(partstat=TENTATIVE)
    assert ranking.partstat(imported, meeting()) is TENTATIVE
    assert ranking.partstat(replace(imported, answers=(given(DECLINED, "10:00"),)), meeting()) is DECLINED


def test_no_answer_in_the_record_is_none() -> None:
    assert ranking.standing([given(NEEDS_ACTION, "10:00")], meeting()) == ()


Mails = list[tuple[Component, Arrival]]

FORGOTTEN: dict[str, tuple[Mails, str, PartStat]] = {
    "all later ones, older than an answer to the first of them": (
        [
            sent(answers(ACCEPTED, "2026-11-23 12:00", recurrence_id=at(SECOND))),
            sent(answers(DECLINED, "2026-11-23 11:00", recurrence_id=at(SECOND), this_and_future=True)),
        ],
        THIRD,
        DECLINED,
    ),
}


@pytest.mark.parametrize("situation", FORGOTTEN)
def test_an_answer_that_counts_somewhere_is_recorded_in_any_order(situation: str) -> None:
    mails, where, expected = FORGOTTEN[situation]
    assert shows(after(series(), *reversed(mails)), where=where) is expected
    assert shows(after(series(), *mails), where=where) is expected


def test_one_reply_with_several_vevents() -> None:
    yes = answers(ACCEPTED)
    no = answers(DECLINED, recurrence_id=at(SECOND))
    for mails in ([sent(yes), sent(no)], [sent(no), sent(yes)]):
        one = after(series(), *mails)
        assert (shows(one), shows(one, where=SECOND), shows(one, where=THIRD)) == (
            ACCEPTED,
            DECLINED,
            ACCEPTED,
        )


def test_an_answer_to_the_series_that_takes_back_an_occurrence_is_applied() -> None:
    """It says what the series says already, and still changes the occurrence answered apart."""
    one = after(
        series(),
        sent(answers(ACCEPTED)),
        sent(answers(DECLINED, "2026-11-23 11:00", recurrence_id=at(SECOND))),
    )
    component, mail = sent(answers(ACCEPTED, "2026-11-23 12:00"))
    assert judge(component, mail, one).outcome is Outcome.APPLIED
    assert shows(after(one, (component, mail)), where=SECOND) is ACCEPTED


def test_an_occurrence_says_what_the_series_says() -> None:
    one = after(series(), sent(answers(ACCEPTED)))
    component, mail = sent(answers(ACCEPTED, "2026-11-23 12:00", recurrence_id=at(SECOND)))
    assert judge(component, mail, one).outcome is Outcome.UNCHANGED


def test_an_occurrence_says_what_this_and_all_later_ones_say() -> None:
    first = answers(ACCEPTED, recurrence_id=at(SECOND), this_and_future=True)
    component, mail = sent(answers(ACCEPTED, "2026-11-23 12:00", recurrence_id=at(THIRD)))
    assert judge(component, mail, after(series(), sent(first))).outcome is Outcome.UNCHANGED


def test_what_an_occurrence_says_since_is_not_touched_by_an_older_word_on_the_series() -> None:
    one = after(
        series(),
        sent(answers(ACCEPTED)),
        sent(answers(DECLINED, "2026-11-23 14:00", recurrence_id=at(SECOND))),
    )
    component, mail = sent(answers(ACCEPTED, "2026-11-23 12:00"))
    assert judge(component, mail, one).outcome is Outcome.UNCHANGED
    component, mail = sent(answers(ACCEPTED, "2026-11-23 16:00"))
    assert judge(component, mail, one).outcome is Outcome.APPLIED


def test_an_old_revision_is_old_for_an_occurrence_too() -> None:
    changed: Meeting = revised(series(), (1, "2026-11-24 08:00", True))
    assert judge(reply(recurrence_id=at(SECOND)), to=changed).outcome is Outcome.OUTDATED


def test_the_time_of_an_answer_is_never_after_its_arrival() -> None:
    mail = arrival(date=at("2026-11-23 10:00") + timedelta(days=400))
    assert answer_of(judge(reply(dtstamp=None), mail)).rank.answered_at == mail.received_at


def test_significant_revisions_are_what_asked_again() -> None:
    one = replace(meeting(), revisions=(Revision(4, at("2026-11-20 08:00"), significant=False),), sequence=4)
    assert one.significant_sequence == 4
    assert MEETING.significant_sequence == 1
