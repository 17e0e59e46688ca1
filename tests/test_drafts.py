"""What people write to make a meeting, and what they are told."""

from __future__ import annotations

import tomllib
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drafting import NOW, Host, hosted, local, made, refused
from rsvpd.drafts import DraftRefused
from rsvpd.itip.model import Attendee, Meeting, Role, When


def test_a_draft_becomes_a_meeting() -> None:
    meeting = made(uid="a b@c", description=" one\r\ntwo ", location="Room 4", zone="Europe/Zurich")
    assert meeting == Meeting(
        uid="a b@c",
        organizer="ann@example.org",
        organizer_name="Ann Example",
        start=local(2026, 12, 3, 14),
        end=local(2026, 12, 3, 15),
        summary="Budget",
        description="one\ntwo",
        location="Room 4",
        zone="Europe/Zurich",
        attendees=(Attendee("beat@example.org", "Beat"),),
    )


def test_every_meeting_gets_its_own_uid_at_the_domain_of_the_organizer() -> None:
    one, other = made().uid, made().uid
    assert one != other
    assert one.endswith("@example.org")


@pytest.mark.parametrize("uid", ["x", " padded ", "040000008200E00074C5B7101A82E008", "ü;,\\"])
def test_a_given_uid_is_kept_octet_for_octet(uid: str) -> None:
    assert made(uid=uid).uid == uid


@pytest.mark.parametrize(
    ("change", "start", "end"),
    [
        ({"start": "2026-12-03 14:00"}, local(2026, 12, 3, 14), local(2026, 12, 3, 15)),
        ({"start": "2026-12-03T14:00+01:00"}, local(2026, 12, 3, 14), local(2026, 12, 3, 15)),
        ({"start": "2026-12-03T13:00Z"}, local(2026, 12, 3, 14), local(2026, 12, 3, 15)),
        ({"start": datetime(2026, 12, 3, 14)}, local(2026, 12, 3, 14), local(2026, 12, 3, 15)),  # noqa: DTZ001
        ({"end": "2026-12-04T01:00"}, local(2026, 12, 3, 14), local(2026, 12, 4, 1)),
        ({"start": "2026-12-03", "end": "2026-12-05"}, date(2026, 12, 3), date(2026, 12, 5)),
        ({"start": "2026-12-03", "end": "2026-12-03"}, date(2026, 12, 3), date(2026, 12, 4)),
        ({"start": date(2026, 12, 3), "end": date(2026, 12, 4)}, date(2026, 12, 3), date(2026, 12, 4)),
        ({"start": "2026-12-03", "end": None, "duration": "2d"}, date(2026, 12, 3), date(2026, 12, 5)),
        (
            {"start": "2026-10-25T02:30+02:00", "end": "2026-10-25T02:10+01:00"},
            local(2026, 10, 25, 2, 30),
            local(2026, 10, 25, 2, 10).replace(fold=1),
        ),
        (
            {"start": "2026-10-24T12:00", "end": None, "duration": "1d"},
            local(2026, 10, 24, 12),
            local(2026, 10, 25, 12),
        ),
        (
            {"start": "2026-10-24T12:00", "end": None, "duration": "24h"},
            local(2026, 10, 24, 12),
            local(2026, 10, 25, 11),
        ),
    ],
)
def test_times_are_understood(change: dict[str, object], start: When, end: When) -> None:
    meeting = made(**change)
    assert (meeting.start, meeting.end) == (start, end)
    assert meeting.end.isoformat() == end.isoformat()


@pytest.mark.parametrize(
    ("duration", "length"),
    [
        ("1h30m", timedelta(hours=1.5)),
        ("1h 30min", timedelta(hours=1.5)),
        ("90m", timedelta(hours=1.5)),
        ("PT1H30M", timedelta(hours=1.5)),
        ("pt90m", timedelta(hours=1.5)),
        ("45s", timedelta(seconds=45)),
        ("2d", timedelta(days=2)),
        ("P1W", timedelta(days=7)),
        ("P1DT2H", timedelta(hours=26)),
    ],
)
def test_durations_are_understood(duration: str, length: timedelta) -> None:
    meeting = made(end=None, duration=duration)
    assert isinstance(meeting.start, datetime)
    assert meeting.end == meeting.start + length


def test_toml_times_need_no_quotes() -> None:
    timed = tomllib.loads("start = 2026-12-03T14:00:00\nend = 2026-12-03T15:00:00+01:00")
    whole = tomllib.loads("start = 2026-12-03\nend = 2026-12-04")
    assert made(**timed).start == local(2026, 12, 3, 14)
    assert made(**whole).all_day


