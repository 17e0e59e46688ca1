"""Settings of webhooks: which changes are told to whom, and what they are signed with."""

from __future__ import annotations

import base64
import binascii
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr, model_validator

from rsvpd.config.servers import Section
from rsvpd.config.values import ConfigInvalid, Duration, HookUrl, chosen_secret, one_secret

_PREFIX = "whsec_"
_KEY_BYTES = range(24, 65)
"""Standard Webhooks: «between 24 bytes (192 bits) and 64 bytes (512 bits)»."""
_LONGEST = timedelta(minutes=2)


class Kind(StrEnum):
    """What can change: the `kind` of a change in the feed."""

    MEETING_CREATED = "meeting.created"
    MEETING_UPDATED = "meeting.updated"
    MEETING_CANCELLED = "meeting.cancelled"
    MEETING_DELETED = "meeting.deleted"
    ATTENDEE_ADDED = "attendee.added"
    ATTENDEE_REMOVED = "attendee.removed"
    ATTENDEE_ANSWERED = "attendee.answered"
    ATTENDEE_DELIVERY = "attendee.delivery"
    ATTENDEE_UPDATED = "attendee.updated"
    OCCURRENCE_ANSWERED = "occurrence.answered"
    PROPOSAL_MADE = "proposal.made"
    PROPOSAL_ACCEPTED = "proposal.accepted"
    PROPOSAL_DECLINED = "proposal.declined"
    PROPOSAL_OVERTAKEN = "proposal.overtaken"
    PROPOSAL_UPDATED = "proposal.updated"
    REPLY_RECORDED = "reply.recorded"
    REPLY_SETTLED = "reply.settled"


def _matching(pattern: str) -> list[str]:
    """The kinds that are meant: one, or with `meeting.*` all that begin so."""
    family = pattern.removesuffix("*")
    found = [
        kind.value for kind in Kind if kind == pattern or (family != pattern and kind.startswith(family))
    ]
    if not found or (family != pattern and not family.endswith(".")):
        known = ", ".join(sorted({kind.split(".")[0] + ".*" for kind in Kind}))
        raise ValueError(f"{pattern!r} is no kind of change; write one such as attendee.answered, or {known}")
    return found


def _kind(pattern: str) -> str:
    _matching(pattern)
    return pattern


class WebhookSettings(Section):
    """A program that is told of changes."""

    name: str = Field(min_length=1, max_length=100, pattern=r"^[^\s/]+$")
    """What it is called; how far it was told is recorded under it."""
    url: HookUrl
    """Where changes are posted to."""
    secret: SecretStr | None = None
    """What they are signed with, `whsec_…`; better in a file of its own. While it is changed: the new one, a space, the old one."""
    secret_file: Path | None = None
    """File whose first line is the secret."""
    secret_env: str | None = Field(default=None, min_length=1)
    """Variable of the environment that holds it."""
    organizers: tuple[str, ...] = ()
    """Only changes of these organizers; of all by default."""
    kinds: tuple[Annotated[str, AfterValidator(_kind)], ...] = ()
    """Only these kinds, such as `attendee.answered`, or `attendee.*` for all of an attendee; all by default."""
    allow_private: bool = False
    """Allow `http`, and addresses of this machine or of a network that is not public."""
    ca_file: Path | None = None
    """Certificates to trust instead of the system's."""
    timeout: Annotated[Duration, Field(gt=timedelta(0), le=_LONGEST)] = timedelta(seconds=20)
    """How long one call may take in all."""

    @model_validator(mode="after")
    def _usable(self) -> Self:
        if not one_secret(self.secret, self.secret_file, self.secret_env, "secret"):
            raise ValueError(f"webhook {self.name}: give secret_file; {_MAKING}")
        if self.secret is not None:
            _keys(self.secret.get_secret_value(), "secret")
        parts = urlsplit(self.url)
        if parts.scheme == "http" and not self.allow_private:
            raise ValueError(
                f"http would send what people answer to {parts.hostname} in the clear; use https, "
                "or set allow_private = true for a network of your own"
            )
        return self

    @property
    def chosen_kinds(self) -> tuple[str, ...]:
        """The kinds it is told of; empty for all."""
        return tuple(kind for pattern in self.kinds for kind in _matching(pattern))

    def keys(self) -> tuple[bytes, ...]:
        """What to sign with, read when it is needed, so that a changed file is seen. Raises `ConfigInvalid`."""
        place = f"webhook {self.name}: secret"
        try:
            return _keys(chosen_secret(self.secret, self.secret_file, self.secret_env, place) or "", place)
        except ValueError as error:
            raise ConfigInvalid(str(error)) from error


_MAKING = "`echo whsec_$(openssl rand -base64 32)` makes one"


def _keys(text: str, place: str) -> tuple[bytes, ...]:
    """The keys in one or more secrets. Raises ValueError, without the secret."""
    found = []
    for word in text.split():
        try:
            key = base64.b64decode(word.removeprefix(_PREFIX), validate=True)
        except (binascii.Error, ValueError):
            key = b""
        if not word.startswith(_PREFIX) or len(key) not in _KEY_BYTES:
            raise ValueError(f"{place}: is not whsec_ with 24 to 64 octets in base64; {_MAKING}")
        found.append(key)
    if not found:
        raise ValueError(f"{place}: is empty; {_MAKING}")
    return tuple(found)
