"""How a letter is to be written, and how a template of the user's can fail."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from rsvpd.ports import CouldNot


class LetterBroken(CouldNot):
    """A template of the user's cannot be used; the message names its file and line."""


@dataclass(frozen=True, slots=True)
class Style:
    """How a letter is written.

    Attributes:
        language: `en`, `de`, `es` or `fr`, or a tag such as `de-AT`; any other is read as English.
        zone: the IANA zone of the reader; without one, times are in the zone of the meeting.
        message: a word from the organizer, shown before everything else.
        fills: whether the message is a template, as the subject is.
        show_attendees: whether the others are named or counted.
        templates: a folder with templates that are taken before the built-in ones of the same name.
        subject: a template for the subject, such as `{{ summary }} ({{ when }})`.
    """

    language: str = "en"
    zone: str | None = None
    message: str | None = None
    fills: bool = False
    show_attendees: bool = True
    templates: Path | None = None
    subject: str | None = None
