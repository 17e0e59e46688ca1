"""What people read and what they wrote: changes in four languages, and content that means harm."""

from __future__ import annotations

from email import message_from_bytes
from email.header import decode_header, make_header
from email.utils import parseaddr
from pathlib import Path

import pytest

from changing import UID, bench, calendar, event, message, shown, text
from house import ALICE
from keeping import users
from letterbox import flat, read
from rsvpd.changes import Manner

MOVED = {
    "en": "Moved from Thu 3 Dec 14:00 to Fri 4 Dec 10:00 (Europe/Zurich)",
    "de": "Verschoben von Donnerstag, 3. Dezember, 14:00 Uhr auf Freitag, 4. Dezember, 10:00 Uhr (Europe/Zurich)",
    "es": "Pasa del jueves, 3 de diciembre, 14:00 al viernes, 4 de diciembre, 10:00 (Europe/Zurich)",
    "fr": "Déplacée du jeudi 3 décembre, 14:00 au vendredi 4 décembre, 10:00 (Europe/Zurich)",
}
PLACE = {
    "en": "Place: Room 8 instead of Room 7",
    "de": "Ort: Room 8 statt Room 7",
    "es": "Lugar: Room 8 en lugar de Room 7",
    "fr": "Lieu : Room 8 au lieu de Room 7",
}


@pytest.mark.parametrize("language", MOVED)
def test_a_change_is_said_in_four_languages_in_both_texts(tmp_path: Path, language: str) -> None:
    with bench(tmp_path, language=language) as one:
        one.create()
        (mail, _) = one.update(start="2026-12-04T10:00", location="Room 8").mails
        for seen in (text(mail), flat(read(text(mail, "html")).text)):
            assert MOVED[language] in seen
            assert PLACE[language] in seen


EVIL = "<script>alert(1)</script><img src=x onerror=alert(1)> {{ 7*7 }} =?utf-8?q?x?= ,;:\\n\\\\ \"'"


def test_what_means_harm_is_only_text(tmp_path: Path) -> None:
    with bench(tmp_path) as one:
        one.create()
        changed = one.update(Manner(message=EVIL), summary=EVIL, location=EVIL, description=EVIL)
        for mail in changed.mails:
            html = text(mail, "html")
            assert "<script" not in html
            assert "<img" not in html
            assert "49" not in html
            assert EVIL in flat(read(html).text)
            assert message(mail)["Subject"].startswith(f"Changed: {EVIL[:20]}")
            found = event(mail)
            assert (found["SUMMARY"], found["LOCATION"], found["DESCRIPTION"]) == (EVIL, EVIL, EVIL)


@pytest.mark.parametrize(
    "name",
    ["ä" * 100, "🎉" * 50, "x" * 200, 'Ann "the <boss>" O\'Neil; a, b:c'],
    ids=["letters", "emoji", "ascii", "signs"],
)
def test_a_long_name_and_a_summary_of_emoji_arrive(tmp_path: Path, name: str) -> None:
    summary = "🎉👩‍👩‍👧 " * 12 + "end"
    with bench(tmp_path) as one:
        one.create(summary=summary, attendees=[{"email": ALICE.address, "name": name}])
        (mail,) = one.update(location="x").mails
        assert all(len(line) <= 998 for line in mail.raw.split(b"\r\n"))
        assert mail.raw.isascii()
        shown_name, address = parseaddr(message_from_bytes(mail.raw)["To"])  # the newer parser adds blanks
        assert (str(make_header(decode_header(shown_name))), address) == (name, ALICE.address)
        assert summary in message(mail)["Subject"]
        assert event(mail)["SUMMARY"] == summary
        # A quotation mark cannot be in a parameter (RFC 6868 has ^' for it, which icalendar reads).
        (attendee,) = users(event(mail), "ATTENDEE")
        assert attendee.params["CN"].replace('"', "'") == name.replace('"', "'")


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_five_thousand_are_invited_each_in_a_mail_of_their_own(tmp_path: Path) -> None:
    people = [f"P{number} <p{number}@example.org>" for number in range(5000)]
    with bench(tmp_path) as one:
        one.create(attendees=people[:1])
        changed = one.changes.add(UID, people[1:], Manner())
        assert len({mail.recipient for mail in changed.mails}) == 4999
        for mail in changed.mails[::500]:
            assert list(shown(mail)) == [mail.recipient]
            assert len(mail.raw) < 20_000
            assert str(calendar(mail)["METHOD"]) == "REQUEST"


def test_so_many_see_each_other_and_with_one_more_nobody_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rsvpd.posting._NAMED", 5)
    people = [f"p{number}@example.org" for number in range(5)]
    with bench(tmp_path) as one:
        one.create(attendees=people)
        changed = one.changes.resend(UID, Manner(), people[:1])
        assert len(shown(changed.mails[0])) == 5
        changed = one.changes.add(UID, ["more@example.org"], Manner())
        assert list(shown(changed.mails[0])) == ["more@example.org"]
