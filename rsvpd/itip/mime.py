"""Mail bytes -> envelope and calendar parts (RFC 5322, RFC 2045, RFC 6047 2.4).

Calendar parts are found wherever clients hide them, but never inside
message/rfc822: what is in there is somebody else's, often our own REQUEST in a
bounce. Nothing here raises on any bytes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email import message_from_bytes
from email.errors import HeaderParseError
from email.header import decode_header
from email.message import Message
from email.utils import getaddresses, parsedate_to_datetime
from functools import lru_cache

from rsvpd.itip import signed, splitting, tnef
from rsvpd.itip.addresses import normalise
from rsvpd.itip.ics.lines import decode
from rsvpd.itip.model import Envelope
from rsvpd.itip.parts import calendar_payload, content_type, filename, inner, parameter, payload, split_anew

_CALENDAR_TYPES = frozenset({"text/calendar", "application/ics", "text/x-vcalendar", "application/calendar"})
_TNEF_TYPES = frozenset({"application/ms-tnef", "application/vnd.ms-tnef"})
_SIGNED_TYPES = frozenset({"application/pkcs7-mime", "application/x-pkcs7-mime"})
_SEALED_TYPES = _SIGNED_TYPES | {"application/pgp-encrypted"}
_SEALED_TEXT = "-----BEGIN PGP MESSAGE-----"
_CALENDAR_NAMES = (".ics", ".ical", ".icalendar")
_RECIPIENTS = (
    "To",
    "Cc",
    "Delivered-To",
    "X-Original-To",
    "Envelope-To",
    "X-Envelope-To",
    "X-Delivered-To",
    "X-Apparently-To",
    "Resent-To",
    "Original-Recipient",
)
_ASIDE = re.compile(r"\"[^\"]*\"|\([^()]*\)")
_ANGLED = re.compile(r"<([^<>\s]+@[^<>\s]+)>")
_BARE = re.compile(r"[^\s<>()\",;:]+@[^\s<>()\",;:]+")
_FOLD = re.compile(r"\r?\n[ \t]*")
_VALUE_CHARACTERS = 2_000
_FIELD_CHARACTERS = 50_000
"""What of a field is looked at: the library's readers take the square of its length."""
_MESSAGE_IDS = re.compile(r"<[^<>\s]+>")
_BODY_CHARACTERS = 100_000
_RECIPIENTS_LIMIT = 100


@dataclass(frozen=True, slots=True)
class CalendarPart:
    """The decoded bytes of one calendar part, with what its Content-Type says about them."""

    data: bytes
    charset: str | None = None
    method: str | None = None


@dataclass(frozen=True, slots=True)
class Mail:
    """One mail: its envelope, its calendar parts in MIME order, and what else an answer can be read from.

    `text` is the plain or HTML body as (type, text), for the clients that put the
    attendee's comment there alone. `too_deep` says that parts below the limit of
    nesting were not looked at, `sealed` that something is encrypted (RFC 3156 4, RFC 8551 3.3).
    """

    envelope: Envelope
    message: Message
    calendars: tuple[CalendarPart, ...] = ()
    winmails: tuple[bytes, ...] = ()
    text: tuple[str, str] | None = None
    too_deep: bool = False
    sealed: bool = False


def read(raw: bytes, *, depth: int = 20) -> Mail:
    """The mail in `raw`; parts nested deeper than `depth` are left alone."""
    message = _parsed(raw)
    if message is None:
        message = message_from_bytes(raw.split(b"\r\n\r\n", 1)[0].split(b"\n\n", 1)[0] + b"\n\n")
        return Mail(envelope(message), message, too_deep=True)
    calendars: list[CalendarPart] = []
    winmails: list[bytes] = []
    text: tuple[str, str] | None = None
    too_deep = sealed = False
    for part, level, kind in _leaves(message):
        if level > depth:
            too_deep = True
            continue
        name = filename(part)
        if _is_calendar(part, kind, name):
            calendars.append(_calendar(part, kind))
        elif _is_tnef(part, kind, name):
            winmails.append(payload(part))
            calendars.extend(CalendarPart(data) for data in tnef.calendars(winmails[-1]))
        elif kind in {"text/plain", "text/html"} and not name and (text is None or not text[1]):
            text = (kind, decode(payload(part), parameter(part, "charset"))[:_BODY_CHARACTERS].strip())
            sealed = sealed or text[1].startswith(_SEALED_TEXT)
        else:
            sealed = sealed or kind in _SEALED_TYPES
    return Mail(envelope(message), message, tuple(calendars), tuple(winmails), text, too_deep, sealed)


def _leaves(message: Message) -> Iterator[tuple[Message, int, str]]:
    """Every part that holds no parts, with its depth and type; message/* counts as one that is not looked into."""
    stack: list[tuple[Message, int]] = [(message, 0)]
    while stack:
        part, level = stack.pop()
        kind = content_type(part)
        if kind.startswith("message/"):
            continue
        found = _inside(part, kind)
        if found:
            stack.extend((p, level + 1) for p in reversed(found))
        else:
            yield part, level, kind


def _inside(part: Message, kind: str) -> Sequence[Message]:
    """The parts of a multipart, or the mail that an S/MIME signature wraps."""
    if part.is_multipart():
        return inner(part)
    if kind.startswith("multipart/"):
        return split_anew(part)
    if kind in _SIGNED_TYPES or filename(part).endswith(".p7m"):
        content = signed.content(payload(part))
        return [message] if content and (message := _parsed(content)) else []
    return []


