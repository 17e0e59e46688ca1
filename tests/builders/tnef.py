"""Exchange 2007 answering as TNEF, and a small writer of winmail.dat (MS-OXTNEF, MS-OXOCAL)."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from datetime import UTC, date, datetime
from uuid import UUID

from builders.facts import Facts
from builders.text import entity, envelope, leaf, multipart

PSETID_MEETING = UUID("6ED8DA90-450B-101B-98DA-00AA003F1305")
PSETID_APPOINTMENT = UUID("00062002-0000-0000-C000-000000000046")
GLOBAL_OBJECT_ID = 0x03
CLEAN_GLOBAL_OBJECT_ID = 0x23
_CLASS_ID = bytes.fromhex("040000008200E00074C5B7101A82E008")
_PT_LONG, _PT_BOOLEAN, _PT_UNICODE, _PT_SYSTIME, _PT_BINARY = 0x03, 0x0B, 0x1F, 0x40, 0x102
_RESPONSES = {"ACCEPTED": "Pos", "DECLINED": "Neg", "TENTATIVE": "Tent"}
_LEGACY = {"ACCEPTED": "P", "DECLINED": "N", "TENTATIVE": "A"}
_WORDS = {"ACCEPTED": "Accepted", "DECLINED": "Declined", "TENTATIVE": "Tentative"}


def exchange2007_tnef(facts: Facts) -> bytes:
    """Exchange 2007 in TNEF: no iCalendar at all; the message class is the answer, From the responder.

    Only ACCEPTED, DECLINED and TENTATIVE have a message class; anything else is a KeyError.
    """
    return _mail(facts, f"IPM.Schedule.Meeting.Resp.{_RESPONSES[facts.partstat]}")


def outlook_tnef(facts: Facts) -> bytes:
    """An older Outlook in TNEF, with the message classes `IPM.Microsoft Schedule.MtgRespP / N / A`."""
    return _mail(facts, f"IPM.Microsoft Schedule.MtgResp{_LEGACY[facts.partstat]}")


def global_object_id(uid: str, occurrence: date | None, created: datetime) -> bytes:
    """A GlobalObjectId: Outlook's own is in hex already, any other UID is wrapped as `vCal-Uid`."""
    if uid.upper().startswith(_CLASS_ID.hex().upper()):
        return bytes.fromhex(uid)
    day = struct.pack(">HBB", occurrence.year, occurrence.month, occurrence.day) if occurrence else b""
    data = b"vCal-Uid" + struct.pack("<I", 1) + uid.encode() + b"\0"
    head = _CLASS_ID + day.ljust(4, b"\0") + _filetime(created) + bytes(8)
    return head + struct.pack("<I", len(data)) + data


def winmail(facts: Facts, message_class: str) -> bytes:
    """The whole winmail.dat."""
    attributes = [
        _attribute(0x00089006, struct.pack("<I", 0x10000)),
        _attribute(0x00069007, struct.pack("<II", 1252, 0)),
        _attribute(0x00078008, message_class.encode() + b"\0"),
        _attribute(0x00018004, _subject(facts).encode("cp1252", "replace") + b"\0"),
        _attribute(0x00038005, _date(facts.written_at)),
        _attribute(0x00069003, message_properties(facts)),
    ]
    return struct.pack("<IH", 0x223E9F78, 1) + b"".join(attributes)


