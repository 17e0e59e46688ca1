"""Texts that stand in a header, in a content line or in a page."""

from __future__ import annotations

import unicodedata
from uuid import uuid4

from rsvpd.drafts.refusals import WANTED, DraftRefused
from rsvpd.itip import addresses, rich_text


def line(field: str, value: str | None) -> str | None:
    """`value` without the blanks around it, None if nothing is left; no line break, nothing invisible."""
    if value is None:
        return None
    if any(unicodedata.category(c) in {"Cc", "Cs", "Zl", "Zp"} for c in value):
        raise DraftRefused(f"{field}: has a line break or another control character, write it on one line")
    return value.strip() or None


def required(field: str, value: str) -> str:
    """The same, where something must be left."""
    found = line(field, value)
    if found is None:
        raise DraftRefused(f"{field}: empty, {WANTED[field]}")
    return found


def prose(field: str, value: str | None) -> str | None:
    """`value` with its lines kept, each ended by a line feed."""
    if value is None:
        return None
    text = value.replace("\r\n", "\n").replace("\r", "\n")
    if any(unicodedata.category(c) in {"Cc", "Cs"} for c in text if c not in "\n\t"):
        raise DraftRefused(f"{field}: has a control character, take it out")
    return text.strip() or None


def descriptions(plain: str | None, html: str | None) -> tuple[str | None, str | None]:
    """The description as plain text and as harmless HTML; the former is made of the latter if it is not given."""
    text, page = prose("description", plain), prose("description_html", html)
    if page is None:
        return text, None
    clean = rich_text.sanitised(page)
    if not clean:
        raise DraftRefused("description_html: nothing is left of it without scripts and the like")
    return text or rich_text.plain(clean) or None, clean


def uid(given: str | None, host: str) -> str:
    """The UID octet for octet, or a new one (RFC 7986 5.3)."""
    if given is None:
        return f"{uuid4()}@{addresses.domain(host)}"
    required("uid", given)
    return given
