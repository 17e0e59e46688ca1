"""One mail -> what the ledger has to say about it: an `Item` for each row."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum

from rsvpd.itip import bounces, mime, quirks, tnef, trust
from rsvpd.itip.automatic import is_auto_reply, is_mdn
from rsvpd.itip.bounces import Bounce
from rsvpd.itip.html_text import text_of
from rsvpd.itip.ics.reading import Limits, Unreadable, bounded, read
from rsvpd.itip.model import CalendarUser, Component, Envelope, Method, PartStat
from rsvpd.itip.subjects import answer_in
from rsvpd.itip.tnef import TnefAnswer

_ANSWERS = frozenset({Method.REPLY, Method.COUNTER, Method.REFRESH})
_HEADER_BYTES = 64 * 1024
_REPORT_BYTES = 64 * 1024
_REPORTED = 50
_WORDS = 4_000
_STATES_METHOD = re.compile(
    rb"BEGIN:VCALENDAR\r?\n(?:(?!BEGIN:|END:|METHOD)[A-Z][A-Z-]*:[^\r\n]*\r?\n)*METHOD:[A-Z]+\r?\n(?!.*BEGIN:VCALENDAR)",
    re.DOTALL,
)
"""One calendar whose METHOD stands where it should: then the Content-Type has no say."""


class Source(StrEnum):
    """What a ledger row was read from, and so how it is read again."""

    CALENDAR = "calendar"
    TNEF = "tnef"
    REPORT = "report"
    WORDS = "words"


@dataclass(frozen=True, slots=True)
class Note:
    """What is needed beside `raw` to read an item again.

    The Content-Type of its part, its place among others, the attendee's words
    where they stood elsewhere, and whether a program wrote the mail or it is encrypted.
    """

    charset: str | None = None
    method: str | None = None
    position: int = 0
    comment: str | None = None
    automatic: bool = False
    sealed: bool = False


@dataclass(frozen=True, slots=True)
class Item:
    """What one ledger row is about; `raw` is what it was read from.

    One of: a `component`; a `bounce`; why nothing can be read (`problem`); or
    neither, for a mail in words (`WORDS`), which matters only if it answers one of
    our invitations, with the answer that its subject says, None without one.
    """

    source: Source
    raw: bytes
    component: Component | None = None
    problem: str | None = None
    bounce: Bounce | None = None
    answer: PartStat | None = None
    note: Note = Note()


@dataclass(frozen=True, slots=True)
class ReadMail:
    """A mail as far as it may concern us; without items it is none of our business.

    `fingerprint` is equal for copies of one mail, wherever they were found.
    """

    envelope: Envelope
    items: tuple[Item, ...]
    fingerprint: str


def read_mail(raw: bytes, limits: Limits | None = None) -> ReadMail:
    """Everything a mail says to us; never raises, whatever the bytes are."""
    limits = limits or Limits()
    if len(raw) > limits.message_bytes:
        return _too_large(raw, limits)
    mail = mime.read(raw, depth=limits.mime_depth)
    items = _calendar_items(mail, limits)
    if all(item.component is None for item in items):
        items = _winmail_items(mail, limits) or items
    if not items and mail.too_deep:
        words = f"its parts are nested deeper than the limit of {limits.mime_depth} levels"
        items = (Item(Source.CALENDAR, b"", problem=words),)
    if not any(item.component and item.component.method in _ANSWERS for item in items):
        items = (
            _report_items(mail, raw) or items or _words(mail)
        )  # some reports hold our REQUEST as a part of theirs
    return ReadMail(mail.envelope, items, _fingerprint(mail))


def _too_large(raw: bytes, limits: Limits) -> ReadMail:
    header = raw[:_HEADER_BYTES].replace(b"\r\n", b"\n").split(b"\n\n", 1)[0]
    mail = mime.read(header + b"\n\n")
    words = f"the mail is larger than the limit of {limits.message_bytes} bytes"
    return ReadMail(mail.envelope, (Item(Source.CALENDAR, b"", problem=words),), _fingerprint(mail))


def _calendar_items(mail: mime.Mail, limits: Limits) -> tuple[Item, ...]:
    """The same answer twice in one mail (Google, Thunderbird, Cyrus) counts once.

    A part that cannot be read matters only where no other part can.
    """
    found: dict[object, Item] = {}
    broken: list[Item] = []
    seen: list[mime.CalendarPart] = []
    for part in mail.calendars:
        if any(_is_copy(part, other) for other in seen):
            continue
        seen.append(part)
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


def _is_copy(part: mime.CalendarPart, other: mime.CalendarPart) -> bool:
    """Whether two parts cannot say different things, whatever their Content-Types say of them."""
    if part.data != other.data:
        return False
    same_text = part.charset == other.charset or (part.data.isascii() and b"\x1b" not in part.data)
    return same_text and (part.method == other.method or _STATES_METHOD.match(part.data) is not None)


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


def _winmail_items(mail: mime.Mail, limits: Limits) -> tuple[Item, ...]:
    found = ((data, tnef.read(data[: limits.calendar_bytes])) for data in mail.winmails)
    return tuple(
        Item(Source.TNEF, data[: limits.calendar_bytes], _component_of(answer, limits))
        for data, answer in found
        if answer is not None
    )[:1]


def _component_of(answer: TnefAnswer, limits: Limits) -> Component:
    """What winmail.dat says, in the words of iTIP."""
    user = CalendarUser(answer.attendee, partstat=answer.partstat)
    return Component(
        kind="VEVENT",
        method=answer.method,
        uid=answer.uid,
        sequence=answer.sequence,
        replied_at=answer.replied_at,
        recurrence_id=answer.recurrence_id,
        attendees=(user,),
        start=answer.proposed_start,
        end=answer.proposed_end,
        comment=bounded(answer.comment, limits.comment_characters),
        prodid="-//Microsoft Corporation//Outlook (TNEF)//EN",
    )


def _report_items(mail: mime.Mail, raw: bytes) -> tuple[Item, ...]:
    return tuple(
        Item(Source.REPORT, raw[:_REPORT_BYTES], bounce=bounce, note=Note(position=position))
        for position, bounce in enumerate(bounces.read(mail.message)[:_REPORTED])
    )


def _words(mail: mime.Mail) -> tuple[Item, ...]:
    """A mail without a calendar, if it answers some mail or came to an address with a token."""
    if not mail.envelope.answers_to and not trust.token_numbers(mail.envelope):
        return ()
    automatic = is_auto_reply(mail.message) or is_mdn(mail.message)
    answer = None if automatic else answer_in(mail.envelope.subject)
    words = mail.text[1][:_WORDS] if mail.text and mail.text[0] == "text/plain" else None
    note = Note(comment=words, automatic=automatic, sealed=mail.sealed)
    return (Item(Source.WORDS, b"", answer=answer, note=note),)


def read_again(
    source: Source, raw: bytes, note: Note, envelope: Envelope, limits: Limits | None = None
) -> Item:
    """What a ledger row was read from, read with today's rules."""
    limits = limits or Limits()
    if source is Source.TNEF:
        answer = tnef.read(raw)
        component = _component_of(answer, limits) if answer else None
        return Item(
            source, raw, component, problem=None if answer else "winmail.dat holds no answer", note=note
        )
    if source is Source.REPORT:
        found = bounces.read(mime.read(raw).message)
        bounce = found[note.position] if note.position < len(found) else None
        return Item(
            source, raw, bounce=bounce, problem=None if bounce else "is no delivery report", note=note
        )
    if source is Source.WORDS:
        return Item(source, raw, answer=None if note.automatic else answer_in(envelope.subject), note=note)
    outcome = read(raw, note.charset, note.method, limits)
    if isinstance(outcome, Unreadable):
        return Item(source, raw, problem=outcome.why, note=note)
    found_component = outcome[min(note.position, len(outcome) - 1)]
    return Item(source, raw, _with_comment(found_component, note), note=note)


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
