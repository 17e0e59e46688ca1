"""Calendar user addresses: one spelling for each mailbox, so that they can be compared."""

from __future__ import annotations

import re
from urllib.parse import unquote

import idna

_LONGEST = 320  # RFC 5321 4.5.3.1: 64 octets, an at sign, 255 octets
_QUOTED_LOCAL = re.compile(r"^\"([^\s@<>,;:\"\\]+)\"(?=@)")
_ADDRESS = re.compile(r"[^\s@<>,;:\"]+@[^\s@<>,;:\"]+\.?")


_ANGLED = re.compile(rf"[^<>@]*<({_ADDRESS.pattern})")


def normalise(text: str) -> str | None:
    """The mailbox that a calendar user address or mail address names, or None.

    Takes `mailto:` off in any case (Outlook writes MAILTO:, Google once left it
    out), quotes and angle brackets, percent-encoding after a mailto: (RFC 6068
    2), makes an internationalised domain its A-label and lowers case (not `casefold`,
    which would make `straße@` and `strasse@` one).
    """
    value = _bare(text)
    if value[:7].casefold() == "mailto:":
        value = _bare(unquote(value[7:].split("?", 1)[0]))
    if not _ADDRESS.fullmatch(value):
        angled = _ANGLED.fullmatch(value)  # mailto:Ann <ann@example.org>
        if angled is None:
            return None
        value = angled[1]
    local, _, domain = value.rpartition("@")
    ascii_domain = _ascii(domain.rstrip("."))
    address = f"{local.lower()}@{ascii_domain}"
    return address if ascii_domain and len(address) <= _LONGEST else None


def _bare(text: str) -> str:
    value = text.strip().strip("<>").strip()
    return _QUOTED_LOCAL.sub(r"\1", value).strip("\"'<>").strip()


def without_detail(address: str) -> str:
    """`address` with its plus-detail removed: `ann+work@example.org` is `ann@example.org`."""
    local, _, domain = address.rpartition("@")
    base = local.split("+", 1)[0]
    return f"{base or local}@{domain}"


def detail(address: str) -> str | None:
    """The plus-detail of `address`, None if it has none."""
    local, _, _ = address.rpartition("@")
    _, plus, found = local.partition("+")
    return found if plus and found else None


def with_detail(address: str, detail: str) -> str:
    """`address` with `detail` as its plus-detail (RFC 5233 1)."""
    local, _, domain = without_detail(address).rpartition("@")
    return f"{local}+{detail}@{domain}"


def domain(address: str) -> str:
    """The domain of a normalised address."""
    return address.rpartition("@")[2]


def _ascii(name: str) -> str | None:
    if name.isascii():
        return name.lower()
    try:
        return idna.encode(name, uts46=True).decode("ascii").lower()
    except idna.IDNAError:
        return None
