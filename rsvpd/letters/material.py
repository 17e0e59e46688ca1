"""What templates are given to speak of: prepared text only, nothing of the program.

`kind`, `subject`, `summary`, `when` (days, hours, zone; alone on one line),
`repeats`, `location`, `online`, `url`, `description`, `description_html`,
`organizer`, `people`, `crowd`, `me` (each person: name, address, marks, rsvp),
`lead`, `message` after `writes`, `changes`, `call`, `notes`, `off`, `short`,
`language`, and `say(KEY)` for the phrases of the reader's language.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from rsvpd.itip.model import Attendee, CuType, Meeting, Role
from rsvpd.itip.rich_text import plain
from rsvpd.letters.changes import Change
from rsvpd.letters.languages import Language
from rsvpd.letters.languages import language as spoken_language
from rsvpd.letters.markup import sanitised
from rsvpd.letters.plain import one_line, paragraphs
from rsvpd.letters.repeats import rule_in_words
from rsvpd.letters.spans import Span, known_zone, span, spoken
from rsvpd.letters.style import Style

_SHOWN = 20
"""With more attendees than these the letter gives their number only."""
_SUMMARY = 150
"""Characters of a summary in a subject."""
_ROLES = {Role.OPT_PARTICIPANT: "optional", Role.NON_PARTICIPANT: "informed"}
_KINDS = {CuType.ROOM: "room", CuType.RESOURCE: "resource"}


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody named in a letter; `marks` are words such as «optional»."""

    name: str
    address: str
    marks: tuple[str, ...] = ()
    rsvp: bool = False

    def __str__(self) -> str:
        return f"{self.name} <{self.address}>" if self.name else self.address


@dataclass(frozen=True, slots=True)
class Saying:
    """What one kind of letter says of the meeting.

    Attributes:
        kind: its name, and that of its templates.
        lead: the key of the phrase before the title.
        notes: the keys of the phrases at the end.
        changes: what is different.
        call: the key of the phrase that follows the changes, if something is to be done.
        off: what does not take place: `whole`, the meeting; `date`, this date of a series.
        short: whether the reader is not to come, and needs no more than to know which meeting it is.
        others: whether it is of interest who is invited.
    """

    kind: str
    lead: str
    notes: tuple[str, ...]
    changes: tuple[Change, ...] = ()
    call: str | None = None
    off: str = ""
    short: bool = False
    others: bool = True


def material(meeting: Meeting, attendee: Attendee, saying: Saying, style: Style) -> dict[str, object]:
    """Everything that the templates of a letter are given."""
    speech = spoken_language(style.language)
    zone = known_zone(style.zone) or meeting.zone
    shown = span(meeting.start, meeting.end, zone)
    when = spoken(shown, speech)
    organizer = Person(one_line(meeting.organizer_name), meeting.organizer, (speech.say("organizer"),))
    who = organizer.name or organizer.address
    kind, summary = speech.say(f"kind_{saying.kind}"), one_line(meeting.summary)
    people, crowd = _people(meeting, attendee, speech, style) if saying.others else ((), "")
    return {
        "kind": kind,
        "subject": speech.say("subject", kind=kind, summary=_short(summary), when=when.brief),
        "summary": summary,
        "when": when,
        "repeats": _repeats(meeting, shown, speech, saying),
        **_details(meeting),
        "organizer": organizer,
        "people": people,
        "crowd": crowd,
        "me": _person(attendee, attendee, speech),
        "lead": speech.say(f"lead_{saying.lead}", who=who),
        "writes": speech.say("writes", who=who),
        "notes": tuple(speech.say(f"note_{key}") for key in saying.notes),
        "message": paragraphs(style.message),
        "changes": saying.changes,
        "call": speech.say(f"call_{saying.call}") if saying.call else "",
        "off": saying.off,
        "short": saying.short,
        "language": speech.code,
        "say": speech.say,
    }


def _details(meeting: Meeting) -> dict[str, str | Markup]:
    html = sanitised(meeting.details.html)
    return {
        "location": one_line(meeting.location),
        "online": one_line(meeting.details.conference),
        "url": one_line(meeting.details.url),
        "description": paragraphs(meeting.description) or paragraphs(plain(html)),
        "description_html": html,
    }


def _repeats(meeting: Meeting, shown: Span, speech: Language, saying: Saying) -> str:
    """How the series goes on, empty where there is none."""
    if meeting.recurrence is None or not meeting.recurrence.lines:
        return ""
    rule = rule_in_words(meeting, shown, speech)
    key = "series_cancelled" if saying.kind == "cancelled" else "series"
    return speech.say(f"{key}_rule", rule=rule) if rule else speech.say(key)


def _people(
    meeting: Meeting, reader: Attendee, speech: Language, style: Style
) -> tuple[Sequence[Person], str]:
    """Those to be named; or, for a crowd, its number in words."""
    if not style.show_attendees:
        return (_person(reader, reader, speech),), ""
    invited = [each for each in meeting.attendees if not each.removed]
    if len(invited) > _SHOWN:
        return (), speech.say("crowd", count=len(invited))
    return tuple(_person(each, reader, speech) for each in invited), ""


def _person(attendee: Attendee, reader: Attendee, speech: Language) -> Person:
    keys = (
        "you" if attendee.address == reader.address else None,
        _ROLES.get(attendee.role),
        _KINDS.get(attendee.cutype),
    )
    marks = tuple(speech.say(key) for key in keys if key)
    return Person(one_line(attendee.name), attendee.address, marks, attendee.rsvp)


def _short(summary: str) -> str:
    return summary if len(summary) <= _SUMMARY else summary[: _SUMMARY - 1].rstrip() + "…"
