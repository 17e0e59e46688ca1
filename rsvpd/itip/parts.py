"""The octets and parameters of one MIME part, by evidence where its header is wrong (RFC 2045 6, RFC 2231)."""

from __future__ import annotations

import binascii
import re
from collections.abc import Callable
from email import message_from_bytes
from email.message import Message
from functools import lru_cache

_PARTS = 1_000
_CACHED_CHARACTERS = 300
_BEGIN = b"BEGIN:VCALENDAR"
_BEGIN_IN_BASE64 = re.compile(rb"(?:77u/)?QkVHSU46VkNBTEVOREFS")
# Quoted-printable writes an equals sign as =3D, so this one was never encoded.
_NOT_QUOTED = re.compile(rb"^(?:ATTENDEE|[ \t])[^\r\n]*PARTSTAT=(?!3D|\r?\n)", re.IGNORECASE | re.MULTILINE)
_DELIMITER = re.compile(rb"^--([^\s\"][^\r\n\"]{0,100}?)[ \t]*\r?\nContent-", re.IGNORECASE | re.MULTILINE)


def inner(part: Message) -> list[Message]:
    """The parts directly in `part`, up to a bound."""
    found = part.get_payload() if part.is_multipart() else []
    return [p for p in found[:_PARTS] if isinstance(p, Message)] if isinstance(found, list) else []


def split_anew(part: Message) -> list[Message]:
    """The parts of a multipart whose delimiters are others than its header says: gateways rewrite only one."""
    text = _stated(part)
    found = _DELIMITER.search(text)
    if found is None:
        return []
    head = b'Content-Type: multipart/mixed; boundary="' + found[1] + b'"\n\n'
    try:
        return inner(message_from_bytes(head + text))
    except (RecursionError, ValueError, LookupError):  # nested past what the parser can hold
        return []


def content_type(part: Message) -> str:
    """The type in lower case, also where the semicolon behind it is missing."""
    return part.get_content_type().split(maxsplit=1)[0]


def payload(part: Message) -> bytes:
    """The decoded bytes of a part; as they stand where its encoding is broken."""
    found = _decoded(part)
    if str(part.get("Content-Transfer-Encoding", "")).strip().lower() != "base64":
        return found
    stated = _stated(part)
    return _whole_base64(stated) if _undecoded(stated, found) else found


def calendar_payload(part: Message) -> bytes:
    """The bytes of a part that holds a calendar, whatever its header says about their encoding.

    Relays lose or add a Content-Transfer-Encoding; and OBM wrote the calendar in
    place of the header of its part, where the email package takes it for fields.
    """
    stated = _stated(part)
    if "BEGIN" in part:
        fields = "".join(f"{name}:{value}\r\n" for name, value in part.raw_items())
        return fields.encode("utf-8", "surrogateescape") + stated
    found = payload(part)
    if _BEGIN_IN_BASE64.match(found.lstrip()):
        return _whole_base64(found)
    if found == stated:
        return found
    plain = _BEGIN in stated.upper() and _BEGIN not in found.upper()
    return stated if plain or _NOT_QUOTED.search(stated) else found


def _stated(part: Message) -> bytes:
    """The bytes as they stand in the mail."""
    bare = Message()
    bare._payload = part._payload  # type: ignore[attr-defined]  # noqa: SLF001  get_payload() would guess a charset
    return _decoded(bare)


def _decoded(part: Message) -> bytes:
    try:
        found = part.get_payload(decode=True)
    except (ValueError, LookupError, AssertionError, TypeError):  # a charset that is none
        return b""
    return found if isinstance(found, bytes) else b""


def _undecoded(stated: bytes, found: bytes) -> bool:
    return found[:16] == b"".join(stated[:64].split())[:16] != b""


def _whole_base64(data: bytes) -> bytes:
    """Base64 that was cut off anywhere: the standard library gives back one that ends in a single character."""
    letters = re.sub(rb"[^A-Za-z0-9+/]", b"", data.split(b"=", 1)[0])
    usable = len(letters) - (len(letters) % 4 == 1)
    return binascii.a2b_base64(letters[:usable] + b"=" * (-usable % 4))


def filename(part: Message) -> str:
    """The name in lower case, empty without one."""
    if not any(_may_hold(part, field, "name") for field in ("Content-Disposition", "Content-Type")):
        return ""
    return _safe(part.get_filename).lower()


def parameter(part: Message, name: str) -> str | None:
    """A parameter of the Content-Type, None without it."""
    stated: object = part.get("Content-Type", "")  # no text where 8-bit bytes are in it
    if not isinstance(stated, str) or len(stated) > _CACHED_CHARACTERS:
        return _parameter(part, name)
    return _parameter_in(stated, name)


@lru_cache(maxsize=256)  # every mail of a client has the same few
def _parameter_in(content_type: str, name: str) -> str | None:
    part = Message()
    part.set_raw("Content-Type", content_type)
    return _parameter(part, name)


def _parameter(part: Message, name: str) -> str | None:
    return _safe(lambda: part.get_param(name)).strip() or None


def _may_hold(part: Message, field: str, name: str) -> bool:
    """Whether the name of a parameter is anywhere in a field, which is asked faster than what it says."""
    return name in str(part.get(field, "")).lower()


def _safe(get: Callable[[], object]) -> str:
    """A parameter as text; RFC 2231 values with broken charsets make the email package raise."""
    try:
        value = get()
    except (ValueError, LookupError, TypeError):
        return ""
    if isinstance(value, tuple):
        value = value[2]
    return value if isinstance(value, str) else ""
