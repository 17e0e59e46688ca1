"""Delivery failures told in words alone: whether a mail is a notice of one, and which addresses it names."""

from __future__ import annotations

import re
from collections.abc import Iterator
from email.message import Message

from flufl.bounce import all_failures

from rsvpd.itip.ics.lines import decode
from rsvpd.itip.mime import header_text
from rsvpd.itip.parts import inner, payload

_DAEMON = re.compile(
    r"(?<![\w.-])(?:mailer-daemon|mail-daemon|mdaemon|postmaster|mailerdaemon)(?![\w.-])", re.IGNORECASE
)
_SUBJECT = re.compile(
    r"\s*(?:undeliver|(?:mail |e-?mail )?delivery (?:status|failure|failed|report|notification|error|has failed)"
    r"|mail (?:delivery|failure|system error)|failure notice|returned mail|message delivery"
    r"|warning: (?:message|could not)|there was an error sending"
    # Exchange and Outlook.com: de, fr, es, it, nl, pt, pl, sv, da, nb, cs, ru, ja, zh
    r"|unzustellbar|non remis|no se puede entregar|non recapitabile|onbestelbaar|não entregue|não é possível entregar"
    r"|niedostarczalne|kunde inte levereras|kan ikke leveres|nedoručitelné|недоставлено|не удается доставить"
    r"|配信不能|配信できません|无法投递|未能傳遞)",
    re.IGNORECASE,
)
_LATE = re.compile(
    r"\bdelay|\bwarning message only|\bwill be retried|\bwill retry|\bstill (?:trying|being retried)"
    r"|\bnot need to (?:resend|retry)|\bnot yet been delivered|\bverzögert",
    re.IGNORECASE,
)
_NO_FAILURES = frozenset({"message/disposition-notification", "message/feedback-report"})

_VALUE_CHARACTERS = 2_000
# The heuristics run some eighty regular expressions over each line, many of them quadratic in its length.
_SCANNED_PARTS = 12
_SCANNED_LINES = 60
_LINE_CHARACTERS = 300


def may_be_one(message: Message) -> bool:
    """Whether a program sent it as a report, so that a person who quotes one is not taken for one."""
    return (
        says_so(message)
        or header_text(message, "Return-Path") == "<>"
        or message.get_content_type() == "multipart/report"
    )


def says_so(message: Message) -> bool:
    """Whether its header says that a mail did not arrive; not that somebody is away, or has read or disliked it."""
    if any(part.get_content_type() in _NO_FAILURES for part in inner(message)):
        return False
    return (
        "X-Failed-Recipients" in message
        or _DAEMON.search(header_text(message, "From")[:_VALUE_CHARACTERS]) is not None
        or _SUBJECT.match(header_text(message, "Subject")[:_VALUE_CHARACTERS]) is not None
    )


def is_late(words: str) -> bool:
    """Whether a notice says that the mail system still tries."""
    return _LATE.search(words) is not None


def addresses(message: Message) -> tuple[frozenset[bytes], frozenset[bytes]]:
    """Those that a notice says are delayed, and those that it says have failed."""
    copy = _readable(message, iter(range(_SCANNED_PARTS)))
    if "@" not in copy.get("From", ""):  # one of the heuristics takes the first address without looking
        del copy["From"]
        copy["From"] = "nobody@invalid"
    try:
        return all_failures(copy)
    except Exception:  # noqa: BLE001  seventeen heuristics by others; a mail that breaks one is no report
        return frozenset(), frozenset()


def _readable(message: Message, budget: Iterator[int]) -> Message:
    """A copy that the heuristics can search: decoded, and so short that no regular expression runs away."""
    copy = Message()
    for name, value in message.raw_items():
        if name.lower() != "content-transfer-encoding":
            copy[name] = _plain(str(value)[:_VALUE_CHARACTERS])
    if message.is_multipart():
        copy.set_payload([_readable(p, budget) for p, _ in zip(inner(message), budget, strict=False)])
    else:
        copy.set_payload(_head(decode(payload(message)[: _SCANNED_LINES * _LINE_CHARACTERS])))
    return copy


def _plain(value: str) -> str:
    """A field without octets that are no ASCII: `Message.get` would give a `Header` for it, which is no `str`."""
    return value.encode("ascii", "replace").decode("ascii")


def _head(text: str) -> str:
    return "\n".join(line[:_LINE_CHARACTERS] for line in text.splitlines()[:_SCANNED_LINES])
