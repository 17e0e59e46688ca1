"""Outlook's GlobalObjectId: what stands in a UID, and in TNEF instead of one (MS-OXOCAL 2.2.1.27).

Sixteen octets of class id, the date of an occurrence (four, big-endian, zero for
the series), the time of creation (eight), eight zeros, a length (four) and the
data. For a meeting that somebody else's program made the data is `vCal-Uid`, 1 as
four octets and the foreign UID (MS-OXCICAL 2.1.3.1.1.20.26).
"""

from __future__ import annotations

from datetime import date

_CLASS_ID = bytes.fromhex("040000008200E00074C5B7101A82E008")
_FOREIGN = b"vCal-Uid\x01\x00\x00\x00"
_DATE = slice(16, 20)
_DATA = 40
_UID_OCTETS = 4_000


def uid_in_global_object_id(hex_uid: str) -> str | None:
    """The foreign UID inside a UID that is a GlobalObjectId in hex, in any case; None if it is none.

    Two UIDs name one meeting if they are equal after this; wrapping ours would
    not do, for the time of creation in theirs is not known.
    """
    if not hex_uid.isalnum() or not hex_uid.upper().startswith(_CLASS_ID.hex().upper()):
        return None
    try:
        return foreign_uid(bytes.fromhex(hex_uid))
    except ValueError:
        return None


def global_object_id(uid: str) -> str:
    """The GlobalObjectId in upper-case hex that wraps `uid`; one that is a GlobalObjectId stays what it is."""
    if uid.upper().startswith(_CLASS_ID.hex().upper()):
        return uid.upper()
    data = _FOREIGN + uid.encode("utf-8", "surrogatepass") + b"\x00"
    blob = _CLASS_ID + bytes(_DATA - 4 - len(_CLASS_ID)) + len(data).to_bytes(4, "little") + data
    return blob.hex().upper()


def uid_of(blob: bytes) -> str | None:
    """The UID that iCalendar has for a GlobalObjectId: the foreign one, else all of it in upper-case hex.

    The date of an occurrence is no part of the UID: the hex has zeros there, as
    Exchange writes it. None for a blob without anything in it.
    """
    foreign = foreign_uid(blob)
    if foreign or not blob.strip(b"\x00"):
        return foreign
    series = blob[:16] + bytes(4) + blob[20:] if _is_global_object_id(blob) else blob
    return series[:_UID_OCTETS].hex().upper()


def foreign_uid(blob: bytes) -> str | None:
    """The UID of another program inside a GlobalObjectId; None without one, or with a part of one."""
    size = int.from_bytes(blob[_DATA - 4 : _DATA], "little")
    data = blob[_DATA : _DATA + size]
    if not _is_global_object_id(blob) or len(data) < size or not data.startswith(_FOREIGN):
        return None
    uid = data[len(_FOREIGN) :].split(b"\x00", 1)[0]
    try:
        return uid.decode("utf-8") or None
    except UnicodeDecodeError:
        return uid.decode("latin-1")


def occurrence_date(blob: bytes) -> date | None:
    """The day of the one occurrence a GlobalObjectId names, in the organizer's zone; None for the series."""
    if not _is_global_object_id(blob):
        return None
    year, month, day = int.from_bytes(blob[16:18], "big"), blob[18], blob[19]
    try:
        return date(year, month, day) if any(blob[_DATE]) else None
    except ValueError:
        return None


def _is_global_object_id(blob: bytes) -> bool:
    return blob.startswith(_CLASS_ID) and len(blob) >= _DATA
