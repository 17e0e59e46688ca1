"""How a draft is refused: one line, and what to write instead."""

from __future__ import annotations


class DraftRefused(Exception):  # noqa: N818  a refusal is not a failure of the program
    """One line for the person who wrote the draft: which field, what is wrong, what to do."""


WANTED = {
    "organizer": "give the name of an organizer of the configuration",
    "uid": "give a text, or leave it out for a new one",
    "summary": "say in one line what the meeting is",
    "description": "give a text",
    "description_html": "give a text in HTML",
    "location": "give a text of one line",
    "start": "write it like 2026-12-03T14:00, or 2026-12-03 for a whole day",
    "end": "write it like 2026-12-03T15:00, or give a duration",
    "duration": "write it like 1h30m, 90m or 2d",
    "zone": "give an IANA zone like Europe/Zurich, or UTC",
    "recurrence": "write it like FREQ=WEEKLY;COUNT=5, or give a table of rrule, rdate and exdate",
    "rrule": "write it like FREQ=WEEKLY;COUNT=5",
    "rdate": "give a list of times like 2026-12-03T14:00, or of days",
    "exdate": "give a list of times like 2026-12-03T14:00, or of days",
    "conference": "give the address of the conference, like https://meet.example.org/budget",
    "url": "give an address like https://example.org/budget",
    "priority": "give high, normal or low, or a number from 0 (not said) and 1 (highest) to 9",
    "class": "give public, private or confidential",
    "busy": "give true or false",
    "transparent": "give true or false",
    "categories": "give a list of texts",
    "alarms": "give a list like 15m, or tables of before and from",
    "before": "write it like 15m, 1h30m or 2d",
    "from": "give start or end",
    "attachments": "give a list of files",
    "announcement": "give true or false",
    "attendees": "give at least one, as 'Name <address>'",
    "email": "give a mail address",
    "name": "give a text",
    "role": "give required, optional, chair or non-participant",
    "cutype": "give individual, group, room or resource",
    "rsvp": "give true or false",
}
"""What is to be written for each key."""
