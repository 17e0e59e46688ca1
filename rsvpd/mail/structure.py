"""BODYSTRUCTURE -> the few parts of a large mail that can matter, put together as a small one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from email import message_from_bytes
from typing import Any

_MATTERS = frozenset({"text/calendar", "application/ics", "text/x-vcalendar", "application/calendar"})
_WRAPPED = frozenset(
    {"application/ms-tnef", "application/vnd.ms-tnef", "application/pkcs7-mime", "application/x-pkcs7-mime"}
)
_REPORTS = frozenset(
    {
        "message/delivery-status",
        "message/global-delivery-status",
        "text/rfc822-headers",
        "message/rfc822-headers",
        "message/global",  # which servers take for one part, not for a mail
        "message/global-headers",
        "application/pgp-encrypted",
        "message/disposition-notification",
    }
)
# Gateways send the calendar, and winmail.dat, as these too; the last is a type that the server cannot read.
_BODIES = frozenset({"text/plain", "text/html", "application/octet-stream", "/"})
_NAMES = (".ics", ".ical", ".icalendar", "winmail.dat", ".p7m")
_TEXT_BYTES = 128 * 1024
_DEPTH = 50


@dataclass(frozen=True, slots=True)
class Part:
    """One part that is fetched: its section, its size in octets, and whether an answer can be in it."""

    section: str
    size: int
    matters: bool
    returned: bool = False

    @property
    def sections(self) -> tuple[str, ...]:
        """What to ask for: of a returned mail only its header (RFC 9051 6.4.5.1)."""
        if self.returned:
            return (f"{self.section}.HEADER",)
        return ("TEXT",) if not self.section else (f"{self.section}.MIME", self.section)


def wanted(body: Any) -> list[Part]:  # noqa: ANN401  what IMAPClient parsed
    """The parts of a mail to fetch, by its BODYSTRUCTURE; message/rfc822 is never entered."""
    if not _is_multipart(body):
        part = _part("", body)
        return [part] if part and not part.returned else []
    return list(_walk(body, "", 0))


def _walk(body: Any, prefix: str, depth: int) -> Iterator[Part]:  # noqa: ANN401
    for number, inner in enumerate(body[0], 1):
        section = f"{prefix}{number}"
        if _is_multipart(inner):
            if depth < _DEPTH:
                yield from _walk(inner, f"{section}.", depth + 1)
        elif part := _part(section, inner):
            yield part


def _part(section: str, body: Any) -> Part | None:  # noqa: ANN401
    kind = f"{_text(body[0])}/{_text(body[1])}"
    size = body[6] if len(body) > 6 and isinstance(body[6], int) else 0
    if kind == "message/rfc822":
        return Part(section, 0, matters=False, returned=True)
    if kind in _MATTERS or kind in _WRAPPED or any(name.endswith(_NAMES) for name in _names(body)):
        return Part(section, size, matters=True)
    if kind in _REPORTS | _BODIES and size <= _TEXT_BYTES:
        return Part(section, size, matters=False)
    return None


def _names(body: Any) -> Iterator[str]:  # noqa: ANN401
    """`name` of the content type and `filename` of the disposition, wherever the server put them."""
    for field in body[2:]:
        values = list(field) if isinstance(field, tuple) else []
        for value in values:
            yield from (
                _text(v) for v in (value if isinstance(value, tuple) else (value,)) if isinstance(v, bytes)
            )


def _text(value: Any) -> str:  # noqa: ANN401
    return value.decode("ascii", "replace").lower() if isinstance(value, bytes) else ""


def _is_multipart(body: Any) -> bool:  # noqa: ANN401
    return bool(body) and isinstance(body[0], list)


def reduced(header: bytes, parts: Sequence[Part], content: Mapping[str, bytes]) -> bytes:
    """The mail with these parts alone, flat, under its own header and boundary."""
    if not parts:
        return header
    if not parts[0].section:
        return header + content["TEXT"]
    boundary = (message_from_bytes(header).get_boundary() or "reduced").encode("utf-8", "surrogateescape")
    pieces = []
    for part in parts:
        head, *body = (content[section] for section in part.sections)
        if part.returned:
            pieces.append(b"Content-Type: text/rfc822-headers\r\n\r\n" + head)
        else:
            pieces.append(head.rstrip(b"\r\n") + b"\r\n\r\n" + body[0])
    joined = b"".join(b"--" + boundary + b"\r\n" + piece + b"\r\n" for piece in pieces)
    return header + joined + b"--" + boundary + b"--\r\n"
