"""What people read, in plain text and in HTML."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from letterbox import BEAT, CARLA, MEETING, ROOM, ZURICH, Reader, at, flat
from letterbox import read as read_html
from rsvpd.itip.model import Attendee, Details, Meeting, Recurrence, Role, When
from rsvpd.letters import Style, announcement, cancelled, invitation, removed


def read(meeting: Meeting = MEETING, attendee: Attendee = BEAT) -> Reader:
    return read_html(invitation(meeting, attendee).html)


SPANS = [
    (at(3, 14), at(3, 15), ZURICH, "Thursday, 3 December 2026, 14:00 to 15:00 Europe/Zurich (UTC+01:00)"),
    (at(3, 13, "UTC"), at(3, 14, "UTC"), ZURICH, "3 December 2026, 14:00 to 15:00 Europe/Zurich (UTC+01:00)"),
    (at(3, 14), at(3, 15), "UTC", "Thursday, 3 December 2026, 13:00 to 14:00 UTC"),
    (at(3, 14), at(3, 15), None, "Thursday, 3 December 2026, 13:00 to 14:00 UTC"),
    (at(3, 14), at(3, 15), "Asia/Kolkata", "18:30 to 19:30 Asia/Kolkata (UTC+05:30)"),
    (at(3, 14), at(3, 15), "America/St_Johns", "09:30 to 10:30 America/St_Johns (UTC-03:30)"),
    (at(3, 22), at(4, 1), ZURICH, "Thursday, 3 December 2026, 22:00 to 01:00 on Friday Europe/Zurich"),
    (at(3, 14), at(5, 9), ZURICH, "3 December 2026, 14:00 to Saturday, 5 December 2026, 09:00 Europe/Zurich"),
    (at(24, 22, month=10), at(25, 6, month=10), ZURICH, "(UTC+02:00, at the end UTC+01:00)"),
    (date(2026, 12, 3), date(2026, 12, 4), ZURICH, "Thursday, 3 December 2026, all day Who:"),
    (date(2026, 12, 3), date(2026, 12, 6), None, "to Saturday, 5 December 2026, all day (3 days) Who:"),
    (datetime(2026, 12, 3, 9), datetime(2026, 12, 3, 10), None, "09:00 to 10:00 local time"),  # noqa: DTZ001
]


@pytest.mark.parametrize(("start", "end", "zone", "words"), SPANS)
def test_the_letter_says_when(start: When, end: When, zone: str | None, words: str) -> None:
    letter = invitation(replace(MEETING, start=start, end=end, zone=zone), BEAT)
    assert words in " ".join(letter.text.split())


@pytest.mark.parametrize(("start", "end", "zone", "words"), SPANS)
def test_html_and_text_name_the_same_days_and_hours(
    start: When, end: When, zone: str | None, words: str
) -> None:
    shown = read(replace(MEETING, start=start, end=end, zone=zone)).text
    for word in re.findall(r"\d\d:\d\d|\w+day|\d+ December|UTC\S+", words):
        assert word.strip("),") in shown


@pytest.mark.parametrize(
    ("change", "subject"),
    [
        ({}, "Invitation: Budget, Thu 3 Dec 2026 14:00 (Europe/Zurich)"),
        ({"zone": None}, "Invitation: Budget, Thu 3 Dec 2026 13:00 (UTC)"),
        ({"start": date(2026, 12, 3), "end": date(2026, 12, 4)}, "Invitation: Budget, Thu 3 Dec 2026"),
        ({"summary": "Grüezi\r\nBcc: eve@example.org"}, None),
        ({"summary": "x" * 500}, None),
    ],
)
def test_the_subject_says_what_and_when_on_one_line(change: dict[str, object], subject: str | None) -> None:
    found = invitation(replace(MEETING, **change), BEAT).subject  # type: ignore[arg-type]
    assert "\n" not in found
    assert "\r" not in found
    assert len(found) < 220
    assert found.endswith("2026 14:00 (Europe/Zurich)") if subject is None else found == subject


def test_the_people_are_named_with_their_part() -> None:
    text = invitation(MEETING, CARLA).text
    assert "Ann Example <ann@example.org> (organizer)" in text
    assert "Beat Müller <beat@example.org>\n" in text
    assert "Carla <carla@example.org> (you, optional)" in text
    shown = " ".join(read(MEETING, CARLA).text.replace("\xa0", " ").split())
    assert "Ann Example · organizer ann@example.org" in shown
    assert "Carla · you · optional carla@example.org" in shown


@pytest.mark.parametrize(("count", "named"), [(20, True), (21, False), (500, False)])
def test_a_crowd_is_a_number(count: int, named: bool) -> None:  # noqa: FBT001
    crowd = tuple(Attendee(f"a{number}@example.org") for number in range(count))
    meeting = replace(MEETING, attendees=crowd)
    for shown in (invitation(meeting, crowd[0]).text, read(meeting, crowd[0]).text):
        assert ("a7@example.org" in shown) is named
        assert (f"and {count} people invited" in shown) is not named


def test_who_was_removed_is_not_named() -> None:
    meeting = replace(MEETING, attendees=(BEAT, replace(CARLA, removed=True)))
    assert "carla" not in invitation(meeting, BEAT).text
    assert "carla" not in read(meeting).text


def test_only_who_is_asked_is_asked_to_answer() -> None:
    assert "Answer with the buttons" in invitation(MEETING, BEAT).text
    assert "no answer is needed" in invitation(MEETING, replace(BEAT, rsvp=False)).text


def test_a_series_says_that_it_is_one() -> None:
    series = replace(MEETING, recurrence=Recurrence(("RRULE:FREQ=DAILY",)))
    assert "first of a series" in invitation(series, BEAT).text
    assert "series" not in invitation(MEETING, BEAT).text


def test_what_is_not_known_leaves_no_trace() -> None:
    bare = replace(MEETING, organizer_name=None, location=None, description=None)
    letter = invitation(bare, BEAT)
    assert "Where" not in letter.text + letter.html
    assert "None" not in letter.text + letter.html
    assert letter.text.startswith("ann@example.org invites you to")


def test_the_description_keeps_its_lines() -> None:
    meeting = replace(MEETING, description="one\r\n\r\n  two\nthree")
    assert "\none\n\n  two\nthree\n" in invitation(meeting, BEAT).text
    assert "one<br>\n<br>\n  two<br>\nthree" in invitation(meeting, BEAT).html


@pytest.mark.parametrize(
    ("text", "links"),
    [
        ("see https://example.org/a?b=c&d=e.", ["https://example.org/a?b=c&d=e"]),
        ("(http://example.org/x_(y)), ok", ["http://example.org/x_(y)"]),
        ("<https://example.org/>", ["https://example.org/"]),
        ("HTTPS://example.org!", ["HTTPS://example.org"]),
        ("https://a.example https://b.example", ["https://a.example", "https://b.example"]),
        ("javascript:alert(1) data:text/html,x ftp://example.org", []),
        ('https://example.org/" onclick="alert(1)', ["https://example.org/"]),
        ("example.org ann@example.org", []),
    ],
)
def test_only_web_addresses_can_be_clicked(text: str, links: list[str]) -> None:
    assert read(replace(MEETING, description=text)).links == links
    assert read(replace(MEETING, location=text)).links == links


@given(
    text=st.text(max_size=80)
    | st.sampled_from(["<script>x</script>", "</td>", "{{ 7 * 7 }}", '"><img src=x>'])
)
def test_no_text_becomes_markup(text: str) -> None:
    calm = read(replace(MEETING, location="x", description="x\nx https://example.org"))
    wild = replace(
        MEETING,
        summary=text,
        location=f"x{text}",
        description=f"x{text}\nx https://example.org",
        organizer_name=text,
        attendees=(replace(BEAT, name=text), CARLA),
    )
    assert read(wild).elements == calm.elements
    assert "49" not in read(wild).text or "49" in text


def test_mail_clients_find_nothing_to_load_or_to_run() -> None:
    assert not read().elements & {"img", "script", "link", "iframe", "object", "form"}
    assert "url(" not in invitation(MEETING, BEAT).html


def test_rooms_and_who_is_only_informed_are_marked() -> None:
    told = Attendee("dora@example.org", role=Role.NON_PARTICIPANT)
    text = invitation(replace(MEETING, attendees=(BEAT, ROOM, told)), BEAT).text
    assert "Aurora <aurora@example.org> (room)" in text
    assert "dora@example.org (for information)" in text


def test_where_attendees_are_not_shown_only_the_reader_is() -> None:
    crowd = tuple(Attendee(f"a{number}@example.org") for number in range(50))
    letter = invitation(replace(MEETING, attendees=crowd), crowd[7], style=Style(show_attendees=False))
    for shown in (letter.text, read_html(letter.html).text):
        assert "a7@example.org" in shown
        assert "a8@example.org" not in shown
        assert "50" not in shown


def test_the_reader_s_zone_comes_first() -> None:
    letter = invitation(MEETING, BEAT, style=Style(zone="America/New_York"))
    assert "3 December 2026, 08:00 to 09:00 America/New_York (UTC-05:00)" in flat(letter.text)
    assert "08:00 (America/New_York)" in letter.subject


def test_a_zone_that_does_not_exist_is_not_one() -> None:
    assert ZURICH in invitation(MEETING, BEAT, style=Style(zone="Mars/Olympus")).text


def test_the_message_stands_before_everything_with_its_lines() -> None:
    letter = invitation(MEETING, BEAT, style=Style(message="Sorry!\nSee https://example.org/why"))
    assert "Ann Example writes:\n\n    Sorry!\n    See https://example.org/why\n\nWhen:" in letter.text
    assert 'Sorry!<br>\nSee <a href="https://example.org/why"' in letter.html
    assert letter.html.index("Sorry!") < letter.html.index("3 December")


def test_a_reminder_says_that_it_is_one() -> None:
    letter = invitation(MEETING, BEAT, reminder=True)
    assert letter.subject == "Reminder: Budget, Thu 3 Dec 2026 14:00 (Europe/Zurich)"
    assert letter.text.startswith("You have not answered yet")
    assert "You have not answered yet" in letter.html


@pytest.mark.parametrize(
    ("url", "links"),
    [
        ("https://meet.example.org/7?pwd=a&b", ["https://meet.example.org/7?pwd=a&b"]),
        ("javascript:alert(1)", []),
        ("tel:+41-44-000-00-00", []),
        ("https://a.example/ https://b.example/", []),
    ],
)
def test_a_conference_is_a_button_if_it_is_on_the_web(url: str, links: list[str]) -> None:
    meeting = replace(MEETING, details=Details(conference=url))
    assert read(meeting).links == links
    assert url in read(meeting).text
    assert f"Online: {url}" in invitation(meeting, BEAT).text


def test_who_is_not_to_come_is_not_asked_to_join() -> None:
    meeting = replace(MEETING, description="Bring cake", details=Details(conference="https://example.org/7"))
    for letter in (cancelled(meeting, BEAT), removed(meeting, BEAT)):
        assert not read_html(letter.html).links
        assert "cake" not in letter.text + letter.html
        assert "No answer is needed" in letter.text


def test_an_announcement_asks_for_nothing() -> None:
    letter = announcement(MEETING, BEAT)
    assert "Ann Example announces" in letter.text
    assert "buttons" not in letter.text + letter.html
    assert "beat@" not in letter.text + letter.html


HTML = """
<h2>Agenda</h2><ol><li><b>One</b></li><li>Two</li></ol>
<p onclick="alert(1)" style="position:fixed">See <a href="https://example.org/">this</a>,
<a href="java&#x01;script:alert(1)">not</a> <a href="/that">that</a></p>
<script>alert(2)</script><style>p {}</style><img src="https://example.org/spy.png"><form><input></form>
"""


def test_a_description_in_html_is_kept_as_far_as_it_only_says_something() -> None:
    letter = invitation(replace(MEETING, details=Details(html=HTML)), BEAT)
    reader = read_html(letter.html)
    assert {"ol", "li", "h2"} <= reader.elements
    assert not reader.elements & {"script", "img", "form", "input"}
    assert reader.links == ["https://example.org/"]
    for harm in ("alert", "onclick", "fixed", "spy"):
        assert harm not in letter.html


def test_a_description_in_html_alone_is_text_as_well() -> None:
    text = invitation(replace(MEETING, details=Details(html=HTML)), BEAT).text
    assert "Agenda" in text
    assert "One" in text
    assert "<b>" not in text
    both = replace(MEETING, description="In plain words", details=Details(html=HTML))
    assert "Agenda" not in invitation(both, BEAT).text
