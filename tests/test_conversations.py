"""Conversations, played through the real path: an empty SQLite, `meeting import`, `ingest`, reports."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Final

import pytest
from conversation import FOLDER, Step, calendar, mail, steps

from rsvpd.app import App, open_app
from rsvpd.config import parse
from rsvpd.itip.model import PartStat
from rsvpd.store import queries
from rsvpd.store.queries import AttendanceView, AttendeeView, LedgerView

SETTINGS = {"organizer": [{"name": "a", "address": "a@example.com"}]}


@dataclass
class Stage:
    """The house, with the rows that the last mail made and what may be seen now."""

    app: App
    rows: tuple[LedgerView, ...] = ()
    uids: list[str] = field(default_factory=list)

    def invite(self, step: Step) -> None:
        for registered in self.app.invitations.import_ics(calendar(step.lines), None):
            self.uids.append(registered.uid)

    def mail(self, step: Step) -> None:
        (ingested,) = self.app.intake.ingest([(step.place, mail(step))])
        self.rows = ingested.rows

    def expect(self, step: Step) -> None:
        for line in step.lines:
            found, expected = self._seen(line)
            assert found == expected, f"{step.place}: {line.strip()!r}, but {found!r}"

    def _seen(self, line: str) -> tuple[object, object]:
        """What is there and what is expected, in the words of the line."""
        for pattern, look in LOOKS.items():
            if words := re.fullmatch(pattern, line.strip()):
                return look(self, words)
        raise AssertionError(f"nobody understands {line!r}")

    @property
    def meeting(self) -> AttendanceView:
        with self.app.database.read() as session:
            (view,) = queries.attendance(session, uids=self.uids[-1:])
        return view

    def attendee(self, address: str) -> AttendeeView | None:
        return next((a for a in self.meeting.attendees if a.email == address), None)


Seen = tuple[object, object]
Look = Callable[[Stage, "re.Match[str]"], Seen]


def _rows(stage: Stage, words: re.Match[str]) -> Seen:
    stated = [tuple(one.split()) for one in words[0].split(", ")]
    longest = max(map(len, stated))
    return [(r.outcome, r.matched_by or "-")[:longest] for r in stage.rows], stated


def _partstat(stage: Stage, words: re.Match[str]) -> Seen:
    found = stage.attendee(words[1])
    return (found.partstat.value if found else "-"), words[2]


def _occurrence(stage: Stage, words: re.Match[str]) -> Seen:
    found = stage.attendee(words[1])
    assert found is not None
    begins = words[2].replace(" ", "T")
    apart = [o.partstat.value for o in found.occurrences if o.occurrence.startswith(begins)]
    return (apart or [found.partstat.value]), [words[3]]


def _delegated(stage: Stage, words: re.Match[str]) -> Seen:
    found = stage.attendee(words[1])
    return (found.delegated_to if words[2] == "to" else found.delegated_from) if found else None, words[3]


def _says(stage: Stage, words: re.Match[str]) -> Seen:
    found = stage.attendee(words[1])
    return (found and found.comment) or "", words[2]


def _proposes(stage: Stage, words: re.Match[str]) -> Seen:
    found = stage.attendee(words[1])
    proposal = found and found.proposal
    if not proposal:
        return "nothing", words[2]
    assert isinstance(proposal.start, datetime)
    return (f"{proposal.start.astimezone(UTC):%Y-%m-%d %H:%M}", proposal.comment), (words[2], words[3])


def _seats(stage: Stage, words: re.Match[str]) -> Seen:
    stated = dict.fromkeys(PartStat, 0)
    for one in words[1].split(", "):
        partstat, number = one.split()
        stated[PartStat(partstat)] = int(number)
    return stage.meeting.counts, stated


def _status(stage: Stage, words: re.Match[str]) -> Seen:
    return stage.meeting.meeting.status, words[1]


OUTCOMES = "applied|unchanged|outdated|proposal|refresh|held|unknown_meeting|cancelled|not_a_reply|unreadable"
WHO, WHEN, PARTSTAT = r"(\S+@\S+)", r"(\d{4}-\d\d-\d\d(?: \d\d:\d\d)?)", "([A-Z-]+)"
LOOKS: Final[Mapping[str, Look]] = MappingProxyType(
    {
        rf"(?:(?:{OUTCOMES})(?: [\w-]+)?(?:, )?)+": _rows,
        rf"{WHO} {PARTSTAT}": _partstat,
        rf"{WHO} {WHEN} {PARTSTAT}": _occurrence,
        rf"{WHO} delegated (to|from) (\S+)": _delegated,
        rf'{WHO} says "(.*)"': _says,
        rf"{WHO} proposes (nothing)": _proposes,
        rf'{WHO} proposes {WHEN}(?: "(.*)")?': _proposes,
        r"seats (.*)": _seats,
        r"meeting (\w+)": _status,
    }
)


@pytest.mark.parametrize("conversation", sorted(p.stem for p in FOLDER.glob("*.txt")))
def test_conversation(conversation: str, tmp_path: Path) -> None:
    keys = {**SETTINGS, "database": {"url": f"sqlite:///{tmp_path}/rsvpd.db"}}
    app = open_app(parse(keys, Path("test")))
    try:
        _play(conversation, Stage(app))
    finally:
        app.database.close()


def _play(conversation: str, stage: Stage) -> None:
    played = 0
    for step in steps(FOLDER / f"{conversation}.txt"):
        {"invite": stage.invite, "mail": stage.mail, "expect": stage.expect}[step.verb](step)
        played += step.verb == "expect"
    assert played, "a conversation that expects nothing proves nothing"
