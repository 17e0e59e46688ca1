"""Mails as real clients write them, one small function for each client.

`CLIENTS` are shapes in which an answer is to be understood whatever the client; `builders.odd` holds
the oddities that break readers, and what looks like an answer and is none.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from builders.apple import ios, macos
from builders.facts import ANSWERED_AT, ATTENDEE, ORGANIZER, Facts, Party
from builders.google import google
from builders.microsoft import exchange2010, microsoft365, outlook2003, outlook_mac
from builders.others import android, cyrus, cyrus_mixed, kde, lotus_notes, thunderbird
from builders.servers import bluemind, bluemind_related, roundcube, sogo, sogo5, zimbra
from builders.tnef import exchange2007_tnef, outlook_tnef

CLIENTS: Final[Mapping[str, Callable[[Facts], bytes]]] = MappingProxyType(
    {
        "google": google,
        "microsoft365": microsoft365,
        "exchange2010": exchange2010,
        "exchange2007_tnef": exchange2007_tnef,
        "outlook_tnef": outlook_tnef,
        "outlook2003": outlook2003,
        "outlook_mac": outlook_mac,
        "ios": ios,
        "macos": macos,
        "android": android,
        "thunderbird": thunderbird,
        "zimbra": zimbra,
        "sogo": sogo,
        "sogo5": sogo5,
        "roundcube": roundcube,
        "bluemind": bluemind,
        "bluemind_related": bluemind_related,
        "kde": kde,
        "cyrus": cyrus,
        "cyrus_mixed": cyrus_mixed,
        "lotus_notes": lotus_notes,
    }
)

__all__ = [
    "ANSWERED_AT",
    "ATTENDEE",
    "CLIENTS",
    "ORGANIZER",
    "Facts",
    "Party",
    "android",
    "bluemind",
    "bluemind_related",
    "cyrus",
    "cyrus_mixed",
    "exchange2007_tnef",
    "exchange2010",
    "google",
    "ios",
    "kde",
    "lotus_notes",
    "macos",
    "microsoft365",
    "outlook2003",
    "outlook_mac",
    "outlook_tnef",
    "roundcube",
    "sogo",
    "sogo5",
    "thunderbird",
    "zimbra",
]
