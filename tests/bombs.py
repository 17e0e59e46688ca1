"""Small or large input that was made to cost much; `python -m bombs NAME` reads one, within the limits it sets.

The kernel holds the limits: more processor time or more memory ends the process.
"""

from __future__ import annotations

import resource
import sys
from base64 import encodebytes
from collections.abc import Callable
from datetime import UTC, datetime
from types import MappingProxyType

from rsvpd.itip import occurrences, tnef
from rsvpd.itip.ics import reading as ics_reading
from rsvpd.itip.ics.meetings import Imported, read_meetings
from rsvpd.itip.ics.reading import Limits
from rsvpd.itip.reading import read_mail

MEGABYTE = 1024 * 1024
PROCESSOR_SECONDS, MEMORY = 15, 1024 * MEGABYTE
"""What reading one may cost on a slow machine; most take a tenth of a second and no memory to speak of."""

_REPLY = (
    b"BEGIN:VCALENDAR\r\nMETHOD:REPLY\r\nBEGIN:VEVENT\r\nUID:x@example.org\r\nDTSTAMP:20261201T090000Z\r\n"
    b"ATTENDEE;PARTSTAT=ACCEPTED:mailto:alice@example.com\r\n%sEND:VEVENT\r\nEND:VCALENDAR\r\n"
)
_HEAD = b"From: alice@example.com\r\nTo: events@example.org\r\nMIME-Version: 1.0\r\n"


def _mail(content: bytes, *, coded: bool = False) -> bytes:
    coding = b"Content-Transfer-Encoding: base64\r\n" if coded else b""
    return (
        _HEAD
        + coding
        + b"Content-Type: text/calendar; method=REPLY\r\n\r\n"
        + (encodebytes(content) if coded else content)
    )


def _nested(kind: bytes, levels: int) -> bytes:
    parts = [
        b"Content-Type: multipart/%s; boundary=b%d\r\n\r\n--b%d\r\n" % (kind, n, n) for n in range(levels)
    ]
    return _HEAD + b"".join(parts) + b"Content-Type: text/calendar\r\n\r\n" + _REPLY % b""


def _forwarded(levels: int) -> bytes:
    return (_HEAD + b"Content-Type: message/rfc822\r\n\r\n") * levels + _mail(_REPLY % b"")


def _side_by_side(parts: int) -> bytes:
    part = b"--b\r\nContent-Type: text/calendar; method=REPLY\r\n\r\n" + _REPLY % b""
    return _HEAD + b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + part * parts + b"--b--\r\n"


def _series(*lines: bytes) -> bytes:
    rules = b"".join(line + b"\r\n" for line in lines)
    return (
        b"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\nBEGIN:VEVENT\r\nUID:x@example.org\r\n"
        b"ORGANIZER:mailto:events@example.org\r\nATTENDEE:mailto:alice@example.com\r\n"
        b"DTSTART:20261201T090000Z\r\nDTEND:20261201T100000Z\r\n%sEND:VEVENT\r\nEND:VCALENDAR\r\n" % rules
    )


def _resolved(*lines: bytes) -> Callable[[], object]:
    """Registers the series, if that is allowed, and looks for an occurrence far away."""

    def read() -> None:
        found = read_meetings(_series(*lines))
        for one in found if isinstance(found, tuple) else ():
            if isinstance(one, Imported):
                occurrences.resolve(one.meeting, datetime(2999, 12, 1, 9, 0, 7, tzinfo=UTC))
                occurrences.ended_before(one.meeting, datetime(2999, 12, 1, tzinfo=UTC))

    return read


def _read(make: Callable[[], bytes]) -> Callable[[], object]:
    return lambda: read_mail(make())


def _parsed(make: Callable[[], bytes]) -> Callable[[], object]:
    return lambda: ics_reading.read(make())


_ATTENDEES = b"ATTENDEE;PARTSTAT=DECLINED:mailto:p%07d@example.com\r\n"
_LARGEST = b"x" * (Limits().message_bytes - MEGABYTE)
_EVERY = b"RRULE:FREQ=SECONDLY;UNTIL=30261201T090000Z"
_POSITIONS = b"BYSETPOS=" + b",".join(b"%d" % n for n in range(1, 367))
_ALL_SECONDS = b"BYSECOND=" + b",".join(b"%d" % n for n in range(60))

