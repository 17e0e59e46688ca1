"""What is different between two states of a meeting, in words."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from markupsafe import Markup, escape

from rsvpd.itip.changing import rescheduled
from rsvpd.itip.model import Meeting, When
from rsvpd.letters.dates import single_dates
from rsvpd.letters.languages import Language
from rsvpd.letters.plain import one_line, paragraphs
from rsvpd.letters.repeats import rule_in_words
from rsvpd.letters.spans import Span, brief, known_zone, span

_SINGLE_DATES = 8
"""More single dates than these are left to the calendar file."""
_PEOPLE = 20
"""More people than these are a number."""

_OLD = Markup('<s class="soft" style="color:#5e6570">{}</s>')
_NEW = Markup('<b class="strong" style="color:#111418">{}</b>')


@dataclass(frozen=True, slots=True)
class Change:
    """One sentence about what changed; `old` and `new` stand in it where its phrase wants them."""

    phrase: str
    old: str = ""
    new: str = ""
    zone: str = ""

    def __str__(self) -> str:
        return self.phrase.format(old=self.old, new=self.new, zone=self.zone)


def marked(change: Change) -> Markup:
    """The sentence in HTML: what was is struck through, what is now is bold."""
    old, new = _OLD.format(change.old), _NEW.format(change.new)
    return escape(change.phrase).format(old=old, new=new, zone=change.zone)


def changes(
    before: Meeting, after: Meeting, speech: Language, zone: str | None, *, people: bool = False
) -> tuple[Change, ...]:
    """What a reader needs to know, the most important first; never nothing.

    Args:
        before: the meeting as the reader knows it.
        after: as it is now.
        speech: the language.
        zone: the reader's, if known.
        people: also who was added and who removed.
    """
    words = _Words(before, after, speech, zone)
    found = (
        *words.time(),
        *words.place(),
        *words.online(),
        *words.title(),
        *words.series(),
        *words.description(),
        *(words.people() if people else ()),
    )
    return found or (Change(speech.say("something_changed")),)


class _Words:
    """The comparison, one method for each thing that can change."""

    def __init__(self, before: Meeting, after: Meeting, speech: Language, zone: str | None) -> None:
        self._before, self._after, self._speech = before, after, speech
        self._reader = known_zone(zone)
        self._zone = self._reader or after.zone
        self._moved_along = rescheduled(before, after.start, after.end, after.zone)

    def _change(self, key: str, old: str = "", new: str = "", zone: str | None = None) -> Change:
        return Change(self._speech.words[key], old, new, f" ({zone})" if zone else "")

    def _span(self, start: When, end: When) -> Span:
        return span(start, end, self._zone)

    def time(self) -> Iterator[Change]:
        before, after = self._before, self._after
        if (before.start, before.end) != (after.start, after.end):
            series = after.recurrence is not None and before.recurrence is not None
            old, new = self._span(before.start, before.end), self._span(after.start, after.end)
            yield self._moved("moved_series" if series else "moved", old, new)
        zones = [span(each.start, each.end, each.zone).zone for each in (before, after)]
        if all(zones) and zones[0] != zones[1] and not self._reader:
            yield self._change("zone_changed", zones[0] or "", zones[1] or "")

    def _moved(self, key: str, old: Span, new: Span) -> Change:
        year = len({old.start.year, new.start.year}) > 1
        whole = old.all_day == new.all_day and old.end - old.start != new.end - new.start
        mixed = old.all_day != new.all_day
        said = [brief(each, self._speech, year=year, whole=whole, mixed=mixed) for each in (old, new)]
        return self._change(key, said[0], said[1], new.zone or old.zone)

    def place(self) -> Iterator[Change]:
        old, new = one_line(self._before.location), one_line(self._after.location)
        if old != new:
            key = "location_changed" if old and new else "location_added" if new else "location_removed"
            yield self._change(key, old, new)

    def online(self) -> Iterator[Change]:
        old, new = self._before.details.conference, self._after.details.conference
        if old != new:
            yield self._change("online_changed" if new else "online_removed")

    def title(self) -> Iterator[Change]:
        old, new = one_line(self._before.summary), one_line(self._after.summary)
        if old != new:
            yield self._change("summary_changed", old, new)

    def series(self) -> Iterator[Change]:
        before, after = self._rule(self._before), self._rule(self._after)
        if self._before.recurrence is None and self._after.recurrence is not None:
            yield self._change("series_began" if after else "series_began_some", new=after or "")
        elif self._before.recurrence is not None and self._after.recurrence is None:
            yield self._change("series_ended")
        elif _rules(self._moved_along) != _rules(self._after):
            told = before and after and before != after
            yield self._change("series_rule_changed" if told else "series_changed", before or "", after or "")
        else:
            yield from self._single_dates()

    def _rule(self, meeting: Meeting) -> str | None:
        return rule_in_words(meeting, self._span(meeting.start, meeting.end), self._speech)

    def _single_dates(self) -> Iterator[Change]:
        """What is different beside what moved with the series."""
        found = single_dates(self._moved_along, self._after)
        if len(found) > _SINGLE_DATES:
            yield self._change("dates_changed")
            return
        for date in found:
            if date.was and date.now:
                yield self._moved("occurrence_moved", self._span(*date.was), self._span(*date.now))
            elif date.was:
                yield self._change("occurrence_cancelled", old=self._date(*date.was))
            elif date.now:
                key = "occurrence_added" if date.extra else "occurrence_restored"
                yield self._change(key, new=self._date(*date.now))

    def _date(self, start: When, end: When) -> str:
        when = self._span(start, end)
        return brief(when, self._speech, year=when.start.year != self._after.start.year)

    def description(self) -> Iterator[Change]:
        before, after = ((m.details.html, paragraphs(m.description)) for m in (self._before, self._after))
        if before != after:
            yield self._change("description_changed" if any(after) else "description_removed")

    def people(self) -> Iterator[Change]:
        before, after = (
            {a.address: one_line(a.name) or a.address for a in m.attendees if not a.removed}
            for m in (self._before, self._after)
        )
        added = [name for address, name in after.items() if address not in before]
        removed = [name for address, name in before.items() if address not in after]
        if added:
            yield self._change("people_added", new=self._named(added))
        if removed:
            yield self._change("people_removed", old=self._named(removed))

    def _named(self, names: list[str]) -> str:
        if len(names) > _PEOPLE:
            return self._speech.say("people", count=len(names))
        return self._speech.listed(names)


def _rules(meeting: Meeting) -> list[str]:
    lines = meeting.recurrence.lines if meeting.recurrence else ()
    return sorted(line for line in lines if line.upper().startswith("RRULE"))
