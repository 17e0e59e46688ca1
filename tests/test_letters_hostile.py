"""Whatever people write, a letter stays a letter: nothing becomes markup, a header or an endless line."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime
from email import message_from_bytes
from email.policy import default

import pytest
from hypothesis import given
from hypothesis import strategies as st

from letterbox import BEAT, CARLA, FULL, KINDS, SERIES, moved, occurrence, read
from rsvpd.itip.compose import compose
from rsvpd.itip.model import Details, Method, Recurrence
from rsvpd.letters import LANGUAGES, Style, cancelled, updated

WILD = st.text(max_size=60) | st.sampled_from(
    [
        "<script>alert(1)</script>",
        "</td></table><img src=x onerror=alert(1)>",
        '"><a href="javascript:alert(1)">x</a>',
        "{{ 7 * 7 }}{% for x in y %}",
        "{old} {new} {0.__class__} {",
        "Grüezi\r\nBcc: eve@example.org\r\n\r\nbody",
        "&lt;b&gt; &amp;",
        "\u202etxt.exe\u2066",
        "\u2028\u2029\x00\x1b[31m\ud800",
        "🎉" * 30,
        "x" * 300,
    ]
)
KIND = st.sampled_from(sorted(KINDS))
STYLE = st.builds(Style, language=st.sampled_from(LANGUAGES), zone=st.none() | WILD, message=WILD)


@given(text=WILD, kind=KIND, style=STYLE)
def test_nothing_that_people_write_becomes_markup(text: str, kind: str, style: Style) -> None:
    wild = replace(
        FULL,
        summary=f"x{text}",
        location=f"x{text}",
        description=f"x{text}",
        organizer_name=text,
        attendees=(replace(BEAT, name=text), CARLA),
        details=Details(conference=f"https://example.org/{text}", url=text),
    )
    calm = replace(FULL, details=Details(conference="https://example.org/"))
    found = read(KINDS[kind](wild, BEAT, style).html)
    assert found.elements <= read(KINDS[kind](calm, BEAT, replace(style, message="x")).html).elements
    assert all(re.match(r"https?://", link or "", re.IGNORECASE) for link in found.links)


@given(
    html=st.lists(
        WILD | st.sampled_from(["<p>", "<a href='", "'>", "</a>", "<svg>", "<style>", "&#x01;"])
    ).map("".join)
)
def test_a_description_in_html_runs_and_loads_nothing(html: str) -> None:
    found = read(KINDS["invitation"](replace(FULL, details=Details(html=html)), BEAT, Style()).html)
    assert not found.elements & {"script", "img", "svg", "math", "iframe", "form", "input", "link", "base"}
    assert all(re.match(r"(https?|mailto|tel):", link or "", re.IGNORECASE) for link in found.links)


@given(old=WILD, new=WILD, style=STYLE)
def test_no_change_becomes_markup(old: str, new: str, style: Style) -> None:
    before = replace(FULL, summary=f"a{old}", location=f"a{old}")
    after = replace(FULL, summary=f"b{new}", location=f"b{new}", description=new)
    calm = replace(FULL, summary="b", location="b")
    shown = read(updated(before, after, BEAT, style=style).html)
    expected = read(updated(FULL, calm, BEAT, style=replace(style, message="x")).html)
    assert shown.elements <= expected.elements | {"br", "a"}


@given(text=WILD, kind=KIND, style=STYLE)
def test_every_letter_can_be_sent(text: str, kind: str, style: Style) -> None:
    letter = KINDS[kind](replace(FULL, summary=text, organizer_name=text), BEAT, style)
    raw = compose(
        ics=b"BEGIN:VCALENDAR\r\nMETHOD:REQUEST\r\nEND:VCALENDAR\r\n",
        method=Method.REQUEST,
        letter=letter,
        sender=("ann@example.org", None),
        recipient=("beat@example.org", None),
        message_id="<1@example.org>",
        date=datetime(2026, 12, 1, tzinfo=UTC),
    )
    mail = message_from_bytes(raw, policy=default)
    assert mail["bcc"] is None
    assert " ".join(str(mail["subject"]).split()) == " ".join(letter.subject.split())


@given(text=st.text("ab \n", max_size=600), kind=KIND, style=STYLE)
def test_the_text_keeps_within_its_columns(text: str, kind: str, style: Style) -> None:
    meeting = replace(FULL, summary=text, location=text, description=text)
    for line in KINDS[kind](meeting, BEAT, replace(style, zone=None, message=text)).text.split("\n"):
        longest = max((len(word) for word in line.split(" ")), default=0)
        assert len(line) <= max(78, longest + 12)


@pytest.mark.parametrize("code", LANGUAGES)
@pytest.mark.parametrize("kind", KINDS)
def test_our_own_words_keep_within_their_columns(kind: str, code: str) -> None:
    text = KINDS[kind](SERIES, BEAT, Style(language=code, message="word " * 60)).text
    assert max(map(len, text.split("\n"))) <= 78
    assert "\n\n\n" not in text
    assert not any(line != line.rstrip(" ") for line in text.split("\n"))


@given(
    lines=st.lists(st.sampled_from(["RRULE:", "RRULE:FREQ=", "RRULE:FREQ=WEEKLY;BYDAY=", "RRULE:;;="])),
    tail=WILD,
)
def test_a_rule_that_is_none_is_not_read_out(lines: list[str], tail: str) -> None:
    series = replace(FULL, recurrence=Recurrence(tuple(line + tail for line in lines)))
    for kind in KINDS.values():
        assert kind(series, BEAT, Style()).text


@pytest.mark.parametrize("kind", KINDS)
def test_clients_find_nothing_to_load_or_to_run(kind: str) -> None:
    html = KINDS[kind](moved(SERIES), BEAT, Style(message="x")).html
    assert not read(html).elements & {"img", "script", "link", "iframe", "object", "form"}
    assert "url(" not in html
    assert "on" + "click" not in html


def test_a_token_of_the_reader_stays_out_of_the_letter() -> None:
    letter = cancelled(SERIES, replace(BEAT, token="s3cret"), occurrence=occurrence(10))
    assert "s3cret" not in letter.text + letter.html
