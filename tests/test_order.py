"""Whatever order the same replies are processed in, and however often: the same state (RFC 5546 2.1.5)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from hypothesis import example, given, settings
from hypothesis import strategies as st

from cases import (
    ALICE,
    BOB,
    NEEDS_ACTION,
    after,
    arrival,
    at,
    judge,
    occurrence,
    person,
    reply,
    revised,
    series,
    user,
)
from rsvpd.itip import ranking
from rsvpd.itip.model import Arrival, Component, Meeting, Method, Outcome, PartStat

MEETING = revised(
    series(person(), person(BOB)), (1, "2026-11-21 08:00", True), (2, "2026-11-22 08:00", False)
)
START = at("2026-11-20 12:00")
OCCURRENCES = ("2026-12-03 13:00", "2026-12-10 13:00", "2026-12-17 13:00", "2026-12-24 13:00")
PARTSTATS = (PartStat.ACCEPTED, PartStat.DECLINED, PartStat.TENTATIVE, NEEDS_ACTION, None)


@dataclass(frozen=True)
class Mail:
    """One answer; times are hours after `START`, and few, so that they tie."""

    partstat: PartStat | None
    who: str = ALICE
    sequence: int | None = 1
    stamped: int | None = 24
    dated: int | None = 24
    received: int = 24
    where: str | None = None
    later: bool = False
    comment: str | None = None
    method: Method = Method.REPLY

    def sent(self, ordinal: int) -> tuple[Component, Arrival]:
        """The component and its mail; no two mails arrive at the same time with the same number."""
        stamped, dated = (
            None if hours is None else START + timedelta(hours=hours) for hours in (self.stamped, self.dated)
        )
        component = reply(
            user(self.who, self.partstat, comment=self.comment),
            sequence=self.sequence,
            dtstamp=stamped,
            recurrence_id=at(self.where) if self.where else None,
            this_and_future=self.later,
            method=self.method,
        )
        received = f"{START + timedelta(hours=self.received):%Y-%m-%d %H:%M}"
        return component, arrival(received, sender=self.who, ordinal=ordinal, date=dated)


HOURS = st.sampled_from((20, 24, 25, 48))
MAILS = st.builds(
    Mail,
    partstat=st.sampled_from(PARTSTATS),
    who=st.sampled_from((ALICE, ALICE, BOB)),
    sequence=st.sampled_from((None, 0, 1, 1, 2, 99)),
    stamped=st.none() | HOURS,
    dated=st.none() | HOURS,
    received=HOURS,
    where=st.none() | st.sampled_from(OCCURRENCES[:3]),
    later=st.booleans(),
    comment=st.none() | st.just("Late"),
    method=st.sampled_from((Method.REPLY, Method.REPLY, Method.REPLY, Method.COUNTER)),
)

State = dict[tuple[str, str | None], tuple[PartStat, str | None]]


def state(one: Meeting) -> State:
    """What everybody answers, for the series and for each occurrence."""
    found: State = {}
    for someone in one.attendees:
        for where in (None, *OCCURRENCES):
            spot = occurrence(where) if where else None
            answer = ranking.current(ranking.standing(someone.answers, one, spot), spot)
            found[someone.address, where] = (
                (answer.partstat, answer.comment) if answer else (NEEDS_ACTION, None)
            )
    return found


@st.composite
def shuffled(draw: st.DrawFn) -> tuple[list[Mail], list[int]]:
    """Mails, and an order in which each of them comes at least once."""
    mails = draw(st.lists(MAILS, min_size=1, max_size=6))
    again = draw(st.lists(st.integers(0, len(mails) - 1), max_size=4))
    return mails, draw(st.permutations([*range(len(mails)), *again]))


YES = Mail(PartStat.ACCEPTED)
NO = Mail(PartStat.DECLINED)
SECOND = OCCURRENCES[1]


@settings(max_examples=400)
@given(shuffled())
@example(([YES, NO, YES], [0, 2, 1]))
@example(
    (
        [
            Mail(PartStat.ACCEPTED, stamped=25, dated=25, received=25, where=SECOND),
            Mail(PartStat.DECLINED, where=SECOND, later=True),
        ],
        [1, 0],
    )
)
def test_any_order_and_any_duplication_give_the_same_state(
    given_so: tuple[Sequence[Mail], list[int]],
) -> None:
    mails = [mail.sent(ordinal) for ordinal, mail in enumerate(given_so[0])]
    in_order = after(MEETING, *mails)
    otherwise = after(MEETING, *(mails[number] for number in given_so[1]))
    assert state(otherwise) == state(in_order)


@settings(max_examples=150)
@given(shuffled(), st.sampled_from((True, False)))
def test_a_change_in_between_gives_the_same_state(
    given_so: tuple[Sequence[Mail], list[int]],
    significant: bool,  # noqa: FBT001
) -> None:
    """Replies that come after the change and those that came before are judged alike."""
    mails = [mail.sent(ordinal) for ordinal, mail in enumerate(given_so[0])]
    change = (3, "2026-11-22 18:00", significant)
    before = revised(after(MEETING, *mails), change)
    later = after(revised(MEETING, change), *mails)
    known = [m for m, (c, _) in zip(given_so[0], mails, strict=True) if c.sequence is not None]
    if len(known) == len(mails) and all(m.sequence != 99 for m in known):
        assert state(before) == state(later)


@settings(max_examples=100)
@given(st.lists(MAILS, min_size=1, max_size=6))
def test_everything_twice_changes_nothing(mails: list[Mail]) -> None:
    once = [mail.sent(ordinal) for ordinal, mail in enumerate(mails)]
    one = after(MEETING, *once)
    assert state(after(one, *once)) == state(one)


@settings(max_examples=100)
@given(st.lists(MAILS, min_size=1, max_size=8), st.sampled_from((ALICE, BOB)))
def test_answers_of_one_attendee_do_not_touch_another(mails: list[Mail], who: str) -> None:
    sent = [mail.sent(ordinal) for ordinal, mail in enumerate(mails)]
    alone = after(MEETING, *(s for s, mail in zip(sent, mails, strict=True) if mail.who == who))
    together = after(MEETING, *sent)
    assert {k: v for k, v in state(alone).items() if k[0] == who} == {
        k: v for k, v in state(together).items() if k[0] == who
    }


def test_of_exact_ties_the_one_recorded_later_counts() -> None:
    """Documented: of two answers equal in everything, as from two folders, the order of recording is all there is."""
    yes, no = YES.sent(0), NO.sent(0)
    assert state(after(MEETING, yes, no))[ALICE, None][0] is PartStat.DECLINED
    assert state(after(MEETING, no, yes))[ALICE, None][0] is PartStat.ACCEPTED
    assert judge(*no, after(MEETING, yes)).outcome is Outcome.APPLIED
