"""TEXT and names as iCalendar can say them (RFC 5545 3.1, 3.2, 3.3.11)."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from typing import Self

from icalendar import vText


def printable(text: str) -> str:
    """`text` without control characters but line feeds and tabs, nothing UTF-8 cannot say (RFC 5545 3.1)."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").replace("\u2028", "\n").replace("\u2029", "\n")
    return "".join(c for c in lines if c in "\n\t" or unicodedata.category(c) not in {"Cc", "Cs"})


def parameter(text: str) -> str:
    """`text` for a parameter: one line, and without the two characters that clients take for the end or an escape.

    RFC 5545 3.2 cannot say a double quote; RFC 6868 can, to those who know it. A backslash at the end
    makes icalendar itself read on into the next parameter.
    """
    return " ".join(printable(text).replace('"', "'").replace("\\", "/").split())


class Text(vText):
    r"""TEXT escaped as RFC 5545 3.3.11 says; icalendar 7.3 would write `C:\Notes` as a line break."""

    def __new__(cls, value: str) -> Self:
        """Leaves out what no content line can hold."""
        return super().__new__(cls, printable(value))

    def to_ical(self) -> bytes:
        """The octets of the value."""
        escaped = str(self).replace("\\", "\\\\").replace(";", r"\;").replace(",", r"\,").replace("\n", r"\n")
        return escaped.encode()


class Verbatim(vText):
    """A value that is written already as its property wants it, and never more than one line."""

    def __new__(cls, value: str) -> Self:
        """Leaves out what no content line can hold, line breaks too."""
        harmless = value.isascii() and value.isprintable()  # megabytes of base64
        return super().__new__(cls, value if harmless else printable(value).replace("\n", ""))

    def to_ical(self) -> bytes:
        """The octets of the value."""
        return str(self).encode()


def text_list(values: Iterable[str]) -> Verbatim:
    """Several TEXTs in one property, apart by commas."""
    return Verbatim(",".join(Text(value).to_ical().decode() for value in values))
