"""An iTIP object as a mail that calendar programs show with buttons (RFC 6047, RFC 2046, RFC 5322)."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.header import Header
from email.message import MIMEPart
from email.policy import SMTP
from email.utils import format_datetime, quote

from rsvpd.itip import attachments as files
from rsvpd.itip.model import Attachment, Method

Mailbox = tuple[str, str | None]
"""A mail address and the name shown with it."""

_UNFOLDED = 200
"""Characters of ASCII that are left on one line; RFC 5322 2.1.1 allows 998 octets."""
_ENCODED_LINE = 64
"""Characters of a line of encoded words, so that the first has room for the name of its field."""


@dataclass(frozen=True, slots=True)
class Letter:
    """What a person reads: a subject of one line, and the same message as plain text and as HTML."""

    subject: str
    text: str
    html: str


def compose(  # noqa: PLR0913  a mail has that many parts, all by name
    *,
    ics: bytes,
    method: Method,
    letter: Letter,
    sender: Mailbox,
    recipient: Mailbox,
    message_id: str,
    date: datetime,
    reply_to: Mailbox | None = None,
    filename: str = "invite.ics",
    attachments: Sequence[Attachment] = (),
) -> bytes:
    """The mail that brings `ics` to one recipient, ready for SMTP.

    Its shape is what Outlook, Gmail and Apple Mail answer to:
    multipart/mixed { multipart/alternative { text/plain, text/html, text/calendar }, application/ics, … }.
    The calendar is the last alternative, hence the preferred one (RFC 2046
    5.1.4), and inside the first child of multipart/mixed, the only place where
    Outlook looks for it (MS-STANOICAL V0343).

    Args:
        ics: an iTIP object in UTF-8 with CRLF.
        method: METHOD of `ics`; the content type says the same (RFC 6047 2.4).
        letter: what is read without a calendar program.
        sender: From.
        recipient: To.
        message_id: with its angle brackets.
        date: Date, aware.
        reply_to: the organizer, where `sender` sends on their behalf and is named as Sender too.
        filename: the name of the attachment, ASCII.
        attachments: files that follow, for people without a calendar program; left out
            where `method` brings nothing to keep.

    Returns:
        Octets with CRLF and no line over 998. ASCII throughout, unless an address
        is not: such a mail needs SMTPUTF8 (RFC 6531).

    Raises:
        ValueError: a control character in a header, or `ics` has another METHOD.
    """
    if f"\r\nMETHOD:{method.value}\r\n".encode() not in ics:
        raise ValueError(f"the calendar does not say METHOD:{method.value}")
    header = _header(letter.subject, sender, recipient, message_id, date, reply_to)
    mail = MIMEPart(policy=SMTP)
    mail.make_mixed()
    mail.attach(_alternatives(letter, ics, method))
    mail.attach(_attached(ics, "application/ics", _one_line(filename)))
    _attach(mail, attachments if method in files.OFFERED_WITH else ())
    return header + mail.as_bytes()


def compose_plain(
    *,
    letter: Letter,
    sender: Mailbox,
    recipient: Mailbox,
    message_id: str,
    date: datetime,
    reply_to: Mailbox | None = None,
    attachments: Sequence[Attachment] = (),
) -> bytes:
    """A mail without a calendar, in which nobody is asked by buttons; marked as written by a program (RFC 3834 5).

    The arguments, what is returned and what is raised are those of `compose`.
    """
    header = _header(letter.subject, sender, recipient, message_id, date, reply_to)
    header += b"Auto-Submitted: auto-generated\r\n"
    mail = _words_of(letter)
    if attachments:
        words, mail = mail, MIMEPart(policy=SMTP)
        mail.make_mixed()
        mail.attach(words)
        _attach(mail, attachments)
    return header + mail.as_bytes()


def _header(
    subject: str,
    sender: Mailbox,
    recipient: Mailbox,
    message_id: str,
    date: datetime,
    reply_to: Mailbox | None,
) -> bytes:
    """Every field but Content-Type, written here because `email.policy.SMTP` folds some names wrongly.

    No Content-Class: Exchange writes it on meeting requests, but what makes a
    mail one is its text/calendar (MS-OXCMAIL 2.1.3.2.2).
    """
    fields = {
        "Date": format_datetime(date.astimezone(UTC)),
        "From": _mailbox(sender),
        "To": _mailbox(recipient),
        "Message-ID": _one_line(message_id),
        "Subject": _words(subject),
        "MIME-Version": "1.0",
    }
    if reply_to is not None:
        fields |= {"Reply-To": _mailbox(reply_to), "Sender": _mailbox((sender[0], None))}
    return "".join(f"{name}: {value}\r\n" for name, value in fields.items()).encode()


def _alternatives(letter: Letter, ics: bytes, method: Method) -> MIMEPart:
    body = _words_of(letter)
    body.attach(_calendar(ics, method))
    return body


def _words_of(letter: Letter) -> MIMEPart:
    body = MIMEPart(policy=SMTP)
    body.make_alternative()
    for text, subtype in ((letter.text, "plain"), (letter.html, "html")):
        part = MIMEPart(policy=SMTP)
        part.set_content(text, subtype=subtype, cte="quoted-printable")
        body.attach(part)
    return body


def _calendar(ics: bytes, method: Method) -> MIMEPart:
    """In base64, as Exchange writes it: no relay then touches its lines."""
    part = MIMEPart(policy=SMTP)
    part.set_content(
        ics,
        maintype="text",
        subtype="calendar",
        cte="base64",
        params={"method": method.value, "charset": "UTF-8"},
    )
    return part


def _carried(content_type: str) -> str:
    """The media type that a file is sent with: never a second calendar, or something that holds further parts.

    Clients look for an invitation in every text/calendar, and a message or a multipart
    must not be in base64 (RFC 2046 5.1, 5.2.1).
    """
    kind = files.known_type(content_type)
    if kind in {"text/calendar", "application/ics"} or kind.startswith(("message/", "multipart/")):
        return "application/octet-stream"
    return kind


def _attach(mail: MIMEPart, attachments: Sequence[Attachment]) -> None:
    for one in attachments:
        mail.attach(_attached(one.data, _carried(one.content_type), files.safe_name(one.name)))


def _attached(data: bytes, content_type: str, filename: str) -> MIMEPart:
    """A file in base64; a name beyond ASCII or a long one is written as RFC 2231 says."""
    maintype, _, subtype = content_type.partition("/")
    part = MIMEPart(policy=SMTP)
    part.set_content(
        data,
        maintype=maintype,
        subtype=subtype,
        cte="base64",
        disposition="attachment",
        filename=filename,
        params={"name": filename},
    )
    return part


def _mailbox(mailbox: Mailbox) -> str:
    """`name <address>`, the name as a quoted-string or as encoded words (RFC 5322 3.4, RFC 2047 5.3)."""
    address, name = mailbox
    if not name:
        return f"<{_one_line(address)}>"
    plain = name.isascii() and "=?" not in name and len(name) <= _UNFOLDED
    shown = f'"{quote(_one_line(name))}"' if plain else _words(name)
    return f"{shown}\r\n <{_one_line(address)}>"


def _words(value: str) -> str:
    """Unstructured text: as it is, or as folded encoded words (RFC 2047 5.1)."""
    if _one_line(value).isascii() and "=?" not in value and len(value) <= _UNFOLDED:
        return value
    return Header(value, "utf-8", maxlinelen=_ENCODED_LINE).encode(linesep="\r\n")


def _one_line(value: str) -> str:
    """`value` where it may stand in a header.

    Raises:
        ValueError: it holds a control character, a line break above all.
    """
    if any(unicodedata.category(c) in {"Cc", "Cs", "Zl", "Zp"} for c in value):
        raise ValueError(f"a control character in a header: {value!r}")
    return value
