"""What a person wrote (flags, JSON, TOML) made a valid meeting, or one line that says what to change.

shape: the keys and the kinds of their values. words, people, times, series,
content, files: what the values say, one subject each. revising: the same for a
meeting that there is already. refusals: the one line.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from rsvpd.drafts import content, files, people, series, times, words
from rsvpd.drafts.files import Files
from rsvpd.drafts.people import Organizer
from rsvpd.drafts.refusals import DraftRefused
from rsvpd.drafts.revising import invitees, redraft
from rsvpd.drafts.shape import shape_of
from rsvpd.itip import attachments
from rsvpd.itip.model import Meeting


def draft(
    fields: Mapping[str, object],
    *,
    organizer: Organizer,
    now: datetime,
    attachable: Files | None = None,
    attachment_bytes: int = attachments.TOTAL_BYTES,
) -> Meeting:
    """The meeting that `fields` describe, SEQUENCE 0, everybody NEEDS-ACTION.

    Args:
        fields: `organizer, uid?, summary, description?, description_html?,
            location?, start, end | duration, zone?, recurrence?, conference?, url?,
            priority?, class?, busy? | transparent?, categories?, alarms?,
            attachments?, announcement?, attendees`; None counts as not given. An
            attendee is a table of `email, name?, role?, cutype?, rsvp?` or
            `Name <address>`. `start` and `end` are a local time in `zone`, a time
            with an offset from UTC, or a day. For days `end` is DTEND, the day after
            the last (RFC 5545 3.6.1), only that the same day twice means this one day.
            `duration` is `1h30m`, `90m`, `2d` or ISO 8601; days are days by the
            calendar, hours are exact (RFC 5545 3.3.6). `recurrence` is an RRULE or a
            table of `rrule?, rdate?, exdate?`. An alarm is how long before the start,
            or a table of `before, from?`.
        organizer: who invites; its zone, else UTC, is meant where `zone` is not given.
        now: aware; a start before it is refused.
        attachable: what gives the files that `attachments` names; without it there are none.
        attachment_bytes: how large these may be together.

    Raises:
        DraftRefused: anything that could not be sent; nothing is repaired by guessing.
    """
    shape = shape_of(fields)
    zone = times.zone_of(shape.zone if shape.zone is not None else organizer.zone or "UTC")
    checked = shape.zone is not None
    start, end = times.span(shape, zone, checked=checked)
    times.refuse_past(start, zone, now)
    host = people.address("organizer", organizer.address)
    description, html = words.descriptions(shape.description, shape.description_html)
    repeats = shape.recurrence
    return Meeting(
        uid=words.uid(shape.uid, host),
        organizer=host,
        start=start,
        end=end,
        summary=words.required("summary", shape.summary),
        organizer_name=words.line("organizer", organizer.display_name),
        description=description,
        location=words.line("location", shape.location),
        zone=zone.key,
        recurrence=series.recurrence(repeats, start, end, zone, checked=checked) if repeats else None,
        attendees=people.attendees(shape.attendees, host),
        details=content.details(shape, html, files.attached(shape.attachments, attachable, attachment_bytes)),
    )


__all__ = ["DraftRefused", "Files", "Organizer", "draft", "invitees", "redraft"]
