"""One mail -> what the ledger has to say about it: an `Item` for each row."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum

from rsvpd.itip import mime, quirks
from rsvpd.itip.html_text import text_of
from rsvpd.itip.ics.reading import Limits, Unreadable, bounded, read
from rsvpd.itip.model import Component, Envelope


class Source(StrEnum):
    """What a ledger row was read from, and so how it is read again."""

    CALENDAR = "calendar"


@dataclass(frozen=True, slots=True)
class Note:
    """What is needed beside `raw` to read a component again: its Content-Type, its place, a comment found elsewhere."""

    charset: str | None = None
    method: str | None = None
    position: int = 0
    comment: str | None = None


@dataclass(frozen=True, slots=True)
class Item:
    """One component of a mail, or why there is none; `raw` is what it was read from."""

    source: Source
    raw: bytes
    component: Component | None = None
    problem: str | None = None
    note: Note = Note()


@dataclass(frozen=True, slots=True)
class ReadMail:
    """A mail as far as it concerns us; without items it is none of our business.

    `fingerprint` is equal for copies of one mail, wherever they were found.
    """

    envelope: Envelope
    items: tuple[Item, ...]
    fingerprint: str


def read_mail(raw: bytes, limits: Limits | None = None) -> ReadMail:
    """Everything a mail says to us; never raises, whatever the bytes are."""
    limits = limits or Limits()
    mail = mime.read(raw, depth=limits.mime_depth)
    items = _calendar_items(mail, limits)
    if not items and mail.too_deep:
        words = f"its parts are nested deeper than the limit of {limits.mime_depth} levels"
        items = (Item(Source.CALENDAR, b"", problem=words),)
    return ReadMail(mail.envelope, items, _fingerprint(mail))


def _calendar_items(mail: mime.Mail, limits: Limits) -> tuple[Item, ...]:
    """The same answer twice in one mail (Google, Thunderbird, Cyrus) counts once.

    A part that cannot be read matters only where no other part can.
    """
    found: dict[object, Item] = {}
    broken: list[Item] = []
    for part in mail.calendars:
        outcome = read(part.data, part.charset, part.method, limits)
        kept = part.data[: limits.calendar_bytes]
        if isinstance(outcome, Unreadable):
            broken.append(Item(Source.CALENDAR, kept, problem=outcome.why))
            continue
        for position, component in enumerate(outcome):
            note = Note(part.charset, part.method, position, _body_comment(component, mail, limits))
            item = Item(Source.CALENDAR, kept, _with_comment(component, note), note=note)
            found.setdefault(_said(component), item)
    return tuple(found.values()) or tuple(broken[:1])


def _said(component: Component) -> object:
    return replace(
        component, comment=None, summary=None, location=None, prodid=None, organizer=None, dtstamp=None
    )


def _body_comment(component: Component, mail: mime.Mail, limits: Limits) -> str | None:
    if component.comment or mail.text is None or not quirks.keeps_comment_in_body(component.prodid):
        return None
    kind, text = mail.text
    return bounded(text_of(text) if kind == "text/html" else text, limits.comment_characters)


def _with_comment(component: Component, note: Note) -> Component:
    return replace(component, comment=note.comment) if note.comment else component


def read_again(source: Source, raw: bytes, note: Note, limits: Limits | None = None) -> Item:
    """What a ledger row was read from, read with today's rules."""
    outcome = read(raw, note.charset, note.method, limits)
    if isinstance(outcome, Unreadable):
        return Item(source, raw, problem=outcome.why, note=note)
    component = outcome[min(note.position, len(outcome) - 1)]
    return Item(source, raw, _with_comment(component, note), note=note)


def _fingerprint(mail: mime.Mail) -> str:
    envelope = mail.envelope
    digest = hashlib.sha256()
    for piece in _identifying(envelope, mail):
        digest.update(len(piece).to_bytes(8, "big") + piece)
    return digest.hexdigest()


def _identifying(envelope: Envelope, mail: mime.Mail) -> Iterator[bytes]:
    for text in (envelope.message_id, envelope.from_address, envelope.subject, str(envelope.date)):
        yield (text or "").encode("utf-8", "replace")
    yield from (part.data for part in mail.calendars)
    yield from mail.winmails
