"""Meetings worth a look: forty people of whom some have long names, one nobody answered, one that is off."""

from __future__ import annotations

from datetime import datetime, timedelta

from browsing import Site
from builders import Party
from house import EVENTS, NOW, START, facts, invite, plain_reply
from rsvpd.changes import Manner
from rsvpd.taken_over import read

OFFSITE = "offsite@example.org"
_NAMES = (
    "Amara Okafor", "Björn Åkesson", "Chiara Esposito", "Daniel Weiß", "ליאור בן־דוד", "فاطمة الزهراء",
    "Maria-Magdalena von und zu Hohenstein-Wertheimstein-Breuberg", "Grace Kim", "Hana Sato", "Ivan Petrović",
    "Jürgen Müller", "Katarzyna Wójcik", "Luis Ortega", "Mei Lin", "Nikos Papadopoulos", "Oya Aydin",
    "Priya Raman", "Quentin Lefèvre", "Rosa Jiménez", "Søren Kjær",
)  # fmt: skip
_SAID = (
    "ACCEPTED",
    "ACCEPTED",
    "TENTATIVE",
    "ACCEPTED",
    "DECLINED",
    "",
    "ACCEPTED",
    "",
    "ACCEPTED",
    "DECLINED",
)
_COMMENTS = {
    3: "Gladly. I bring the figures.",
    4: "On leave that week, sorry!\nCould somebody take notes for me?",
    5: "سأحضر إن شاء الله",
    12: "Only from 10 o'clock, the train is late every Tuesday and nobody knows why; " * 3,
}

PEOPLE = tuple(
    Party(f"person{number}@{'example.com' if number % 3 else 'a-rather-long-company-name.example'}", name)
    for number, name in enumerate([*_NAMES, *(f"{name} Jr." for name in _NAMES)])
)


def furnish(site: Site) -> None:
    """Puts everything on the stage."""
    app = site.app
    day = timedelta(days=1)
    for number, (uid, people, changes) in enumerate(
        (
            (
                OFFSITE,
                PEOPLE,
                {"SUMMARY": "Autumn offsite: plans for the coming year", "LOCATION": "Boathouse\\, Pier 4"},
            ),
            ("quiet@example.org", PEOPLE[:7], {"SUMMARY": "Nobody has answered yet"}),
            ("off@example.org", PEOPLE[:9], {"SUMMARY": "Product launch rehearsal"}),
            ("weekly@example.org", PEOPLE[:12], {"SUMMARY": "Weekly round", "RRULE": "FREQ=WEEKLY;COUNT=20"}),
        )
    ):
        for name, hours in (("DTSTART", 0), ("DTEND", 2)):
            changes[name] = f"{START + number * 9 * day + timedelta(hours=hours):%Y%m%dT%H%M%SZ}"
        app.invitations.create({"organizer": "events"}, read(invite(uid, *people, ORGANIZER=None, **changes)))
    for number, person in enumerate(PEOPLE):
        said = _SAID[number % len(_SAID)]
        if said:
            _answer(site, OFFSITE, person, said, 30 * (number % 7) + 3 * number + 4, _COMMENTS.get(number))
    _answer(site, OFFSITE, PEOPLE[4], "ACCEPTED", 200, None)
    for number, person in enumerate(PEOPLE[:6]):
        _answer(site, "off@example.org", person, _SAID[number] or "ACCEPTED", 5 + number, None)
        _answer(site, "weekly@example.org", person, _SAID[number] or "ACCEPTED", 9 + number, None)
    app.changes.cancel("off@example.org", Manner())
    _propose(site, PEOPLE[7], START + day, "That day I could come, too")
    _answer(site, OFFSITE, Party("mallory@example.net", "Mallory"), "ACCEPTED", 2, "Me too?")


def _answer(site: Site, uid: str, person: Party, said: str, hours: int, comment: str | None) -> None:
    lines = (
        ["COMMENT:" + comment.replace("\n", "\\n").replace(",", "\\,").replace(";", "\\;")] if comment else []
    )
    mail = plain_reply(
        facts(uid=uid, attendee=person, partstat=said, dtstamp=NOW - timedelta(hours=hours)), *lines
    ).replace(b"PRODID:-//test//EN", b"PRODID:-//Google Inc//Google Calendar 70.9054//EN")
    list(site.app.intake.ingest([("mail", mail)]))


def _propose(site: Site, person: Party, start: datetime, comment: str) -> None:
    mail = plain_reply(facts(uid=OFFSITE, attendee=person, partstat="TENTATIVE"), f"COMMENT:{comment}")
    times = f"DTSTART:{start:%Y%m%dT%H%M%SZ}\r\nDTEND:{start + timedelta(hours=2):%Y%m%dT%H%M%SZ}\r\nEND:VEVENT".encode()
    counter = mail.replace(b"REPLY", b"COUNTER").replace(b"END:VEVENT", times)
    assert EVENTS.address.encode() in counter
    list(site.app.intake.ingest([("mail", counter)]))
