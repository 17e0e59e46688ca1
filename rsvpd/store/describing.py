"""Details and files of a meeting <-> what is kept of them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from rsvpd.itip.model import Alarm, Attachment, Classification, Details
from rsvpd.store.tables import AttachmentRow


def details_json(details: Details) -> dict[str, Any]:
    """Details as JSON, without the files; only what differs from saying nothing."""
    kept = {
        "html": details.html,
        "conference": details.conference,
        "url": details.url,
        "priority": details.priority,
        "class": None if details.classification is Classification.PUBLIC else details.classification.value,
        "transparent": details.transparent,
        "categories": list(details.categories),
        "alarms": [
            {"seconds_before": alarm.before // timedelta(seconds=1), "from_end": alarm.from_end}
            for alarm in details.alarms
        ],
        "announcement": details.announcement,
    }
    return {key: value for key, value in kept.items() if value}


def details_of(kept: dict[str, Any], attachments: Iterable[AttachmentRow] = ()) -> Details:
    """The details that `details_json` wrote, with these files."""
    return Details(
        html=kept.get("html"),
        conference=kept.get("conference"),
        url=kept.get("url"),
        priority=kept.get("priority", 0),
        classification=Classification(kept.get("class", Classification.PUBLIC)),
        transparent=kept.get("transparent", False),
        categories=tuple(kept.get("categories", ())),
        alarms=tuple(
            Alarm(timedelta(seconds=alarm["seconds_before"]), alarm["from_end"])
            for alarm in kept.get("alarms", ())
        ),
        attachments=tuple(Attachment(row.name, row.content_type, row.data) for row in attachments),
        announcement=kept.get("announcement", False),
    )


def attachment_rows(meeting_id: int, details: Details) -> list[AttachmentRow]:
    """New rows for the files."""
    return [
        AttachmentRow(meeting_id=meeting_id, name=one.name, content_type=one.content_type, data=one.data)
        for one in details.attachments
    ]
