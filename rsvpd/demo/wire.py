"""Mails and content lines written octet by octet, because each client has its own way with them.

The standard library's `email` would make every mail look like Python's own.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable
from email.header import Header

CRLF = "\r\n"


_ESCAPES = {ord("\\"): "\\\\", ord(";"): "\\;", ord(","): "\\,", ord("\n"): "\\n"}


def content(lines: Iterable[str]) -> bytes:
    """Content lines, folded at 75 octets (RFC 5545 3.1) and ended."""
    return "".join(_fold(line) + CRLF for line in lines).encode()


def unfold(data: bytes) -> list[str]:
    """The content lines of an iCalendar stream, whole again (RFC 5545 3.1)."""
    whole = data.replace(b"\r\n", b"\n").replace(b"\n ", b"").replace(b"\n\t", b"")
    return whole.decode().splitlines()


def escape(text: str) -> str:
    """A TEXT value (RFC 5545 3.3.11)."""
    return text.translate(_ESCAPES)


def unescape(text: str) -> str:
    """What a TEXT value says."""
    return re.sub(r"\\(.)", lambda found: "\n" if found[1] in "nN" else found[1], text)


def part(content_type: str, encoding: str, data: bytes, *headers: str) -> bytes:
    """A leaf of a MIME tree, `data` encoded as the Content-Transfer-Encoding `encoding` says."""
    head = [f"Content-Type: {content_type}", f"Content-Transfer-Encoding: {encoding}", *headers]
    return entity(head, _encode(data, encoding))


def multipart(boundary: str, *parts: bytes) -> bytes:
    """The body of a multipart entity (RFC 2046 5.1)."""
    mark = f"--{boundary}".encode()
    return b"".join(mark + b"\r\n" + each + b"\r\n" for each in parts) + mark + b"--\r\n"


def alternative(boundary: str, *parts: bytes) -> bytes:
    """A multipart/alternative inside another multipart."""
    return entity(
        [f'Content-Type: multipart/alternative; boundary="{boundary}"'], multipart(boundary, *parts)
    )


def entity(headers: Iterable[str], body: bytes) -> bytes:
    """A mail or a part of one: headers, a blank line, the body."""
    return "".join(header + CRLF for header in headers).encode() + b"\r\n" + body


def word(text: str) -> str:
    """A header value, as encoded words where it is not ASCII (RFC 2047)."""
    return text if text.isascii() else Header(text, "utf-8").encode(linesep=CRLF)


def _fold(line: str, width: int = 75) -> str:
    folded, size = "", 0
    for character in line:
        octets = len(character.encode())
        if size + octets > width:
            folded, size = folded + CRLF + " ", 1
        folded, size = folded + character, size + octets
    return folded


def _encode(data: bytes, encoding: str) -> bytes:
    match encoding:
        case "base64":
            return base64.encodebytes(data).replace(b"\n", b"\r\n")
        case "quoted-printable":
            return binascii.b2a_qp(data, istext=True)
        case _:
            return data
