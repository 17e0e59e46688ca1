"""The iTIP components of a calendar, and the times in them (RFC 5545, RFC 5546 3)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from rsvpd.itip.ics import lines
from rsvpd.itip.ics.reading import Limits, Unreadable, read
from rsvpd.itip.model import CalendarUser, Component, CuType, Method, PartStat, Role

ATTENDEE = "ATTENDEE;PARTSTAT=ACCEPTED:mailto:alice@example.com"
ZURICH = ZoneInfo("Europe/Zurich")


def calendar(*rows: str, method: str | None = "REPLY", before: tuple[str, ...] = ()) -> bytes:
    head = ["BEGIN:VCALENDAR", *([f"METHOD:{method}"] if method is not None else []), *before]
    text = [*head, "BEGIN:VEVENT", "UID:u1", *rows, "END:VEVENT", "END:VCALENDAR", ""]
    return "\r\n".join(text).encode()


def components(data: bytes, method: str | None = None) -> tuple[Component, ...]:
    found = read(data, None, method)
    assert not isinstance(found, Unreadable), found
    return found


def event(*rows: str, before: tuple[str, ...] = ()) -> Component:
    (one,) = components(calendar(*rows, before=before))
    return one


def alice(*parameters: str, value: str = "mailto:alice@example.com") -> CalendarUser:
    (one,) = event(";".join(["ATTENDEE", *parameters]) + f":{value}").attendees
    return one


METHODS: dict[str, tuple[bytes, str | None, Method | None]] = {
    "of the body": (calendar(), None, Method.REPLY),
    "of the body against the Content-Type": (calendar(method="REQUEST"), "REPLY", Method.REQUEST),
    "of the Content-Type where the body has none": (calendar(method=None), "reply", Method.REPLY),
    "of the Content-Type where the body's is empty": (calendar(method=""), "REPLY", Method.REPLY),
    "none": (calendar(method=None), None, None),
    "one nobody knows": (calendar(method="X-MOVE"), "REPLY", None),
    "lower case": (calendar(method="reply"), None, Method.REPLY),
    "twice": (calendar(before=("METHOD:REQUEST",)), None, Method.REPLY),
}


@pytest.mark.parametrize("which", METHODS)
def test_the_method(which: str) -> None:
    data, declared, method = METHODS[which]
    assert [c.method for c in components(data, declared)] == [method]


def test_everything_of_an_attendee() -> None:
    full = alice(
        'CN="Alice: Example"',
        "PARTSTAT=delegated",
        "ROLE=CHAIR",
        "CUTYPE=ROOM",
        "RSVP=true",
        "X-NUM-GUESTS=2",
        'X-RESPONSE-COMMENT="Late, sorry"',
        'SENT-BY="mailto:secretary@example.com"',
        'DELEGATED-TO="mailto:bob@example.net","CAROL@example.net","urn:x"',
        'DELEGATED-FROM="MAILTO:dave@example.net"',
    )
    assert full == CalendarUser(
        address="alice@example.com",
        name="Alice: Example",
        partstat=PartStat.DELEGATED,
        role=Role.CHAIR,
        cutype=CuType.ROOM,
        rsvp=True,
        guests=2,
        comment="Late, sorry",
        sent_by="secretary@example.com",
        delegated_to=("bob@example.net", "carol@example.net"),
        delegated_from=("dave@example.net",),
    )
    assert alice() == CalendarUser("alice@example.com")
    assert alice("RSVP=FALSE").rsvp is False


NOBODY = ("urn:uuid:1", "invalid:nomail", "EX:/o=Example/cn=alice", "https://example.com/alice", "")


@pytest.mark.parametrize("value", NOBODY)
def test_an_address_that_is_no_mail_address(value: str) -> None:
    assert alice("PARTSTAT=ACCEPTED", value=value).address is None
    assert alice("EMAIL=Alice@example.com", value=value).address == "alice@example.com"


PARTSTATS = {
    "ACCEPTED": PartStat.ACCEPTED,
    '"tentative"': PartStat.TENTATIVE,
    " DECLINED ": PartStat.DECLINED,
}


@pytest.mark.parametrize("stated", PARTSTATS)
def test_a_partstat(stated: str) -> None:
    assert alice(f"PARTSTAT={stated}").partstat is PARTSTATS[stated]


@pytest.mark.parametrize("stated", ["", "X-MAYBE", "COMPLETED", "IN-PROCESS", "ACCEP"])
def test_no_partstat_of_a_meeting(stated: str) -> None:
    assert alice(f"PARTSTAT={stated}").partstat is None


GUESTS = {"0": 0, "3": 3, " 3 ": 3, "99999": 10_000, "-1": None, "x": None, "1.5": None}


@pytest.mark.parametrize("stated", GUESTS)
def test_guests(stated: str) -> None:
    assert alice(f'X-NUM-GUESTS="{stated}"').guests == GUESTS[stated]


NINE = datetime(2026, 12, 4, 9, 0, tzinfo=UTC)

PROPOSED: dict[str, tuple[datetime | None, datetime | None]] = {
    "TO-ALL-PROPOSED-NEW-TIME=20261204T090000Z": (NINE, None),
    "X-PROPOSED-START=20261204T090000Z;X-PROPOSED-END=20261204T100000Z": (NINE, NINE + timedelta(hours=1)),
    "X-MS-PROPOSAL=20261204T100000Z/20261204T090000Z": (NINE, NINE + timedelta(hours=1)),
    "X-PROPOSED=20261204T090000": (NINE, None),
    "TZID=Europe/Zurich;X-PROPOSED=20261204T100000": (NINE, None),
    "X-PROPOSED=20261204": (None, None),
    "X-PROPOSED=soon": (None, None),
}


@pytest.mark.parametrize("parameters", PROPOSED)
def test_a_proposed_time_hidden_in_a_reply(parameters: str) -> None:
    found = alice(parameters)
    assert (found.proposed_start, found.proposed_end) == PROPOSED[parameters]


@pytest.mark.parametrize("value", ["00010101T000000", "99991231T235959"])
def test_a_proposed_time_at_the_end_of_time_is_none_or_one(value: str) -> None:
    for zone in ("Europe/Zurich", "America/New_York"):
        assert alice(f"TZID={zone}", f"X-PROPOSED={value}").address == "alice@example.com"


COMMENTS: dict[str, tuple[tuple[str, ...], tuple[str, ...], str | None]] = {
    "COMMENT": (("COMMENT:a\\, b\\nc",), (), "a, b\nc"),
    "of iOS": (("X-CALENDARSERVER-PRIVATE-COMMENT:a",), (), "a"),
    "COMMENT before that of iOS": (("X-CALENDARSERVER-PRIVATE-COMMENT:a", "COMMENT:b"), (), "b"),
    "a newline is none (Exchange)": (("COMMENT;LANGUAGE=de-DE:\\n",), (), None),
    "a no-break space is none": (("COMMENT:\u00a0",), (), None),
    "a DESCRIPTION is none": (("DESCRIPTION:a",), ("PRODID:-//Google Inc//x//EN",), None),
    "a DESCRIPTION of KDE": (("DESCRIPTION:a",), ("PRODID:-//K Desktop Environment//x//EN",), "a"),
    "a DESCRIPTION of Outlook 2003": (
        ("DESCRIPTION:a",),
        ("PRODID:-//Microsoft//Outlook 11.0 MIMEDIR//EN",),
        "a",
    ),
    "a DESCRIPTION of Outlook 2003 beside a newline": (
        ("COMMENT:\\n", "DESCRIPTION:a"),
        ("PRODID:-//Microsoft//Outlook 11.0 MIMEDIR//EN",),
        "a",
    ),
    "bounded": (("COMMENT:" + "x" * 5000,), (), "x" * 4000),
    "bounded at white space": (("COMMENT:" + "x" * 3999 + "   y",), (), "x" * 3999),
}


@pytest.mark.parametrize("which", COMMENTS)
def test_comments(which: str) -> None:
    rows, before, expected = COMMENTS[which]
    assert event(*rows, before=before).comment == expected


SEQUENCES: dict[tuple[str, ...], int | None] = {
    (): None,
    ("SEQUENCE:3",): 3,
    ("SEQUENCE: 3 ",): 3,
    ("SEQUENCE:0", "X-MICROSOFT-CDO-APPT-SEQUENCE:4"): 4,
    ("X-MICROSOFT-CDO-APPT-SEQUENCE:4",): 4,
    ("SEQUENCE:2", "X-MICROSOFT-CDO-APPT-SEQUENCE:4"): 2,
    ("SEQUENCE:0", "X-MICROSOFT-CDO-APPT-SEQUENCE:0"): 0,
    ("SEQUENCE:-1",): None,
    ("SEQUENCE:x",): None,
    ("SEQUENCE:2147483647",): 2147483647,
    ("SEQUENCE:",): None,
}


@pytest.mark.parametrize("rows", SEQUENCES)
def test_sequences(rows: tuple[str, ...]) -> None:
    assert event(*rows).sequence == SEQUENCES[rows]


def test_a_sequence_beyond_any_integer_is_high_and_not_missing() -> None:
    """Read as missing it would be taken for the revision of its Date; it is current, and odd (RFC 5546 2.1.4)."""
    assert (event("SEQUENCE:99999999999").sequence or 0) > 1_000_000


def test_the_rest_of_a_component() -> None:
    one = event(
        "SUMMARY:Budget\\, again",
        "LOCATION:Room 4",
        "REQUEST-STATUS:2.0;Success",
        "REQUEST-STATUS:3.7;Invalid\\; user",
        "ORGANIZER:mailto:events@example.org",
        "DTSTAMP:20261123T102542Z",
        "X-MICROSOFT-CDO-REPLYTIME:20261123T102500Z",
        "RECURRENCE-ID;RANGE=thisandfuture:20261210T130000Z",
        before=("PRODID:-//x//y//EN",),
    )
    assert (one.summary, one.location, one.prodid) == ("Budget, again", "Room 4", "-//x//y//EN")
    assert one.request_status == ("2.0;Success", "3.7;Invalid; user")
    assert one.organizer == CalendarUser("events@example.org")
    assert one.dtstamp == datetime(2026, 11, 23, 10, 25, 42, tzinfo=UTC)
    assert one.replied_at == datetime(2026, 11, 23, 10, 25, tzinfo=UTC)
    assert (one.recurrence_id, one.this_and_future) == (datetime(2026, 12, 10, 13, 0, tzinfo=UTC), True)


def test_what_is_not_there_is_none() -> None:
    one = event()
    assert (one.dtstamp, one.replied_at, one.recurrence_id, one.start, one.end) == (None,) * 5
    assert (one.organizer, one.attendees, one.this_and_future, one.comment) == (None, (), False, None)


def test_the_uid_is_opaque_and_unfolded() -> None:
    uid = "040000008200E00074C5B7101A82E008 $:;, Ünï \\\\x/" + "y" * 300
    data = (
        b"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nUID:"
        + uid.replace("y" * 300, "y" * 9 + "\r\n " + "y" * 291).encode()
    )
    assert components(data + b"\r\n")[0].uid == uid.replace("\\\\", "\\")


def test_an_alarm_has_an_attendee_and_a_uid_of_its_own() -> None:
    one = event(
        "BEGIN:VALARM", "UID:other", "ATTENDEE;PARTSTAT=DECLINED:mailto:x@example.com", "END:VALARM", ATTENDEE
    )
    assert (one.uid, [u.partstat for u in one.attendees]) == ("u1", [PartStat.ACCEPTED])


def test_several_components_and_calendars() -> None:
    data = calendar(ATTENDEE) + calendar(method="COUNTER").replace(b"VEVENT", b"VTODO")
    assert [(c.kind, c.method) for c in components(data)] == [
        ("VEVENT", Method.REPLY),
        ("VTODO", Method.COUNTER),
    ]


def test_a_component_without_a_calendar_around_it() -> None:
    data = b"METHOD:REPLY\r\nBEGIN:VEVENT\r\nUID:u1\r\nEND:VEVENT\r\n"
    assert [(c.uid, c.method) for c in components(data)] == [("u1", Method.REPLY)]


UNREADABLE: dict[str, tuple[bytes, Limits, str]] = {
    "nothing": (b"", Limits(), "no component"),
    "only a zone": (b"BEGIN:VCALENDAR\r\nBEGIN:VTIMEZONE\r\nEND:VTIMEZONE\r\n", Limits(), "no component"),
    "no UID": (b"BEGIN:VEVENT\r\nSUMMARY:x\r\n", Limits(), "has no UID"),
    "a blank UID": (b"BEGIN:VEVENT\r\nUID: \r\n", Limits(), "has no UID"),
    "too large": (calendar(), Limits(calendar_bytes=10), "larger than the limit of 10 bytes"),
    "too many components": (calendar() * 4, Limits(components=3), "more components than the limit of 3"),
    "too many in one calendar": (
        calendar("END:VEVENT", *["BEGIN:VEVENT", "UID:x", "END:VEVENT"] * 9),
        Limits(components=3),
        "more components than the limit of 3",
    ),
    "too many attendees": (
        calendar(*[ATTENDEE] * 4),
        Limits(attendees=3),
        "more attendees than the limit of 3",
    ),
}


@pytest.mark.parametrize("which", UNREADABLE)
def test_what_cannot_be_read_says_why(which: str) -> None:
    data, limits, why = UNREADABLE[which]
    found = read(data, limits=limits)
    assert isinstance(found, Unreadable)
    assert why in found.why


def test_the_limits_themselves_are_allowed() -> None:
    assert len(components(calendar() * 3)) == 3
    assert not isinstance(read(calendar() * 3, limits=Limits(components=3)), Unreadable)
    assert not isinstance(read(calendar(*[ATTENDEE] * 3), limits=Limits(attendees=3)), Unreadable)
    assert not isinstance(read(calendar(), limits=Limits(calendar_bytes=len(calendar()))), Unreadable)


def test_too_many_properties(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "MAX_PROPERTIES", 5)
    found = read(calendar("A:1", "B:2", "C:3"))
    assert isinstance(found, Unreadable)
    assert "more properties than the limit" in found.why


def test_an_end_or_a_duration() -> None:
    assert event("DTSTART:20261203T130000Z", "DURATION:PT1H").end == datetime(2026, 12, 3, 14, 0, tzinfo=UTC)
    assert event("DTSTART:20261203T130000Z", "DTEND:20261203T150000Z", "DURATION:PT1H").end == datetime(
        2026, 12, 3, 15, 0, tzinfo=UTC
    )
    assert event("DURATION:PT1H").end is None
    assert event("DTSTART:99991231T130000Z", "DURATION:P2D").end is None
