"""What a person reads in the mails, in their language, as plain text and as HTML.

The phrases are in `phrases/`, how a letter looks is in `../templates/`. A folder
of the user's may hold templates of the same names (`base.html.j2`,
`base.txt.j2`), or some for one kind of letter (`invitation.html.j2`,
`updated.txt.j2` …); what they are given is listed in `material`.
"""

from __future__ import annotations

from dataclasses import replace

from rsvpd.itip import ranking
from rsvpd.itip.changing import at_occurrence, is_significant
from rsvpd.itip.compose import Letter
from rsvpd.itip.model import Attendee, Meeting, Occurrence, PartStat
from rsvpd.letters.changes import changes
from rsvpd.letters.languages import LANGUAGES, language
from rsvpd.letters.material import Saying, material
from rsvpd.letters.style import LetterBroken, Style
from rsvpd.letters.templating import render

__all__ = [
    "LANGUAGES",
    "LetterBroken",
    "Style",
    "announcement",
    "cancelled",
    "coming",
    "invitation",
    "proposal_declined",
    "removed",
    "updated",
]

_PLAIN = Style()


def invitation(
    meeting: Meeting, attendee: Attendee, *, style: Style = _PLAIN, reminder: bool = False
) -> Letter:
    """The letter that invites `attendee`, or reminds one who has not answered yet, or not for certain.

    Raises:
        LetterBroken: a template of the user's; so for every function here.
    """
    kind = "reminder" if reminder else "invitation"
    tentative = reminder and ranking.partstat(attendee, meeting) is PartStat.TENTATIVE
    lead = "reminder_tentative" if tentative else kind
    return _letter(meeting, attendee, Saying(kind, lead, (_answer(attendee),)), style)


def coming(meeting: Meeting, attendee: Attendee, *, style: Style = _PLAIN) -> Letter:
    """The letter that reminds `attendee`, who accepted; it goes without a calendar, so it asks nothing."""
    return _letter(meeting, attendee, Saying("reminder", "reminder_accepted", ("coming",)), style)


def updated(
    before: Meeting,
    after: Meeting,
    attendee: Attendee,
    *,
    style: Style = _PLAIN,
    asked: bool | None = None,
    people: bool = False,
) -> Letter:
    """The letter that says in words what changed.

    Args:
        before: the meeting as `attendee` knows it.
        after: as it is now.
        attendee: who reads it.
        style: how it is written.
        asked: whether everybody is asked again; None for what follows from the change itself.
        people: also say who was added and who removed; never where attendees are not shown.
    """
    again = _is_asked_again(before, after) if asked is None else asked
    speech, named = language(style.language), people and style.show_attendees
    found = changes(before, after, speech, style.zone, people=named)
    call, notes = _what_to_do(before, after, attendee, again=again)
    saying = Saying("updated", "updated", notes, changes=found, call=call)
    return _letter(after, attendee, saying, style)


def cancelled(
    meeting: Meeting,
    attendee: Attendee,
    *,
    occurrence: Occurrence | None = None,
    style: Style = _PLAIN,
) -> Letter:
    """The letter that says that the meeting, or one occurrence of it, does not take place."""
    key, off = ("cancelled_occurrence", "date") if occurrence else ("cancelled", "whole")
    saying = Saying("cancelled", key, (key,), off=off, short=True, others=False)
    return _letter(at_occurrence(meeting, occurrence) if occurrence else meeting, attendee, saying, style)


def removed(meeting: Meeting, attendee: Attendee, *, style: Style = _PLAIN) -> Letter:
    """The letter that tells `attendee` not to come; the meeting itself is not off."""
    return _letter(
        meeting, attendee, Saying("removed", "removed", ("removed",), short=True, others=False), style
    )


def proposal_declined(
    meeting: Meeting, attendee: Attendee, words: str | None, *, style: Style = _PLAIN
) -> Letter:
    """The letter that tells `attendee` that the meeting stays as it is; `words` are the organizer's."""
    key = "proposal_declined"
    return _letter(
        meeting,
        attendee,
        Saying(key, key, (key,), others=False),
        replace(style, message=words or style.message),
    )


def announcement(meeting: Meeting, attendee: Attendee, *, style: Style = _PLAIN) -> Letter:
    """The letter that asks for no answer (METHOD:PUBLISH, RFC 5546 3.2.1)."""
    saying = Saying("announcement", "announcement", ("announcement",), others=False)
    return _letter(meeting, attendee, saying, style)


def _letter(meeting: Meeting, attendee: Attendee, saying: Saying, style: Style) -> Letter:
    return render(saying.kind, material(meeting, attendee, saying, style), style)


def _is_asked_again(before: Meeting, after: Meeting) -> bool:
    """A significant change, by its kind or because the organizer marked it so."""
    marked = bool(after.revisions) and after.significant_sequence > before.sequence
    return marked or is_significant(before, after)


def _what_to_do(
    before: Meeting, after: Meeting, attendee: Attendee, *, again: bool
) -> tuple[str | None, tuple[str, ...]]:
    """What is to be done now: what to call for beside the changes, and the notes at the end."""
    if after.details.announcement:
        return None, ("announcement",)
    if not attendee.rsvp:
        return None, ("no_answer",)
    if again:
        return "again", ("answer",)
    if _moved_alone(before, after):
        return "again_moved", ("answer",)
    if attendee.partstat is PartStat.NEEDS_ACTION:
        return None, ("stands_if", "answer")
    return None, ("stands",)


def _moved_alone(before: Meeting, after: Meeting) -> bool:
    """Whether a single occurrence was moved."""
    old, new = (set(m.recurrence.overrides) if m.recurrence else set() for m in (before, after))
    return any(not override.cancelled for override in new - old)


def _answer(attendee: Attendee) -> str:
    return "answer" if attendee.rsvp else "no_answer"
