"""Files that go with a meeting: how large, under which name, as which media type."""

from __future__ import annotations

import mimetypes
import re
import unicodedata

from rsvpd.itip.model import Method

TOTAL_BYTES = 1536 * 1024
"""All files of a meeting together, in octets, unless a caller says otherwise.

Each is in the mail three times (in both copies of the calendar, base64 in base64, and beside them), which
makes it five times as large: with more, the 10,240,000 octets that Postfix takes by default are not enough.
"""

OFFERED_WITH = frozenset({Method.PUBLISH, Method.REQUEST, Method.ADD})
"""Methods that bring something to keep; with a CANCEL or a DECLINECOUNTER no file is of use to anybody."""

_NAME_OCTETS = 200
"""Less than the 255 that most file systems allow, and still a line of a header."""
_UNWANTED = re.compile(r'[<>:"|?*\\/]')
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
"""Cf has the marks that turn the direction of writing, so that `gpj.exe` reads as `exe.jpg`."""
_JOINERS = "\u200c\u200d"
"""Of Cf too, but emoji and several scripts need them."""
_MEDIA_TYPE = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]{0,126}/[a-z0-9][a-z0-9!#$&^_.+-]{0,126}")
_OCTETS = "application/octet-stream"
_KNOWN = mimetypes.MimeTypes()
"""Without the files of the system, so that a name means the same everywhere."""


def safe_name(name: str) -> str:
    """`name` as a file name for every system: no path, nothing invisible, at most 200 octets of UTF-8."""
    base = re.split(r"[/\\]", name.rstrip("/\\"))[-1]
    shown = "".join(c for c in base if c in _JOINERS or unicodedata.category(c) not in _UNSEEN)
    clean = " ".join(_UNWANTED.sub("_", shown).split()).strip(". ")
    return _shortened(clean) or "attachment"


def _shortened(name: str) -> str:
    """`name` with its extension in no more octets than allowed, no character cut in half."""
    if len(name.encode()) <= _NAME_OCTETS:
        return name
    stem, dot, extension = name.rpartition(".")
    tail = dot + extension if stem and len(extension.encode()) <= 10 else ""
    head = (stem if tail else name).encode()[: _NAME_OCTETS - len(tail.encode())]
    return head.decode("utf-8", "ignore") + tail


def media_type(name: str) -> str:
    """The media type that the extension of `name` stands for, `application/octet-stream` where it says nothing."""
    kind, encoding = _KNOWN.guess_type(name)
    return known_type(kind if encoding is None else None)


def known_type(stated: str | None) -> str:
    """`stated` in lower case without parameters, if it is a media type (RFC 6838 4.2)."""
    kind = (stated or "").partition(";")[0].strip().lower()
    return kind if _MEDIA_TYPE.fullmatch(kind) else _OCTETS
