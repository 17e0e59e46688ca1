"""Mails taken apart: headers, and calendars wherever clients hide them (RFC 5322, RFC 2045, RFC 6047 2.4)."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from email import message_from_bytes
from email.message import Message
from unittest import mock

import pytest

from builders import Facts, google
from builders.odd_ics import clean
from builders.text import b64, entity, leaf, multipart, nested
from rsvpd.itip import mime, parts, splitting, tnef
from rsvpd.itip.model import Envelope

ICS = clean(Facts())
HEADER = ("From: alice@example.com",)


def mixed(*parts: bytes, kind: str = "mixed") -> bytes:
    return entity([*HEADER, f'Content-Type: multipart/{kind}; boundary="b"'], multipart("b", *parts))


def root(content_type: str, *extra: str, body: bytes = ICS) -> bytes:
    return entity([*HEADER, f"Content-Type: {content_type}", *extra], body)


PLACES: dict[str, bytes] = {
    "the whole mail": root("text/calendar; charset=utf-8"),
    "alternative": mixed(
        leaf("text/plain", "7bit", b"x"), leaf("text/calendar", "8bit", ICS), kind="alternative"
    ),
    "mixed": mixed(leaf("text/plain", "7bit", b"x"), leaf("text/calendar", "base64", ICS)),
    "related": mixed(leaf("text/html", None, b"x"), leaf("text/calendar", None, ICS), kind="related"),
    "report": mixed(leaf("text/calendar", "base64", ICS), kind="report; report-type=x"),
    "deep": mixed(nested("alternative", "c", nested("related", "d", leaf("text/calendar", "8bit", ICS)))),
    "an attachment": mixed(
        leaf("text/calendar", "base64", ICS, "Content-Disposition: attachment; filename=a.ics")
    ),
    "application/ics": mixed(leaf("application/ics", "base64", ICS)),
    "application/calendar": mixed(leaf("application/calendar", "base64", ICS)),
    "text/x-vcalendar": mixed(leaf("text/x-vcalendar", "base64", ICS)),
    "octet-stream named .ics": mixed(leaf("application/octet-stream; name=Invite.ICS", "base64", ICS)),
    "a file named .ics": mixed(
        leaf("x/y", "base64", ICS, 'Content-Disposition: attachment; filename="a.ics"')
    ),
    "named .ical, encoded (RFC 2231)": mixed(
        leaf("application/x; name*=utf-8''r%C3%A9ponse.ical", "base64", ICS)
    ),
    "named by an encoded word": mixed(leaf("application/x; name=a.icalendar", "base64", ICS)),
    "text/plain that is one": root("text/plain", body=b"\r\n" + ICS),
    "octet-stream that is one": mixed(leaf("application/octet-stream", "base64", b"\xef\xbb\xbf" + ICS)),
    "upper case": root("TEXT/CALENDAR"),
    "no Content-Type at all": entity(HEADER, ICS),
}


@pytest.mark.parametrize("place", PLACES)
def test_a_calendar_is_found(place: str) -> None:
    (found,) = mime.read(PLACES[place]).calendars
    assert found.data.strip().endswith(b"END:VCALENDAR")


ELSEWHERE: dict[str, bytes] = {
    "a forwarded mail": mixed(leaf("message/rfc822", None, google(Facts()))),
    "a forwarded mail as the whole": root("message/rfc822", body=google(Facts())),
    "a forwarded mail in a report": mixed(
        leaf("text/plain", None, b"failed"),
        leaf("message/delivery-status", None, b"Status: 5.1.1\r\n"),
        leaf("message/rfc822", None, google(Facts())),
        kind="report; report-type=delivery-status",
    ),
    "a forwarded mail, headers alone": mixed(leaf("text/rfc822-headers", None, b"Subject: x\r\n")),
    "a letter": root("text/plain", body=b"BEGIN: a letter\r\n"),
    "a picture": mixed(leaf("image/png; name=invite.ics.png", "base64", ICS)),
    "a page": root("text/html", body=ICS),
    "nothing": b"",
}


@pytest.mark.parametrize("place", ELSEWHERE)
def test_no_calendar_of_ours(place: str) -> None:
    assert mime.read(ELSEWHERE[place]).calendars == ()


PARAMETERS = {
    "text/calendar; charset=utf-8; method=REPLY": ("utf-8", "REPLY"),
    'text/calendar; CHARSET="UTF-8"; METHOD=" reply "': ("UTF-8", "reply"),
    "text/calendar": (None, None),
    "text/calendar; method=": (None, None),
    "application/ics; method=REPLY": (None, "REPLY"),
    "application/octet-stream; name=a.ics; method=REPLY": (None, None),
    "text/calendar; charset*=utf-8''utf-8": ("utf-8", None),
    "text/calendar; charset*=nonsense''x": ("x", None),
}


@pytest.mark.parametrize("content_type", PARAMETERS)
def test_parameters(content_type: str) -> None:
    (found,) = mime.read(root(content_type)).calendars
    assert (found.charset, found.method) == PARAMETERS[content_type]


def encoded(encoding: str, data: bytes) -> bytes:
    return root("text/calendar", f"Content-Transfer-Encoding: {encoding}", body=data)


SHORT = b"BEGIN:VCALENDAR\r\nUID:x\r\n"

ENCODINGS: dict[str, tuple[bytes, bytes]] = {
    "8bit": (encoded("8bit", SHORT), SHORT),
    "one nobody knows": (encoded("8-bit", SHORT), SHORT),
    "base64 in capitals": (encoded("BASE64", b64(SHORT)), SHORT),
    "base64 without padding": (encoded("base64", b64(SHORT + b"1").rstrip(b"=\r\n")), SHORT + b"1"),
    "base64 cut to one character of four": (encoded("base64", b64(SHORT).rstrip()[:29]), SHORT[:21]),
    "base64 with a footer": (encoded("base64", b64(SHORT + b"1") + b"-- \r\na list\r\n"), SHORT + b"1"),
    "base64 with spaces": (encoded("base64", b" ".join(b64(SHORT).split())), SHORT),
    "base64 with 8-bit octets in it": (encoded("base64", b64(SHORT).rstrip() + b"\x80\xff"), SHORT),
    "quoted-printable": (encoded("quoted-printable", b"UID:=C3=AB=\r\nx"), b"UID:\xc3\xabx"),
    "quoted-printable that is broken": (encoded("quoted-printable", b"UID:=ZZ="), b"UID:=ZZ"),
}


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_transfer_encodings(encoding: str) -> None:
    raw, expected = ENCODINGS[encoding]
    (found,) = mime.read(raw).calendars
    assert found.data.startswith(expected)


def head(*rows: str | bytes) -> Envelope:
    raw = b"".join((row.encode() if isinstance(row, str) else row) + b"\r\n" for row in rows)
    return mime.read(raw + b"\r\n").envelope


def test_the_envelope() -> None:
    found = head(
        'From: "Example, Alice" <Alice@Example.com>, second@example.com',
        "Sender: calendar@google.example",
        "To: Orga <events+tok@example.org>, b@example.net",
        "Cc: c@example.net, b@example.net",
        "Delivered-To: events@example.org",
        "Date: Mon, 23 Nov 2026 11:25:42 +0100",
        "Message-ID: <m1@example.com>",
        "In-Reply-To: <r1@example.org>",
        "References: <r0@example.org>\r\n <r1@example.org>",
        "Subject: =?UTF-8?Q?Accept=C3=A9?= : x",
        "Auto-Submitted: Auto-Generated; by=us",
        "Authentication-Results: a; dmarc=pass",
        "Authentication-Results: b;\r\n\tdmarc=fail",
    )
    assert found == Envelope(
        from_address="alice@example.com",
        from_name="Example, Alice",
        sender="calendar@google.example",
        recipients=("events+tok@example.org", "b@example.net", "c@example.net", "events@example.org"),
        date=datetime(2026, 11, 23, 10, 25, 42, tzinfo=UTC),
        message_id="<m1@example.com>",
        answers_to=("<r1@example.org>", "<r0@example.org>"),
        subject="Accepté : x",
        auto_submitted="auto-generated",
        authentication_results=("a; dmarc=pass", "b; dmarc=fail"),
    )


def test_an_empty_header() -> None:
    assert head("X: y") == Envelope()


SUBJECTS: dict[str | bytes, str] = {
    "Subject: =?utf-8?q?a?==?utf-8?q?b?=": "ab",  # SOGo
    "Subject: Refus\u00e9\u00a0: x": "Refusé\u00a0: x",
    b"Subject: Refus\xe9": "Refusé",
    "Subject: =?x-unknown?q?a=E9?=": "aé",
    "Subject: =?utf-7?q?Refus+AOk-=3A_x?=": "Refusé: x",
    "Subject: =?utf-8?b?!?=": "",
    "Subject: =?utf-8?b?Y?=": "=?utf-8?b?Y?=",
    "Subject: =?utf-8?q?a=00b?=": "ab",
    "Subject: a\x00b": "ab",
    "Subject: one\r\n two": "one two",
    "Subject: " + "x" * 2000: "x" * 1000,
}


@pytest.mark.parametrize("row", SUBJECTS)
def test_subjects(row: str | bytes) -> None:
    assert head(row).subject == SUBJECTS[row]


DATES = {
    "Mon, 23 Nov 2026 10:25:42 +0000": datetime(2026, 11, 23, 10, 25, 42, tzinfo=UTC),
    "Mon, 23 Nov 2026 10:25:42 -0000": datetime(2026, 11, 23, 10, 25, 42, tzinfo=UTC),
    "23 Nov 2026 05:25:42 EST": datetime(2026, 11, 23, 10, 25, 42, tzinfo=UTC),
    "yesterday": None,
    "": None,
    "Mon, 23 Nov 99999999999 10:25:42 +0000": None,
    "Fri, 31 Dec 9999 23:59:59 -2300": None,
}


@pytest.mark.parametrize("text", DATES)
def test_dates(text: str) -> None:
    assert head(f"Date: {text}").date == DATES[text]


def test_a_date_without_a_zone_is_utc_wherever_we_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    try:
        assert head("Date: 23 Nov 2026 10:25:42 -0000").date == DATES["Mon, 23 Nov 2026 10:25:42 -0000"]
    finally:
        monkeypatch.undo()
        time.tzset()


def test_octets_are_a_winmail_by_their_first_ones() -> None:
    kind = "application/octet-stream; name=ATT1.bin"
    assert mime.read(root(kind, body=b"PK\x03\x04")).winmails == ()
    assert mime.read(root(kind, body=tnef.SIGNATURE + b"x")).winmails == (tnef.SIGNATURE + b"x",)


@pytest.mark.parametrize("encoding", ["base64", " BASE64 "])
def test_base64_that_ends_in_a_lone_character_is_read_up_to_it(encoding: str) -> None:
    part = message_from_bytes(f"Content-Transfer-Encoding:{encoding}\n\n".encode() + b"aGVsbG8gd29ybGQhh")
    assert parts.payload(part) == b"hello world!"


ADDRESSES: dict[str, tuple[str | None, str | None]] = {
    "From: alice@example.com (Alice)": ("alice@example.com", "Alice"),
    "From: =?utf-8?q?Zo=C3=AB?= <zoe@bücher.example>": ("zoe@xn--bcher-kva.example", "Zoë"),
    "From: alice@example.com": ("alice@example.com", None),
    "From: undisclosed": (None, None),
    "From: <>": (None, None),
    "From: <MAILER-DAEMON>": (None, None),
    "From: " + "(" * 30_000: (None, None),
    "From: " + '"' + "x" * 1000 + '" <a@example.com>': ("a@example.com", "x" * 300),
}


@pytest.mark.parametrize("row", ADDRESSES)
def test_senders(row: str) -> None:
    found = head(row)
    assert (found.from_address, found.from_name) == ADDRESSES[row]


def test_many_recipients_are_bounded() -> None:
    many = ", ".join(f"a{n}@example.com" for n in range(1000))
    assert len(head(f"To: {many}").recipients) == 100


BODIES: dict[str, tuple[bytes, tuple[str, str] | None]] = {
    "plain": (root("text/plain; charset=iso-8859-1", body=b"Zo\xeb\r\n"), ("text/plain", "Zoë")),
    "the first that says something": (
        mixed(leaf("text/plain", "7bit", b"\r\n"), leaf("text/html", "7bit", b"<p>x</p>")),
        ("text/html", "<p>x</p>"),
    ),
    "not the second": (
        mixed(leaf("text/plain", "7bit", b"a"), leaf("text/html", "7bit", b"b")),
        ("text/plain", "a"),
    ),
    "no attachment": (mixed(leaf("text/plain; name=a.txt", "7bit", b"a")), None),
    "none": (root("image/png"), None),
}


@pytest.mark.parametrize("body", BODIES)
def test_the_body(body: str) -> None:
    raw, expected = BODIES[body]
    assert mime.read(raw).text == expected


def test_winmail_by_its_type_or_name() -> None:
    for kind in (
        "application/ms-tnef",
        "application/vnd.ms-tnef",
        "application/octet-stream; name=WINMAIL.DAT",
    ):
        assert mime.read(mixed(leaf(kind, "base64", b"tnef"))).winmails == (b"tnef",)


def deep(levels: int) -> bytes:
    part = leaf("text/calendar", None, ICS)
    for level in range(levels):
        part = nested("mixed", f"n{level}", part)
    return b"From: alice@example.com\r\n" + part


def test_nesting_is_bounded() -> None:
    assert len(mime.read(deep(20)).calendars) == 1
    assert mime.read(deep(21)).calendars == ()
    assert (mime.read(deep(20)).too_deep, mime.read(deep(21)).too_deep) == (False, True)
    assert len(mime.read(deep(3), depth=3).calendars) == 1


def test_nesting_beyond_what_the_parser_can_hold() -> None:
    read = mime.read(deep(3000))
    assert (read.too_deep, read.calendars) == (True, ())
    assert read.envelope.from_address == "alice@example.com"


@pytest.mark.parametrize("error", [RecursionError, ValueError, LookupError])
def test_a_parser_that_gives_up_leaves_the_header(error: type[Exception]) -> None:
    with mock.patch.object(splitting, "read", side_effect=error):
        read = mime.read(google(Facts()))
    assert (read.too_deep, read.envelope.from_address) == (True, "alice@example.com")


@pytest.mark.parametrize("error", [RecursionError, ValueError, LookupError])
def test_a_lump_that_the_parser_gives_up_on_has_no_parts(error: type[Exception]) -> None:
    lump = message_from_bytes(
        b"Content-Type: multipart/mixed; boundary=a\n\n--b\nContent-Type: text/plain\n\nx"
    )
    assert len(parts.split_anew(lump)) == 1
    with mock.patch.object(parts, "message_from_bytes", side_effect=error):
        assert parts.split_anew(lump) == []


@pytest.mark.parametrize("error", [ValueError, LookupError, AssertionError, TypeError])
def test_octets_that_the_email_package_cannot_give_are_none(error: type[Exception]) -> None:
    with mock.patch.object(Message, "get_payload", side_effect=error):
        assert parts.payload(message_from_bytes(b"\nx")) == b""


BREAKING = (
    "charset*=utf-8''utf-8",
    'charset="utf\0-8"',
    "charset=idna",
    "charset=undefined",
    "charset=punycode",
    "charset=unicode_escape",
    "charset=hex",
    "charset=x-unknown",
    "charset*=x''%FF",
    f"name*{'9' * 5000}=x",
    "name*0*=utf-16''%; name*1=y",
    "name*=utf\0''x",
)


@pytest.mark.parametrize("encoding", ["8bit", "base64", "quoted-printable", "x-uuencode"])
@pytest.mark.parametrize("parameter", BREAKING)
def test_parameters_and_octets_that_break_the_email_package(parameter: str, encoding: str) -> None:
    """8-bit octets in a part whose charset is no codec for them; `charset*=` alone is well-formed (RFC 2231 4)."""
    body = b"BEGIN:VCALENDAR\r\nX:\xc3\xab\xff\r\n"
    raw = root(f"text/calendar; {parameter}", f"Content-Transfer-Encoding: {encoding}", body=body)
    for mail in (raw, mixed(raw)):
        (found,) = mime.read(mail).calendars
        if encoding == "8bit":
            assert found.data.strip() == body.strip()


def test_a_page_in_a_charset_that_is_none() -> None:
    read = mime.read(root("text/plain; charset=idna", body=b"Zo\xc3\xab\r\n"))
    assert read.text == ("text/plain", "Zoë")
