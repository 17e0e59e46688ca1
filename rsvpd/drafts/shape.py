"""The keys of a draft and the kinds of their values; nothing here looks at what a value says."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from difflib import get_close_matches
from typing import Annotated, TypeAlias

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from rsvpd.drafts.refusals import WANTED, DraftRefused

Stated: TypeAlias = str | datetime | date
"""A time as JSON (text) or TOML (also its own kinds) gives it."""

_NAMED = re.compile(r"(?P<name>[^<>]*)<(?P<email>[^<>]*)>", re.DOTALL)


def _person(value: object) -> object:
    """`Name <address>`, as flags give it, in the shape of a table."""
    if not isinstance(value, str):
        return value
    found = _NAMED.fullmatch(value.strip())
    if not found:
        return {"email": value}
    return {"email": found["email"], "name": found["name"].strip().strip('"').replace('\\"', '"')}


def _alarm(value: object) -> object:
    return {"before": value} if isinstance(value, str) else value


def _series(value: object) -> object:
    return {"rrule": value} if isinstance(value, str) else value


class _Shape(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class AttendeeShape(_Shape):
    """Somebody to invite."""

    email: str
    name: str | None = None
    role: str | None = None
    cutype: str | None = None
    rsvp: bool | None = None


class AlarmShape(_Shape):
    """A reminder."""

    before: str
    counted_from: str | None = Field(default=None, alias="from")


class RecurrenceShape(_Shape):
    """How the meeting repeats."""

    rrule: str | None = None
    rdate: Annotated[tuple[Stated, ...], Field(strict=False)] = ()
    exdate: Annotated[tuple[Stated, ...], Field(strict=False)] = ()


class DraftShape(_Shape):
    """Everything that a draft may say."""

    organizer: str
    uid: str | None = None
    summary: str
    description: str | None = None
    description_html: str | None = None
    location: str | None = None
    start: Stated
    end: Stated | None = None
    duration: str | None = None
    zone: str | None = None
    recurrence: Annotated[RecurrenceShape, BeforeValidator(_series)] | None = None
    conference: str | None = None
    url: str | None = None
    priority: int | str | None = None
    classification: str | None = Field(default=None, alias="class")
    busy: bool | None = None
    transparent: bool | None = None
    categories: Annotated[tuple[str, ...], Field(strict=False)] = ()
    alarms: Annotated[tuple[Annotated[AlarmShape, BeforeValidator(_alarm)], ...], Field(strict=False)] = ()
    attachments: Annotated[tuple[str, ...], Field(strict=False)] = ()
    announcement: bool = False
    attendees: Annotated[tuple[Annotated[AttendeeShape, BeforeValidator(_person)], ...], Field(strict=False)]


_ITEMS: Mapping[str, tuple[str, type[BaseModel] | None, str]] = {
    "attendees": ("attendee", AttendeeShape, "write 'Name <address>', or a table with email, name and role"),
    "alarms": ("alarm", AlarmShape, "write it like 15m, or a table with before and from"),
    "attachments": ("attachment", None, "give the path of a file"),
    "categories": ("category", None, "give a text"),
}
"""For the keys that hold a list: what one of them is called, its own keys, and what to write."""


def shape_of(fields: Mapping[str, object]) -> DraftShape:
    """`fields` with every value of its kind; None counts as not given.

    Raises:
        DraftRefused: a key that is unknown or missing, a value of another kind.
    """
    given = {key: value for key, value in fields.items() if value is not None}
    try:
        return DraftShape.model_validate(given)
    except ValidationError as error:
        raise DraftRefused(_complaint(error)) from None


def _complaint(error: ValidationError) -> str:
    """The first thing that is wrong with the shape; an unknown key first, for it explains a missing one."""
    details = error.errors(include_url=False, include_context=False)
    first = min(details, key=lambda detail: detail["type"] != "extra_forbidden")
    place, model, inside = _place(first["loc"])
    if not inside:
        return f"{place}{_ITEMS[str(first['loc'][0])][2]}"
    key = str(inside[0])
    if first["type"] == "extra_forbidden":
        return f"{place}unknown key {key!r}: {_nearest(key, _keys(model))}"
    if first["type"] == "missing":
        return f"{place}{key}: missing, {WANTED[key]}"
    return f"{place}{key}: not understood, {WANTED[key]}"


def _place(location: Sequence[int | str]) -> tuple[str, type[BaseModel], Sequence[int | str]]:
    """How the place inside the draft is called, what has its keys, and the location from there on."""
    outer = str(location[0])
    if outer in _ITEMS and len(location) > 1:
        called, model, _ = _ITEMS[outer]
        return f"{called} {int(location[1]) + 1}: ", model or DraftShape, location[2:] if model else ()
    if outer == "recurrence" and len(location) > 1:
        return "recurrence: ", RecurrenceShape, location[1:]
    return "", DraftShape, location


def _keys(model: type[BaseModel]) -> list[str]:
    return [found.alias or name for name, found in model.model_fields.items()]


def _nearest(key: str, known: Sequence[str]) -> str:
    longer = [name for name in known if key.startswith(name) or name.startswith(key)]
    close = longer[:1] or get_close_matches(key, known, n=1)
    return f"did you mean {close[0]!r}?" if close else f"known are {', '.join(known)}"
