"""The languages of the letters: complete, alike, and with the times as their readers write them."""

from __future__ import annotations

import ast
import re
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from string import Formatter

import pytest

from letterbox import BEAT, FULL, KINDS, MEETING, SERIES, at, flat, moved, read
from rsvpd import letters
from rsvpd.itip.model import Recurrence
from rsvpd.letters import LANGUAGES, Style, invitation, updated
from rsvpd.letters.languages import language

ENGLISH = language("en")
ROOM = Path(letters.__file__).parent
MADE_OF = re.compile(r"^(kind|lead|note|call|report|nth|every|series|people|location|online|brief)_")
"""The beginnings of keys that are put together."""


def placeholders(phrase: str) -> set[str | None]:
    return {name for _, name, _, _ in Formatter().parse(phrase)} - {None}


@pytest.mark.parametrize("code", LANGUAGES)
def test_no_phrase_lacks_a_language(code: str) -> None:
    spoken = language(code)
    assert spoken.words.keys() == ENGLISH.words.keys()
    assert spoken.dates.keys() == ENGLISH.dates.keys()
    for key, phrase in spoken.words.items():
        assert phrase.strip(), key
        assert placeholders(phrase) == placeholders(ENGLISH.words[key]), key


@pytest.mark.parametrize("code", LANGUAGES[1:])
def test_no_phrase_was_left_in_english(code: str) -> None:
    same = {
        key
        for key, phrase in language(code).words.items()
        if phrase == ENGLISH.words[key] and re.sub(r"{\w+}", "", phrase).strip(" ,():")
    }
    assert same <= {"kind_invitation", "online", "optional", "more"}


def test_no_phrase_is_unused() -> None:
    sources = [*ROOM.glob("*.py"), *(ROOM.parent / "templates").glob("base.*.j2")]
    written = "".join(path.read_text(encoding="utf-8") for path in sources)
    for key in ENGLISH.words:
        assert f'"{key}"' in written or MADE_OF.match(key), key


def test_every_phrase_that_is_asked_for_is_there() -> None:
    for path in ROOM.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr in {"say", "_change"}
                and isinstance(node.args[0], ast.Constant)
            ):
                assert node.args[0].value in ENGLISH.words


def test_french_keeps_its_colons_on_the_line() -> None:
    for key, phrase in language("fr").words.items():
        assert not re.search(r"[^\u00a0][:;?!]", phrase), key


@pytest.mark.parametrize("code", LANGUAGES)
@pytest.mark.parametrize("kind", KINDS)
def test_every_letter_can_be_read_in_every_language(kind: str, code: str) -> None:
    letter = KINDS[kind](SERIES, BEAT, Style(language=code, message="Bis bald"))
    html = read(letter.html)
    for shown in (letter.text, html.text):
        assert "Budget" in shown
        assert "Bis bald" in shown
        assert "Europe/Zurich (UTC+01:00)" in shown
        assert "2026" in shown
        assert not re.search(r"[{}]|\bNone\b|Undefined", shown)
    assert f'<html lang="{code}">' in letter.html
    assert language(code).words[f"kind_{kind.removesuffix('_occurrence')}"] in letter.subject


@pytest.mark.parametrize("code", LANGUAGES)
@pytest.mark.parametrize("kind", KINDS)
def test_the_text_says_all_that_the_html_says(kind: str, code: str) -> None:
    letter = KINDS[kind](SERIES, BEAT, Style(language=code, message="Bis bald"))
    join = language(code).words["join"]
    spoken = set(re.findall(r"\w+", read(letter.html).text.replace(join, "")))
    assert spoken - set(re.findall(r"\w+", letter.text)) == set()


INVITED = [
    ("en", "Thursday, 3 December 2026, 14:00 to 15:00", "Invitation: Budget, Thu 3 Dec 2026 14:00"),
    ("de", "Donnerstag, 3. Dezember 2026, 14:00 bis 15:00 Uhr", "Einladung: Budget, Do., 3. Dez. 2026"),
    ("es", "jueves, 3 de diciembre de 2026, de 14:00 a 15:00", "Invitación: Budget, jue, 3 dic 2026"),
    ("fr", "jeudi 3 décembre 2026, de 14:00 à 15:00", "Invitation : Budget, jeu. 3 déc. 2026"),
]


