"""Content lines, read leniently, and like icalendar where nothing is wrong (RFC 5545 3.1)."""

from __future__ import annotations

import string

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from icalendar.parser import Contentline

from builders.text import fold
from rsvpd.itip.ics import lines
from rsvpd.itip.ics.lines import Block, Property, decode, parse, parse_line, unfold

ATTENDEE = "ATTENDEE;PARTSTAT=ACCEPTED;CN=Alice:mailto:alice@example.com"

UNFOLDED: dict[str, tuple[str, list[str]]] = {
    "nothing to do": ("A:1\r\nB:2\r\n", ["A:1", "B:2"]),
    "a line of blanks inside a fold": ("UID:a\r\n   \r\n b\r\n", ["UID:ab"]),
    "a fold": ("SUMMARY:Budget\r\n  review\r\n", ["SUMMARY:Budget review"]),
    "a fold with a TAB (Android)": ("SUMMARY:Bud\r\n\tget\r\n", ["SUMMARY:Budget"]),
    "a fold in a name": ("SUM\r\n MARY:x\r\n", ["SUMMARY:x"]),
    "a fold before a value (Cyrus)": ("A;PARTSTAT=\r\n ACCEPTED:x\r\n", ["A;PARTSTAT=ACCEPTED:x"]),
    "LF alone": ("A:1\n x\nB:2\n", ["A:1x", "B:2"]),
    "CR alone": ("A:1\rB:2\r", ["A:1", "B:2"]),
    "CR CR LF (Outlook 2003)": ("A:1\r\r\nB:2\r\r\n", ["A:1", "B:2"]),
    "blank lines": ("A:1\r\n\r\n \r\nB:2\r\n\r\n", ["A:1", "B:2"]),
    "a NUL and a byte order mark": ("\ufeffA:\x001\r\n\x00", ["A:1"]),
    "broken without a blank": (
        "DESCRIPTION:one\r\ntwo, three\r\nB:2\r\n",
        ["DESCRIPTION:onetwo, three", "B:2"],
    ),
    "broken before the value came": (
        "ATTENDEE;CN=Alice\r\n;X=1:mailto:a@b.c",
        ["ATTENDEE;CN=Alice;X=1:mailto:a@b.c"],
    ),
    "broken behind a name": (f"UID:1\r\nATTENDEE\r\n{ATTENDEE[8:]}\r\nB:2", ["UID:1", ATTENDEE, "B:2"]),
    "the beginning of a name at the end": ("A:1\r\nATTEN", ["A:1"]),
    "a truncated value at the end": ("A:1\r\nUID:abc", ["A:1", "UID:abc"]),
    "a truncated fold at the end": ("SUMMARY:abc\r\n de", ["SUMMARY:abcde"]),
    "separators that end no line": (
        "A:1\u2028B:2\u2029C\x85D\x0b\x0cE\r\nF:3\r\n",
        ["A:1\u2028B:2\u2029C\x85D\x0b\x0cE", "F:3"],
    ),
    "nothing": ("", []),
    "only a fold": (" A:1\r\n", ["A:1"]),
}


@pytest.mark.parametrize("situation", UNFOLDED)
def test_unfolding(situation: str) -> None:
    text, expected = UNFOLDED[situation]
    assert list(unfold(text)) == expected


