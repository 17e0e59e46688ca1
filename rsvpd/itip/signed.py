"""What an S/MIME signature wraps: Outlook sends replies as signed data too, with the mail inside (RFC 8551 3.5.2).

The signature is not checked here; whom to believe is another question. Only as
much of BER is read as leads to the content (RFC 5652 3, 5.1, X.690 8), also where
the end is cut off: the certificates are behind what matters.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

_SIGNED_DATA = bytes.fromhex("2A864886F70D010702")
_OCTET_STRING, _CONSTRUCTED = 0x04, 0x20
_INDEFINITE = 0x80
_DEPTH = 16


def content(data: bytes) -> bytes | None:
    """The mail inside signed data; None for anything else, encrypted mails too. Never raises."""
    try:
        kind, wrapped = _first(_first(data, 1)[0], 2)
        if kind != _SIGNED_DATA:
            return None
        signed = _first(wrapped, 1)[0]
        encapsulated = _first(_first(signed, 3)[2], 2)[1]
        return b"".join(_octets(encapsulated)) or None
    except (EOFError, ValueError):
        return None


def _first(data: bytes, count: int) -> list[bytes]:
    """The contents of the first elements in `data`."""
    found = [inner for _, inner in islice(_elements(data), count)]
    if len(found) < count:
        raise EOFError
    return found


def _octets(data: bytes, depth: int = 0) -> Iterator[bytes]:
    """An OCTET STRING, which may come in pieces."""
    for tag, inner in _elements(data):
        if tag == _OCTET_STRING:
            yield inner
        elif tag == _OCTET_STRING | _CONSTRUCTED and depth < _DEPTH:
            yield from _octets(inner, depth + 1)


def _elements(data: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at < len(data):
        tag, start, end, at = _element(data, at)
        yield tag, data[start:end]


def _element(data: bytes, at: int, depth: int = 0) -> tuple[int, int, int, int]:
    """Tag of the element at `at`, where its content begins and ends, and where the next one begins."""
    if at + 2 > len(data) or depth > _DEPTH:
        raise EOFError
    tag, size, start = data[at], data[at + 1], at + 2
    if size == _INDEFINITE:
        end = start
        while data[end : end + 2] != b"\x00\x00":
            end = _element(data, end, depth + 1)[3]
        return tag, start, end, end + 2
    if size & 0x80:
        width = size & 0x7F
        size = int.from_bytes(data[start : start + width], "big")
        start += width
    return tag, start, start + size, start + size
