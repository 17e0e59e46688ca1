"""Oddities of clients, each undone or recognised on its own; and the words of an HTML body."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from builders import CLIENTS, Facts
from rsvpd.itip import quirks
from rsvpd.itip.html_text import text_of
from rsvpd.itip.reading import read_mail

RESIDUE = b"ATTENDEE;PARTSTAT=3DACCEPTED;CN=3DZo=C3=AB:mailto:a=\r\nlice@example.com\r\nUID:x=3Dy\r\n"

UNTOUCHED = {
    "nothing encoded": b"ATTENDEE;PARTSTAT=ACCEPTED:mailto:alice@example.com\r\n",
    "a value with =3D": b"UID:a=3Db\r\nATTENDEE;PARTSTAT=DECLINED:mailto:alice@example.com\r\n",
    "a name that begins with 3D": b"ATTENDEE;CN=3D Studio;PARTSTAT=ACCEPTED:mailto:alice@example.com\r\n",
    "a zone that begins with 3D": b"DTSTART;TZID=3D:20261203T140000\r\nDTEND;TZID=DE:20261203T150000\r\n",
    "nothing": b"",
}


def test_quoted_printable_residue_is_undone() -> None:
    undone = b"ATTENDEE;PARTSTAT=ACCEPTED;CN=Zo\xc3\xab:mailto:alice@example.com\r\nUID:x=y\r\n"
    assert quirks.undo_quoted_printable(RESIDUE) == undone
    assert quirks.undo_quoted_printable(RESIDUE.replace(b"\r\n", b"\n")) == undone.replace(b"\r\n", b"\n")


SIGNS = [b";PARTSTAT=3DDECLINED", b";ROLE=3DCHAIR", b";CUTYPE=3DROOM", b";RSVP=3DTRUE", b';VALUE=3D"DATE"']


@pytest.mark.parametrize("sign", SIGNS)
def test_one_parameter_is_sign_enough_of_residue(sign: bytes) -> None:
    """RFC 5545 3.2: none of these has a value that begins with 3D."""
    assert quirks.undo_quoted_printable(sign + b":a=40b\r\n") == sign.replace(b"=3D", b"=") + b":a@b\r\n"


@pytest.mark.parametrize("situation", UNTOUCHED)
def test_what_is_no_residue_stays(situation: str) -> None:
    assert quirks.undo_quoted_printable(UNTOUCHED[situation]) == UNTOUCHED[situation]


COLONS = {
    "ATTENDEE;CN=Sales: North;PARTSTAT=ACCEPTED:mailto:a@example.org": (
        "ATTENDEE;CN=Sales: North;PARTSTAT=ACCEPTED",
        "mailto:a@example.org",
    ),
    'ATTENDEE;CN=Sales: N:"MAILTO:a@example.org"': ("ATTENDEE;CN=Sales: N", '"MAILTO:a@example.org"'),
    "ATTENDEE;CN=x": None,
    "ATTENDEE:urn:uuid:1": None,
}


@pytest.mark.parametrize("line", COLONS)
def test_an_unquoted_colon_in_a_name(line: str) -> None:
    assert quirks.split_unquoted_colon(line) == COLONS[line]


SEQUENCES = {
    (None, None): None,
    (0, None): 0,
    (2, None): 2,
    (None, 0): None,
    (0, 0): 0,
    (2, 0): 2,
    (None, 3): 3,
    (0, 3): 3,
    (2, 3): 2,
}


@pytest.mark.parametrize(("stated", "appointment"), SEQUENCES)
def test_the_sequence_of_outlook(stated: int | None, appointment: int | None) -> None:
    assert quirks.sequence(stated, appointment) == SEQUENCES[stated, appointment]


IN_DESCRIPTION = ("outlook2003", "android", "kde")


@pytest.mark.parametrize("client", CLIENTS)
def test_where_clients_keep_their_comments(client: str) -> None:
    component = read_mail(CLIENTS[client](Facts())).items[0].component
    assert component is not None
    assert quirks.keeps_comment_in_description(component.prodid) is (client in IN_DESCRIPTION)
    assert quirks.keeps_comment_in_body(component.prodid) is (client == "outlook_mac")


def test_a_client_that_does_not_say_who_it_is() -> None:
    assert not quirks.keeps_comment_in_description(None)
    assert not quirks.keeps_comment_in_body(None)
    assert quirks.client_name(None) is None
    assert quirks.client_name("") is None
    assert quirks.client_name("//") is None


@pytest.mark.parametrize("client", [c for c in CLIENTS if c != "sogo5"])
def test_every_client_has_a_name(client: str) -> None:
    component = read_mail(CLIENTS[client](Facts())).items[0].component
    assert component is not None
    name = quirks.client_name(component.prodid)
    assert name
    assert "//" not in name


NAMES = {
    "-//Google Inc//Google Calendar 70.9054//EN": "Google Calendar",
    "Microsoft Exchange Server 2010": "Microsoft 365",
    "-//Unheard of//Its Calendar 1.0//EN": "Its Calendar 1.0",
    "-//rsvpd//rsvpd 1.0//EN": None,
    "JustAName": "JustAName",
    "-//" + "x" * 200: "x" * 80,
}


@pytest.mark.parametrize("prodid", NAMES)
def test_the_name_of_a_client(prodid: str) -> None:
    assert quirks.client_name(prodid) == NAMES[prodid]


PAGES = {
    "<p>One</p><p>Two</p>": "One\nTwo",
    "One<br>Two<br/>Three": "One\nTwo\nThree",
    "<html><head><title>x</title><style>p{}</style></head><body>Seen</body></html>": "Seen",
    "<script>alert(1)</script>Seen": "Seen",
    "</style>Seen": "Seen",
    "a &amp; b&nbsp;&nbsp;c": "a & b c",
    "<div>  much   space\t</div>\n\n": "much space",
    "<b>bold</b> words": "bold words",
    "no tags": "no tags",
    "": "",
}


@pytest.mark.parametrize("html", PAGES)
def test_the_words_of_a_page(html: str) -> None:
    assert text_of(html) == PAGES[html]


@example("<![0")
@example("<![if !mso]>yes<![endif]>")
@given(st.text() | st.text(alphabet="<>/!-&;#abpscriptyle \"'[]?").map(lambda t: f"<{t}"))
def test_a_page_never_raises(html: str) -> None:
    assert isinstance(text_of(html), str)
