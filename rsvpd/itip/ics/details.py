"""What a meeting says beside what, when, where and who: `Details` <-> properties of a VEVENT."""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from datetime import timedelta

from icalendar import Alarm as AlarmComponent
from icalendar import Event

from rsvpd.itip import attachments, rich_text
from rsvpd.itip.ics.lines import Block, Property
from rsvpd.itip.ics.texts import Text, Verbatim, parameter, printable, text_list
from rsvpd.itip.ics.times import parse_duration
from rsvpd.itip.model import Alarm, Attachment, Classification, Details, Meeting, Method
from rsvpd.itip.urls import CALLS, PAGES, is_url

_COMMAS = re.compile(r"(?<!\\)((?:\\\\)*),")
_MANY = 50
"""Categories and alarms taken over from one VEVENT."""
_LONG = 200
"""Characters of a category taken over."""


# Writing


def add_details(event: Event, meeting: Meeting, method: Method, *, whole: bool) -> None:
    """Adds to `event` what `meeting.details` say; only what was stated, for a REQUEST replaces all (RFC 5546 3.2.2).

    Args:
        event: the VEVENT.
        meeting: what is written.
        method: files and alarms go only with a method that brings something to keep.
        whole: this is the series or the only VEVENT: files go with it alone, not with each override again.
    """
    details = meeting.details
    _add_html(event, details)
    _add_places(event, details)
    _add_importance(event, details)
    if details.categories:
        event.add("CATEGORIES", text_list(details.categories))  # RFC 5545 3.8.1.2
    if method in attachments.OFFERED_WITH:  # no VALARM with the others either (RFC 5546 3.2.5, 3.2.8)
        for alarm in details.alarms:
            event.add_component(_alarm(alarm, meeting.summary))
    if method in attachments.OFFERED_WITH and whole:
        for attachment in details.attachments:
            _add_attachment(event, attachment)


def _add_html(event: Event, details: Details) -> None:
    """X-ALT-DESC, which Outlook and Thunderbird prefer to DESCRIPTION; TEXT by the former's rules (MS-OXCICAL)."""
    if details.html:
        page = f"<!DOCTYPE html><html><body>{details.html}</body></html>"
        event.add("X-ALT-DESC", Text(page), parameters={"FMTTYPE": "text/html"})


def _add_places(event: Event, details: Details) -> None:
    """CONFERENCE (RFC 7986 5.11) and URL (RFC 5545 3.8.4.6), values as they are: a URI has no escapes."""
    if details.conference:
        feature = "PHONE" if details.conference.lower().startswith("tel:") else "VIDEO"  # RFC 7986 6.3
        parameters = {"VALUE": "URI", "FEATURE": feature}
        event.add("CONFERENCE", Verbatim(details.conference), parameters=parameters)
    if details.url:
        event.add("URL", Verbatim(details.url))


def _add_importance(event: Event, details: Details) -> None:
    """PRIORITY, CLASS and TRANSP (RFC 5545 3.8.1.9, 3.8.1.3, 3.8.2.7) with what Outlook reads beside them."""
    if details.priority:
        event.add("PRIORITY", details.priority)
        event.add("X-MICROSOFT-CDO-IMPORTANCE", Verbatim(_importance(details.priority)))
    if details.classification is not Classification.PUBLIC:
        event.add("CLASS", details.classification.value)
    event.add("TRANSP", "TRANSPARENT" if details.transparent else "OPAQUE")
    # In a REQUEST without -INTENDEDSTATUS this is what the meeting becomes (MS-OXCICAL, that property).
    event.add("X-MICROSOFT-CDO-BUSYSTATUS", Verbatim("FREE" if details.transparent else "BUSY"))


def _importance(priority: int) -> str:
    """0 low, 1 normal, 2 high (MS-OXCICAL 2.1.3.1.1.20.32) by the ranges of RFC 5545 3.8.1.9."""
    return "2" if priority < 5 else "1" if priority == 5 else "0"


def _alarm(alarm: Alarm, summary: str) -> AlarmComponent:
    """VALARM with what DISPLAY needs (RFC 5545 3.6.6); the trigger counts from the start unless RELATED says END."""
    component = AlarmComponent()
    component.add("ACTION", "DISPLAY")
    component.add("DESCRIPTION", Text(summary))
    related = {"RELATED": "END"} if alarm.from_end else {}
    component.add("TRIGGER", -alarm.before, parameters=related)
    return component


