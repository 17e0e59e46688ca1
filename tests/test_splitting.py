"""Mails cut at their delimiters are what the email package makes of them, or are left to it."""

from __future__ import annotations

from email import message_from_bytes
from email.message import Message
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from builders import CLIENTS, Facts, google
from builders.odd import NOT_ANSWERS, ODDITIES, SILENT
from builders.text import entity, leaf, multipart, nested
from rsvpd.itip import splitting

FACTS = Facts(comment="Zoë: später", in_reply_to="r1@example.org")
BUILT = {name: build(FACTS) for name, build in {**CLIENTS, **ODDITIES, **NOT_ANSWERS, **SILENT}.items()}
CAPTURED = {path.name: path.read_bytes() for path in Path(__file__).parent.glob("captures/*.eml")}
MAILS = [*BUILT.values(), *CAPTURED.values()]


def taken_apart(message: Message) -> object:
    """Header fields and content, all the way down."""
    content = message._payload  # type: ignore[attr-defined]
    parts = [taken_apart(part) for part in content] if isinstance(content, list) else content
    return [(name, str(value)) for name, value in message.raw_items()], parts


def same(raw: bytes) -> bool:
    return taken_apart(splitting.read(raw)) == taken_apart(message_from_bytes(raw))


@pytest.mark.parametrize("name", [*BUILT, *CAPTURED])
def test_every_known_mail_is_the_same(name: str) -> None:
    raw = (BUILT | CAPTURED)[name]
    assert same(raw)
    assert same(raw.replace(b"\r\n", b"\n"))


def test_the_mails_of_clients_are_not_left_to_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: bytes) -> Message:
        raise AssertionError

    monkeypatch.setattr(splitting, "message_from_bytes", refuse)
    for name in CLIENTS.keys() - {"outlook2003"}:  # which ends its lines in CR CR LF
        splitting.read(BUILT[name])


@given(mail=st.sampled_from(MAILS), cut=st.floats(0, 1), size=st.integers(0, 200), put=st.binary(max_size=8))
def test_a_mail_with_a_wound_is_the_same(mail: bytes, cut: float, size: int, put: bytes) -> None:
    at = int(cut * len(mail))
    assert same(mail[:at] + put + mail[at + size :])


LINES = st.sampled_from(
    [
        "",
        " ",
        "\t",
        "x",
        "--b",
        "--b--",
        "--b \t",
        "--bc",
        "--c",
        "--c--",
        " --b",
        "--b-- x",
        ":",
        "From me",
        "From: a@example.com",
        " folded",
        "Content-Type: text/plain",
        "Content-Type: message/rfc822",
        "Content-Type: message/delivery-status",
        "Content-Type: multipart/mixed; boundary=b",
        "Content-Type: multipart/mixed; boundary=c",
        "Content-Type: multipart/digest; boundary=b",
        "Content-Type: multipart/mixed",
        'Content-Type: multipart/mixed; boundary=""',
        "Content-Transfer-Encoding: base64",
        "Content-Transfer-Encoding: 8bit",
        "Content-Type: multipart/mixed;",
        " boundary=b",
        "caf\xe9: \xe9",
        "\x0b\x0c\x1c",
    ]
)


@given(lines=st.lists(LINES, max_size=25), breaks=st.sampled_from(["\r\n", "\n", "\r"]), last=st.booleans())
@example(
    lines=["Content-Type: multipart/mixed; boundary=b", "", "--b", "", "x", "", "--b--"],
    breaks="\r\n",
    last=False,
)
@example(lines=["Content-Type: multipart/mixed; boundary=b", "", "--b", "", "--b--"], breaks="\n", last=True)
def test_any_lines_are_the_same(lines: list[str], breaks: str, last: bool) -> None:  # noqa: FBT001
    assert same((breaks.join(lines) + breaks * last).encode("latin-1"))


def test_what_stands_in_a_multipart_keeps_its_breaks() -> None:
    inner = nested(
        "alternative", "c", leaf("text/plain", "7bit", b"x\r\n\r\n"), leaf("text/html", "7bit", b"")
    )
    raw = entity(['Content-Type: multipart/mixed; boundary="b"'], multipart("b", inner, google(FACTS)))
    assert same(raw)
