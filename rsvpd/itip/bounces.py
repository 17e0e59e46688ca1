"""Delivery failures: RFC 3464 reports, and those that follow no standard.

Only what failed or is late counts; a report that says delivered, relayed or
expanded is no bounce. Nothing here raises, and the work is bounded.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from email.message import Message
from enum import StrEnum
from itertools import islice
from typing import TypeAlias

from rsvpd.itip import notices, trust
from rsvpd.itip.addresses import normalise
from rsvpd.itip.ics import lines
from rsvpd.itip.mime import envelope, header_text
from rsvpd.itip.mime import read as read_mail
from rsvpd.itip.parts import inner, payload

_Fields: TypeAlias = Mapping[str, str]
_Paragraphs: TypeAlias = tuple[str, ...]

_STATUS_TYPES = frozenset({"message/delivery-status", "message/global-delivery-status"})
_RETURNED_TYPES = frozenset(
    {
        "message/rfc822",
        "message/global",
        "text/rfc822-headers",
        "message/rfc822-headers",
        "message/global-headers",
    }
)
_CALENDAR_TYPES = frozenset({"text/calendar", "application/ics"})
_ENCODED = frozenset({"base64", "quoted-printable"})

_BLANK_LINE = re.compile(r"\n[ \t]*\n")
_FIELD = re.compile(r"([!-9;-~]+)[ \t]*:(.*)", re.DOTALL)
_FOLD = re.compile(r"\n[ \t]+")
_MAILBOX = re.compile(r"[^\s<>()\";,]+@[^\s<>()\";,]+")
_ESCAPED = re.compile(r"\\x\{([0-9A-Fa-f]{2,6})\}")
_STATUS = re.compile(r"(?<![\d.])([245]\.\d{1,3}\.\d{1,3})(?![\d.])")
_GENERIC = re.compile(r"[245]\.0\.0")
_TYPE = re.compile(r"\A\s*[\w.+-]{1,40}\s*;\s*")
_MESSAGE_ID = re.compile(r"<[^<>\s]+>")
_MESSAGE_ID_LINE = re.compile(
    r"^[ \t>]*Message-ID:[ \t]*(?:\n[ \t]+)?(<[^<>\s]+>)", re.IGNORECASE | re.MULTILINE
)
_DEPTH = 20
_PARTS = 200
_GROUPS = 1_000
_VALUE_CHARACTERS = 2_000
_TEXT_CHARACTERS = 500
_NOTICE_OCTETS = 64 * 1024
_PARAGRAPHS = 200
_RETURNED_OCTETS = 256 * 1024
_CANDIDATES = 4


class Delivery(StrEnum):
    """What became of a mail to one recipient (RFC 3464 2.3.3), as far as it did not arrive."""

    DELAYED = "delayed"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Bounce:
    """One recipient that one of our mails did not reach.

    `recipient` is normalised, as we addressed it if the report says so. `status` is
    an enhanced status code (RFC 3463), `text` the server's words on one line.
    `message_id` (in angle brackets) and `uid` are those of our mail, from what was
    returned of it: the Message-ID, and the UID of the REQUEST in it. `envelope_id`
    is the ENVID that we gave (RFC 3461 4.4).
    """

    recipient: str | None
    action: Delivery
    status: str | None = None
    text: str | None = None
    message_id: str | None = None
    uid: str | None = None
    envelope_id: str | None = None


@dataclass(frozen=True, slots=True)
class _Failure:
    recipient: str | None
    action: Delivery
    status: str | None
    text: str | None


@dataclass(frozen=True, slots=True)
class _Ours:
    message_id: str | None = None
    uid: str | None = None
    to: str | None = None


def read(message: Message) -> tuple[Bounce, ...]:
    """One bounce for each recipient that `message` reports as failed or late; empty if it is no report."""
    parts = tuple(_parts(message))
    groups = [group for part in parts if part.get_content_type() in _STATUS_TYPES for group in _groups(part)]
    standard = any("action" in group or "status" in group for group in groups)
    notice = tuple(_paragraphs(parts))
    failures = _reported(groups, notice) if standard else _guessed(message, notice)
    unique: dict[tuple[str | None, Delivery], _Failure] = {}
    for failure in failures:
        unique.setdefault((failure.recipient, failure.action), failure)
    told = not unique and not standard and notices.says_so(message)
    ours = _ours(message, parts, groups) if unique or told else _Ours()
    if told and (ours.message_id or ours.uid or trust.token_numbers(envelope(message))):
        unique[None, Delivery.FAILED] = _told(message, notice)
    envelope_id = next((g["original-envelope-id"] for g in groups if g.get("original-envelope-id")), None)
    return tuple(
        Bounce(f.recipient or ours.to, f.action, f.status, f.text, ours.message_id, ours.uid, envelope_id)
        for f in unique.values()
    )


# RFC 3464 reports


def _reported(groups: Iterable[_Fields], notice: _Paragraphs) -> Iterator[_Failure]:
    for group in groups:
        action = _action(group)
        if action is None:
            continue
        recipient = _recipient(group)
        said = _TYPE.sub("", group.get("diagnostic-code", "")) or _words(notice, recipient)
        yield _Failure(recipient, action, _status(group.get("status", ""), said), _shortened(said))


def _action(group: _Fields) -> Delivery | None:
    """Action (RFC 3464 2.3.3), with OpenSMTPD's `error` and SendGrid's `expired`; without one the class of the status decides."""
    action = group.get("action", "").strip().lower()
    if action.startswith(("fail", "error", "expire")):
        return Delivery.FAILED
    if action.startswith("delay"):
        return Delivery.DELAYED
    if action.startswith(("deliver", "relay", "expand")):
        return None
    return {"5": Delivery.FAILED, "4": Delivery.DELAYED}.get(group.get("status", "").strip()[:1])


def _recipient(group: _Fields) -> str | None:
    """Whom we wrote to, rather than where it was forwarded to (RFC 3464 2.3.1, RFC 6533 3)."""
    for name in ("original-recipient", "final-recipient", "x-actual-recipient"):
        stated = _ESCAPED.sub(_unescaped, _TYPE.sub("", group.get(name, "")))
        found = _MAILBOX.search(stated)
        address = normalise(found[0]) if found else None
        if address:
            return address
    return None


def _unescaped(match: re.Match[str]) -> str:
    point = int(match[1], 16)
    return chr(point) if point <= 0x10FFFF and not 0xD800 <= point <= 0xDFFF else match[0]


def _status(stated: str, said: str) -> str | None:
    """The status code; a generic one (5.0.0) gives way to what the server's words say."""
    given = _STATUS.search(stated)
    if given and not _GENERIC.fullmatch(given[1]):
        return given[1]
    spoken = _STATUS.search(said)
    if spoken and (given is None or spoken[1][0] == given[1][0]):
        return spoken[1]
    return given[1] if given else None


