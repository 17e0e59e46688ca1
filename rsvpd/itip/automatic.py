"""Mails that no person wrote: auto-replies (RFC 3834) and disposition notifications (RFC 8098)."""

from __future__ import annotations

import re
from email.message import Message

_COMMENTS = re.compile(r"\([^()]*\)")
_VALUE_CHARACTERS = 1_000
_PRECEDENCES = frozenset({"bulk", "junk", "auto_reply", "auto-reply"})
_RESPONDERS = ("X-Autoreply", "X-Auto-Reply", "X-Autorespond", "X-Autoresponder", "X-Autoreply-From")
_REPORT_TYPE = re.compile(r"report-type\s*=\s*\"?\s*disposition-notification", re.IGNORECASE)


def is_auto_reply(message: Message) -> bool:
    """Whether a program answered or sent this.

    Auto-Submitted with anything but `no` (RFC 3834 5), a Precedence that vacation
    programs write (mailing lists too, which say that they are one: RFC 2919), or one
    of the fields that stand for an autoresponder.
    X-Auto-Response-Suppress says nothing of it: Outlook writes it into mails of
    people. A calendar reply is one by this too (Google marks each of its own), so
    ask only about a mail without a calendar.
    """
    submitted = [value for value in _values(message, "Auto-Submitted") if value]
    if any(value != "no" for value in submitted):
        return True
    if "List-Id" not in message and _PRECEDENCES.intersection(_values(message, "Precedence")):
        return True
    return any(value != "no" for name in _RESPONDERS for value in _values(message, name))


def is_mdn(message: Message) -> bool:
    """Whether this says that somebody read or deleted a mail, or that their program did (RFC 8098 3)."""
    if message.get_content_type() == "multipart/report":
        return _REPORT_TYPE.search(_first(message, "Content-Type")) is not None or _has_disposition(message)
    return message.get_content_type() == "message/disposition-notification"


def _has_disposition(message: Message) -> bool:
    parts = message.get_payload() if message.is_multipart() else []
    return isinstance(parts, list) and any(
        isinstance(part, Message) and part.get_content_type() == "message/disposition-notification"
        for part in parts[:10]
    )


def _values(message: Message, name: str) -> list[str]:
    """The fields of that name in lower case, without parameters and comments."""
    found = (str(value)[:_VALUE_CHARACTERS] for value in message.get_all(name, []))
    return [_COMMENTS.sub(" ", value).split(";", 1)[0].strip().lower() for value in found]


def _first(message: Message, name: str) -> str:
    return str(message.get(name, ""))[:_VALUE_CHARACTERS]
