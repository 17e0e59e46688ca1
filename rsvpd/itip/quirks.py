"""One small function per oddity of a calendar client, each naming the client.

Nothing here decides anything: each function undoes what one client, or one relay,
did to a calendar before anybody else looks at it.
"""

from __future__ import annotations

import html
import quopri
import re
from collections.abc import Sequence
from datetime import datetime

_ENCODED_PARAMETER = re.compile(
    rb";(PARTSTAT|ROLE|CUTYPE|RSVP|VALUE)=3D\"?[A-Z]|^RRULE:FREQ=3D[A-Z]", re.IGNORECASE | re.MULTILINE
)
_COMMENT_IN_DESCRIPTION = re.compile(
    r"outlook 1[0-2]\.0 mimedir|android|k desktop environment|libkcal|kmail|korganizer", re.IGNORECASE
)
_COMMENT_IN_BODY = re.compile(r"outlook for mac|macoutlook|outlook 1[4-6]\.0 mac", re.IGNORECASE)
_ADDRESS_AT_END = re.compile(r"(?P<head>.*?):(?P<address>\s*\"?mailto:[^:]*)", re.IGNORECASE | re.DOTALL)
_CLIENTS = tuple(
    (re.compile(pattern, re.IGNORECASE), name)
    for pattern, name in (
        (r"google", "Google Calendar"),
        (r"microsoft exchange", "Microsoft 365"),
        (r"outlook for mac|macoutlook|outlook.*mac", "Outlook for Mac"),
        (r"outlook", "Outlook"),
        (r"iphone|ipad|\bios\b", "iOS"),
        (r"mac os x|macos|ical ?[34]|apple", "Apple Calendar"),
        (r"mozilla|thunderbird", "Thunderbird"),
        (r"android", "Android"),
        (r"zimbra", "Zimbra"),
        (r"sogo|opengroupware", "SOGo"),
        (r"roundcube", "Roundcube"),
        (r"bluemind", "BlueMind"),
        (r"k desktop|korganizer|libkcal|kalendar", "KDE"),
        (r"fastmail|cyrus", "Fastmail or Cyrus"),
        (r"lotus|domino", "Lotus Notes"),
    )
)
_ESCAPED = re.compile(r"\\([nN\\;,])")
_NO_REPLY_TIME = 1601
_PRODUCT_PREFIX = re.compile(r"^[-+]?//")


def undo_quoted_printable(data: bytes) -> bytes:
    """Relays that encode a part and lose the header that says so leave `PARTSTAT=3DACCEPTED`."""
    if not _ENCODED_PARAMETER.search(data):
        return data
    return quopri.decodestring(data)


def split_unquoted_colon(line: str) -> tuple[str, str] | None:
    """`CN=Sales: North:mailto:a@example.org` (older Notes gateways): the head, and the last mailto.

    A CN with a colon must be quoted (RFC 5545 3.2); cutting at the first colon
    would lose PARTSTAT and the address.
    """
    found = _ADDRESS_AT_END.fullmatch(line)
    return (found["head"], found["address"]) if found else None


def sequence(stated: int | None, appointment_sequence: int | None) -> int | None:
    """Outlook writes SEQUENCE:0 and keeps the real one in X-MICROSOFT-CDO-APPT-SEQUENCE."""
    if appointment_sequence is not None and appointment_sequence > 0 and not stated:
        return appointment_sequence
    return stated


def reply_time(stated: datetime | None) -> datetime | None:
    """X-MICROSOFT-CDO-REPLYTIME; Exchange writes the first day of its own calendar, in 1601, for none."""
    return stated if stated and stated.year > _NO_REPLY_TIME else None


def response_comment(values: Sequence[str]) -> str:
    """Google's comment: HTML (`it&#39;s`) inside a parameter, escaped like TEXT, by some without quotes."""
    return html.unescape(_ESCAPED.sub(lambda m: "\n" if m[1] in "nN" else m[1], ",".join(values)))


def keeps_comment_in_description(prodid: str | None) -> bool:
    """Outlook 2003, Android's e-mail program and KDE put the attendee's words in DESCRIPTION."""
    return bool(prodid and _COMMENT_IN_DESCRIPTION.search(prodid))


def keeps_comment_in_body(prodid: str | None) -> bool:
    """Outlook for Mac puts the attendee's words in the HTML part alone."""
    return bool(prodid and _COMMENT_IN_BODY.search(prodid))


def client_name(prodid: str | None) -> str | None:
    """A name a person knows for a PRODID such as `-//Google Inc//Google Calendar 70.9054//EN`.

    SOGo sends the invitation's own PRODID back, so ours is no client's name.
    """
    if not prodid or "rsvpd" in prodid.lower():
        return None
    known = next((name for pattern, name in _CLIENTS if pattern.search(prodid)), None)
    words = [word.strip() for word in _PRODUCT_PREFIX.sub("", prodid).split("//") if len(word.strip()) > 2]
    return known or ((words[1] if len(words) > 1 else words[0])[:80] if words else None)
