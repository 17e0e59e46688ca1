"""Which URLs may stand in a calendar, in a mail and in a page."""

from __future__ import annotations

import re
from collections.abc import Set as AbstractSet
from urllib.parse import urlsplit

PAGES = frozenset({"http", "https"})
"""Schemes of what a browser shows."""
CALLS = PAGES | {"tel", "sip", "sips", "xmpp"}
"""Schemes of where a conference can be."""
LONGEST = 2_000
"""Characters, which every browser and calendar takes."""

_CHARACTERS = re.compile(r"[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=%]+")


def is_url(value: str, schemes: AbstractSet[str]) -> bool:
    """Whether `value` is a URL with one of `schemes`, not too long, only of characters that RFC 3986 2 allows."""
    if len(value) > LONGEST or not _CHARACTERS.fullmatch(value):
        return False
    try:
        parts = urlsplit(value)
        named = bool(parts.hostname) if parts.scheme in PAGES else bool(parts.path)
    except ValueError:
        return False
    return parts.scheme in schemes and named
