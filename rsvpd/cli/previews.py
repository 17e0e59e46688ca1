"""Mails as they would go out, for people and for programs."""

from __future__ import annotations

from collections.abc import Iterable
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from itertools import groupby
from typing import Any

from rich.console import Console
from rich.text import Text

from rsvpd.cli import output
from rsvpd.store.outgoing import Mail

_NAMED = 3
"""More recipients than these are a number."""


def as_json(mail: Mail, *, whole: bool) -> dict[str, Any]:
    """A mail; `whole` with the octets that would go, but for its Message-ID."""
    shown = {"to": mail.recipient, "method": mail.method, "subject": _parsed(mail)["Subject"]}
    return shown | ({"raw": mail.raw.decode()} if whole else {})


def print_mails(console: Console, mails: Iterable[Mail]) -> None:
    """Who gets what; of mails that say the same to several people the first in full."""
    for (method, subject), some in groupby(mails, lambda mail: (mail.method, _parsed(mail)["Subject"])):
        alike = list(some)
        names = [output.plain(mail.recipient) for mail in alike[:_NAMED]]
        more = f" and {len(alike) - _NAMED:,} more" if len(alike) > _NAMED else ""
        console.print(f"\n[bold]{method} to {', '.join(names)}{more}[/]")
        console.print(f"Subject: {output.plain(subject)}\n")
        message = _parsed(alike[0])
        console.print(Text(_text(message)))
        files = ", ".join(output.plain(part.get_filename()) for part in message.iter_attachments())
        console.print(f"[dim]With {files}, and the same in HTML; all of it: --format json[/]\n")


def _parsed(mail: Mail) -> EmailMessage:
    message = message_from_bytes(mail.raw, policy=default)
    assert isinstance(message, EmailMessage)  # noqa: S101  what this policy makes
    return message


def _text(message: EmailMessage) -> str:
    body = message.get_body(("plain",))
    lines = str(body.get_content()).splitlines() if body else []
    shown = ("".join(c if c.isprintable() else " " for c in line) for line in lines)
    return "\n".join(f"  {line}".rstrip() for line in shown)  # of 78 columns, so that it fits in 80