def _groups(part: Message) -> Iterator[_Fields]:
    """The groups of fields in a delivery-status part (RFC 3464 2.1)."""
    text = _status_text(part).replace("\r\n", "\n").replace("\r", "\n")
    for block in _BLANK_LINE.split(text, _GROUPS)[:_GROUPS]:
        if fields := _fields(block):
            yield fields


def _fields(block: str) -> _Fields:
    found: dict[str, str] = {}
    for line in re.split(r"\n(?![ \t])", block):
        field = _FIELD.match(line)
        if field:
            value = _FOLD.sub(" ", field[2]).strip()[:_VALUE_CHARACTERS]
            found.setdefault(field[1].lower(), value)
    return found


def _status_text(part: Message) -> str:
    """A delivery-status part as it stood: the email package makes one message of each group.

    In message/global-delivery-status (RFC 6533) it makes the first group a header
    and the others a body; an encoded part is all body.
    """
    if not part.is_multipart():
        return _decoded(payload(part))
    separator = "\n" if part.get_content_type() == "message/delivery-status" else "\n\n"
    text = "\n\n".join(separator.join(_source(block)) for block in inner(part))
    return _decoded(_without_encoding(part, text))


def _source(message: Message) -> Iterator[str]:
    yield "\n".join(f"{name}: {value}" for name, value in message.raw_items())
    yield _decoded(payload(message))


def _without_encoding(part: Message, text: str) -> bytes:
    """`text` with the transfer encoding undone that the part has and the email package did not see."""
    encoding = str(part.get("Content-Transfer-Encoding", "")).strip().lower()
    if encoding not in _ENCODED:
        return _octets(text)
    holder = Message()
    holder["Content-Transfer-Encoding"] = encoding
    holder.set_payload(text)
    return payload(holder)


# Reports that follow no standard


def _guessed(message: Message, notice: _Paragraphs) -> Iterator[_Failure]:
    if not notices.may_be_one(message):
        return
    temporary, permanent = notices.addresses(message)
    for action, found in ((Delivery.FAILED, permanent), (Delivery.DELAYED, temporary)):
        for octets in sorted(found)[:_GROUPS]:
            recipient = normalise(_decoded(octets))
            if recipient:
                said = _words(notice, recipient)
                yield _Failure(recipient, action, _status("", said), _shortened(said))


def _told(message: Message, notice: _Paragraphs) -> _Failure:
    """What a notice says that names nobody in a way that is known: the mail it returns says whom we wrote to.

    DragonFly, OpenSMTPD, Amazon WorkMail and the gateways of telephone companies
    write such ones; every mail of ours goes to one recipient.
    """
    said = _shortened(" ".join(notice)) or header_text(message, "Subject")[:_TEXT_CHARACTERS]
    late = notices.is_late(f"{header_text(message, 'Subject')} {said}")
    return _Failure(None, Delivery.DELAYED if late else Delivery.FAILED, _status("", said), said or None)


