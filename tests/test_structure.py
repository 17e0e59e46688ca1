"""What a BODYSTRUCTURE says of a part, and whether it is fetched (RFC 9051 7.5.2)."""

from __future__ import annotations

import pytest

from rsvpd.mail.structure import Part, wanted

LARGE = 5_000_000
"""In octets: far more than a body in words may have, so that only what the part is called speaks for it."""

Field = object


def body(
    kind: bytes, subtype: bytes, *, name: bytes = b"", filename: bytes = b"", size: int = LARGE
) -> Field:
    """One part as IMAPClient parses it, with its name in the Content-Type or the Content-Disposition."""
    parameters = (b"NAME", name) if name else None
    disposition = (b"attachment", (b"FILENAME", filename)) if filename else None
    return (kind, subtype, parameters, None, None, b"BASE64", size, None, disposition, None)


def fetched(*bodies: Field) -> list[Part]:
    return wanted(([body(b"text", b"plain", size=10), *bodies], b"mixed"))[1:]


NAMES = [b"a.ics", b"A.ICS", b"a.ical", b"a.iCalendar", b"winmail.dat", b"Winmail.DAT", b"smime.p7m"]


@pytest.mark.parametrize("name", NAMES)
def test_a_part_is_fetched_for_its_name(name: bytes) -> None:
    expected = [Part("2", LARGE, matters=True)]
    assert fetched(body(b"application", b"x-unknown", name=name)) == expected
    assert fetched(body(b"application", b"x-unknown", filename=name)) == expected


@pytest.mark.parametrize("name", [b"", b"film.mp4", b"a.ics.zip", b"ics", b"winmail.data"])
def test_a_part_of_another_name_stays_where_it_is(name: bytes) -> None:
    assert fetched(body(b"application", b"x-unknown", name=name)) == []
    assert fetched(body(b"application", b"x-unknown", filename=name)) == []


TYPES = [
    (b"TEXT", b"CALENDAR"),
    (b"application", b"ics"),
    (b"text", b"x-vcalendar"),
    (b"application", b"calendar"),
    (b"application", b"ms-tnef"),
    (b"application", b"vnd.ms-tnef"),
    (b"application", b"pkcs7-mime"),
    (b"application", b"x-pkcs7-mime"),
]


@pytest.mark.parametrize(("kind", "subtype"), TYPES)
def test_a_part_is_fetched_for_its_type(kind: bytes, subtype: bytes) -> None:
    assert fetched(body(kind, subtype)) == [Part("2", LARGE, matters=True)]


SPEAKING = [
    (b"text", b"html"),
    (b"application", b"octet-stream"),
    (b"", b""),
    (b"message", b"delivery-status"),
    (b"message", b"global-delivery-status"),
    (b"text", b"rfc822-headers"),
    (b"message", b"rfc822-headers"),
    (b"message", b"global"),
    (b"message", b"global-headers"),
    (b"application", b"pgp-encrypted"),
    (b"message", b"disposition-notification"),
]


@pytest.mark.parametrize(("kind", "subtype"), SPEAKING)
def test_words_and_reports_are_fetched_while_they_are_small(kind: bytes, subtype: bytes) -> None:
    limit = 128 * 1024
    assert fetched(body(kind, subtype, size=limit)) == [Part("2", limit, matters=False)]
    assert fetched(body(kind, subtype, size=limit + 1)) == []


def test_of_a_mail_in_the_mail_only_the_header_is_fetched() -> None:
    (part,) = fetched(body(b"MESSAGE", b"RFC822"))
    assert (part.sections, part.matters) == (("2.HEADER",), False)
    assert wanted(body(b"message", b"rfc822")) == []


def test_a_part_deep_inside_is_fetched_by_its_section() -> None:
    deep = ([body(b"text", b"plain"), ([body(b"text", b"calendar")], b"related")], b"alternative")
    assert [part.section for part in fetched(deep)] == ["2.2.1"]


def test_parts_nested_without_end_are_left_alone() -> None:
    """Nobody reads a calendar that deep, and a server may nest as it likes."""
    deep: Field = body(b"text", b"calendar")
    for _ in range(50):
        deep = ([deep], b"mixed")
    assert [part.section.count(".") for part in fetched(deep)] == [50]
    assert fetched(([deep], b"mixed")) == []


def test_the_whole_mail_may_be_the_calendar() -> None:
    (part,) = wanted(body(b"text", b"calendar"))
    assert part.sections == ("TEXT",)
    assert wanted(body(b"video", b"mp4")) == []
