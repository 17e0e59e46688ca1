"""Lists of attendees as spreadsheets and mail programs write them."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from house import START, World, one_line, one_line_of
from rsvpd.attendees_csv import read
from rsvpd.ports import CouldNot

ANN = {"email": "ann@example.com", "name": "Ann", "role": "optional"}
WHEN = ("--summary", "Budget", "--start", f"{START:%Y-%m-%dT%H:%M}", "--duration", "1h")


@pytest.mark.parametrize(
    "text",
    [
        "email,name,role\nann@example.com,Ann,optional\n",
        "Role;NAME;E-Mail\r\noptional;Ann;ann@example.com\r\n",
        "\ufeffname\temail\trole\nAnn\tann@example.com\toptional",
        '"Email", "Role", "Name"\n"ann@example.com", optional , "Ann"',
        "\n\nmail,name,role,\n\n,,\nann@example.com,Ann,optional,\n\n",
        "email,name,role\rann@example.com,Ann,optional\r",
    ],
)
def test_columns_in_any_order_and_form(text: str) -> None:
    assert [one.entry for one in read(text.encode())] == [ANN]


@pytest.mark.parametrize(
    "text",
    [
        "ann@example.com\nBob <bob@example.com>\n",
        "\ufeff ann@example.com;\r\n\r\nBob <bob@example.com>,,\r\n",
    ],
)
def test_only_addresses_one_a_line(text: str) -> None:
    assert [one.entry for one in read(text.encode())] == ["ann@example.com", "Bob <bob@example.com>"]


def test_a_comma_in_a_name_needs_no_column() -> None:
    assert [one.entry for one in read(b"Doe, Ann <ann@example.com>")] == ["Doe, Ann <ann@example.com>"]


def test_cells_that_are_empty_are_not_given() -> None:
    (one,) = read(b"name,role,email\n,,ann@example.com\n")
    assert one.entry == {"email": "ann@example.com"}


def test_lines_are_counted_as_an_editor_does() -> None:
    text = 'email,name\n\nann@example.com,"Ann\nof two lines"\n\nbob@example.com,Bob\u2028B\n'
    assert [one.line for one in read(text.encode())] == [3, 6]


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "there is nobody in it"),
        (b"\n ; \n", "there is nobody in it"),
        (b"email,name\n", "only the names of the columns"),
        (b"email,phone\n", "line 1: unknown column 'phone'"),
        (b"\nemail,name,Email\n", "line 2: there are two columns email"),
        (b"name,role\nAnn,optional", "line 1: there is no column email"),
        (b"email,name\nann@example.com,Ann\n,Bob\n", "line 3: email: is empty"),
        (b"email,name\nann@example.com,Doe, Ann\n", "line 2: has more cells than columns"),
        (b'email,name\nann@example.com,"Ann\n', "line 2: unexpected end of data"),
        ("email,name\nann@example.com,Ann\nb@x.org,Jürg".encode("latin-1"), "line 3: is not UTF-8"),
        ("email".encode("utf-16"), "line 1: is not UTF-8"),
    ],
)
def test_what_is_wrong_names_the_line(data: bytes, said: str) -> None:
    with pytest.raises(CouldNot) as error:
        read(data)
    assert said in one_line_of(error)


@given(st.binary(max_size=200) | st.text('e mail,;"\n@x', max_size=60).map(str.encode))
def test_nothing_else_is_raised(data: bytes) -> None:
    with suppress(CouldNot):
        assert read(data)


class TestCommand:
    @pytest.fixture
    def world(self, tmp_path: Path) -> World:
        return World(tmp_path)

    def test_everybody_in_it_is_invited(self, world: World) -> None:
        people = world.write("people.csv", "Name;Email;Role\nÄnn;ann@example.com;Optional\n".encode())
        done = world.run("meeting", "create", *WHEN, "--attendees", people, "--attendee", "bob@example.com")

        assert (done.code, done.err) == (0, "")
        assert "2 invitations are in the outgoing queue" in done.out
        (meeting,) = world.attendance()
        assert [(a["email"], a["name"], a["role"]) for a in meeting["attendees"]] == [
            ("bob@example.com", None, "REQ-PARTICIPANT"),
            ("ann@example.com", "Änn", "OPT-PARTICIPANT"),
        ]

    @pytest.mark.parametrize(
        ("line", "said"),
        [
            ("nobody", "line 3: 'nobody' is no mail address"),
            ("b@example.com,,boss", "line 3: unknown role 'boss'"),
            ("ANN@example.com", "line 3: ann@example.com is there twice"),
            ("events@example.org", "line 3: events@example.org is the organizer"),
        ],
    )
    def test_what_a_meeting_cannot_have_names_the_line(self, world: World, line: str, said: str) -> None:
        people = world.write("people.csv", f"email,name,role\nann@example.com\n{line}\n".encode())
        for more in ((), ("--attendee", "z@example.com")):
            done = world.run("meeting", "create", *WHEN, *more, "--attendees", people)
            assert f"people.csv: {said}" in one_line(done)
        assert world.attendance() == []

    def test_other_trouble_stays_as_it_is(self, world: World) -> None:
        people = world.write("people.csv", b"ann@example.com")
        first = ("--attendee", "nobody", "--attendees", people)
        assert "rsvpd: attendee 1: 'nobody'" in one_line(world.run("meeting", "create", *WHEN, *first))
        assert "no such file" in one_line(world.run("meeting", "create", *WHEN, "--attendees", "nope.csv"))
