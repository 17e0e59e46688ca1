"""What a meeting says beside what, when, where and who."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import timedelta

from rsvpd.drafts.refusals import WANTED, DraftRefused
from rsvpd.drafts.shape import AlarmShape, DraftShape
from rsvpd.drafts.times import length
from rsvpd.drafts.words import line
from rsvpd.itip.model import Alarm, Attachment, Classification, Details
from rsvpd.itip.urls import CALLS, LONGEST, PAGES, is_url

_PRIORITIES = {"high": 1, "normal": 5, "low": 9}
"""RFC 5545 3.8.1.9 calls these the highest, the medium and the lowest."""
_CLASSES = {value.value.casefold(): value for value in Classification}
_EARLIEST = timedelta(days=366)
_MOST = 50
"""Categories, and alarms, that a meeting may have."""


def details(shape: DraftShape, html: str | None, attachments: tuple[Attachment, ...]) -> Details:
    """Everything of `shape` that goes into `Details`."""
    if shape.busy is not None and shape.transparent is not None:
        raise DraftRefused("busy, transparent: give one of the two")
    return Details(
        html=html,
        conference=_url("conference", shape.conference, CALLS),
        url=_url("url", shape.url, PAGES),
        priority=_priority(shape.priority),
        classification=_classification(shape.classification),
        transparent=shape.transparent is True or shape.busy is False,
        categories=_categories(shape.categories),
        alarms=_alarms(shape.alarms),
        attachments=attachments,
        announcement=shape.announcement,
    )


_HELD = {
    "description": "html",
    "description_html": "html",
    "conference": "conference",
    "url": "url",
    "priority": "priority",
    "class": "classification",
    "busy": "transparent",
    "transparent": "transparent",
    "categories": "categories",
    "alarms": "alarms",
    "attachments": "attachments",
    "announcement": "announcement",
}
"""Which field of `Details` each key of a draft is about: another plain description outdates the one in HTML."""


def with_stated(before: Details, drafted: Details, keys: Collection[str]) -> Details:
    """`before` with what a draft that has only these `keys` says anew, everything else as it was."""
    names = {_HELD[key] for key in keys if key in _HELD}
    return replace(before, **{name: getattr(drafted, name) for name in names})


def _url(field: str, given: str | None, schemes: frozenset[str]) -> str | None:
    value = line(field, given)
    if value is None:
        return None
    if len(value) > LONGEST:
        raise DraftRefused(f"{field}: longer than {LONGEST} characters, give a shorter address")
    if not is_url(value, schemes):
        raise DraftRefused(f"{field}: {value!r} is no address of that kind, {WANTED[field]}")
    return value


def _priority(given: int | str | None) -> int:
    if given is None:
        return 0
    value = _PRIORITIES.get(given.strip().casefold()) if isinstance(given, str) else given
    if value is None or value not in range(10):
        raise DraftRefused(f"priority: {given!r} is none, {WANTED['priority']}")
    return value


def _classification(given: str | None) -> Classification:
    value = _CLASSES.get((given or "public").strip().casefold())
    if value is None:
        raise DraftRefused(f"class: unknown class {given!r}, {WANTED['class']}")
    return value


def _categories(given: Sequence[str]) -> tuple[str, ...]:
    """Each once, in their order."""
    _refuse_many("categories", given)
    found: dict[str, None] = {}
    for number, text in enumerate(given, 1):
        value = line(f"category {number}", text)
        if value is None:
            raise DraftRefused(f"category {number}: empty, leave it out")
        found[value] = None
    return tuple(found)


def _alarms(given: Sequence[AlarmShape]) -> tuple[Alarm, ...]:
    _refuse_many("alarms", given)
    return tuple(_alarm(f"alarm {number}", shape) for number, shape in enumerate(given, 1))


def _alarm(place: str, shape: AlarmShape) -> Alarm:
    before = sum(length(f"{place}: before", shape.before), timedelta())
    if before > _EARLIEST:
        raise DraftRefused(f"{place}: {shape.before!r} is more than a year before, check it")
    counted_from = (shape.counted_from or "start").strip().casefold()
    if counted_from not in {"start", "end"}:
        raise DraftRefused(f"{place}: from: {shape.counted_from!r} not understood, {WANTED['from']}")
    return Alarm(before, from_end=counted_from == "end")


def _refuse_many(field: str, given: Sequence[object]) -> None:
    if len(given) > _MOST:
        raise DraftRefused(f"{field}: {len(given)} are too many, give at most {_MOST}")
