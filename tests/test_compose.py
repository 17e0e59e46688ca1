"""Composed mails, taken apart again with the standard library."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from email import message_from_bytes
from email.header import decode_header, make_header
from email.message import EmailMessage, Message
from email.policy import default
from email.utils import getaddresses, parsedate_to_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rsvpd.itip.compose import Letter, Mailbox, compose
from rsvpd.itip.model import Method

LETTER = Letter("Invitation: Budget", "Grüezi\n\nwe meet.\n.\nFrom here on\n", "<p>Grüezi</p>\n" + "x" * 2000)
SENT_AT = datetime(2026, 11, 24, 9, 30, tzinfo=UTC)
FIELDS = ["Date", "From", "To", "Message-ID", "Subject", "MIME-Version", "Content-Type"]

clean = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Zl", "Zp"]), max_size=300)
ascii_only = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=300)
controls = st.sampled_from("\r\n\0\t\x0b\x0c\x1f\x7f\x85\u2028\u2029")


def ics(method: Method = Method.REQUEST) -> bytes:
    return f"BEGIN:VCALENDAR\r\nMETHOD:{method}\r\nX-NOTE:é\r\nEND:VCALENDAR\r\n".encode()


def mail(
    letter: Letter = LETTER,
    *,
    method: Method = Method.REQUEST,
    sender: Mailbox = ("ann@example.org", "Ann Example"),
    recipient: Mailbox = ("beat@example.org", "Beat Müller"),
    message_id: str = "<1@example.org>",
    filename: str = "invite.ics",
) -> bytes:
    return compose(
        ics=ics(method),
        method=method,
        letter=letter,
        sender=sender,
        recipient=recipient,
        message_id=message_id,
        date=SENT_AT,
        filename=filename,
    )


def parsed(octets: bytes) -> EmailMessage:
    found = message_from_bytes(octets, policy=default)
    assert isinstance(found, EmailMessage)
    return found


def tree(part: Message) -> object:
    if part.is_multipart():
        return {part.get_content_type(): [tree(each) for each in part.iter_parts()]}  # type: ignore[attr-defined]
    return part.get_content_type()


def decoded(value: str) -> str:
    return " ".join(str(make_header(decode_header(value))).split())


def test_the_calendar_is_the_last_alternative_and_an_attachment() -> None:
    found = parsed(mail())
    assert tree(found) == {
        "multipart/mixed": [
            {"multipart/alternative": ["text/plain", "text/html", "text/calendar"]},
            "application/ics",
        ]
    }
    assert not any(part.defects for part in found.walk())


@pytest.mark.parametrize("method", [Method.REQUEST, Method.CANCEL])
def test_the_content_type_says_the_method_of_the_calendar(method: Method) -> None:
    alternative, attachment = parsed(mail(method=method)).iter_parts()
    *_, calendar = alternative.iter_parts()
    assert calendar["Content-Type"] == f'text/calendar; method="{method}"; charset="UTF-8"'
    assert calendar["Content-Transfer-Encoding"] == "base64"
    assert calendar.get_payload(decode=True) == ics(method)
    assert attachment.get_payload(decode=True) == ics(method)


def test_a_calendar_with_another_method_is_never_sent() -> None:
    with pytest.raises(ValueError, match="METHOD:CANCEL"):
        compose(
            ics=ics(Method.REQUEST),
            method=Method.CANCEL,
            letter=LETTER,
            sender=("ann@example.org", None),
            recipient=("beat@example.org", None),
            message_id="<1@example.org>",
            date=SENT_AT,
        )


def test_the_attachment_has_its_name_for_old_and_new_clients() -> None:
    *_, attachment = parsed(mail(filename="cancel.ics")).iter_parts()
    assert attachment.get_filename() == "cancel.ics"
    assert attachment["Content-Type"].params["name"] == "cancel.ics"
    assert attachment.get_content_disposition() == "attachment"


def test_the_bodies_read_as_they_were_written() -> None:
    alternative, _ = parsed(mail()).iter_parts()
    plain, html, _ = alternative.iter_parts()
    assert plain.get_content().splitlines() == LETTER.text.splitlines()
    assert html.get_content().splitlines() == LETTER.html.splitlines()


def test_the_header_says_who_and_when() -> None:
    found = message_from_bytes(mail())
    assert list(found.keys()) == FIELDS
    assert parsedate_to_datetime(found["Date"]) == SENT_AT
    assert found["Message-ID"] == "<1@example.org>"
    assert getaddresses([found["From"]]) == [("Ann Example", "ann@example.org")]
    assert decoded(found["To"]) == "Beat Müller <beat@example.org>"


def test_an_attendee_without_a_name_is_an_address() -> None:
    found = message_from_bytes(mail(recipient=("beat@example.org", None)))
    assert getaddresses([found["To"]]) == [("", "beat@example.org")]


def test_only_an_address_beyond_ascii_makes_a_mail_that_needs_smtputf8() -> None:
    assert mail(replace(LETTER, subject="Grüezi"), sender=("ann@example.org", "Änn")).isascii()
    found = mail(recipient=("jörg@example.org", "Jörg"))
    assert "<jörg@example.org>".encode() in found


@given(name=clean | ascii_only, subject=clean | ascii_only)
def test_any_name_and_subject_reads_back(name: str, subject: str) -> None:
    octets = mail(replace(LETTER, subject=subject), sender=("ann@example.org", name))
    assert octets.isascii()
    assert max(map(len, octets.split(b"\r\n"))) <= 998
    found = message_from_bytes(octets)
    assert list(found.keys()) == FIELDS
    ((shown, address),) = getaddresses([found["From"]])
    assert (decoded(shown), address) == (" ".join(name.split()), "ann@example.org")
    assert decoded(found["Subject"]) == " ".join(subject.split())


INJECTIONS: dict[str, Callable[[str], bytes]] = {
    "subject": lambda text: mail(replace(LETTER, subject=text)),
    "sender": lambda text: mail(sender=("ann@example.org", text)),
    "recipient": lambda text: mail(recipient=("beat@example.org", text)),
    "address": lambda text: mail(recipient=(text, None)),
    "message id": lambda text: mail(message_id=text),
    "filename": lambda text: mail(filename=text),
}


@given(before=clean, control=controls, after=clean)
@pytest.mark.parametrize("field", INJECTIONS)
def test_no_header_can_be_injected(field: str, before: str, control: str, after: str) -> None:
    with pytest.raises(ValueError, match="control character"):
        INJECTIONS[field](f"{before}{control}Bcc: eve@example.org{after}")
