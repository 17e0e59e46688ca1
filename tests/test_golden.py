"""Whole mails as they were when somebody looked at each of them, compared after parsing.

A change that is wanted: `RSVPD_GOLDEN=write pytest tests/test_golden.py`, and read the difference.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from email.message import EmailMessage
from html.parser import HTMLParser
from pathlib import Path

import pytest
from icalendar import Calendar

from changing import MEETING, SERIES, UID, Bench, bench, message
from house import ALICE, BOB, Keys
from rsvpd import __version__
from rsvpd.changes import Manner

FOLDER = Path(__file__).with_name("golden")
RICH: Keys = {
    "description_html": "<p>Please bring <b>figures</b>.</p><ul><li>costs</li><li>plans</li></ul>",
    "conference": "https://meet.example.org/budget",
    "priority": 1,
    "class": "private",
    "categories": ["Finance", "Q4, late"],
    "alarms": ["15m"],
}
OCCURRENCE = "2026-12-10T14:00"


def moved(one: Bench) -> None:
    one.create(MEETING | {"uid": UID})
    one.update(Manner(message="The room was taken."), start="2026-12-04T10:00", location="Room 8")


def renamed(one: Bench) -> None:
    one.create()
    one.answer(ALICE, "TENTATIVE")
    one.update(Manner(), summary="Budget and plans")


def cancelled(one: Bench) -> None:
    one.create()
    one.changes.cancel(UID, Manner(message="We have no figures."))


def one_moved(one: Bench) -> None:
    one.create(SERIES)
    one.move(OCCURRENCE, start="2026-12-11T09:00")


def one_cancelled(one: Bench) -> None:
    one.create(SERIES)
    one.changes.cancel(UID, Manner(), occurrence=OCCURRENCE)


def removed(one: Bench) -> None:
    one.create()
    one.changes.remove(UID, [ALICE.address], Manner())


def asked_again(one: Bench) -> None:
    one.create()
    one.answer(BOB, "ACCEPTED")
    one.changes.resend(UID, Manner())


SITUATIONS: dict[str, tuple[Callable[[Bench], None], Keys]] = {
    "invitation": (lambda one: _invited(one, MEETING), {}),
    "invitation-rich": (lambda one: _invited(one, MEETING | RICH), {}),
    "invitation-series": (lambda one: _invited(one, SERIES), {}),
    "invitation-all-day": (
        lambda one: _invited(one, MEETING | {"start": "2026-12-03", "end": "2026-12-05", "zone": None}),
        {},
    ),
    "invitation-german": (lambda one: _invited(one, SERIES), {"language": "de"}),
    "invitation-on-behalf": (
        lambda one: _invited(one, MEETING),
        {"sender": {"address": "service@example.org", "display_name": "Events"}, "show_attendees": False},
    ),
    "announcement": (lambda one: _invited(one, MEETING | {"announcement": True}), {}),
    "update-moved": (moved, {}),
    "update-renamed-french": (renamed, {"language": "fr"}),
    "cancelled-spanish": (cancelled, {"language": "es"}),
    "one-moved": (one_moved, {}),
    "one-cancelled": (one_cancelled, {}),
    "removed": (removed, {}),
    "asked-again": (asked_again, {}),
}


def _invited(one: Bench, fields: Keys) -> None:
    replace(one.app.invitations, clock=one.clock).create({k: v for k, v in fields.items() if v is not None})


@pytest.mark.parametrize("situation", SITUATIONS)
def test_a_mail_is_as_it_was(tmp_path: Path, situation: str) -> None:
    act, organizer = SITUATIONS[situation]
    with bench(tmp_path, **organizer) as one:
        act(one)
        (mail,) = [row for row in one.waiting if row.recipient == ALICE.address]
    lines = "\n".join(rendered(message(mail))).replace(__version__, "…").splitlines()
    found = "".join(f"{line.rstrip()}\n" for line in lines)
    file = FOLDER / f"{situation}.txt"
    if os.environ.get("RSVPD_GOLDEN") == "write":
        file.write_text(found, encoding="utf-8")
    assert found == file.read_text(encoding="utf-8")


def test_every_mail_that_is_kept_is_compared() -> None:
    assert {file.stem for file in FOLDER.glob("*.txt")} == set(SITUATIONS)


def rendered(mail: EmailMessage) -> Iterator[str]:
    """What a mail program and a calendar program read in a mail, but for what is new in each."""
    for name in ("From", "Sender", "Reply-To", "To", "Subject", "Date"):
        if mail[name]:
            yield f"{name}: {mail[name]}"
    for part in mail.walk():
        kind = part.get_content_type()
        named = {k: v for k, v in part["Content-Type"].params.items() if k != "boundary"}
        yield f"\n== {kind} {named or ''} {part.get_content_disposition() or ''}".rstrip()
        if kind == "text/calendar":
            octets = part.get_payload(decode=True)
            assert isinstance(octets, bytes)
            yield Calendar.from_ical(octets).to_ical(sorted=False).decode().replace("\r\n ", "")
        elif kind == "text/html":
            yield from _seen(str(part.get_content()))
        elif kind == "text/plain":
            yield str(part.get_content())


def _seen(html: str) -> list[str]:
    reader = _Reader()
    reader.feed(html)
    return [" ".join(words.split()) for words in reader.words if words.strip()]


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.words: list[str] = []
        self._unseen = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._unseen = tag == "style"
        self.words += [f"-> {value}" for name, value in attrs if name == "href"]

    def handle_data(self, data: str) -> None:
        if not self._unseen:
            self.words.append(data)
