"""The files that go with a meeting."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from rsvpd.drafts.refusals import DraftRefused
from rsvpd.drafts.words import line
from rsvpd.itip import attachments
from rsvpd.itip.model import Attachment

_MOST = 50
"""Files that a meeting may have."""


class Files(Protocol):
    """What a draft may name: whoever took the draft knows which folder it is in.

    Both raise OSError, for what is no ordinary file too.
    """

    def size(self, path: str) -> int:
        """How many octets the file has."""

    def read(self, path: str) -> bytes:
        """What is in it."""


def attached(paths: Sequence[str], files: Files | None, limit: int) -> tuple[Attachment, ...]:
    """The files at `paths` with safe names, together at most `limit` octets; none that is larger is read."""
    if not paths:
        return ()
    if files is None:
        raise DraftRefused("attachments: no files can be named here, leave it out")
    if len(paths) > _MOST:
        raise DraftRefused(f"attachments: {len(paths)} are too many, give at most {_MOST}")
    found: dict[str, Attachment] = {}
    used = 0
    for number, path in enumerate(paths, 1):
        one = _attachment(f"attachment {number}", path, files, used, limit)
        if one.name in found:
            raise DraftRefused(f"attachment {number}: {one.name} is there twice, leave one out")
        used += len(one.data)
        found[one.name] = one
    return tuple(found.values())


def _attachment(place: str, stated: str, files: Files, used: int, limit: int) -> Attachment:
    path = line(place, stated)
    if path is None:
        raise DraftRefused(f"{place}: empty, leave it out")
    try:
        _refuse_large(place, path, files.size(path), used, limit)
        data = files.read(path)
    except OSError as error:
        raise DraftRefused(f"{place}: {path}: {(error.strerror or str(error)).lower()}") from None
    _refuse_large(place, path, len(data), used, limit)  # it may have grown
    if not data:
        raise DraftRefused(f"{place}: {path} is empty, leave it out")
    name = attachments.safe_name(path)
    return Attachment(name, attachments.media_type(name), data)


def _refuse_large(place: str, path: str, size: int, used: int, limit: int) -> None:
    if used + size > limit:
        before = f", with the files before it {used + size:,}" if used else ""
        raise DraftRefused(
            f"{place}: {path} has {size:,} bytes{before}; the limit is {limit:,}, send a link instead"
        )