BOMBS = MappingProxyType(
    {
        "ten thousand multiparts in each other": _read(lambda: _nested(b"mixed", 10_000)),
        "ten thousand alternatives in each other": _read(lambda: _nested(b"alternative", 10_000)),
        "ten thousand mails in each other": _read(lambda: _forwarded(10_000)),
        "fifty thousand parts side by side": _read(lambda: _side_by_side(50_000)),
        "the largest part that is read": _read(lambda: _mail(_REPLY % (b"COMMENT:" + _LARGEST + b"\r\n"))),
        "the largest part in base64": _read(lambda: _mail(_LARGEST[: len(_LARGEST) * 5 // 7], coded=True)),
        "a million attendees": _parsed(lambda: _REPLY % b"".join(_ATTENDEES % n for n in range(1_000_000))),
        "a million attendees in a mail": _read(
            lambda: _mail(_REPLY % b"".join(_ATTENDEES % n for n in range(400_000)), coded=True)
        ),
        "a folded line of 1 MB": _parsed(
            lambda: _REPLY % (b"COMMENT:" + b"x\r\n " * (MEGABYTE // 4) + b"\r\n")
        ),
        "a line of 1 MB that folds at each octet": _parsed(
            lambda: _REPLY % (b"\r\n ".join([b"C"] * 300_000) + b"\r\n")
        ),
        "a component of 50,000 properties": _parsed(lambda: _REPLY % (b"X-PROPERTY:1\r\n" * 50_000)),
        "a property of 50,000 parameters": _parsed(
            lambda: _REPLY % (b"X-A" + b";X-B=1" * 50_000 + b":1\r\n")
        ),
        "a parameter that never ends": _parsed(lambda: _REPLY % (b'COMMENT;X="' + b"x" * MEGABYTE + b"\r\n")),
        "fifty thousand events": _parsed(
            lambda: _REPLY % (b"END:VEVENT\r\nBEGIN:VEVENT\r\nUID:y\r\n" * 50_000)
        ),
        "fifty thousand components in each other": _parsed(lambda: b"BEGIN:VCALENDAR\r\n" * 50_000),
        "a hundred thousand headers": _read(lambda: b"X-Flood: 1\r\n" * 100_000 + _mail(_REPLY % b"")),
        "a header of 10 MB": _read(
            lambda: b"Subject: " + b"x" * (10 * MEGABYTE) + b"\r\n" + _mail(_REPLY % b"")
        ),
        "a header of encoded words": _read(
            lambda: b"Subject: " + b"=?utf-8?q?x?= " * 100_000 + b"\r\n" + _mail(_REPLY % b"")
        ),
        "a header of comments in comments": _read(
            lambda: b"To: " + b"(" * 100_000 + b"\r\n" + _mail(_REPLY % b"")
        ),
        "a header of addresses": _read(lambda: b"To: " + b"<a@b>," * 100_000 + b"\r\n" + _mail(_REPLY % b"")),
        "references to a hundred thousand mails": _read(
            lambda: b"References: " + b"<a@b> " * 100_000 + b"\r\n" + _mail(_REPLY % b"")
        ),
        "authentication results that never end": _read(
            lambda: b"Authentication-Results: x" + b"; dkim=pass (a" * 50_000 + b"\r\n" + _mail(_REPLY % b"")
        ),
        "HTML in HTML": _read(lambda: _HEAD + b"Content-Type: text/html\r\n\r\n" + b"<div><b>" * 200_000),
        "a winmail.dat that announces 4 GB": lambda: tnef.read(
            b"\x78\x9f\x3e\x22\0\0" + b"\x01\x06\x90\x08\0" + b"\xff" * 12
        ),
        "a winmail.dat of a million attributes": lambda: tnef.read(
            b"\x78\x9f\x3e\x22\0\0" + b"\x01\x06\x90\x08\0\0\0\0\0\0\0" * 1_000_000
        ),
        "every second for a thousand years": _resolved(_EVERY),
        "every second, by all positions": _resolved(
            b"RRULE:FREQ=YEARLY;BYDAY=MO,TU;%s;%s" % (_ALL_SECONDS, _POSITIONS)
        ),
        "a position that never comes": _resolved(b"RRULE:FREQ=DAILY;BYHOUR=1;BYSETPOS=366"),
        "a day that never comes": _resolved(b"RRULE:FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30"),
        "a thousand rules": _resolved(*[_EVERY] * 1_000),
        "a hundred thousand extra dates": _resolved(*[b"RDATE:20261202T090000Z"] * 100_000),
    }
)


def main() -> None:
    """Reads the bomb; what it took goes to standard output."""
    bomb = BOMBS[sys.argv[1]]
    resource.setrlimit(resource.RLIMIT_CPU, (PROCESSOR_SECONDS, PROCESSOR_SECONDS))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    bomb()
    used = resource.getrusage(resource.RUSAGE_SELF)
    print(f"{used.ru_utime:.1f} s, {used.ru_maxrss // 1024} MB")


if __name__ == "__main__":
    main()