PARSED: dict[str, tuple[str, tuple[str, dict[str, tuple[str, ...]], str] | None]] = {
    "no parameters": ("UID:a:b;c", ("UID", {}, "a:b;c")),
    "lower case": ("uid:x", ("UID", {}, "x")),
    "quotes": ('X;A="b:;,c":d', ("X", {"A": ("b:;,c",)}, "d")),
    "several values": ('X;A=b,"c,d",e:f', ("X", {"A": ("b", "c,d", "e")}, "f")),
    "an empty value": ("X;A=:f", ("X", {"A": ("",)}, "f")),
    "lower-case parameters": ("X;partstat=accepted:f", ("X", {"PARTSTAT": ("accepted",)}, "f")),
    "blanks around parameters": ("X; A = b:f", ("X", {"A": ("b",)}, "f")),
    "the first of two equal ones": ("X;A=1;A=2:f", ("X", {"A": ("1",)}, "f")),
    "carets (RFC 6868)": ("X;CN=^'A^' ^^ ^n^N^x:f", ("X", {"CN": ('"A" ^ \n\n^x',)}, "f")),
    "an unquoted colon in CN": (
        "ATTENDEE;CN=Sales: North;PARTSTAT=ACCEPTED:mailto:a@b.c",
        ("ATTENDEE", {"CN": ("Sales: North",), "PARTSTAT": ("ACCEPTED",)}, "mailto:a@b.c"),
    ),
    "an unquoted semicolon and colon in CN": (
        "ATTENDEE;CN=Sales: x; y;PARTSTAT=ACCEPTED:mailto:a@b.c",
        ("ATTENDEE", {"CN": ("Sales: x",), "PARTSTAT": ("ACCEPTED",)}, "mailto:a@b.c"),
    ),
    "an unquoted colon beside quotes": (
        'ATTENDEE;CN=a:b;X="c;d^n";PARTSTAT=DECLINED:mailto:a@b.c',
        ("ATTENDEE", {"CN": ("a:b",), "X": ("c;d\n",), "PARTSTAT": ("DECLINED",)}, "mailto:a@b.c"),
    ),
    "a quote that never ends": (
        'ATTENDEE;CN="Alice;PARTSTAT=ACCEPTED:mailto:a@b.c',
        ("ATTENDEE", {"CN": ('"Alice',), "PARTSTAT": ("ACCEPTED",)}, "mailto:a@b.c"),
    ),
    "a urn is somebody": (
        "ATTENDEE;PARTSTAT=ACCEPTED:urn:uuid:1",
        ("ATTENDEE", {"PARTSTAT": ("ACCEPTED",)}, "urn:uuid:1"),
    ),
    "nobody at all": ("ATTENDEE;PARTSTAT=ACCEPTED:x", ("ATTENDEE", {"PARTSTAT": ("ACCEPTED",)}, "x")),
    "no colon": ("ATTENDEE;PARTSTAT=ACCEPTED", None),
    "no name": (";A=b:c", None),
    "a digit first": ("1:2", None),
    "nothing": ("", None),
}


@pytest.mark.parametrize("situation", PARSED)
def test_parsing_a_line(situation: str) -> None:
    line, expected = PARSED[situation]
    found = parse_line(line)
    assert (found and (found.name, dict(found.parameters), found.value)) == expected


def test_the_text_of_a_property() -> None:
    assert Property("X", {}, r"a\, b\; c\\n\nd\N\:\"\x").text == 'a, b; c\\n\nd\n:"\\x'
    assert Property("X", {"A": ("1", "2"), "B": ()}, "").parameter("A") == "1"
    assert Property("X", {"A": ("1", "2"), "B": ()}, "").parameter("B") is None
    assert Property("X", {}, "").parameter("A") is None


