"""Where the fuzzer begins: what real clients and servers write, and what was found before."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from builders import CLIENTS, Facts, Party
from builders.odd import NOT_ANSWERS, ODDITIES, SILENT
from builders.odd_ics import clean
from rsvpd.itip import mime

_HERE = Path(__file__).parent
FINDINGS = _HERE / "findings"
"""A folder for each target that something was found in; each file is a test from then on."""

_FACTS = Facts(
    comment="Zoë: später",
    recurrence_id=datetime(2026, 12, 10, 13, 0, tzinfo=UTC),
    others=(Party("bob@example.net", "Bob"),),
    in_reply_to="r1@example.org",
)
_SERIES = (
    clean(replace(_FACTS, method="REQUEST"))
    .replace(b"SUMMARY", b"RRULE:FREQ=WEEKLY\r\nEXDATE;TZID=Europe/Zurich:20261210T140000\r\nSUMMARY")
    .replace(b"METHOD:REQUEST\r\n", b"")
)


def found(target: str) -> list[Path]:
    """What once broke it, smallest first."""
    return sorted((FINDINGS / target).glob("*"), key=lambda file: (file.stat().st_size, file.name))


def seeds(target: str) -> Iterator[bytes]:
    """Bytes that the target understands, and what once broke it."""
    yield from (file.read_bytes() for file in found(target))
    mails = [build(_FACTS) for build in {**CLIENTS, **ODDITIES, **NOT_ANSWERS, **SILENT}.values()]
    mails += [file.read_bytes() for file in sorted((_HERE.parent / "captures").glob("*.eml"))]
    if target in {"mail", "parts", "report"}:
        yield from mails
    elif target == "winmail":
        yield from (winmail for mail in mails for winmail in mime.read(mail).winmails)
    else:
        yield from (part.data for mail in mails for part in mime.read(mail).calendars)
        yield from (file.read_bytes() for file in sorted((_HERE.parent / "captures").glob("*.ics")))
        yield _SERIES
