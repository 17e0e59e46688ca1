"""Every object that goes out, through Postfix to Dovecot, before the eyes of two readers of iCalendar."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import timedelta
from email import message_from_bytes
from pathlib import Path
from typing import Any

import pytest
import vobject
from icalendar import Calendar

import house
from builders import Party
from changing import MEETING, SERIES, UID, Bench, bench
from house import Keys
from rig.dovecot import DOMAIN, Dovecot
from rig.postfix import Postfix
from rsvpd import sharing
from rsvpd.changes import Manner

DETAILS: Keys = {
    "summary": "Übersicht 🎉; a, b\\c",
    "description_html": "<p>Bring <b>figures</b> " + "and more " * 40 + "</p>",
    "conference": "https://meet.example.org/7?a=1;b=2",
    "priority": "high",
    "class": "private",
    "categories": ["Team", "a, b"],
    "alarms": ["15m", {"before": "0m", "from": "end"}],
}
SHAPES: dict[str, Keys] = {
    "single": MEETING,
    "series": SERIES,
    "days": MEETING | {"start": "2026-12-03", "end": "2026-12-04"},
    "series of days": SERIES | {"start": "2026-12-03", "end": "2026-12-04"},
    "in UTC": SERIES | {"zone": "UTC"},
}


class Sending(Bench):
    """What waits really goes out."""

    def send(self) -> None:
        (organizer,) = self.app.settings.organizer
        self.clock.later(minutes=1)
        with sharing.member(self.app.database) as worker:
            replace(self.app.delivery(worker), clock=self.clock).drain(organizer)

    def counter(self, who: Party, *, days: bool) -> None:
        start = "DTSTART;VALUE=DATE:20261204" if days else "DTSTART:20261204T130000Z"
        facts = house.facts(UID, attendee=who, partstat="TENTATIVE", dtstamp=self.clock.now())
        mail = house.plain_reply(facts, start).replace(b"METHOD:REPLY", b"METHOD:COUNTER")
        (ingested,) = replace(self.app.intake, clock=self.clock).ingest([("mail", mail)])
        assert [row.outcome for row in ingested.rows] == ["proposal"]


def everything(one: Sending, who: Party, fields: Keys) -> list[str]:
    """Every kind of mail that such a meeting can bring, sent one after the other; their METHODs."""
    replace(one.app.invitations, clock=one.clock).create({**fields, **DETAILS, "attendees": [who.address]})
    one.send()
    one.update(location="Room 8")
    one.send()
    methods = ["REQUEST", "REQUEST"]
    if not fields.get("announcement"):
        one.counter(who, days=len(str(fields["start"])) == 10)
        replace(one.app.proposals, clock=one.clock).decline(1, "No")
        one.send()
        methods.append("DECLINECOUNTER")
    if fields.get("recurrence"):
        one.move("2026-12-10", start="2026-12-11" if len(str(fields["start"])) == 10 else "2026-12-11T09:00")
        one.send()
        one.changes.cancel(UID, Manner(), occurrence="2026-12-17")
        one.send()
        one.update(summary="All of it")
        one.send()
        methods += ["REQUEST", "CANCEL", "REQUEST"]
    one.changes.remove(UID, [who.address], Manner())
    one.send()
    one.changes.add(UID, [who.address], Manner())
    one.send()
    one.changes.cancel(UID, Manner())
    one.send()
    methods += ["CANCEL", "REQUEST", "CANCEL"]
    return [m.replace("REQUEST", "PUBLISH") if fields.get("announcement") else m for m in methods]


@pytest.mark.parametrize("shape", [*SHAPES, "announcement"])
def test_what_arrives_reads_alike_for_both(
    tmp_path: Path, dovecot: Dovecot, postfix: Postfix, shape: str
) -> None:
    who = Party(f"u{uuid.uuid4().hex[:12]}@{DOMAIN}", "Somebody")
    fields = SHAPES[shape] if shape in SHAPES else SERIES | {"announcement": True}
    with bench(tmp_path, smtp=house.smtp(postfix.smtp_port)) as made:
        methods = everything(Sending(made.app), who, fields)
    house.eventually(lambda: len(dovecot.messages(who.address)) == len(methods))
    assert sorted(read(raw) for raw in dovecot.messages(who.address)) == sorted(methods)


def read(raw: bytes) -> str:
    """METHOD of the mail, in which nothing is amiss."""
    parts = list(message_from_bytes(raw).walk())
    (told,) = [part for part in parts if part.get_content_type() == "text/calendar"]
    (kept,) = [part for part in parts if part.get_content_type() == "application/ics"]
    octets = told.get_payload(decode=True)
    assert isinstance(octets, bytes)
    assert octets == kept.get_payload(decode=True)
    assert all(len(line) <= 75 for line in octets.split(b"\r\n"))
    one = Calendar.from_ical(octets)
    assert isinstance(one, Calendar)
    assert not any(component.errors for component in one.walk())
    other = vobject.readOne(octets.decode())
    assert other.validate(raiseException=True)
    method = str(one["METHOD"])
    assert method == other.method.value == told.get_param("method")
    for mine, theirs in zip(one.events, other.vevent_list, strict=True):
        compare(mine, theirs)
    return method


def compare(mine: Any, theirs: Any) -> None:  # noqa: ANN401  one of each reader
    """The two readers see the same."""
    assert theirs.validate(raiseException=True)
    for name in ("uid", "summary", "description", "location", "status", "class"):
        assert str(mine.get(name, "")) == (theirs.getChildValue(name) or "")
    for name in ("dtstart", "dtend", "recurrence-id"):
        found = theirs.contents.get(name)
        assert (name in mine) == (found is not None)
        if found:
            assert found[0].value == mine[name].dt
    assert int(mine["SEQUENCE"]) == int(theirs.sequence.value)
    assert [str(mine["ORGANIZER"])] == [one.value for one in theirs.contents["organizer"]]
    found = mine.get("ATTENDEE", [])
    people = {str(one) for one in (found if isinstance(found, list) else [found])}
    assert people == {one.value for one in theirs.contents.get("attendee", [])}
    if "RRULE" in mine:
        assert len(list(theirs.getrruleset(addRDate=True))) == 5
    assert len(list(mine.walk("VALARM"))) == len(theirs.contents.get("valarm", []))
    assert mine["DTEND"].dt - mine["DTSTART"].dt in {timedelta(hours=1), timedelta(days=1)}