@pytest.mark.parametrize(
    ("given_zone", "default", "zone"),
    [
        ("America/New_York", "Europe/Zurich", "America/New_York"),
        (None, "Europe/Zurich", "Europe/Zurich"),
        (None, None, "UTC"),
        ("utc", "Europe/Zurich", "UTC"),
        ("Etc/UTC", None, "UTC"),
    ],
)
def test_the_zone_is_the_given_one_or_that_of_the_organizer(
    given_zone: str | None, default: str | None, zone: str
) -> None:
    meeting = hosted(Host(zone=default), {"zone": given_zone})
    assert meeting.zone == zone
    assert meeting.start == datetime(2026, 12, 3, 14, tzinfo=ZoneInfo(zone))


def test_an_offset_without_a_zone_is_told_by_the_clock_of_the_organizer() -> None:
    meeting = made(start="2026-12-03T08:00-05:00", end=None, duration="1h")
    assert meeting.start == local(2026, 12, 3, 14)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"start": "2026-01-05T09:59"}, "start: 2026-01-05T09:59:00+01:00 is in the past"),
        ({"start": "2026-01-04", "end": "2026-01-09"}, "start: 2026-01-04 is in the past"),
        ({"end": "2026-12-03T14:00"}, "end: not after the start"),
        ({"end": "2026-12-03T13:59"}, "end: not after the start"),
        ({"start": "2026-12-03", "end": "2026-12-02"}, "end: not after the start"),
        ({"end": None}, "end: missing"),
        ({"duration": "1h"}, "end, duration: give one"),
        ({"start": "2026-12-03"}, "both be days"),
        ({"end": "2026-12-04"}, "both be days"),
        ({"start": "2026-12-03", "end": None, "duration": "90m"}, "whole days"),
        ({"start": "tomorrow"}, "start: 'tomorrow' not understood"),
        ({"start": "2026-02-30"}, "start: '2026-02-30' not understood"),
        ({"start": 20261203}, "start: not understood"),
        ({"start": True}, "start: not understood"),
        ({"start": "9999-12-31T23:59"}, "check the year"),
        ({"start": "0001-01-01T00:00+14:00"}, "check the year"),
        ({"end": None, "duration": "0m"}, "duration: '0m' not understood"),
        ({"end": None, "duration": "-1h"}, "duration: '-1h' not understood"),
        ({"end": None, "duration": "P1M"}, "duration: 'P1M' not understood"),
        ({"end": None, "duration": "an hour"}, "duration: 'an hour' not understood"),
        ({"end": None, "duration": 90}, "duration: not understood"),
        ({"start": "2026-12-03T14:00Z", "zone": "Europe/Zurich"}, "write 2026-12-03T15:00+01:00"),
        ({"end": "2026-12-03T15:00+02:00", "zone": "Europe/Zurich"}, "end: 2026-12-03T15:00+02:00 is not by"),
        ({"start": "2026-03-29T02:30"}, "does not exist in Europe/Zurich"),
        ({"start": "2026-10-25T02:30"}, "write 2026-10-25T02:30+02:00 or 2026-10-25T02:30+01:00"),
        ({"zone": "Europe/Zurch"}, "did you mean Europe/Zurich?"),
        ({"zone": "W. Europe Standard Time"}, "zone: unknown zone"),
        ({"zone": "../../etc/passwd"}, "zone: unknown zone"),
        ({"zone": "Europe"}, "zone: unknown zone"),
        ({"zone": "localtime"}, "zone: unknown zone"),
        ({"zone": ""}, "zone: unknown zone"),
    ],
)
def test_a_time_that_cannot_be_is_refused(change: dict[str, object], words: str) -> None:
    assert words in refused(**change)


def test_a_meeting_that_starts_now_or_today_is_not_in_the_past() -> None:
    assert made(start="2026-01-05T10:00").start == NOW
    assert made(start="2026-01-05", end="2026-01-05").all_day


