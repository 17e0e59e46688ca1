"""Answers in winmail.dat: Exchange 2007 and older Outlooks send no iCalendar at all (MS-OXTNEF, MS-OXOCAL).

The reader is our own: tnefparse logs, raises, loops as often as a count in the
file says, and cuts the zeros off the end of a GlobalObjectId.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import islice
from typing import Final, TypeAlias
from uuid import UUID

from rsvpd.itip.addresses import normalise
from rsvpd.itip.global_object_id import occurrence_date, uid_of
from rsvpd.itip.model import Method, PartStat

_Key: TypeAlias = tuple[bytes, int]
"""The property set of a named property with its id; a property with a tag has no set."""
_Value: TypeAlias = tuple[int, bytes]
"""The type of a property (MS-OXCDATA 2.11.1) with its first value as it stands."""

SIGNATURE: Final = b"\x78\x9f\x3e\x22"
_MESSAGE_LEVEL, _ATTACHMENT_LEVEL = 1, 2
_ATTACHED = 0x800F
_CALENDARS = 5
# The ids of attributes, the lower half of their tags (MS-OXTNEF 2.1.3.3).
_FROM, _MESSAGE_CLASS, _BODY, _PROPERTIES, _CODEPAGE = 0x8000, 0x8008, 0x800C, 0x9003, 0x9007
_ONCE = frozenset({_FROM, _MESSAGE_CLASS, _BODY, _CODEPAGE})

_UNICODE, _TIME, _MULTIPLE = 0x1F, 0x40, 0x1000
_VARIABLE = frozenset({0x0D, 0x1E, _UNICODE, 0x102})
_WIDTHS: Final[Mapping[int, int]] = {
    **dict.fromkeys((0x02, 0x0B), 2),
    **dict.fromkeys((0x03, 0x04, 0x0A), 4),
    **dict.fromkeys((0x05, 0x06, 0x07, 0x14, _TIME), 8),
    0x48: 16,
}
_FIRST_NAMED = 0x8000
_NAMED_BY_STRING = -1

_MEETING = UUID("6ED8DA90-450B-101B-98DA-00AA003F1305").bytes_le
_APPOINTMENT = UUID("00062002-0000-0000-C000-000000000046").bytes_le
_CLASS: _Key = (b"", 0x001A)
_TEXT: _Key = (b"", 0x1000)
_REPRESENTED: Final[tuple[_Key, ...]] = ((b"", 0x5D02), (b"", 0x0065))
_SENDER: Final[tuple[_Key, ...]] = ((b"", 0x5D01), (b"", 0x0C1F))
_CRITICAL_CHANGE: _Key = (_MEETING, 0x01)
_GLOBAL_OBJECT_ID: _Key = (_MEETING, 0x03)
_CLEAN_GLOBAL_OBJECT_ID: _Key = (_MEETING, 0x23)
_SEQUENCE: _Key = (_APPOINTMENT, 0x8201)
_REPLY_TIME: _Key = (_APPOINTMENT, 0x8220)
_PROPOSED_START: _Key = (_APPOINTMENT, 0x8250)
_PROPOSED_END: _Key = (_APPOINTMENT, 0x8251)
_PROPOSES: _Key = (_APPOINTMENT, 0x8257)

_ANSWERS: Final[Mapping[str, PartStat]] = {
    # Outlook 97 and Schedule+, and what Exchange still writes into attMessageClass (MS-OXTNEF 2.1.3.3.4).
    "ipm.microsoft schedule.mtgrespp": PartStat.ACCEPTED,
    "ipm.microsoft schedule.mtgrespn": PartStat.DECLINED,
    "ipm.microsoft schedule.mtgrespa": PartStat.TENTATIVE,
    "ipm.schedule.meeting.resp.pos": PartStat.ACCEPTED,
    "ipm.schedule.meeting.resp.neg": PartStat.DECLINED,
    "ipm.schedule.meeting.resp.tent": PartStat.TENTATIVE,
}
_EPOCH = datetime(1601, 1, 1, tzinfo=UTC)
_NO_YEAR = 4500
"""Outlook writes the year 4501 for "no date"."""
_RULER = "*~*~*~*~*~*~*~*~*~*"
_COMMENT_CHARACTERS = 4_000


@dataclass(frozen=True, slots=True)
class TnefAnswer:
    """One answer in a winmail.dat.

    `method` is COUNTER where a new time is proposed, else REPLY. `recurrence_id` is
    the day of the one occurrence that was answered, in the organizer's zone; None
    is the series. `attendee` is whom the mail speaks for, `sender` who sent it,
    both normalised and both None where Exchange gives an X.500 address. Instants
    are in UTC.
    """

    uid: str
    method: Method
    partstat: PartStat
    recurrence_id: date | None = None
    sequence: int | None = None
    replied_at: datetime | None = None
    comment: str | None = None
    attendee: str | None = None
    sender: str | None = None
    proposed_start: datetime | None = None
    proposed_end: datetime | None = None


def read(data: bytes) -> TnefAnswer | None:
    """The answer in the bytes of a winmail.dat; None for anything else, a request or a cancellation too.

    What a truncated file still says is read; it never raises.
    """
    message = _Message(data)
    partstat = message.partstat()
    uid = message.uid()
    if partstat is None or uid is None:
        return None
    proposes = message.number(_PROPOSES) not in {None, 0}
    return TnefAnswer(
        uid=uid,
        method=Method.COUNTER if proposes else Method.REPLY,
        partstat=partstat,
        recurrence_id=occurrence_date(message.value(_GLOBAL_OBJECT_ID)),
        sequence=message.number(_SEQUENCE),
        replied_at=message.instant(_CRITICAL_CHANGE) or message.instant(_REPLY_TIME),
        comment=message.comment(),
        attendee=message.address(*_REPRESENTED),
        sender=message.address(*_SENDER) or message.author(),
        proposed_start=message.instant(_PROPOSED_START) if proposes else None,
        proposed_end=message.instant(_PROPOSED_END) if proposes else None,
    )


def calendars(data: bytes) -> tuple[bytes, ...]:
    """The calendars attached inside a winmail.dat: Exchange packs in what came beside the text."""
    attached = (value for name, value in _attributes(data, _ATTACHMENT_LEVEL) if name == _ATTACHED)
    found = (
        v for v in attached if v[:64].lstrip(b"\xef\xbb\xbf \t\r\n").upper().startswith(b"BEGIN:VCALENDAR")
    )
    return tuple(islice(found, _CALENDARS))


class _Message:
    """The attributes and properties of a message; the first of each counts."""

    def __init__(self, data: bytes) -> None:
        self._attributes: dict[int, bytes] = {}
        self._properties: dict[_Key, _Value] = {}
        for name, value in _attributes(data):
            if name in _ONCE:
                self._attributes.setdefault(name, value)
            elif name == _PROPERTIES:
                for key, found in _properties(value):
                    self._properties.setdefault(key, found)
        codepage = int.from_bytes(self._attributes.get(_CODEPAGE, b"")[:4], "little")
        self._charset = f"cp{codepage}"

    def partstat(self) -> PartStat | None:
        """What the message class answers; a class derived from an answer's is one too."""
        stated = self._narrow(self._attributes.get(_MESSAGE_CLASS, b""))
        return _answer(stated) or _answer(self.text(_CLASS))

    def uid(self) -> str | None:
        return uid_of(self.value(_CLEAN_GLOBAL_OBJECT_ID)) or uid_of(self.value(_GLOBAL_OBJECT_ID))

    def value(self, key: _Key) -> bytes:
        return self._properties.get(key, (0, b""))[1]

    def text(self, key: _Key) -> str:
        kind, value = self._properties.get(key, (0, b""))
        if kind != _UNICODE:
            return self._narrow(value)
        return value.decode("utf-16-le", "replace").split("\0", 1)[0]

    def number(self, key: _Key) -> int | None:
        value = self.value(key)
        number = int.from_bytes(value[:4], "little", signed=True)
        return number if value and number >= 0 else None

    def instant(self, key: _Key) -> datetime | None:
        """A FILETIME: tenths of a microsecond since 1601, UTC."""
        value = self.value(key)
        if len(value) != 8 or not any(value):
            return None
        try:
            found = _EPOCH + timedelta(microseconds=int.from_bytes(value, "little") // 10)
        except OverflowError:
            return None
        return found if found.year < _NO_YEAR else None

    def address(self, *keys: _Key) -> str | None:
        found = (_address(self.text(key)) for key in keys)
        return next((address for address in found if address), None)

    def author(self) -> str | None:
        """The address in attFrom, `display name NUL SMTP:address NUL` after eight octets of lengths."""
        name_and_address = self._attributes.get(_FROM, b"")[8:].split(b"\x00")[1:]
        texts = (self._narrow(piece) for piece in name_and_address if piece[:5].upper() == b"SMTP:")
        return next((_address(text[5:]) for text in texts), None)

    def comment(self) -> str | None:
        """The attendee's words: what stands below the `When: … Where: …` that Outlook puts before them."""
        text = self.text(_TEXT) or self._narrow(self._attributes.get(_BODY, b""))
        _, ruler, below = text.partition(_RULER)
        return (below if ruler else text).strip()[:_COMMENT_CHARACTERS].strip() or None

    def _narrow(self, value: bytes) -> str:
        """8-bit text: UTF-8 if it is that, else in the code page of the file, else latin-1."""
        text = value.split(b"\x00", 1)[0]
        for charset in ("utf-8", self._charset):
            try:
                return text.decode(charset)
            except (LookupError, ValueError):
                continue
        return text.decode("latin-1")


def _answer(message_class: str) -> PartStat | None:
    words = message_class.strip().lower()
    return next(
        (answer for known, answer in _ANSWERS.items() if words == known or words.startswith(f"{known}.")),
        None,
    )


def _address(text: str) -> str | None:
    return None if "\ufffd" in text else normalise(text)


def _attributes(data: bytes, wanted: int = _MESSAGE_LEVEL) -> Iterator[tuple[int, bytes]]:
    """The attributes of the message itself, or those of its attachments; the last one may be cut off."""
    at = 6
    while data.startswith(SIGNATURE) and at + 9 <= len(data):
        level, tag, size = struct.unpack_from("<BII", data, at)
        if level == wanted:
            yield tag & 0xFFFF, data[at + 9 : at + 9 + size]
        at += 9 + size + 2


def _properties(data: bytes) -> Iterator[tuple[_Key, _Value]]:
    """The properties in attMsgProps, up to the first that is cut off or of a type nobody knows."""
    reader = _Reader(data)
    try:
        for _ in range(reader.number(4)):
            yield reader.property()
    except EOFError:
        return


class _Reader:
    """Reads attMsgProps (MS-OXTNEF 2.1.3.4); EOFError where the data ends.

    Whatever a count says, each of its values takes octets of the data, so the size
    of the data bounds the work.
    """

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def number(self, width: int) -> int:
        return int.from_bytes(self._take(width), "little")

    def property(self) -> tuple[_Key, _Value]:
        kind, name = self.number(2), self.number(2)
        family = b""
        if name >= _FIRST_NAMED:
            family = self._take(16)
            if self.number(4) == 0:
                name = self.number(4)
            else:
                self._padded(self.number(4))
                name = _NAMED_BY_STRING
        return (family, name), (kind & ~_MULTIPLE, self._value(kind))

    def _value(self, kind: int) -> bytes:
        single = kind & ~_MULTIPLE
        if single in _VARIABLE:
            return self._first_of(self.number(4))
        if single not in _WIDTHS:
            raise EOFError
        width = _WIDTHS[single]
        count = self.number(4) if kind & _MULTIPLE else 1
        return self._padded(width * count)[:width]

    def _first_of(self, count: int) -> bytes:
        first = self._padded(self.number(4)) if count else b""
        for _ in range(count - 1):
            self._padded(self.number(4))
        return first

    def _padded(self, size: int) -> bytes:
        value = self._take(size)
        self._at += -size % 4
        return value

    def _take(self, size: int) -> bytes:
        end = self._at + size
        if end > len(self._data):
            raise EOFError
        value = self._data[self._at : end]
        self._at = end
        return value
