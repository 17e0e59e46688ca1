"""A report as tables: for CSV, and as the sheets of XLSX. The columns are documented in the README."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from rsvpd.itip.model import PartStat
from rsvpd.spreadsheets import Sheet, xlsx_of
from rsvpd.store.reporting import ReportView

ATTENDEES = (
    "uid",
    "summary",
    "start",
    "email",
    "name",
    "role",
    "partstat",
    "before",
    "answered_at",
    "comment",
    "guests",
    "delegated_to",
    "delegated_from",
    "proposed_start",
    "proposed_end",
    "delivery",
    "delivery_detail",
)
MEETINGS = (
    "uid",
    "summary",
    "start",
    "end",
    "location",
    "status",
    "seats",
    "accepted",
    "tentative",
    "declined",
    "delegated",
    "needs_action",
    "guests",
    "held",
)


def attendee_rows(views: Sequence[ReportView]) -> Iterator[dict[str, Any]]:
    """One row for each attendee of each meeting; `before` is what they answered then, if it was something else."""
    for view in views:
        meeting = view.attendance.meeting
        before = {one.email: one.before.value for one in view.answers}
        for attendee in view.attendance.attendees:
            proposal = attendee.proposal
            yield {
                "uid": meeting.uid,
                "summary": meeting.summary,
                "start": meeting.start,
                "email": attendee.email,
                "name": attendee.name,
                "role": attendee.role,
                "partstat": attendee.partstat.value,
                "before": before.get(attendee.email),
                "answered_at": attendee.answered_at,
                "comment": attendee.comment,
                "guests": attendee.guests,
                "delegated_to": attendee.delegated_to,
                "delegated_from": attendee.delegated_from,
                "proposed_start": proposal.start if proposal else None,
                "proposed_end": proposal.end if proposal else None,
                "delivery": attendee.delivery,
                "delivery_detail": attendee.delivery_words,
            }


def meeting_rows(views: Sequence[ReportView]) -> Iterator[dict[str, Any]]:
    """One row for each meeting, with seats by participation status."""
    for view in views:
        meeting, counts = view.attendance.meeting, view.attendance.counts
        yield {
            "uid": meeting.uid,
            "summary": meeting.summary,
            "start": meeting.start,
            "end": meeting.end,
            "location": meeting.location,
            "status": meeting.status,
            "seats": sum(counts.values()),
            **{partstat.value.lower().replace("-", "_"): counts[partstat] for partstat in PartStat},
            "guests": view.guests,
            "held": view.held,
        }


def workbook(views: Sequence[ReportView], zone: str) -> bytes:
    """XLSX with a sheet of the meetings and one of their attendees; instants by the clocks of `zone`."""
    attendees = [_local(row, zone) for row in attendee_rows(views)]
    return xlsx_of(
        [
            Sheet("Meetings", MEETINGS, list(meeting_rows(views))),
            Sheet("Attendees", ATTENDEES, attendees),
        ]
    )


def _local(row: dict[str, Any], zone: str) -> dict[str, Any]:
    answered_at = row["answered_at"]
    if isinstance(answered_at, datetime):
        return row | {"answered_at": answered_at.astimezone(ZoneInfo(zone))}
    return row
