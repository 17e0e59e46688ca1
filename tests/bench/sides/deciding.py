"""Calendar bytes -> Answer on one core, the meeting known and nothing stored."""

from __future__ import annotations

from dataclasses import replace
from email import message_from_bytes

from icalendar import Calendar

from bench.clock import now
from bench.mails import facts, invitation, meeting_uid
from builders import google
from builders.google import google_ics
from rsvpd.itip import matching
from rsvpd.itip.ics.meetings import read_meetings
from rsvpd.itip.ics.reading import Unreadable, read
from rsvpd.itip.mime import envelope
from rsvpd.itip.model import Answer, Arrival, Revision
from rsvpd.itip.trust import Policy

_PEOPLE = 100


def decide(replies: int) -> dict[str, float]:
    """So many replies of Google to a meeting of 100."""
    uid = meeting_uid(0)
    found = read_meetings(invitation(uid, _PEOPLE))
    if isinstance(found, Unreadable):
        raise TypeError(found.why)
    meeting = replace(found[0].meeting, revisions=(Revision(0, facts(0, uid).invited_at),))
    mails = []
    for number in range(_PEOPLE):
        answer = facts(number, uid)
        header = envelope(message_from_bytes(google(answer)))
        mails.append((google_ics(answer), Arrival(header, answer.dtstamp, number)))
    policy, answers = Policy(), 0
    began = now()
    for number in range(replies):
        ics, arrival = mails[number % _PEOPLE]
        components = read(ics, "utf-8", "REPLY")
        if isinstance(components, Unreadable):
            raise TypeError(components.why)
        verdict = matching.decide(components[0], arrival, meeting, policy)
        answers += isinstance(verdict.decision, Answer)
    seconds = now() - began
    if answers != replies:
        raise AssertionError(f"{answers} of {replies}")
    return {"seconds": seconds, "replies": replies}


def parse_alone(replies: int) -> dict[str, float]:
    """Icalendar's own reader on the same bytes, and nothing after it."""
    calendars = [google_ics(facts(number, meeting_uid(0))) for number in range(_PEOPLE)]
    began = now()
    for number in range(replies):
        Calendar.from_ical(calendars[number % _PEOPLE])
    return {"seconds": now() - began, "replies": replies}
