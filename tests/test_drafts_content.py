"""What a draft may say beside what, when, where and who."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drafting import Host, hosted, made, refusal, refused
from rsvpd.itip.model import (
    Alarm,
    Attachment,
    Attendee,
    Classification,
    CuType,
    Details,
    Meeting,
    Role,
)

MIB = 1024 * 1024


@dataclass(frozen=True)
class Folder:
    """Files that are not on any disk; `said` replaces the size that is told beforehand."""

    files: Mapping[str, bytes] = field(default_factory=dict)
    said: int | None = None

    def size(self, path: str) -> int:
        return len(self.read(path)) if self.said is None else self.said

    def read(self, path: str) -> bytes:
        if path not in self.files:
            raise FileNotFoundError(2, "No such file or directory", path)
        return self.files[path]


def with_files(folder: Folder, *paths: str, limit: int = MIB) -> Meeting:
    return hosted(Host(), {"attachments": [*paths]}, attachable=folder, attachment_bytes=limit)


def test_a_draft_that_says_nothing_more_has_no_details() -> None:
    assert made().details == Details()


@pytest.mark.parametrize(
    ("change", "details"),
    [
        (
            {"conference": " https://meet.example.org/a?b=c,d;e "},
            Details(conference="https://meet.example.org/a?b=c,d;e"),
        ),
        ({"conference": "tel:+41-44-123,,456#"}, Details(conference="tel:+41-44-123,,456#")),
        ({"url": "http://example.org"}, Details(url="http://example.org")),
        ({"url": " "}, Details()),
        ({"priority": "High"}, Details(priority=1)),
        ({"priority": "normal"}, Details(priority=5)),
        ({"priority": "low"}, Details(priority=9)),
        ({"priority": 0}, Details()),
        ({"priority": 9}, Details(priority=9)),
        ({"class": "Private"}, Details(classification=Classification.PRIVATE)),
        ({"class": "confidential"}, Details(classification=Classification.CONFIDENTIAL)),
        ({"class": "public"}, Details()),
        ({"busy": False}, Details(transparent=True)),
        ({"busy": True}, Details()),
        ({"transparent": True}, Details(transparent=True)),
        ({"categories": ["Budget, 2027", "Team", "Team "]}, Details(categories=("Budget, 2027", "Team"))),
        ({"alarms": ["15m"]}, Details(alarms=(Alarm(timedelta(minutes=15)),))),
        ({"alarms": ["0m", "1d2h"]}, Details(alarms=(Alarm(timedelta(0)), Alarm(timedelta(hours=26))))),
        (
            {"alarms": [{"before": "PT15M", "from": "end"}, {"before": "1h", "from": "start"}]},
            Details(alarms=(Alarm(timedelta(minutes=15), from_end=True), Alarm(timedelta(hours=1)))),
        ),
        ({"announcement": True}, Details(announcement=True)),
    ],
)
def test_details_are_understood(change: dict[str, object], details: Details) -> None:
    assert made(**change).details == details


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"conference": "meet.example.org"}, "conference: 'meet.example.org' is no address"),
        ({"conference": "javascript:alert(1)"}, "conference: 'javascript:alert(1)' is no address"),
        ({"conference": "https://"}, "is no address"),
        ({"conference": "https://[::1"}, "is no address"),
        ({"url": "tel:+41"}, "url: 'tel:+41' is no address"),
        ({"url": "https://example.org/a b"}, "is no address"),
        ({"url": "https://exämple.org"}, "is no address"),
        ({"url": 'https://example.org/"x'}, "is no address"),
        ({"url": "https://example.org/" + "x" * 2000}, "url: longer than 2000 characters"),
        ({"url": "https://example.org\r\nBcc: eve@example.org"}, "url: has a line break"),
        ({"priority": 10}, "priority: 10 is none, give high"),
        ({"priority": -1}, "priority: -1 is none"),
        ({"priority": "urgent"}, "priority: 'urgent' is none"),
        ({"priority": True}, "priority: not understood"),
        ({"class": "secret"}, "class: unknown class 'secret', give public"),
        ({"classification": "private"}, "unknown key 'classification': did you mean 'class'?"),
        ({"desc": "x"}, "unknown key 'desc': did you mean 'description'?"),
        ({"busy": "no"}, "busy: not understood, give true or false"),
        ({"busy": True, "transparent": False}, "busy, transparent: give one of the two"),
        ({"categories": "Team"}, "categories: not understood, give a list"),
        ({"categories": ["Team", 7]}, "category 2: give a text"),
        ({"categories": ["Team", " "]}, "category 2: empty"),
        ({"categories": ["a\nb"]}, "category 1: has a line break"),
        ({"categories": [str(n) for n in range(51)]}, "categories: 51 are too many"),
        ({"alarms": "15m"}, "alarms: not understood, give a list"),
        ({"alarms": [15]}, "alarm 1: write it like 15m"),
        ({"alarms": ["15m", "soon"]}, "alarm 2: before: 'soon' not understood, write it like 1h30m"),
        ({"alarms": ["-15m"]}, "alarm 1: before: '-15m' not understood"),
        ({"alarms": ["400d"]}, "alarm 1: '400d' is more than a year before"),
        (
            {"alarms": [{"before": "15m", "from": "lunch"}]},
            "alarm 1: from: 'lunch' not understood, give start",
        ),
        ({"alarms": [{"form": "end"}]}, "alarm 1: unknown key 'form': did you mean 'from'?"),
        ({"alarms": [{"from": "end"}]}, "alarm 1: before: missing"),
        ({"alarms": ["1m"] * 51}, "alarms: 51 are too many"),
        ({"announcement": "yes"}, "announcement: not understood"),
    ],
)
def test_a_detail_that_cannot_be_is_refused(change: dict[str, object], words: str) -> None:
    assert words in refused(**change)


@pytest.mark.parametrize(
    ("attendee", "expected"),
    [
        ({"cutype": "Room"}, Attendee("x@y.example", role=Role.NON_PARTICIPANT, cutype=CuType.ROOM)),
        ({"cutype": "resource"}, Attendee("x@y.example", role=Role.NON_PARTICIPANT, cutype=CuType.RESOURCE)),
        ({"cutype": "room", "role": "required"}, Attendee("x@y.example", cutype=CuType.ROOM)),
        ({"cutype": "group"}, Attendee("x@y.example", cutype=CuType.GROUP)),
        ({"cutype": "individual"}, Attendee("x@y.example")),
        ({"rsvp": False}, Attendee("x@y.example", rsvp=False)),
        ({"rsvp": True}, Attendee("x@y.example")),
    ],
)
def test_rooms_groups_and_those_who_need_not_answer(attendee: dict[str, object], expected: Attendee) -> None:
    assert made(attendees=[{"email": "x@y.example", **attendee}]).attendees == (expected,)


@pytest.mark.parametrize(
    ("attendee", "words"),
    [
        ({"cutype": "robot"}, "attendee 1: unknown cutype 'robot', give individual, group, room or resource"),
        ({"cutype": "unknown"}, "attendee 1: unknown cutype 'unknown'"),
        ({"rsvp": "no"}, "attendee 1: rsvp: not understood, give true or false"),
    ],
)
def test_an_attendee_of_no_known_kind_is_refused(attendee: dict[str, object], words: str) -> None:
    assert words in refused(attendees=[{"email": "x@y.example", **attendee}])


def test_five_thousand_attendees_are_a_meeting() -> None:
    people = [f"Person {n} <p{n}@example.org>" for n in range(5_000)]
    assert len(made(attendees=people).attendees) == 5_000


# The description


def test_the_plain_description_is_made_from_the_html() -> None:
    meeting = made(
        description_html="<h1>Budget</h1><ul><li>one<li>two</ul><p>See <a href='https://x.example'>it</a></p>"
    )
    assert meeting.description == "Budget\n\n- one\n- two\n\nSee it <https://x.example>"
    assert meeting.details.html is not None
    assert "<li>two</li>" in meeting.details.html


def test_a_plain_description_that_was_given_stays() -> None:
    meeting = made(description=" plain ", description_html="<p>rich")
    assert (meeting.description, meeting.details.html) == ("plain", "<p>rich</p>")


def test_a_description_of_a_picture_has_no_words() -> None:
    assert made(description_html='<img src="https://x.example/a.png">').description is None


@pytest.mark.parametrize(
    "html",
    [
        "<script>alert(1)</script>",
        "<p onclick='alert(1)'>x</p>",
        "<a href='javascript:alert(1)'>x</a>",
        "<a href='java\x09script:alert(1)'>x</a>",
        "<img src=x onerror=alert(1)>y",
        "<iframe src='https://x.example'></iframe>y",
        "<svg><script>alert(1)</script></svg>y",
        "</body></html><script>alert(1)</script>y",
        "<form action='https://x.example'><input name=alert></form>y",
        "<style>body{background:url(javascript:alert)}</style>y",
        "<!--<script>alert(1)</script>-->y",
    ],
)
def test_html_is_never_taken_as_it_is(html: str) -> None:
    try:
        found = made(description_html=html).details.html or ""
    except Exception as error:  # noqa: BLE001  the one that leaves nothing
        found = str(error)
        assert found == "description_html: nothing is left of it without scripts and the like"
    assert not any(word in found for word in ("alert", "javascript", "iframe", "onerror", "<form", "<svg"))


@pytest.mark.parametrize(
    ("html", "words"),
    [("a\0b", "description_html: has a control character"), (7, "description_html: not understood")],
)
def test_html_that_cannot_be_sent_is_refused(html: object, words: str) -> None:
    assert words in refused(description_html=html)


# Files


def test_files_are_read_with_a_safe_name_and_their_type() -> None:
    folder = Folder({"sub/Zahlen 2027.pdf": b"%PDF", "../no type": b"\0"})
    assert with_files(folder, "sub/Zahlen 2027.pdf", " ../no type ").details.attachments == (
        Attachment("Zahlen 2027.pdf", "application/pdf", b"%PDF"),
        Attachment("no type", "application/octet-stream", b"\0"),
    )


def test_a_file_over_the_limit_is_named_with_its_size_and_the_limit() -> None:
    folder = Folder({"video.mp4": b"x" * (10 * MIB)})
    line = refusal(lambda: with_files(folder, "video.mp4"))
    assert line == "attachment 1: video.mp4 has 10,485,760 bytes; the limit is 1,048,576, send a link instead"


def test_a_file_that_says_it_is_large_is_not_read() -> None:
    folder = Folder(said=10**12)
    assert "has 1,000,000,000,000 bytes" in refusal(lambda: with_files(folder, "/dev/zero"))


def test_a_file_that_is_larger_than_it_said_is_refused() -> None:
    folder = Folder({"log": b"x" * 200}, said=1)
    assert "log has 200 bytes" in refusal(lambda: with_files(folder, "log", limit=100))


def test_the_limit_is_for_all_files_together() -> None:
    folder = Folder({"a": b"x" * 60, "b": b"y" * 41})
    line = refusal(lambda: with_files(folder, "a", "b", limit=100))
    assert line.startswith("attachment 2: b has 41 bytes, with the files before it 101; the limit is 100")
    assert len(with_files(folder, "a", "b", limit=101).details.attachments) == 2


@pytest.mark.parametrize(
    ("paths", "words"),
    [
        (["gone.txt"], "attachment 1: gone.txt: no such file or directory"),
        (["a/same", "b/same"], "attachment 2: same is there twice"),
        (["empty"], "attachment 1: empty is empty"),
        ([""], "attachment 1: empty, leave it out"),
        (["a\0b"], "attachment 1: has a line break or another control character"),
        (["a/same"] * 51, "attachments: 51 are too many"),
    ],
)
def test_files_that_cannot_go_are_refused(paths: list[str], words: str) -> None:
    folder = Folder({"a/same": b"1", "b/same": b"2", "empty": b""})
    assert words in refusal(lambda: with_files(folder, *paths))


def test_without_a_folder_there_are_no_files() -> None:
    assert "no files can be named here" in refused(attachments=["a.txt"])
    assert "attachment 1: give the path of a file" in refused(attachments=[7])
    assert not made(attachments=[]).details.attachments


texts = st.text(max_size=20)
values = texts | st.integers() | st.lists(texts, max_size=3) | st.dictionaries(texts, texts, max_size=3)


@given(value=values)
@pytest.mark.parametrize(
    "key",
    [
        "description_html",
        "conference",
        "url",
        "priority",
        "class",
        "busy",
        "categories",
        "alarms",
        "attachments",
        "announcement",
    ],
)
def test_whatever_is_written_makes_a_meeting_or_one_line(key: str, value: object) -> None:
    try:
        meeting = made(**{key: value})
    except Exception as error:  # noqa: BLE001
        assert type(error).__name__ == "DraftRefused", error  # noqa: PT017
        assert "\n" not in str(error)  # noqa: PT017
    else:
        assert meeting.attendees


@given(before=texts, control=st.sampled_from("\r\n\0\x0b\x1b\x85\u2028"), after=texts)
@pytest.mark.parametrize("key", ["conference", "url", "categories", "attachments"])
def test_nothing_can_be_injected_into_a_line(key: str, before: str, control: str, after: str) -> None:
    text = f"{before}{control}{after}"
    value = text if key in {"conference", "url"} else [text]
    change: dict[str, object] = {key: value}
    assert "has a line break" in refusal(lambda: hosted(Host(), change, attachable=Folder()))
