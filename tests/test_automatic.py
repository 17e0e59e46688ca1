"""Mails that no person wrote."""

from __future__ import annotations

from email import message_from_bytes

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rsvpd.itip.automatic import is_auto_reply, is_mdn

AUTOMATIC = {
    "vacation (RFC 3834)": "Auto-Submitted: auto-replied",
    "sieve vacation, with a parameter": "Auto-Submitted: auto-replied; owner-email=ann@example.org",
    "with a comment": "Auto-Submitted: (yes) AUTO-REPLIED (vacation)",
    "a monitoring program": "Auto-Submitted: auto-generated",
    "one that is not the first": "Auto-Submitted: no\r\nAuto-Submitted: auto-replied",
    "what vacation(1) wrote": "Precedence: bulk",
    "an old autoresponder": "Precedence: Auto_Reply",
    "a web hoster's autoresponder": "X-Autoreply: yes",
    "cpanel": "X-Autorespond: Out of the house",
}
BY_PEOPLE = {
    "nothing said": "Subject: Re: x",
    "said to be by hand": "Auto-Submitted: no",
    "said to be by hand, with a comment": "Auto-Submitted: no (really)",
    "empty": "Auto-Submitted:",
    "outlook asks others to be silent": "X-Auto-Response-Suppress: DR, OOF, AutoReply",
    "a mailing list": "Precedence: list",
    "an old mailing list": "List-Id: <team.lists.example.org>\r\nPrecedence: bulk",
    "explicitly none": "X-Autoreply: no",
}
NOTIFICATIONS = {
    "outlook": 'Content-Type: multipart/report; report-type=disposition-notification; boundary="b"',
    "quoted and folded": 'Content-Type: multipart/report; boundary=b;\r\n Report-Type = "disposition-notification"',
    "the part alone": "Content-Type: message/disposition-notification",
}
NO_NOTIFICATIONS = {
    "a letter": "Content-Type: text/plain",
    "a bounce": "Content-Type: multipart/report; report-type=delivery-status; boundary=b",
    "a report of no kind": "Content-Type: multipart/report",
    "no type": "Subject: x",
}


@pytest.mark.parametrize("header", AUTOMATIC.values(), ids=AUTOMATIC)
def test_an_auto_reply(header: str) -> None:
    assert is_auto_reply(message_from_bytes(f"{header}\r\n\r\nx".encode()))


@pytest.mark.parametrize("header", BY_PEOPLE.values(), ids=BY_PEOPLE)
def test_no_auto_reply(header: str) -> None:
    assert not is_auto_reply(message_from_bytes(f"{header}\r\n\r\nx".encode()))


@pytest.mark.parametrize("header", NOTIFICATIONS.values(), ids=NOTIFICATIONS)
def test_a_disposition_notification(header: str) -> None:
    assert is_mdn(message_from_bytes(f"{header}\r\n\r\nx".encode()))


@pytest.mark.parametrize("header", NO_NOTIFICATIONS.values(), ids=NO_NOTIFICATIONS)
def test_no_disposition_notification(header: str) -> None:
    assert not is_mdn(message_from_bytes(f"{header}\r\n\r\nx".encode()))


def test_a_notification_whose_report_has_no_type() -> None:
    raw = (
        b"Content-Type: multipart/report; boundary=b\r\n\r\n--b\r\n\r\nRead.\r\n"
        b"--b\r\nContent-Type: message/disposition-notification\r\n\r\nDisposition: manual-action; displayed\r\n--b--"
    )
    assert is_mdn(message_from_bytes(raw))


@given(st.binary())
def test_any_bytes_can_be_asked(raw: bytes) -> None:
    for data in (raw, b"Auto-Submitted: " + raw, b"Content-Type: multipart/report; boundary=" + raw):
        message = message_from_bytes(data)
        assert {is_auto_reply(message), is_mdn(message)} <= {True, False}
