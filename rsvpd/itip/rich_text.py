"""HTML that somebody wrote elsewhere: made harmless, and as plain text."""

from __future__ import annotations

import re
import unicodedata
from html.parser import HTMLParser

import nh3

_CLEANER = nh3.Cleaner(
    tags=nh3.ALLOWED_TAGS - {"area", "map"},
    clean_content_tags={"script", "style", "title"},
    url_schemes={"http", "https", "mailto", "tel"},
    url_relative="deny",  # a mail has no address that something could be relative to
)
_LINE, _PARAGRAPH = "\0", "\1"
"""In place of the breaks between blocks until all are known; neither is in a text without control characters."""
_PARAGRAPHS = frozenset(
    {"p", "blockquote", "pre", "table", "ul", "ol", "dl", "hr", "h1", "h2", "h3", "h4", "h5", "h6"}
)
_LINES = frozenset({"div", "tr", "li", "dt", "dd", "caption", "article", "header", "footer"})
_CELLS = frozenset({"td", "th"})


def sanitised(html: str) -> str:
    """A fragment of `html` that is safe inside another page: no scripts, styles, forms or foreign schemes.

    Its tags are closed; empty where nothing is left.
    """
    clean = _CLEANER.clean(_without_controls(html))
    # An entity may have been a control character; what is left is looked at once more without it.
    return _CLEANER.clean(_without_controls(clean)).strip()


def plain(html: str) -> str:
    """What a reader of sanitised `html` would see: paragraphs apart, list items marked, links with their target."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    words = re.sub(r" *[\0\1][ \0\1]*", _break, "".join(reader.words))
    text = re.sub(r" *\n *", "\n", re.sub(r" {2,}", " ", words))
    return re.sub(r"\n{3,}", "\n\n", text).strip()


def _break(found: re.Match[str]) -> str:
    """Where blocks end and begin, however many at once."""
    return "\n\n" if _PARAGRAPH in found[0] else "\n"


def _without_controls(text: str) -> str:
    return "".join(c for c in text if c in "\n\t" or unicodedata.category(c) not in {"Cc", "Cs"})


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.words: list[str] = []
        self._link: tuple[str, int] | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._between(tag)
        given = dict(attrs)
        if tag == "li":
            self.words.append("- ")
        elif tag == "a" and given.get("href"):
            self._link = (given["href"] or "", len(self.words))
        elif tag == "img":
            self.handle_data(given.get("alt") or "")
        elif tag == "br":
            self.words.append("\n")

    def handle_endtag(self, tag: str) -> None:
        if tag == "a" and self._link is not None:
            target, since = self._link
            shown = "".join(self.words[since:]).strip()
            self._link = None
            if shown not in {target, target.removeprefix("mailto:"), target.removeprefix("tel:")}:
                self.words.append(f" <{target}>" if shown else target)
        self._between(tag)

    def handle_data(self, data: str) -> None:
        self.words.append(re.sub(r"\s+", " ", _without_controls(data)))

    def _between(self, tag: str) -> None:
        if tag in _PARAGRAPHS:
            self.words.append(_PARAGRAPH)
        elif tag in _LINES:
            self.words.append(_LINE)
        elif tag in _CELLS:
            self.words.append(" ")