def _add_attachment(event: Event, attachment: Attachment) -> None:
    """ATTACH inline (RFC 5545 3.8.1.1); Outlook reads X-FILENAME (MS-OXCICAL), Apple and others FILENAME (RFC 8607)."""
    name = parameter(attachments.safe_name(attachment.name))
    parameters = {
        "FMTTYPE": attachments.known_type(attachment.content_type),
        "ENCODING": "BASE64",
        "VALUE": "BINARY",
        "FILENAME": name,
        "X-FILENAME": name,
    }
    event.add("ATTACH", Verbatim(b64encode(attachment.data).decode()), parameters=parameters)


# Reading


def details_of(event: Block, *, announcement: bool = False, attachment_bytes: int | None = None) -> Details:
    """What a VEVENT says of itself, leniently: what cannot be understood is left out, HTML is sanitised.

    Args:
        event: the VEVENT.
        announcement: whether its calendar asks for no answer.
        attachment_bytes: how large its inline files may be together; larger ones are left out.
    """
    limit = attachments.TOTAL_BYTES if attachment_bytes is None else attachment_bytes
    return Details(
        html=_html(event),
        conference=next(_conferences(event), None),
        url=_address(event.first("URL"), PAGES),
        priority=_priority(event),
        classification=_classification(event),
        transparent=(event.text("TRANSP") or "").strip().upper() == "TRANSPARENT",
        categories=tuple(dict.fromkeys(_categories(event)))[:_MANY],
        alarms=tuple(_alarms(event))[:_MANY],
        attachments=tuple(_files(event, limit)),
        announcement=announcement,
    )


def _html(event: Block) -> str | None:
    found = event.first("X-ALT-DESC")
    if found is None or (found.parameter("FMTTYPE") or "").strip().lower() != "text/html":
        return None
    return rich_text.sanitised(found.text) or None


def _conferences(event: Block) -> Iterator[str]:
    """CONFERENCE, or what Google and Teams write instead."""
    for name in ("CONFERENCE", "X-GOOGLE-CONFERENCE", "X-MICROSOFT-SKYPETEAMSMEETINGURL"):
        for found in event.all(name):
            if address := _address(found, CALLS):
                yield address


def _address(found: Property | None, schemes: AbstractSet[str]) -> str | None:
    value = found.value.strip() if found else ""
    return value if is_url(value, schemes) else None


def _priority(event: Block) -> int:
    digits = (event.text("PRIORITY") or "").strip()
    return int(digits) if re.fullmatch("[0-9]", digits) else 0


def _classification(event: Block) -> Classification:
    """CLASS; a word that nobody knows counts as PRIVATE (RFC 5545 3.8.1.3)."""
    stated = (event.text("CLASS") or "").strip().upper()
    if not stated:
        return Classification.PUBLIC
    return Classification(stated) if stated in set(Classification) else Classification.PRIVATE


def _categories(event: Block) -> Iterator[str]:
    for found in event.all("CATEGORIES"):
        parts = _COMMAS.sub("\\1\0", found.value).split("\0")  # no NUL is ever in a value that was read
        for part in parts:
            category = " ".join(printable(Property("", {}, part).text).split())
            if 0 < len(category) <= _LONG:
                yield category


def _alarms(event: Block) -> Iterator[Alarm]:
    """The VALARMs that show something before the start or the end; others make no sense to attendees."""
    for block in event.blocks:
        found = block.first("TRIGGER") if block.name == "VALARM" else None
        if found is None or (block.text("ACTION") or "").strip().upper() != "DISPLAY":
            continue
        offset = parse_duration(found.value)
        if offset is not None and offset <= timedelta():
            yield Alarm(-offset, from_end=(found.parameter("RELATED") or "").strip().upper() == "END")


def _files(event: Block, limit: int) -> Iterator[Attachment]:
    """The inline files, as long as they are not over `limit` octets together."""
    left = limit
    for found in event.all("ATTACH"):
        data = _inline(found, left)
        if data:
            left -= len(data)
            stated = found.parameter("FILENAME") or found.parameter("X-FILENAME") or ""
            kind = attachments.known_type(found.parameter("FMTTYPE"))
            yield Attachment(attachments.safe_name(stated), kind, data)


def _inline(found: Property, limit: int) -> bytes | None:
    if (found.parameter("ENCODING") or "").strip().upper() != "BASE64" or len(found.value) > 2 * limit + 4:
        return None
    try:
        data = b64decode(found.value, validate=True)
    except ValueError:
        return None
    return data if len(data) <= limit else None


__all__ = ["add_details", "details_of"]
