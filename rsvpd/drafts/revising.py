"""A meeting with what somebody says anew of it; everything else stays as it was."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo

from rsvpd.drafts import content, files, people, series, times, words
from rsvpd.drafts.files import Files
from rsvpd.drafts.refusals import DraftRefused
from rsvpd.drafts.shape import DraftShape, shape_of
from rsvpd.itip import attachments, changing
from rsvpd.itip.model import Attendee, Meeting, When

_FIXED = {
    "organizer": "cannot be changed, calendars would take it for another meeting; "
    "cancel this one and create a new one",
    "uid": "cannot be changed, it is what makes it this meeting; cancel this one and create a new one",
    "announcement": "cannot be changed later; cancel this one and create a new one",
    "attendees": "are changed one by one: `rsvpd attendee add` and `rsvpd attendee remove`",
}
_WHEN = frozenset({"start", "end", "duration", "zone"})
_WORDS = frozenset({"description", "description_html"})


def redraft(
    before: Meeting,
    fields: Mapping[str, object],
    *,
    now: datetime,
    attachable: Files | None = None,
    attachment_bytes: int = attachments.TOTAL_BYTES,
) -> Meeting:
    """`before` with what `fields` say anew, checked as a new meeting would be; its SEQUENCE stays.

    Args:
        before: the meeting as it is.
        fields: those of `draft` but organizer, uid, announcement and attendees; None counts
            as not given, an empty text or list takes away. A `start` alone keeps the length,
            and what was said of single occurrences moves with the series.
        now: aware; what is over already when it is made is refused.
        attachable: what gives the files that `attachments` names; without it there are none.
        attachment_bytes: how large these may be together.

    Raises:
        DraftRefused: anything that could not be sent.
    """
    stated = {key: value for key, value in fields.items() if value is not None}
    for key in stated.keys() & _FIXED:
        raise DraftRefused(f"{key}: {_FIXED[key]}")
    shape = _shape({"summary": before.summary, "start": before.start, **stated})
    description, html = words.descriptions(shape.description, shape.description_html)
    attached = files.attached(shape.attachments, attachable, attachment_bytes)
    moved = _repeated(_moved(before, shape, stated, now), shape, stated)
    if stated.keys() & {*_WHEN, "recurrence"} and changing.is_over(moved, now):
        raise DraftRefused(
            f"start: all of it would be in the past, {moved.start.isoformat()}; check the date"
        )
    return replace(
        moved,
        summary=words.required("summary", shape.summary),
        description=description if _outdated(stated, html) else before.description,
        location=words.line("location", shape.location) if "location" in stated else before.location,
        details=content.with_stated(before.details, content.details(shape, html, attached), stated),
    )


def invitees(entries: object, host: str) -> tuple[Attendee, ...]:
    """The attendees of such an entry in a draft, and not the organizer, whose address is `host`. Raises `DraftRefused`."""
    return people.attendees(_shape({"summary": "", "start": "", "attendees": entries}).attendees, host)


def _shape(stated: Mapping[str, object]) -> DraftShape:
    return shape_of({"organizer": "", "attendees": [], **stated})


def _outdated(stated: Mapping[str, object], html: str | None) -> bool:
    """Whether the plain description is another one; taking the HTML away leaves it."""
    return "description" in stated or ("description_html" in stated and html is not None)


def _moved(before: Meeting, shape: DraftShape, stated: Mapping[str, object], now: datetime) -> Meeting:
    if not stated.keys() & _WHEN:
        return before
    if "zone" in stated and "start" not in stated:
        raise DraftRefused("zone: say start too, for the time in the new zone")
    zone = times.zone_of(shape.zone if shape.zone is not None else before.zone or "UTC")
    start, end = _span(before, shape, stated, zone)
    moved = changing.rescheduled(before, start, end, zone.key)
    began = before.recurrence is not None and changing.is_over(replace(before, recurrence=None), now)
    if "start" in stated and not began:  # the start of a series that goes on already is in the past
        times.refuse_past(start, zone, now)
    return moved


def _span(
    before: Meeting, shape: DraftShape, stated: Mapping[str, object], zone: ZoneInfo
) -> tuple[When, When]:
    checked = "zone" in stated
    if stated.keys() & {"end", "duration"}:
        return times.span(shape, zone, checked=checked)
    start = times.when("start", shape.start, zone, checked=checked)
    if isinstance(start, datetime) != isinstance(before.start, datetime):
        raise DraftRefused("start: a day in place of a time, or a time of a day: say end or duration too")
    return start, changing.lasting(start, before)


def _repeated(moved: Meeting, shape: DraftShape, stated: Mapping[str, object]) -> Meeting:
    """With the recurrence that is given; else the one there is must still fit the start."""
    if "recurrence" not in stated:
        if moved.recurrence is not None and "start" in stated:
            series.refuse_out_of_step(moved.recurrence, moved.start)
        return moved
    zone, given = ZoneInfo(moved.zone or "UTC"), shape.recurrence
    if given is None or not (given.rrule or given.rdate or given.exdate):
        return changing.repeating(moved, None)
    checked = "zone" in stated
    return changing.repeating(moved, series.recurrence(given, moved.start, moved.end, zone, checked=checked))
