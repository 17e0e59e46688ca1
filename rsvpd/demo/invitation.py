"""What a calendar client keeps of an invitation: the content lines of its VEVENT, as they stand there.

Written anew rather than borrowed from the daemon: these clients are the
outside world, and must not share its mistakes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from email import message_from_bytes, policy
from zoneinfo import ZoneInfo

from rsvpd.demo.wire import unescape, unfold

_LINE = re.compile(
    r'(?P<name>[\w-]+)(?P<parameters>(?:;[\w-]+=(?:"[^"]*"|[^":;]*))*):(?P<value>.*)', re.DOTALL
)


@dataclass(frozen=True, slots=True)
class Invitation:
    """A REQUEST (RFC 5546 3.2.2): the lines of its VEVENT by name, those of its VTIMEZONE, its Message-ID."""

    lines: dict[str, str]
    zone: tuple[str, ...]
    message_id: str

    def value(self, name: str) -> str:
        """The value of a property as it stands there, empty where there is none."""
        found = _LINE.fullmatch(self.lines.get(name, ""))
        return found["value"] if found else ""

    @property
    def uid(self) -> str:
        """UID, octet for octet."""
        return self.value("UID")

    @property
    def sequence(self) -> int:
        """SEQUENCE, 0 where there is none."""
        return int(self.value("SEQUENCE") or 0)

    @property
    def summary(self) -> str:
        """SUMMARY, as a person reads it."""
        return unescape(self.value("SUMMARY"))

    @property
    def organizer(self) -> str:
        """The mail address of ORGANIZER, where the answer goes."""
        return self.value("ORGANIZER").partition(":")[2]

    @property
    def start(self) -> datetime:
        """DTSTART, in the organizer's zone."""
        return self._time("DTSTART")

    @property
    def end(self) -> datetime:
        """DTEND, in the organizer's zone."""
        return self._time("DTEND")

    def _time(self, name: str) -> datetime:
        value = self.value(name)
        if value.endswith("Z"):
            return datetime.strptime(value, "%Y%m%dT%H%M%S%z").astimezone(UTC)
        zone = re.search(r';TZID="?([^":;]+)', self.lines[name])
        return datetime.strptime(value, "%Y%m%dT%H%M%S").replace(tzinfo=ZoneInfo(zone[1] if zone else "UTC"))


def read_invitation(mail: bytes) -> Invitation | None:
    """The invitation in a mail: its first text/calendar part with METHOD:REQUEST, None if it has none."""
    message = message_from_bytes(mail, policy=policy.compat32)
    for leaf in message.walk():
        payload = leaf.get_payload(decode=True)
        if leaf.get_content_type() == "text/calendar" and isinstance(payload, bytes):
            lines = unfold(payload)
            if "METHOD:REQUEST" in lines:
                event = {_name(line): line for line in _outermost(lines, "VEVENT")}
                zone = tuple(_block(lines, "VTIMEZONE"))
                return Invitation(event, zone, str(message["Message-ID"] or ""))
    return None


def _name(line: str) -> str:
    return re.split("[;:]", line, maxsplit=1)[0].upper()


def _block(lines: Iterable[str], kind: str) -> list[str]:
    """The lines from the first BEGIN of this kind to its END, both included."""
    found: list[str] = []
    for line in lines:
        if found or line == f"BEGIN:{kind}":
            found.append(line)
        if line == f"END:{kind}":
            break
    return found


def _outermost(lines: Iterable[str], kind: str) -> list[str]:
    """The lines of a component without those of the alarms inside it."""
    kept, depth = [], 0
    for line in _block(lines, kind):
        depth += line.startswith("BEGIN:")
        if depth == 1 and not line.startswith(("BEGIN:", "END:")):
            kept.append(line)
        depth -= line.startswith("END:")
    return kept
