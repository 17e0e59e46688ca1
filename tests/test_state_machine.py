"""The core beside a slow, obvious model: whatever happens in whatever order, both show the same."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

import model
from cases import (
    ALICE,
    BOB,
    CAROL,
    DAVE,
    EVE,
    PLAIN,
    arrival,
    at,
    cancelled,
    moved,
    person,
    recorded,
    reply,
    revised,
    series,
    user,
)
from rsvpd.itip import matching, ranking
from rsvpd.itip.model import (
    Arrival,
    Component,
    MeetingStatus,
    Method,
    Occurrence,
    Outcome,
    PartStat,
    Recurrence,
)

WEEKS = [at("2026-12-03 13:00") + timedelta(weeks=n) for n in range(4)]
NEVER = at("2026-12-04 13:00")
ANSWERS = st.sampled_from(("ACCEPTED", "DECLINED", "TENTATIVE", "NEEDS-ACTION"))
WHO = st.sampled_from((ALICE, BOB, CAROL, DAVE, EVE))
AGES = st.sampled_from((0, 0, 0, 1, 5, 30))
COUNTS = {Outcome.APPLIED, Outcome.UNCHANGED}


def text(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M}"


class Correspondence(RuleBasedStateMachine):
    """An organizer and the attendees of a weekly meeting; an hour passes with each step."""

    def __init__(self) -> None:
        super().__init__()
        self.now = at("2026-11-20 08:00")
        self.mails: list[tuple[model.Reply, Component, Arrival]] = []

    @initialize()
    def invite(self) -> None:
        self.one = series(person(ALICE), person(BOB), person(CAROL))
        change = model.Change(0, self.now, significant=True)
        self.model = model.Model([ALICE, BOB, CAROL], [change], list(WEEKS))

    def _change(self, *, significant: bool) -> int:
        self.now += timedelta(hours=1)
        sequence = self.one.sequence + 1
        self.one = revised(self.one, (sequence, text(self.now), significant))
        self.model.changes.append(model.Change(sequence, self.now, significant))
        return sequence

    @rule()
    def change_what_matters(self) -> None:
        self._change(significant=True)

    @rule()
    def change_the_summary(self) -> None:
        self._change(significant=False)

    def _override(self, where: datetime, **changes: Any) -> None:  # noqa: ANN401  fields of an Override
        given = moved(text(where), text(where + timedelta(days=1)))
        recurrence = self.one.recurrence or Recurrence()
        others = [o for o in recurrence.overrides if o.occurrence.at != where]
        overrides = (*others, replace(given, **changes))
        self.one = replace(self.one, recurrence=replace(recurrence, overrides=overrides))

    @rule(where=st.sampled_from(WEEKS))
    def move_one(self, where: datetime) -> None:
        if where not in self.model.gone:
            sequence = self._change(significant=False)
            self._override(where, sequence=sequence)
            self.model.moved[where] = sequence

    @rule(where=st.sampled_from(WEEKS))
    def cancel_one(self, where: datetime) -> None:
        sequence = self._change(significant=False)
        self._override(where, cancelled=True, start=None, end=None, sequence=sequence)
        assert cancelled(text(where)).cancelled
        self.model.gone.append(where)
        self.model.moved[where] = sequence

    @precondition(lambda self: len(self.mails) > 5)
    @rule()
    def cancel(self) -> None:
        self.one = replace(self.one, status=MeetingStatus.CANCELLED)
        self.model.cancelled = True

    @rule(
        who=WHO,
        partstat=ANSWERS,
        behind=st.sampled_from((0, 0, 0, 1, 2, None)),
        stamped=st.none() | AGES,
        dated=st.none() | AGES,
        where=st.none() | st.sampled_from([*WEEKS, NEVER]),
        and_later=st.booleans(),
    )
    def answer(self, who: str, partstat: str, behind: int | None, **words: Any) -> None:  # noqa: ANN401
        self._receive(who, partstat, behind, **words)

    @rule(who=WHO, delegate=WHO, stamped=AGES)
    def delegate(self, who: str, delegate: str, stamped: int) -> None:
        self._receive(who, "DELEGATED", 0, stamped=stamped, dated=stamped, delegate=delegate)

    @rule(who=WHO, partstat=ANSWERS, stamped=AGES)
    def counter(self, who: str, partstat: str, stamped: int) -> None:
        self._receive(who, partstat, 0, stamped=stamped, dated=stamped, counters=True)

    @precondition(lambda self: self.mails)
    @rule(share=st.floats(0, 1, exclude_max=True))
    def the_same_mail_comes_again(self, share: float) -> None:
        said, component, mail = self.mails[int(share * len(self.mails))]
        self._judge(said, component, mail)

    def _receive(
        self,
        who: str,
        partstat: str,
        behind: int | None,
        stamped: int | None = None,
        dated: int | None = None,
        where: datetime | None = None,
        and_later: bool = False,  # noqa: FBT001, FBT002
        **words: Any,  # noqa: ANN401  of `model.Reply`
    ) -> None:
        self.now += timedelta(hours=1)
        said = model.Reply(
            who=who,
            partstat=partstat,
            sequence=None if behind is None else max(0, self.one.sequence - behind),
            stamped=None if stamped is None else self.now - timedelta(hours=stamped),
            dated=None if dated is None else self.now - timedelta(hours=dated),
            received=self.now,
            number=len(self.mails),
            where=where,
            and_later=and_later and where is not None,
            **words,
        )
        component = reply(
            user(who, PartStat(partstat), delegated_to=(said.delegate,) if said.delegate else ()),
            method=Method.COUNTER if said.counters else Method.REPLY,
            sequence=said.sequence,
            dtstamp=said.stamped,
            recurrence_id=where,
            this_and_future=said.and_later,
        )
        mail = arrival(text(self.now), sender=who, ordinal=said.number, date=said.dated)
        self.mails.append((said, component, mail))
        self._judge(said, component, mail)

    def _judge(self, said: model.Reply, component: Component, mail: Arrival) -> None:
        verdict = matching.decide(component, mail, self.one, PLAIN)
        before = self._shown()
        self.one = recorded(self.one, verdict)
        expected = self.model.receive(said)
        if verdict.outcome in COUNTS:
            assert expected in {"applied", "unchanged"}, (expected, verdict)
        else:
            assert verdict.outcome.value == expected, verdict
            assert verdict.outcome is Outcome.PROPOSAL or self._shown() == before
        if verdict.outcome is Outcome.UNCHANGED:
            assert self._shown() == before

    def _shown(self) -> dict[tuple[str, datetime | None], str]:
        return {
            (someone.address, where): ranking.partstat(
                someone, self.one, Occurrence(where) if where else None
            ).value
            for someone in self.one.attendees
            for where in (None, *WEEKS)
            if where not in self.model.gone
        }

    @invariant()
    def both_show_the_same(self) -> None:
        if not hasattr(self, "one"):
            return
        for (who, where), partstat in self._shown().items():
            assert partstat == self.model.shows(who, where), (who, where)
        assert [p.address for p in self.one.attendees] == self.model.people


TestCorrespondence = Correspondence.TestCase
TestCorrespondence.settings = settings(max_examples=100, stateful_step_count=25)