DECODED: dict[str, tuple[bytes, str | None, str]] = {
    "UTF-8 whatever is declared": ("Zoë".encode(), "iso-8859-1", "Zoë"),
    "UTF-8 with a byte order mark": (b"\xef\xbb\xbfZo\xc3\xab", None, "Zoë"),
    "what is declared, where it is no UTF-8": (b"\xfeluk\xb3", "iso-8859-2", "ţlukł"),
    "quoted": (b"\x80", '"windows-1252"', "€"),
    "latin-1 where nothing is declared": (b"Zo\xeb", None, "Zoë"),
    "latin-1 where nobody knows what is declared": (b"Zo\xeb", "x-unknown", "Zoë"),
    "latin-1 where the declared one fails too": (b"Zo\xeb\xff", "us-ascii", "Zoëÿ"),
    "UTF-16": ("Zoë".encode("utf-16"), "utf-8", "Zoë"),
    "UTF-16 cut in half": ("Zoë".encode("utf-16")[:-1], None, "Zo"),
    "7-bit Japanese": ("日本".encode("iso-2022-jp"), "iso-2022-jp", "日本"),
    "7-bit Japanese without a kanji": (b"\x1b(J\\5\x1b(B", "iso-2022-jp", "¥5"),
    "7-bit Korean": ("한국".encode("iso-2022-kr"), "iso-2022-kr", "한국"),
    "7-bit Japanese that is none": (b"\x1b$B\xff", "iso-2022-jp", "\x1b$Bÿ"),
    "a character cut off at the end": ("Zoë".encode() + b"\xc3", None, "Zoë"),
    "a lone octet at the end": (b"Zo\xc3", None, "ZoÃ"),
    "7-bit Unicode": (b"Zo+AOs-", "utf-7", "Zoë"),
    "7-bit Unicode by its first name": (b"Zo+AOs-", " UNICODE-1-1-UTF-7 ", "Zoë"),
    "7-bit Unicode, quoted": (b"Zo+AOs-", '"utf-7"', "Zoë"),
    "7-bit Unicode that is none": (b"events+work@example.org", "utf-7", "events+work@example.org"),
    "7-bit Unicode that nobody declared": (b"Zo+AOs-", None, "Zo+AOs-"),
    "half a surrogate pair": (b"+2AA-", "utf-7", "+2AA-"),
    "half a surrogate pair beside 8-bit": (b"\xff+2AA-", "utf-7", "ÿ+2AA-"),
    "no text codec at all": (b"\xff\x00", "base64", "ÿ\0"),
}


@pytest.mark.parametrize("situation", DECODED)
def test_decoding_by_evidence(situation: str) -> None:
    data, charset, expected = DECODED[situation]
    assert decode(data, charset) == expected


@given(
    st.binary(), st.none() | st.sampled_from(("utf-8", "utf-7", "utf-16", "big5", "idna", "x", "\0", "hex"))
)
def test_decoding_never_raises_and_never_gives_up(data: bytes, charset: str | None) -> None:
    text = decode(data, charset)
    assert "\ufffd" not in text or b"\xef\xbf\xbd" in data or data[:2] in {b"\xff\xfe", b"\xfe\xff"}
    assert bool(text.encode()) is bool(text)


def calendar(*rows: str) -> Block:
    return parse("\r\n".join(rows).encode()).root


def names(block: Block) -> object:
    return (block.name, [p.name for p in block.properties], [names(inner) for inner in block.blocks])


STREAMS: dict[str, tuple[tuple[str, ...], object]] = {
    "nested": (
        (
            "BEGIN:VCALENDAR",
            "A:1",
            "BEGIN:VEVENT",
            "B:2",
            "BEGIN:VALARM",
            "C:3",
            "END:VALARM",
            "D:4",
            "END:VEVENT",
            "E:5",
            "END:VCALENDAR",
        ),
        ("", [], [("VCALENDAR", ["A", "E"], [("VEVENT", ["B", "D"], [("VALARM", ["C"], [])])])]),
    ),
    "lower case": (("begin:vevent", "a:1", "end:vevent"), ("", [], [("VEVENT", ["A"], [])])),
    "never closed": (
        ("BEGIN:VCALENDAR", "BEGIN:VEVENT", "A:1"),
        ("", [], [("VCALENDAR", [], [("VEVENT", ["A"], [])])]),
    ),
    "an END too many": (
        ("END:VEVENT", "BEGIN:VEVENT", "A:1", "END:VEVENT", "END:X"),
        ("", [], [("VEVENT", ["A"], [])]),
    ),
    "an END missing": (
        ("BEGIN:VCALENDAR", "BEGIN:VEVENT", "BEGIN:VALARM", "END:VEVENT", "A:1"),
        ("", [], [("VCALENDAR", ["A"], [("VEVENT", [], [("VALARM", [], [])])])]),
    ),
    "another calendar in an open one": (
        ("BEGIN:VCALENDAR", "BEGIN:VEVENT", "BEGIN:VCALENDAR", "A:1"),
        ("", [], [("VCALENDAR", [], [("VEVENT", [], [])]), ("VCALENDAR", ["A"], [])]),
    ),
    "no calendar at all": (("A:1", "B:2"), ("", ["A", "B"], [])),
    "what is no line": ((":x", "BEGIN:VEVENT", "A:1"), ("", [], [("VEVENT", ["A"], [])])),
}