@pytest.mark.parametrize(
    ("attendee", "expected"),
    [
        ("carla@example.org", Attendee("carla@example.org")),
        ("Carla <Carla@Example.ORG>", Attendee("carla@example.org", "Carla")),
        ('"de la Fuente, Carla" <carla@example.org>', Attendee("carla@example.org", "de la Fuente, Carla")),
        ("de la Fuente, Carla <carla@example.org>", Attendee("carla@example.org", "de la Fuente, Carla")),
        ("<carla@example.org>", Attendee("carla@example.org")),
        ("mailto:carla@example.org", Attendee("carla@example.org")),
        ({"email": "jörg@bücher.example"}, Attendee("jörg@xn--bcher-kva.example")),
        ({"email": "x@localhost", "name": " "}, Attendee("x@localhost")),
        ({"email": "x@corp.local"}, Attendee("x@corp.local")),
        ({"email": "x@mail.test", "role": "Optional"}, Attendee("x@mail.test", role=Role.OPT_PARTICIPANT)),
        (
            {"email": "x@y.example", "role": "opt-participant"},
            Attendee("x@y.example", role=Role.OPT_PARTICIPANT),
        ),
        ({"email": "x@y.example", "role": "chair"}, Attendee("x@y.example", role=Role.CHAIR)),
        (
            {"email": "x@y.example", "role": "NON-PARTICIPANT"},
            Attendee("x@y.example", role=Role.NON_PARTICIPANT),
        ),
    ],
)
def test_an_attendee_is_understood(attendee: object, expected: Attendee) -> None:
    assert made(attendees=[attendee]).attendees == (expected,)


@pytest.mark.parametrize(
    ("attendees", "words"),
    [
        ([], "attendees: none"),
        (None, "attendees: missing"),
        ("beat@example.org", "attendees: not understood"),
        ([7], "attendee 1: write 'Name <address>'"),
        ([{"name": "Beat"}], "attendee 1: email: missing"),
        ([{"email": "b@example.org", "nam": "Beat"}], "attendee 1: unknown key 'nam': did you mean 'name'?"),
        ([{"email": "b@example.org", "name": 7}], "attendee 1: name: not understood"),
        ([{"email": "b@example.org", "role": "boss"}], "attendee 1: unknown role 'boss'"),
        (["c@example.org", "ANN@example.org"], "attendee 2: ann@example.org is the organizer"),
        (["c@example.org", "b@example.org", "C@EXAMPLE.org."], "attendee 3: c@example.org is there twice"),
        (["nobody"], "attendee 1: 'nobody' is no mail address"),
        ([""], "is no mail address"),
        (["Beat <>"], "is no mail address"),
        (["a@b@example.org"], "is no mail address"),
        (["a..b@example.org"], "is no mail address"),
        (["a@-example.org"], "is no mail address"),
        (["a@exa_mple.org"], "is no mail address"),
        (["Beat\r\nBcc: eve@example.org <b@example.org>"], "line break"),
        (["b@example.org\nBcc: eve@example.org"], "line break"),
    ],
)
def test_people_who_cannot_be_invited_are_refused(attendees: object, words: str) -> None:
    assert words in refused(attendees=attendees)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"summary": None}, "summary: missing"),
        ({"summary": "  "}, "summary: empty"),
        ({"summary": 7}, "summary: not understood"),
        ({"start": None}, "start: missing"),
        ({"organizer": None}, "organizer: missing"),
        ({"uid": ""}, "uid: empty"),
        ({"sumary": "x"}, "unknown key 'sumary': did you mean 'summary'?"),
        ({"summary": None, "titel": "x"}, "unknown key 'titel': known are organizer, uid, summary"),
        ({"description": "a\0b"}, "description: has a control character"),
        ({"description": "\ud800"}, "description: has a control character"),
        ({"summary": "\ud800"}, "summary: has a line break or another control character"),
    ],
)
def test_what_is_missing_or_unknown_is_named(change: dict[str, object], words: str) -> None:
    assert words in refused(**change)


@given(
    before=st.text(max_size=20),
    control=st.sampled_from("\r\n\0\x0b\x0c\x1b\x7f\x85\u2028\u2029"),
    after=st.text(max_size=20),
)
@pytest.mark.parametrize("field", ["uid", "summary", "location"])
def test_nothing_can_be_injected_into_a_header(field: str, before: str, control: str, after: str) -> None:
    assert f"{field}: has a line break" in refused(**{field: f"{before}{control}{after}"})


@given(key=st.text(max_size=12), value=st.text(max_size=30) | st.integers() | st.lists(st.text(max_size=5)))
@pytest.mark.parametrize(
    "field", ["start", "end", "duration", "zone", "attendees", "uid", "description", None]
)
def test_whatever_is_written_makes_a_meeting_or_one_line(field: str | None, key: str, value: object) -> None:
    try:
        meeting = made(**{field or key or "?": value})
    except DraftRefused as refusal:
        assert "\n" not in str(refusal)  # noqa: PT017
    else:
        assert meeting.attendees
