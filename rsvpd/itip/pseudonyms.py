"""A person's addresses and names taken out of what is kept, and a pseudonym put there instead.

The same address gives the same pseudonym with one key, so that counts and
delegations stay right; without the key it says nothing.
"""

from __future__ import annotations

import base64
import hmac
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from email import message_from_bytes
from typing import Any

from rsvpd.itip.addresses import domain, normalise, without_detail

_DOMAIN = "erased.invalid"
"""Nothing is ever delivered to .invalid (RFC 2606 2)."""
NAME = "(erased)"
_FOLD = re.compile(r"\r?\n[ \t]")
_SHORTEST_NAME = 4
"""A shorter name is too often a word, and is taken out only where it is the person's own."""


def pseudonym(key: bytes, address: str) -> str:
    """The address that stands for a normalised one from now on."""
    digest = hmac.digest(key, address.encode(), "sha256")
    return f"{base64.b32encode(digest[:15]).decode('ascii').lower()}@{_DOMAIN}"


def is_pseudonym(address: str) -> bool:
    """Whether an address stands for somebody who was erased, so that no mail can go there."""
    return domain(address) == _DOMAIN


@dataclass(frozen=True, slots=True)
class Person:
    """Whom to take out: normalised addresses, each with every plus-detail, and names."""

    addresses: frozenset[str]
    names: frozenset[str]
    key: bytes = field(repr=False)
    _addressed: re.Pattern[str] = field(init=False, repr=False)
    _named: re.Pattern[str] | None = field(init=False, repr=False)

    def __post_init__(self) -> None:
        either = "|".join(sorted(map(_pattern, self.addresses)))
        object.__setattr__(
            self, "_addressed", re.compile(rf"(?<![\w.+-])(?:{either})(?!\.?[\w-])", re.IGNORECASE)
        )
        object.__setattr__(self, "_named", _names_pattern(self.names))

    def has(self, address: str | None) -> bool:
        """Whether an address is one of theirs."""
        return address is not None and without_detail(address) in self.addresses

    def mentioned_in(self, text: str) -> bool:
        """Whether a text has an address or a name of theirs."""
        return bool(self._addressed.search(text) or (self._named and self._named.search(text)))

    def taken_out_of(self, text: str) -> str:
        """The text with their pseudonym for each address, and without their names."""
        found = self._addressed.sub(self._replacement, text)
        return self._named.sub(NAME, found) if self._named else found

    def taken_out_of_json(self, value: Any) -> Any:  # noqa: ANN401  any JSON value
        """The same for every text in it."""
        if isinstance(value, str):
            return self.taken_out_of(value)
        if isinstance(value, list):
            return [self.taken_out_of_json(one) for one in value]
        if isinstance(value, dict):
            return {key: self.taken_out_of_json(one) for key, one in value.items()}
        return value

    def taken_out_of_calendar(self, raw: bytes, charset: str | None) -> bytes:
        """A calendar without them; its lines are unfolded, for a fold may stand inside an address."""
        codec, text = _decoded(raw, charset)
        unfolded = _FOLD.sub("", text)
        changed = self.taken_out_of(unfolded)
        return raw if changed == unfolded else changed.encode(codec, "surrogateescape")

    def mentioned_in_mail(self, raw: bytes) -> bool:
        """Whether a mail has them anywhere, however its parts are encoded."""
        texts = [raw.decode("latin-1"), raw.decode("utf-8", "replace"), raw.decode("utf-16-le", "replace")]
        for part in message_from_bytes(raw).walk():
            content = part.get_payload(decode=True)
            if isinstance(content, bytes):
                texts += [content.decode("utf-8", "replace"), content.decode("latin-1")]
        return any(self.mentioned_in(_FOLD.sub("", text)) or self.mentioned_in(text) for text in texts)

    def _replacement(self, found: re.Match[str]) -> str:
        written = found[0].replace("%40", "@")
        return pseudonym(self.key, normalise(written) or written.lower())


def person(addresses: Iterable[str], names: Iterable[str], key: bytes) -> Person:
    """Somebody with these normalised addresses."""
    return Person(frozenset(map(without_detail, addresses)), frozenset(names), key)


def _pattern(address: str) -> str:
    local, _, host = address.rpartition("@")
    hosts = {host, _unicode(host)}
    either = "|".join(sorted(map(re.escape, hosts)))
    return rf"{re.escape(local)}(?:\+[^\s@\"<>:;,]*)?(?:@|%40)(?:{either})"


def _unicode(host: str) -> str:
    try:
        return host.encode("ascii").decode("idna")
    except UnicodeError:
        return host


def _names_pattern(names: Iterable[str]) -> re.Pattern[str] | None:
    wanted = set()
    for name in names:
        words = name.split()
        if len("".join(words)) < _SHORTEST_NAME:
            continue
        wanted.add(r"\s+".join(map(re.escape, words)))
        if len(words) > 1:
            first, last = r"\s+".join(map(re.escape, words[:-1])), re.escape(words[-1])
            wanted.add(rf"{last}\\?,\s*{first}")
    if not wanted:
        return None
    return re.compile(rf"(?<!\w)(?:{'|'.join(sorted(wanted, key=len, reverse=True))})(?!\w)", re.IGNORECASE)


def _decoded(raw: bytes, charset: str | None) -> tuple[str, str]:
    """The codec and the text; what it cannot read goes through it unchanged."""
    if charset:
        try:
            return charset, raw.decode(charset)
        except (LookupError, UnicodeError):
            pass
    return "utf-8", raw.decode("utf-8", "surrogateescape")