@pytest.mark.parametrize("situation", STREAMS)
def test_components(situation: str) -> None:
    rows, expected = STREAMS[situation]
    assert names(calendar(*rows)) == expected


def test_components_are_nested_only_so_deep() -> None:
    root = calendar(*(["BEGIN:X"] * 2000))
    depth, block = 0, root
    while block.blocks:
        depth, block = depth + 1, block.blocks[0]
    assert depth < 10


def test_a_stream_with_too_many_properties_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "MAX_PROPERTIES", 3)
    assert parse(b"A:1\r\nB:2\r\nC:3\r\nD:4\r\n").cut
    assert not parse(b"A:1\r\nB:2\r\nC:3\r\n").cut


def test_what_a_block_holds() -> None:
    block = calendar("A:1", "B:x\\, y", "A:2")
    assert [p.value for p in block.all("A")] == ["1", "2"]
    assert block.text("B") == "x, y"
    assert block.text("C") is None
    assert block.first("C") is None


# icalendar undoes backslashes and some percent-encoding at once: these are left to `Property.text`.
NAMES = st.text(string.ascii_uppercase + "-", min_size=1, max_size=12).map(lambda n: f"X{n}")
TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"], include_characters="\t"), max_size=120)
VALUES = TEXT.map(str.strip).filter(lambda t: not set(t) & set("%\\"))
SAFE = TEXT.filter(lambda t: not set(t) & set(r'",;:^	\%') and t == t.strip())
QUOTED = TEXT.filter(lambda t: not set(t) & set(r'"^\%'))


@st.composite
def content_lines(draw: st.DrawFn) -> str:
    """A line as RFC 5545 wants it."""
    names_of = draw(st.lists(NAMES, max_size=3, unique=True))
    given_so = "".join(
        f";{name}=" + ",".join(draw(st.lists(SAFE | QUOTED.map(lambda q: f'"{q}"'), min_size=1, max_size=3)))
        for name in names_of
    )
    return f"{draw(NAMES)}{given_so}:{draw(VALUES)}"


@given(st.lists(content_lines(), min_size=1, max_size=5))
@example(["XA:a\u2028XB:b"])
@example(["XA:a\x85XB:b"])
def test_well_formed_lines_are_read_as_icalendar_reads_them(rows: list[str]) -> None:
    folded = "".join(fold(row) + "\r\n" for row in rows)
    found = parse(folded.encode()).root.properties
    for row, one in zip(rows, found, strict=True):
        name, parameters, value = Contentline(row).parts()  # type: ignore[no-untyped-call]
        assert (one.name, one.value) == (name, value)
        assert {k: list(v) for k, v in one.parameters.items()} == {
            k: v if isinstance(v, list) else [v] for k, v in parameters.items()
        }


@given(st.binary(max_size=400), st.none() | st.text(max_size=12))
def test_parse_never_raises(data: bytes, charset: str | None) -> None:
    assert parse(data, charset).root.name == ""


SYNTAX = st.lists(
    st.sampled_from(
        (
            b"BEGIN:",
            b"END:",
            b"VEVENT",
            b"ATTENDEE",
            b";",
            b":",
            b'"',
            b"=",
            b",",
            b"\r\n",
            b" ",
            b"^n",
            b"\\",
            b"mailto:",
            b"=3D",
            b"a@b.c",
            b"\xc3",
            b"\x00",
        )
    ),
    max_size=60,
).map(b"".join)


@given(SYNTAX)
def test_pieces_of_syntax_never_raise(data: bytes) -> None:
    for one in parse(data).root.properties:
        assert one.name == one.name.upper()
        assert isinstance(one.text, str)