def message_properties(facts: Facts) -> bytes:
    """The value of attMsgProps."""
    at = facts.recurrence_id
    exact = global_object_id(facts.uid, at, facts.invited_at)
    clean = global_object_id(facts.uid, None, facts.invited_at)
    properties = [
        _tagged(_PT_UNICODE, 0x0037, _subject(facts)),
        _tagged(_PT_UNICODE, 0x0065, facts.author.address),
        _named(PSETID_MEETING, GLOBAL_OBJECT_ID, _PT_BINARY, exact),
        _named(PSETID_MEETING, CLEAN_GLOBAL_OBJECT_ID, _PT_BINARY, clean),
        _named(PSETID_MEETING, 0x01, _PT_SYSTIME, facts.dtstamp),
        _named(PSETID_MEETING, 0x1A, _PT_SYSTIME, facts.invited_at),
        _named(PSETID_MEETING, 0x05, _PT_BOOLEAN, at is not None),
        _named(PSETID_APPOINTMENT, 0x8201, _PT_LONG, facts.sequence or 0),
        _named(PSETID_APPOINTMENT, 0x8220, _PT_SYSTIME, facts.dtstamp),
        *_schedule(facts),
    ]
    if facts.comment:
        properties.append(_tagged(_PT_UNICODE, 0x1000, facts.comment))
    return struct.pack("<I", len(properties)) + b"".join(properties)


def _schedule(facts: Facts) -> Sequence[bytes]:
    given = [
        (0x820D, facts.start),
        (0x820E, facts.end),
        (0x8250, facts.proposed_start),
        (0x8251, facts.proposed_end),
    ]
    rows = [
        _named(PSETID_APPOINTMENT, lid, _PT_SYSTIME, value)
        for lid, value in given
        if isinstance(value, datetime)
    ]
    if facts.proposed_start is not None:
        rows.append(_named(PSETID_APPOINTMENT, 0x8257, _PT_BOOLEAN, True))
    return rows


def _mail(facts: Facts, message_class: str) -> bytes:
    boundary = f"_000_{facts.token[:32].upper()}_"
    body = multipart(
        boundary,
        leaf('text/plain; charset="us-ascii"', "quoted-printable", b""),
        leaf(
            'application/ms-tnef; name="winmail.dat"',
            "base64",
            winmail(facts, message_class),
            'Content-Disposition: attachment; filename="winmail.dat"',
        ),
    )
    headers = envelope(
        facts,
        _subject(facts),
        "X-MS-Has-Attach:",
        f"X-MS-TNEF-Correlator: <{facts.message_id_at(facts.author.domain)}>",
        f'Content-Type: multipart/mixed;\r\n\tboundary="{boundary}"',
    )
    return entity(headers, body)


def _subject(facts: Facts) -> str:
    return f"{_WORDS[facts.partstat]}: {facts.summary}"


def _attribute(tag: int, data: bytes, level: int = 1) -> bytes:
    head = struct.pack("<BII", level, tag, len(data))
    return head + data + struct.pack("<H", sum(data) & 0xFFFF)


def _tagged(kind: int, name: int, value: object) -> bytes:
    return struct.pack("<HH", kind, name) + _value(kind, value)


def _named(family: UUID, lid: int, kind: int, value: object) -> bytes:
    # The property id of a named property is local to the file; anything from 0x8000 on will do.
    head = struct.pack("<HH", kind, 0x8000 + (lid & 0xFFF)) + family.bytes_le
    return head + struct.pack("<II", 0, lid) + _value(kind, value)


def _value(kind: int, value: object) -> bytes:
    match value:
        case bool():
            return struct.pack("<HH", value, 0)
        case int():
            return struct.pack("<i", value)
        case datetime():
            return _filetime(value)
        case str():
            return _variable((value + "\0").encode("utf-16-le"))
        case bytes():
            return _variable(value)
        case _:
            raise TypeError(kind)


def _variable(data: bytes) -> bytes:
    return struct.pack("<II", 1, len(data)) + data + bytes(-len(data) % 4)


def _filetime(at: datetime) -> bytes:
    since = at.astimezone(UTC) - datetime(1601, 1, 1, tzinfo=UTC)
    return struct.pack("<Q", (since.days * 86400 + since.seconds) * 10_000_000)


def _date(at: datetime) -> bytes:
    utc = at.astimezone(UTC)
    weekday = utc.isoweekday() % 7
    return struct.pack("<7H", utc.year, utc.month, utc.day, utc.hour, utc.minute, utc.second, weekday)