@pytest.mark.parametrize(("code", "when", "subject"), INVITED)
def test_an_invitation_says_when(code: str, when: str, subject: str) -> None:
    letter = invitation(MEETING, BEAT, style=Style(language=code))
    assert f"{when} Europe/Zurich (UTC+01:00)" in flat(letter.text)
    assert letter.subject.startswith(subject)
    assert letter.subject.endswith("(Europe/Zurich)")


MOVED = [
    ("en", "Moved from Thu 3 Dec 14:00 to Fri 4 Dec 10:00 (Europe/Zurich)"),
    ("de", "Verschoben von Donnerstag, 3. Dezember, 14:00 Uhr auf Freitag, 4. Dezember, 10:00 Uhr (Europe"),
    ("es", "Pasa del jueves, 3 de diciembre, 14:00 al viernes, 4 de diciembre, 10:00 (Europe/Zurich)"),
    ("fr", "Déplacée du jeudi 3 décembre, 14:00 au vendredi 4 décembre, 10:00 (Europe/Zurich)"),
]


@pytest.mark.parametrize(("code", "words"), MOVED)
def test_a_change_says_from_when_to_when(code: str, words: str) -> None:
    letter = updated(FULL, moved(FULL), BEAT, style=Style(language=code))
    assert words in flat(letter.text)
    assert words in flat(read(letter.html).text)


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("en", "Friday, 1 January 2027 to Saturday, 2 January 2027, all day (2 days)"),
        ("de", "Freitag, 1. Januar 2027 bis Samstag, 2. Januar 2027, ganztägig (2 Tage)"),
        ("es", "viernes, 1 de enero de 2027 hasta el sábado, 2 de enero de 2027, todo el día (2 días)"),
        ("fr", "vendredi 1er janvier 2027 jusqu\u2019au samedi 2 janvier 2027, toute la journée (2 jours)"),
    ],
)
def test_days_are_said_as_days(code: str, words: str) -> None:
    days = replace(MEETING, start=date(2027, 1, 1), end=date(2027, 1, 3))
    assert words in flat(invitation(days, BEAT, style=Style(language=code)).text)


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("en", "22:00 to 01:00 on Friday"),
        ("de", "22:00 bis 01:00 Uhr am Freitag"),
        ("es", "de 22:00 a 1:00 del viernes"),
        ("fr", "de 22:00 à 01:00 le vendredi"),
    ],
)
def test_a_night_ends_on_a_day_of_that_name(code: str, words: str) -> None:
    night = replace(MEETING, start=at(3, 22), end=at(4, 1))
    assert words in flat(invitation(night, BEAT, style=Style(language=code)).text)


@pytest.mark.parametrize(
    ("tag", "lead"),
    [
        ("de-AT", "lädt Sie ein"),
        ("FR_ca", "vous invite à"),
        ("es-419", "le invita a"),
        ("en-US", "invites you to"),
        ("rm", "invites you to"),
        ("", "invites you to"),
        ("../../etc/passwd", "invites you to"),
    ],
)
def test_a_language_is_found_by_its_tag(tag: str, lead: str) -> None:
    assert lead in invitation(MEETING, BEAT, style=Style(language=tag)).text


RULES = [
    ("FREQ=DAILY", "every day"),
    ("FREQ=DAILY;INTERVAL=3;COUNT=5", "every 3 days, 5 times"),
    ("FREQ=WEEKLY", "every Thursday"),
    ("FREQ=WEEKLY;BYDAY=TH,TU;WKST=MO", "every Tuesday and Thursday"),
    ("FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR", "every weekday from Monday to Friday"),
    ("FREQ=WEEKLY;INTERVAL=2;UNTIL=20270301T130000Z", "every 2 weeks on Thursday until 1 March 2027"),
    ("FREQ=WEEKLY;UNTIL=20270301T233000Z", "every Thursday until 2 March 2027"),
    ("FREQ=MONTHLY", "on day 3 of every month"),
    ("FREQ=MONTHLY;BYMONTHDAY=3;INTERVAL=2", "every 2 months on day 3"),
    ("FREQ=MONTHLY;BYDAY=1TH", "on the first Thursday of every month"),
    ("FREQ=MONTHLY;BYDAY=-1FR;INTERVAL=3", "every 3 months on the last Friday"),
    ("FREQ=YEARLY;BYMONTH=12;BYMONTHDAY=3", "every year on 3 December"),
    ("FREQ=YEARLY;INTERVAL=4;UNTIL=20401203", "every 4 years on 3 December until 3 December 2040"),
]


