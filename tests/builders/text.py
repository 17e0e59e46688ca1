"""Mails and content lines written octet by octet, so that every quirk is exact."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from datetime import datetime
from email.utils import format_datetime

from builders.facts import Facts, Party

CRLF = "\r\n"
Row = str | None

_SPECIALS = frozenset('()<>[]:;@\\,."')
_SAFE = frozenset(range(33, 127)) - {ord("=")}


def fold(row: str, width: int = 75, indent: str = " ") -> str:
    """Fold one content line at `width` octets, never inside a character."""
    chunks: list[str] = []
    chunk, size = "", 0
    for character in row:
        octets = len(character.encode())
        if size + octets > width:
            chunks.append(chunk)
            chunk, size = "", len(indent)
        chunk += character
        size += octets
    return (CRLF + indent).join([*chunks, chunk])


def content(rows: Iterable[Row], width: int = 75, indent: str = " ") -> bytes:
    """Content lines, folded and ended; a row that is None is left out."""
    kept = (fold(row, width, indent) for row in rows if row is not None)
    return "".join(line + CRLF for line in kept).encode()


def unfold(data: bytes) -> bytes:
    """Undo every fold, with a blank or with a TAB."""
    return data.replace(b"\r\n ", b"").replace(b"\r\n\t", b"")


def b64(data: bytes, width: int = 76) -> bytes:
    """Base64 in lines of `width`, each ended."""
    text = base64.b64encode(data)
    return b"".join(text[i : i + width] + b"\r\n" for i in range(0, len(text), width))


def qp(data: bytes, width: int = 76) -> bytes:
    """Quoted-printable that keeps the CRLFs; soft breaks fall across the folds of iCalendar."""
    return b"\r\n".join(_qp_line(line, width) for line in data.split(b"\r\n"))


def _qp_line(line: bytes, width: int) -> bytes:
    out, size = b"", 0
    for position, octet in enumerate(line):
        blank = octet in b" \t" and position < len(line) - 1
        token = bytes([octet]) if octet in _SAFE or blank else f"={octet:02X}".encode()
        if size + len(token) > width - 1:
            out, size = out + b"=\r\n", 0
        out, size = out + token, size + len(token)
    return out


def ascii_or(data: bytes, plain: str, other: str) -> str:
    """The transfer encoding of a client that changes it only if it must."""
    return plain if data.isascii() else other


def encode(data: bytes, encoding: str) -> bytes:
    """Apply a Content-Transfer-Encoding by its name."""
    match encoding.lower():
        case "base64":
            return b64(data)
        case "quoted-printable":
            return qp(data)
        case _:
            return data


def word(text: str) -> str:
    """A header value, as encoded words where it is not ASCII."""
    if text.isascii():
        return text
    chunks, chunk = [], ""
    for character in text:
        if len((chunk + character).encode()) > 42:
            chunks.append(chunk)
            chunk = ""
        chunk += character
    encoded = (base64.b64encode(c.encode()).decode() for c in [*chunks, chunk])
    return (CRLF + " ").join(f"=?UTF-8?B?{e}?=" for e in encoded)


def mailbox(party: Party) -> str:
    """An address with its name, quoted where RFC 5322 says so."""
    if not party.name:
        return f"<{party.address}>"
    name = word(party.name)
    if _SPECIALS & set(party.name) and party.name.isascii():
        name = '"' + party.name.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return f"{name} <{party.address}>"


def date_header(at: datetime) -> str:
    """A Date header."""
    return f"Date: {format_datetime(at)}"


def envelope(facts: Facts, subject: str, *extra: Row, dated: bool = True) -> list[Row]:
    """The headers of the mail itself; `extra` goes behind them."""
    reply_to = facts.in_reply_to
    return [
        f"From: {mailbox(facts.author)}",
        f"To: {mailbox(facts.recipient)}",
        f"Subject: {word(subject)}",
        date_header(facts.written_at) if dated else None,
        f"Message-ID: <{facts.message_id_at(facts.author.domain)}>",
        f"In-Reply-To: <{reply_to}>" if reply_to else None,
        "MIME-Version: 1.0",
        *extra,
    ]


def entity(headers: Iterable[Row], body: bytes) -> bytes:
    """A mail or a part: its headers, a blank line, its body."""
    head = "".join(header + CRLF for header in headers if header is not None)
    return head.encode() + b"\r\n" + body


def leaf(content_type: str, encoding: str | None, data: bytes, *extra: str) -> bytes:
    """A leaf: `data` encoded as the header says; no encoding means no header."""
    cte = None if encoding is None else f"Content-Transfer-Encoding: {encoding}"
    body = data if encoding is None else encode(data, encoding)
    return entity([f"Content-Type: {content_type}", cte, *extra], body)


def multipart(boundary: str, *parts: bytes, preamble: str = "") -> bytes:
    """The body of a multipart; the CRLF before a delimiter belongs to the delimiter."""
    mark = f"--{boundary}".encode()
    inner = b"".join(mark + b"\r\n" + p + b"\r\n" for p in parts)
    return preamble.encode() + inner + mark + b"--\r\n"


def nested(kind: str, boundary: str, *parts: bytes) -> bytes:
    """A multipart inside a multipart."""
    return entity([f'Content-Type: multipart/{kind}; boundary="{boundary}"'], multipart(boundary, *parts))
