"""Templates of the user's: they are taken first, they cannot reach out, and they fail with one line."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from letterbox import BEAT, FULL, KINDS, MEETING, SERIES, flat, read
from rsvpd.letters import LetterBroken, Style, cancelled, invitation
from rsvpd.ports import CouldNot


def style(folder: Path, **files: str) -> Style:
    """Templates by their names with `_` for `.`."""
    for name, text in files.items():
        (folder / f"{name.replace('_', '.')}.j2").write_text(text, encoding="utf-8")
    return Style(templates=folder)


def test_a_template_of_the_user_s_is_taken_first(tmp_path: Path) -> None:
    own = style(tmp_path, invitation_txt="Come to {{ summary }}: {{ when }}, {{ say('who') }}: {{ me }}\n")
    letter = invitation(MEETING, BEAT, style=own)
    assert letter.text == (
        "Come to Budget: Thu 3 Dec 2026 14:00 (Europe/Zurich), Who: Beat Müller <beat@example.org>\n"
    )
    assert letter.html == invitation(MEETING, BEAT).html
    assert cancelled(MEETING, BEAT, style=own) == cancelled(MEETING, BEAT)


def test_one_template_can_change_every_letter(tmp_path: Path) -> None:
    extended = '{% extends "builtin/base.html.j2" %}{% block notes %}{{ super() }} Ask Dora.{% endblock %}'
    own = style(tmp_path, base_html=extended)
    for kind in KINDS.values():
        assert "Ask Dora." in kind(SERIES, BEAT, own).html
        plain = kind(SERIES, BEAT, Style()).html
        assert kind(SERIES, BEAT, own).html.replace(" Ask Dora.", "").split() == plain.split()


def test_a_template_for_one_kind_can_build_on_all(tmp_path: Path) -> None:
    text = '{% extends "base.txt.j2" %}{% block description %}{{ super() }}Bring cake.{% endblock %}'
    row = '{{ super() }}{% call row("Cake") %}{{ location }}{% endcall %}'
    html = f'{{% extends "base.html.j2" %}}{{% block rows %}}{row}{{% endblock %}}'
    letter = invitation(FULL, BEAT, style=style(tmp_path, invitation_txt=text, invitation_html=html))
    assert "Bring your figures.\nBring cake." in letter.text
    assert "Cake Room 7" in flat(read(letter.html).text)


def test_html_of_the_user_s_is_escaped_as_ours(tmp_path: Path) -> None:
    own = style(tmp_path, invitation_html="{{ summary }}{% include 'part.html' %}")
    (tmp_path / "part.html").write_text("{{ message }}", encoding="utf-8")
    wild = replace(MEETING, summary="<script>1</script>")
    html = invitation(wild, BEAT, style=replace(own, message="<b>")).html
    assert html == "&lt;script&gt;1&lt;/script&gt;&lt;b&gt;"


def test_a_template_that_changes_is_read_again(tmp_path: Path) -> None:
    own = style(tmp_path, invitation_txt="one")
    assert invitation(MEETING, BEAT, style=own).text == "one\n"
    path = tmp_path / "invitation.txt.j2"
    path.write_text("two", encoding="utf-8")
    os.utime(path, (1, 1))
    assert invitation(MEETING, BEAT, style=own).text == "two\n"


BROKEN = {
    "syntax": ("one\n{{ summary", 2, "unexpected end of template"),
    "unknown tag": ("{% summary %}", 1, "unknown tag 'summary'"),
    "unknown filter": ("\n\n{{ summary|shout }}", 3, "No filter named 'shout'"),
    "unknown variable": ("\n{{ sumary }}", 2, "'sumary' is undefined"),
    "unknown attribute": ("{{ when.weekday }}", 1, "has no attribute 'weekday'"),
    "unknown phrase": ("\n{{ say('hello') }}", 2, "'hello'"),
    "unknown template": ("{% extends 'mine.j2' %}", 1, "mine.j2"),
    "unknown include": ("\n{% include 'mine.j2' %}", 2, "mine.j2"),
    "wrong type": ("\n\n\n{{ summary + 1 }}", 4, "can only concatenate str"),
    "division": ("{{ 1 / 0 }}", 1, "division by zero"),
    "itself": ("{% extends 'invitation.txt.j2' %}", 1, "recursion"),
    "internals": ("{{ ''.__class__ }}", 1, "'__class__'"),
    "internals of a function": ("\n{{ say.__globals__ }}", 2, "'__globals__'"),
    "internals of a method": ("{{ say.__self__.words }}", 1, "'__self__'"),
    "internals by a filter": ("{{ ('' | attr('__class__')).mro() }}", 1, "unsafe"),
    "internals by a format": ("{{ '{0.__class__.__mro__}'.format(me) }}", 1, "__class__"),
    "internals of the environment": ("{{ self.__init__.__globals__ }}", 1, "'__init__'"),
    "changing what it is given": ("{{ say.words.clear() }}", 1, "no attribute 'words'"),
    "too much work": ("{% for i in range(10**9) %}{% endfor %}", 1, "Range too big"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_template_is_one_line_with_file_and_line(tmp_path: Path, case: str) -> None:
    text, line, words = BROKEN[case]
    with pytest.raises(LetterBroken) as caught:
        invitation(MEETING, BEAT, style=style(tmp_path, invitation_txt=text))
    assert isinstance(caught.value, CouldNot)
    message = str(caught.value)
    assert message.startswith(f"{tmp_path / 'invitation.txt.j2'}, line {line}: ")
    assert words in message
    assert "\n" not in message
    assert " object at 0x" not in message


def test_a_template_in_another_encoding_is_broken(tmp_path: Path) -> None:
    (tmp_path / "base.html.j2").write_bytes("one\nGr\u00fcezi".encode("latin-1"))
    with pytest.raises(LetterBroken, match=r"base\.html\.j2, line 2: is not in UTF-8"):
        invitation(MEETING, BEAT, style=Style(templates=tmp_path))


def test_a_template_that_is_no_file_is_broken(tmp_path: Path) -> None:
    (tmp_path / "base.html.j2").mkdir()
    assert invitation(MEETING, BEAT, style=Style(templates=tmp_path)) == invitation(MEETING, BEAT)


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(LetterBroken, match=r"there is no folder .*nowhere"):
        invitation(MEETING, BEAT, style=Style(templates=tmp_path / "nowhere"))


def test_a_fault_of_our_own_is_not_blamed_on_the_user(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rsvpd.letters.templating.one_line", lambda _: 1 // 0)
    with pytest.raises(ZeroDivisionError):
        invitation(MEETING, BEAT, style=Style(templates=tmp_path))


@pytest.mark.parametrize(
    ("template", "subject"),
    [
        ("{{ summary }} ({{ when }})", "Budget & more (Thu 3 Dec 2026 14:00 (Europe/Zurich))"),
        ("[{{ kind }}] {{ summary|upper }}", "[Invitation] BUDGET & MORE"),
        ("{{ organizer.name }}\r\nBcc: eve@example.org", "Ann Example Bcc: eve@example.org"),
        ("{% if false %}x{% endif %}", "Invitation: Budget & more, Thu 3 Dec 2026 14:00 (Europe/Zurich)"),
        ("{{ 'x' * 500 }}", "x" * 249 + "…"),
    ],
)
def test_the_subject_can_be_a_template(template: str, subject: str) -> None:
    meeting = replace(MEETING, summary="Budget & more")
    letter = invitation(meeting, BEAT, style=Style(subject=template))
    assert letter.subject == subject
    assert letter.text == invitation(meeting, BEAT).text


@pytest.mark.parametrize(
    ("template", "words"),
    [
        ("{{ summary", "unexpected"),
        ("{{ sumary }}", "'sumary' is undefined"),
        ("{{ me.__class__ }}", "__class__"),
    ],
)
def test_a_broken_subject_is_one_line(template: str, words: str) -> None:
    with pytest.raises(LetterBroken, match=r"^the subject, line 1: ") as caught:
        invitation(MEETING, BEAT, style=Style(subject=template))
    assert words in str(caught.value)