def _paragraphs(parts: tuple[Message, ...]) -> Iterator[str]:
    """What the report says to people."""
    texts = (part for part in parts if part.get_content_type() == "text/plain")
    for part in islice(texts, 1):
        text = _decoded(payload(part)[:_NOTICE_OCTETS]).replace("\r\n", "\n")
        yield from (p.strip() for p in _BLANK_LINE.split(text, _PARAGRAPHS)[:_PARAGRAPHS])


def _words(notice: _Paragraphs, recipient: str | None) -> str:
    """The paragraph that names the recipient, with the next one if the name is all there is in it."""
    for at, paragraph in enumerate(notice):
        folded = paragraph.casefold()
        if recipient is not None and recipient in folded:
            alone = folded.strip("<>:. \t") == recipient
            return " ".join(notice[at : at + 2]) if alone else paragraph
    return ""


def _shortened(text: str) -> str | None:
    return " ".join(text[: 4 * _TEXT_CHARACTERS].split())[:_TEXT_CHARACTERS].strip() or None


# What was returned of our mail


def _ours(message: Message, parts: tuple[Message, ...], groups: Iterable[_Fields]) -> _Ours:
    attached = [p for p in parts if p.get_content_type() in _RETURNED_TYPES]
    texts = [p for p in parts if p.get_content_type() == "text/plain"]
    found = [_returned(part) for part in attached[:_CANDIDATES]]
    found += [_quoted(payload(part)) for part in texts[:_CANDIDATES]]
    stated = (g.get("x-original-message-id") or g.get("original-message-id") or "" for g in groups)
    answered = (str(message.get(name, "")) for name in ("In-Reply-To", "References"))
    ids = (i for text in (*stated, *answered) for i in _MESSAGE_ID.findall(text[:_VALUE_CHARACTERS]))
    return _Ours(
        next((ours.message_id for ours in found if ours.message_id), None) or next(ids, None),
        next((ours.uid for ours in found if ours.uid), None),
        next((ours.to for ours in found if ours.to), None),
    )


def _returned(part: Message) -> _Ours:
    original = next(iter(inner(part)), None)
    if original is None:
        return _quoted(payload(part))
    if original.keys():
        return _ours_in(original)
    return _quoted(_without_encoding(part, _decoded(payload(original))))


def _quoted(data: bytes) -> _Ours:
    """Our mail as it stands in a text: qmail and Exim put it below a line of dashes."""
    text = _decoded(data[:_RETURNED_OCTETS]).replace("\r\n", "\n")
    found = _MESSAGE_ID_LINE.search(text)
    if not found:
        return _Ours()
    starts = text.rfind("\n\n", 0, found.start()) + 1
    return replace(_ours_in(read_mail(_octets(text[starts:].lstrip("\n"))).message), message_id=found[1])


def _ours_in(message: Message) -> _Ours:
    """What our mail says of itself; each goes to one recipient, whom its To names."""
    to = normalise(header_text(message, "To"))
    return _Ours(_message_id(message), _uid(message), to)


def _message_id(message: Message) -> str | None:
    found = _MESSAGE_ID.search(str(message.get("Message-ID", ""))[:_VALUE_CHARACTERS])
    return found[0] if found else None


def _uid(message: Message) -> str | None:
    """The UID of the REQUEST in our mail, unfolded."""
    calendars = (p for p in _parts(message) if p.get_content_type() in _CALENDAR_TYPES)
    uids = (_requested(payload(part)[:_RETURNED_OCTETS]) for part in islice(calendars, _CANDIDATES))
    return next((uid for uid in uids if uid), None)


def _requested(data: bytes) -> str | None:
    for calendar in lines.parse(data).root.blocks:
        if (calendar.text("METHOD") or "").strip().upper() == "REQUEST":
            events = (
                block for block in calendar.blocks if block.name == "VEVENT" and _is_past_uid(block, data)
            )
            uids = ((event.text("UID") or "").strip() for event in events)
            return next((uid for uid in uids if uid), None)
    return None


def _is_past_uid(event: lines.Block, data: bytes) -> bool:
    """Whether the UID is whole: mail systems return the beginning of a mail, cut off anywhere."""
    return b"END:VEVENT" in data or event.properties[-1:] != [event.first("UID")]


def _parts(message: Message) -> Iterator[Message]:
    """Every part in order, message/* without what is in it; a bounded number, to a bounded depth."""
    stack = [(message, 0)]
    for _ in range(_PARTS):
        if not stack:
            return
        part, level = stack.pop()
        yield part
        if part.get_content_maintype() == "multipart" and level < _DEPTH:
            stack.extend((p, level + 1) for p in reversed(inner(part)))


def _octets(text: str) -> bytes:
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return text.encode("utf-8", "replace")


def _decoded(data: bytes) -> str:
    return lines.decode(data)
