"""Mail bytes -> envelope and calendar parts (RFC 5322, RFC 2045, RFC 6047 2.4).

Calendar parts are found wherever clients hide them, but never inside
message/rfc822: what is in there is somebody else's, often our own REQUEST in a
bounce. Nothing here raises on any bytes.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email import message_from_bytes
from email.errors import HeaderParseError
from email.header import decode_header
from email.message import Message
from email.utils import getaddresses, parsedate_to_datetime

from rsvpd.itip.addresses import normalise
from rsvpd.itip.ics.lines import decode
from rsvpd.itip.model import Envelope

_CALENDAR_TYPES = frozenset({"text/calendar", "application/ics", "text/x-vcalendar", "application/calendar"})
_TNEF_TYPES = frozenset({"application/ms-tnef", "application/vnd.ms-tnef"})
_CALENDAR_NAMES = (".ics", ".ical", ".icalendar")
_RECIPIENTS = ("To", "Cc", "Delivered-To", "X-Original-To", "Envelope-To", "X-Envelope-To", "X-Delivered-To")
_MESSAGE_IDS = re.compile(r"<[^<>\s]+>")
_BODY_CHARACTERS = 100_000
_RECIPIENTS_LIMIT = 100
_PARTS = 1_000


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
    nesting were not looked at.
    """

    envelope: Envelope
    message: Message
    calendars: tuple[CalendarPart, ...] = ()
    winmails: tuple[bytes, ...] = ()
    text: tuple[str, str] | None = None
    too_deep: bool = False


def read(raw: bytes, *, depth: int = 20) -> Mail:
    """The mail in `raw`; parts nested deeper than `depth` are left alone."""
    try:
        message = message_from_bytes(raw)
    except (RecursionError, ValueError, LookupError):  # multiparts nested past what the parser can hold
        message = message_from_bytes(raw.split(b"\r\n\r\n", 1)[0].split(b"\n\n", 1)[0] + b"\n\n")
        return Mail(envelope(message), message, too_deep=True)
    calendars: list[CalendarPart] = []
    winmails: list[bytes] = []
    text: tuple[str, str] | None = None
    too_deep = False
    for part, level in _leaves(message):
        if level > depth:
            too_deep = True
            continue
        kind = part.get_content_type()
        if _is_calendar(part, kind):
            calendars.append(_calendar(part, kind))
        elif kind in _TNEF_TYPES or _filename(part).endswith("winmail.dat"):
            winmails.append(payload(part))
        elif (
            kind in {"text/plain", "text/html"} and not part.get_filename() and (text is None or not text[1])
        ):
            text = (kind, decode(payload(part), _parameter(part, "charset"))[:_BODY_CHARACTERS].strip())
    return Mail(envelope(message), message, tuple(calendars), tuple(winmails), text, too_deep)


def _leaves(message: Message) -> Iterator[tuple[Message, int]]:
    """Every part that holds no parts, with its depth; message/* counts as one that is not looked into."""
    stack: list[tuple[Message, int]] = [(message, 0)]
    while stack:
        part, level = stack.pop()
        if part.get_content_maintype() == "message":
            continue
        if part.is_multipart():
            stack.extend((p, level + 1) for p in reversed(list(part.get_payload())) if isinstance(p, Message))
        else:
            yield part, level


def _is_calendar(part: Message, kind: str) -> bool:
    if kind in _CALENDAR_TYPES or _filename(part).endswith(_CALENDAR_NAMES):
        return True
    # Gateways send the calendar as text/plain or octet-stream without a name.
    return kind in {"text/plain", "application/octet-stream"} and payload(part)[:64].lstrip(
        b"\xef\xbb\xbf \t\r\n"
    ).upper().startswith(b"BEGIN:VCALENDAR")


def _calendar(part: Message, kind: str) -> CalendarPart:
    method = _parameter(part, "method") if kind in _CALENDAR_TYPES else None
    return CalendarPart(payload(part), _parameter(part, "charset"), method)


def inner(part: Message) -> list[Message]:
    """The parts directly in `part`, up to a bound."""
    found = part.get_payload() if part.is_multipart() else []
    return [p for p in found[:_PARTS] if isinstance(p, Message)] if isinstance(found, list) else []


def payload(part: Message) -> bytes:
    """The decoded bytes of a part; as they stand where its encoding is broken."""
    found = _payload(part, decode=True)
    if not isinstance(found, bytes):
        return b""
    if str(part.get("Content-Transfer-Encoding", "")).strip().lower() != "base64":
        return found
    stated = _payload(part, decode=False)
    return _whole_base64(stated) if isinstance(stated, str) and _undecoded(stated, found) else found


def _payload(part: Message, *, decode: bool) -> object:
    try:
        return part.get_payload(decode=True) if decode else part.get_payload()
    except (ValueError, LookupError, AssertionError, TypeError):  # a charset that is none
        return None


def _undecoded(stated: str, found: bytes) -> bool:
    return found[:16] == "".join(stated[:64].split())[:16].encode("ascii", "replace") != b""


def _whole_base64(text: str) -> bytes:
    """Base64 that was cut off anywhere: the standard library gives back one that ends in a single character."""
    letters = re.sub(r"[^A-Za-z0-9+/]", "", text.split("=", 1)[0])
    usable = len(letters) - (len(letters) % 4 == 1)
    return binascii.a2b_base64(letters[:usable] + "=" * (-usable % 4))


def _filename(part: Message) -> str:
    return _safe(part.get_filename).lower()


def _parameter(part: Message, name: str) -> str | None:
    value = _safe(lambda: part.get_param(name))
    return value.strip() or None


def _safe(get: object) -> str:
    """A parameter as text; RFC 2231 values with broken charsets make the email package raise."""
    try:
        value = get() if callable(get) else None
    except (ValueError, LookupError, TypeError):
        return ""
    if isinstance(value, tuple):
        value = value[2]
    return value if isinstance(value, str) else ""


def envelope(message: Message) -> Envelope:
    """What the header of a mail says."""
    header = _Header(message)
    senders = header.addresses("From")
    recipients = [a for name in _RECIPIENTS for _, a in header.addresses(name)]
    return Envelope(
        from_address=senders[0][1] if senders else None,
        from_name=(senders[0][0][:300] or None) if senders else None,
        sender=next((address for _, address in header.addresses("Sender")), None),
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
            self._fields.setdefault(name.lower(), []).append(_unfolded(str(value)))

    def all(self, name: str) -> Sequence[str]:
        return self._fields.get(name.lower(), ())

    def first(self, name: str) -> str:
        return next(iter(self.all(name)), "")

    def text(self, name: str) -> str:
        return _decoded_words(self.first(name))

    def addresses(self, name: str) -> list[tuple[str, str]]:
        """(display name, normalised address) of each mailbox in an address field."""
        try:
            pairs = getaddresses([value[:50_000] for value in self.all(name)])
        except (ValueError, IndexError, TypeError, RecursionError):  # thousands of parentheses
            return []
        found = ((_decoded_words(display), normalise(address)) for display, address in pairs)
        return [(display, address) for display, address in found if address]


def _unfolded(value: str) -> str:
    """A raw header value on one line; 8-bit bytes in it read as UTF-8, else latin-1."""
    raw = value.encode("utf-8", "surrogateescape")
    return re.sub(r"\r?\n[ \t]*", " ", decode(raw)).replace("\0", "").strip()


def _decoded_words(value: str) -> str:
    """RFC 2047 encoded words undone, leniently: SOGo writes some without the space between them."""
    if "=?" not in value:
        return value
    try:
        pieces = decode_header(re.sub(r"\?=(?==\?)", "?= ", value))
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
