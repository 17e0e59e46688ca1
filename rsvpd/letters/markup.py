"""HTML of others, made harmless before it goes into a letter."""

from __future__ import annotations

import nh3
from markupsafe import Markup

from rsvpd.letters.plain import paragraphs

_TEXT = {
    *("a", "abbr", "b", "br", "code", "del", "em", "i", "ins", "kbd", "mark", "q", "s", "small", "span"),
    *("strong", "sub", "sup", "u", "blockquote", "div", "h2", "h3", "h4", "h5", "h6", "hr", "p", "pre"),
    *("dd", "dl", "dt", "li", "ol", "ul", "table", "tbody", "td", "tfoot", "th", "thead", "tr"),
}
"""Text, lists and tables. No img: nothing is loaded when a mail is read."""

_CLEANER = nh3.Cleaner(
    tags=_TEXT,
    attributes={
        "a": {"href", "title"},
        "ol": {"start"},
        "td": {"colspan", "rowspan"},
        "th": {"colspan", "rowspan"},
    },
    url_schemes={"http", "https", "mailto", "tel"},
    url_relative="deny",  # a mail has no address that something could be relative to
)


def sanitised(html: str | None) -> Markup:
    """The part of `html` that only says something: no script, no style, no image, no form.

    A description was sanitised when it was drafted. This is done again here, for
    what is in the store may have come another way; and twice, for what an entity
    stood for may have been a character that `paragraphs` takes out.
    """
    once = _CLEANER.clean(paragraphs(html))
    return Markup(_CLEANER.clean(paragraphs(once)).strip())  # noqa: S704  sanitised in this very line
