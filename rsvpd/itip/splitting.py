"""A mail's tree of parts as the email package reads it, at a sixth of its price, where nothing in the mail is odd.

The email package looks at each line with regular expressions that it makes for each
mail. Here a mail is cut at its delimiters (RFC 2046 5.1.1). Whatever is not written
by the book, and what messages hold of other messages, is left to the package, which
stays the judge: `tests/test_splitting.py` compares both on every mail there is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from email import message_from_bytes, policy
from email.message import Message

_BLANK_LINE = re.compile(r"\r?\n(?=\r?\n)")
_FIELD = re.compile(r"[!-9;-~]+:[^\n]*\n(?:[ \t][^\n]*\n)*")
_DELIMITER_ENDS = re.compile(r"(--)?[ \t]*(\r?\n|\Z)")
_IDENTITY = frozenset({"", "7bit", "8bit", "binary"})
_DEPTH = 20


def read(raw: bytes) -> Message:
    """The same message that `email.message_from_bytes` gives, but for preambles, epilogues and defects.

    Raises what the email package does for multiparts nested past what it can hold.
    """
    text = raw.decode("ascii", "surrogateescape")
    found = _entity(text, 0) if text.count("\r") == text.count("\r\n") else None
    return message_from_bytes(raw) if found is None else found


def _entity(text: str, depth: int) -> Message | None:
    """Header and body; None for what the email package shall look at."""
    end = _BLANK_LINE.search(text)
    if end is None or depth > _DEPTH:
        return None
    message = _headed(text[: end.end()])
    if message is None:
        return None
    body = text[end.end() :].removeprefix("\r").removeprefix("\n")
    main, _, sub = message.get_content_type().partition("/")
    if main == "message":
        return None
    if main != "multipart":
        message.set_payload(body)
        return message
    return message if sub != "digest" and _fill(message, body, depth) else None


def _headed(head: str) -> Message | None:
    """A message with its header fields; None if a line is none (RFC 5322 2.2)."""
    message: Message = Message(policy=policy.compat32)
    at = 0
    while at < len(head):
        field = _FIELD.match(head, at)
        if field is None:
            return None
        message.set_raw(*policy.compat32.header_source_parse([field[0]]))
        at = field.end()
    return message


def _fill(message: Message, body: str, depth: int) -> bool:
    """Puts the parts of a multipart into it; False if it is not by the book."""
    boundary = message.get_boundary()
    encoding = str(message.get("Content-Transfer-Encoding", "")).lower()
    if not boundary or encoding not in _IDENTITY:
        return False
    parts = []
    for region in _regions(body, f"--{boundary}"):
        part = _entity(region, depth + 1) if region else None
        if part is None:
            return False
        parts.append(part)
    message._payload = parts  # type: ignore[attr-defined]  # noqa: SLF001  attach() looks at each again
    return bool(parts)


def _regions(body: str, delimiter: str) -> Iterator[str]:
    """What stands between the delimiters, without the line break that belongs to each; an empty one at the end if none closes."""
    start: int | None = None
    at = 0
    while (found := body.find(delimiter, at)) >= 0:
        at = found + len(delimiter)
        ends = _DELIMITER_ENDS.match(body, at)
        if ends is None or (found and body[found - 1] != "\n"):
            continue
        if start is not None:
            yield body[start:found].removesuffix("\n").removesuffix("\r")
        elif ends[1]:
            break
        if ends[1]:
            return
        start = at = ends.end()
    yield ""