def _parsed(raw: bytes) -> Message | None:
    try:
        return splitting.read(raw)
    except (RecursionError, ValueError, LookupError):  # multiparts nested past what the parser can hold
        return None


def _is_calendar(part: Message, kind: str, name: str) -> bool:
    if kind in _CALENDAR_TYPES or name.endswith(_CALENDAR_NAMES):
        return True
    # Gateways send the calendar as text/plain or octet-stream without a name.
    return kind in {"text/plain", "application/octet-stream"} and (
        ("BEGIN" in part and header_text(part, "BEGIN").upper() == "VCALENDAR")
        or payload(part)[:64].lstrip(b"\xef\xbb\xbf \t\r\n").upper().startswith(b"BEGIN:VCALENDAR")
    )


def _calendar(part: Message, kind: str) -> CalendarPart:
    method = parameter(part, "method") if kind in _CALENDAR_TYPES else None
    return CalendarPart(calendar_payload(part), parameter(part, "charset"), method)


def _is_tnef(part: Message, kind: str, name: str) -> bool:
    if kind in _TNEF_TYPES or name.endswith("winmail.dat"):
        return True
    return kind == "application/octet-stream" and payload(part).startswith(tnef.SIGNATURE)


def envelope(message: Message) -> Envelope:
    """What the header of a mail says."""
    header = _Header(message)
    senders = header.mailboxes("From")
    recipients = [a for name in _RECIPIENTS for _, a in header.addresses(name)]
    return Envelope(
        from_address=senders[0][1] if senders else None,
        from_name=(senders[0][0][:300] or None) if senders else None,
        sender=next((address for _, address in header.mailboxes("Sender")), None),
        recipients=tuple(dict.fromkeys(recipients))[:_RECIPIENTS_LIMIT],
        date=_date(header.first("Date")),
        message_id=next(iter(_MESSAGE_IDS.findall(header.first("Message-ID"))), None),
        answers_to=tuple(
            dict.fromkeys(_MESSAGE_IDS.findall(f"{header.first('In-Reply-To')} {header.first('References')}"))
        )[:_RECIPIENTS_LIMIT],
        subject=header.text("Subject")[:1000],
        auto_submitted=header.first("Auto-Submitted").split(";")[0].strip().lower() or None,
        authentication_results=tuple(header.all("Authentication-Results"))[:20],
    )


def header_text(message: Message, name: str) -> str:
    """The first field of that name as text, encoded words undone; empty without one."""
    return _Header(message).text(name)


class _Header:
    """The header of a message as text, whatever bytes are in it."""

    def __init__(self, message: Message) -> None:
        self._fields: dict[str, list[str]] = {}
        for name, value in message.raw_items():
            self._fields.setdefault(name.lower(), []).append(str(value))

    def all(self, name: str) -> Sequence[str]:
        return [_unfolded(value) for value in self._fields.get(name.lower(), ())]

    def first(self, name: str) -> str:
        return next(iter(self.all(name)), "")

    def text(self, name: str) -> str:
        return _decoded_words(self.first(name))

    def addresses(self, name: str) -> list[tuple[str, str]]:
        """(display name, normalised address) of each mailbox in an address field."""
        values = self.all(name)
        return list(_mailboxes_in(tuple(value[:_FIELD_CHARACTERS] for value in values))) if values else []

    def mailboxes(self, name: str) -> list[tuple[str, str]]:
        """The same where the field is none: all of it in an encoded word, an at sign in a name, an open quote."""
        text = self.text(name)[:_VALUE_CHARACTERS]
        outside = _ASIDE.sub("", text)
        found = self.addresses(name)
        angled = _ANGLED.findall(outside)
        if found and ("," in outside or len(angled) != 1):
            return found
        named = angled or _ANGLED.findall(text) or _BARE.findall(text)
        address = normalise(named[-1]) if named else None
        if address is None or (found and found[0][1] == address):
            return found
        return [(text.split("<", 1)[0].strip(' "'), address)]


@lru_cache(maxsize=256)  # the organizer is in every mail, and a calendar service in many
def _mailboxes_in(values: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    try:
        pairs = getaddresses(list(values))
    except (ValueError, IndexError, TypeError, RecursionError):  # thousands of parentheses
        return ()
    found = ((_decoded_words(display), normalise(address)) for display, address in pairs)
    return tuple((display, address) for display, address in found if address and "=?" not in address)


def _unfolded(value: str) -> str:
    """A raw header value on one line; 8-bit bytes in it read as UTF-8, else latin-1."""
    plain = value.isascii() and "\x1b" not in value
    text = value if plain else decode(value.encode("utf-8", "surrogateescape"))
    return _FOLD.sub(" ", text).replace("\0", "").strip()


def _decoded_words(value: str) -> str:
    """RFC 2047 encoded words undone, leniently: SOGo writes some without the space between them."""
    if "=?" not in value:
        return value
    try:
        pieces = decode_header(re.sub(r"\?=(?==\?)", "?= ", value[:_FIELD_CHARACTERS]))
    except (HeaderParseError, ValueError):
        return value
    words = "".join(p if isinstance(p, str) else decode(p, charset) for p, charset in pieces)
    return " ".join(words.replace("\0", "").split())


def _date(text: str) -> datetime | None:
    try:
        found = parsedate_to_datetime(text)
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