@pytest.mark.parametrize(("rule", "words"), RULES)
def test_a_series_says_how_it_goes_on(rule: str, words: str) -> None:
    series = replace(MEETING, recurrence=Recurrence((f"RRULE:{rule}",)))
    letter = invitation(series, BEAT)
    assert f"The first of a series: {words}. The attached calendar file" in flat(letter.text)
    assert words in flat(read(letter.html).text)


@pytest.mark.parametrize("code", LANGUAGES)
@pytest.mark.parametrize(("rule", "words"), RULES)
def test_a_series_can_be_said_in_every_language(rule: str, words: str, code: str) -> None:
    series = replace(MEETING, recurrence=Recurrence((f"RRULE:{rule}",)))
    text = flat(invitation(series, BEAT, style=Style(language=code)).text)
    assert flat(language(code).words["series"]) not in text
    assert (words in text) is (code == "en")


@pytest.mark.parametrize(
    "lines",
    [
        ("RRULE:FREQ=MONTHLY;BYDAY=MO,TU;BYSETPOS=-1",),
        ("RRULE:FREQ=MONTHLY;BYMONTHDAY=-1",),
        ("RRULE:FREQ=MONTHLY;BYDAY=1MO,3MO",),
        ("RRULE:FREQ=WEEKLY;BYDAY=1MO",),
        ("RRULE:FREQ=YEARLY;BYMONTH=1",),
        ("RRULE:FREQ=HOURLY",),
        ("RRULE:FREQ=DAILY;COUNT=1",),
        ("RRULE:FREQ=DAILY;INTERVAL=x",),
        ("RRULE:FREQ=DAILY;UNTIL=20269999",),
        ("RRULE:FREQ=DAILY;UNTIL=soon",),
        ("RRULE:FREQ=DAILY", "RRULE:FREQ=WEEKLY"),
        ("RDATE:20261210T130000Z",),
    ],
)
def test_what_has_no_words_is_left_to_the_calendar_file(lines: tuple[str, ...]) -> None:
    text = flat(invitation(replace(MEETING, recurrence=Recurrence(lines)), BEAT).text)
    assert "The first of a series; the attached calendar file has every date." in text


def test_a_rule_about_days_is_not_said_where_it_is_another_day() -> None:
    early = replace(SERIES, start=at(3, 1), end=at(3, 2))
    assert "every Thursday" in invitation(early, BEAT).text
    text = flat(invitation(early, BEAT, style=Style(zone="America/New_York")).text)
    assert "Wednesday, 2 December 2026" in text
    assert "every" not in text.replace("every date", "")


def test_days_and_months_are_the_language_s_own() -> None:
    assert language("es").weekday(5) == "sábado"
    assert language("fr").date("date", datetime(2027, 2, 1)) == "1er février 2027"  # noqa: DTZ001  a day
    assert language("de").listed(["a", "b", "c"]) == "a, b und c"


@pytest.mark.parametrize("code", LANGUAGES)
def test_who_accepted_is_reminded_in_every_language(code: str) -> None:
    letter = letters.coming(MEETING, BEAT, style=Style(language=code))
    spoken = language(code)
    for shown in (letter.text, read(letter.html).text):
        assert flat(spoken.say("lead_reminder_accepted", who="Ann Example")) in flat(shown)
        assert flat(spoken.say("note_coming")) in flat(shown)
    assert letter.subject.startswith(spoken.say("kind_reminder"))


def test_a_message_can_be_a_template_and_is_escaped_as_any_other() -> None:
    style = Style(message="<b>{{ summary }}</b> {{ when }}", fills=True)
    letter = letters.coming(MEETING, BEAT, style=style)
    assert "<b>Budget</b> Thu 3 Dec 2026 14:00" in flat(letter.text)
    assert "&lt;b&gt;Budget&lt;/b&gt;" in letter.html
    plain = letters.coming(MEETING, BEAT, style=replace(style, fills=False))
    assert "{{ summary }}" in plain.text
