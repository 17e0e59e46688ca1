"""Text of others made fit for a letter: cleaned, wrapped, and its web addresses made links."""

from __future__ import annotations

import re
import textwrap
import unicodedata

from markupsafe import Markup, escape

COLUMNS = 78
"""RFC 5322 2.1.1: lines should have no more characters."""

_URL = re.compile(r"https?://[^\s<>\"'`]+", re.IGNORECASE)
_NOT_THE_URL = ".,;:!?…"
_TURNING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""Marks that turn the direction of what follows them, and could make one address look like another."""


def one_line(text: str | None) -> str:
    """`text` on one line and without control characters, as a header or a heading wants it."""
    return " ".join(paragraphs(text).split())


def paragraphs(text: str | None) -> str:
    """`text` with its lines kept, each ended by a line feed, and without control characters."""
    lines = (text or "").replace("\r\n", "\n").replace("\r", "\n")
    lines = lines.replace("\u2028", "\n").replace("\u2029", "\n")
    return "".join(c for c in lines if c in "\n\t" or not _is_unfit(c)).strip()


def _is_unfit(character: str) -> bool:
    return character in _TURNING or unicodedata.category(character) in {"Cc", "Cs"}


def wrapped(text: str, indent: int = 0) -> str:
    """The lines of `text` within `COLUMNS`, all but the first behind `indent` blanks; a long word stays whole."""
    lines: list[str] = []
    for line in text.split("\n"):
        lead = line[: len(line) - len(line.lstrip(" \t"))]
        pieces = textwrap.wrap(
            line, COLUMNS - indent, subsequent_indent=lead, break_long_words=False, break_on_hyphens=False
        )
        lines += pieces if len(line) > COLUMNS - indent else [line.rstrip(" \t")]
    return "\n".join([lines[0], *(" " * indent + line if line else "" for line in lines[1:])])


def linked(text: str) -> Markup:
    """`text` escaped, with its line breaks kept and its http and https addresses made links."""
    pieces, position = [], 0
    for match in _URL.finditer(text):
        url = _without_trailing(match[0])
        pieces += [escape(text[position : match.start()]), _link(url)]
        position = match.start() + len(url)
    pieces.append(escape(text[position:]))
    return Markup().join(pieces).replace("\n", Markup("<br>\n"))


def web_address(text: str | None) -> str:
    """`text` if it is one http or https address and so can be clicked, else empty."""
    found = one_line(text)
    return found if _URL.fullmatch(found) else ""


def _link(url: str) -> Markup:
    return Markup('<a href="{0}" style="color:#1a5fb4" class="link">{0}</a>').format(url)


def _without_trailing(url: str) -> str:
    """`url` without the punctuation of the sentence around it; a bracket stays if it was opened inside."""
    while url and (url[-1] in _NOT_THE_URL or (url[-1] in ")]}" and not _closes(url))):
        url = url[:-1]
    return url


def _closes(url: str) -> bool:
    opening = {")": "(", "]": "[", "}": "{"}[url[-1]]
    return url.count(opening) >= url.count(url[-1])
