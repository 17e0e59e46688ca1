"""Delivery failures, by the standard and beside it."""

from __future__ import annotations

from base64 import encodebytes
from email import message_from_bytes, message_from_string
from email.message import Message
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builders import CLIENTS, Facts
from builders.odd import bounce
from rsvpd.itip import bounces
from rsvpd.itip.bounces import Bounce, Delivery, read

FACTS = Facts()
ANN = "ann@example.com"
POSTFIX = Path(__file__).with_name("captures").joinpath("dsn-postfix-5.1.1.eml").read_bytes()
REQUEST = """\
BEGIN:VCALENDAR
METHOD:REQUEST
BEGIN:VEVENT
UID:a-long-uid-that-is-folded-
 here@rsvpd.example.org
DTSTAMP:20261123T100000Z
END:VEVENT
END:VCALENDAR
"""
UID = "a-long-uid-that-is-folded-here@rsvpd.example.org"
INVITATION = f"""\
From: events@example.org
Message-ID: <our-1@example.org>
MIME-Version: 1.0
Content-Type: multipart/alternative; boundary="in"

--in
Content-Type: text/plain

Come!
--in
Content-Type: text/calendar; method=REQUEST; charset=utf-8
Content-Transfer-Encoding: base64

{encodebytes(REQUEST.encode()).decode()}
--in--
"""
PER_MESSAGE = "Reporting-MTA: dns; mx.example.net\nOriginal-Envelope-Id: QQ314159\n"
PER_RECIPIENT = "Final-Recipient: rfc822; ann@example.com\nAction: failed\nStatus: 5.1.1\n"


def part(kind: str, body: str, *more: str) -> str:
    return "\n".join((f"Content-Type: {kind}", *more, "", body))


def report(*parts: str, headers: str = "") -> bytes:
    head = f'{headers}From: MAILER-DAEMON@mx.example.net\nContent-Type: multipart/report; boundary="out"\n\n'
    return (head + "".join(f"--out\n{p}\n" for p in parts) + "--out--\n").encode()


def status(*groups: str, kind: str = "message/delivery-status") -> str:
    return part(kind, "\n".join((PER_MESSAGE, *groups)))


def about_ann(fields: str) -> bytes:
    return report(status(f"Final-Recipient: rfc822; ann@example.com\n{fields}\n"))


def letter(body: str, headers: str = "Return-Path: <>\nFrom: MAILER-DAEMON@mx.example.net\n") -> bytes:
    return f"{headers}Subject: failure notice\n\n{body}".encode()


def got(raw: bytes) -> tuple[Bounce, ...]:
    return read(message_from_bytes(raw))


def only(raw: bytes) -> Bounce:
    (found,) = got(raw)
    return found


def test_what_postfix_says() -> None:
    assert only(POSTFIX) == Bounce(
        recipient="nobody@example.test",
        action=Delivery.FAILED,
        status="5.1.1",
        text="550 5.1.1 <nobody@example.test> User doesn't exist: nobody@example.test",
        message_id="<bounce1@x>",
    )


def test_our_request_is_found_in_what_is_returned() -> None:
    found = only(bounce(FACTS))
    assert (found.recipient, found.uid) == (FACTS.attendee.address, FACTS.uid)
    assert (found.action, found.status) == (Delivery.FAILED, "5.1.1")


def test_one_bounce_for_each_recipient() -> None:
    said = "ann failed 5.1.1, bob delayed 4.4.1, cyd delivered 2.0.0, dan relayed 2.1.9, eve expanded 2.1.9"
    told = (words.split() for words in f"{said}, ann failed 5.7.1".split(", "))
    groups = [f"Final-Recipient: rfc822; {n}@example.com\nAction: {a}\nStatus: {s}\n" for n, a, s in told]
    assert [(b.recipient, b.action, b.status) for b in got(report(status(*groups)))] == [
        (ANN, Delivery.FAILED, "5.1.1"),
        ("bob@example.com", Delivery.DELAYED, "4.4.1"),
    ]


ACTIONS = {
    "failed": ("Action: failed", Delivery.FAILED),
    "with a comment": ("Action: failed (unknown user)", Delivery.FAILED),
    "opensmtpd": ("Action: error", Delivery.FAILED),
    "delayed": ("ACTION: Delayed", Delivery.DELAYED),
    "missing, permanent": ("Status: 5.1.1", Delivery.FAILED),
    "missing, temporary": ("Status: 4.2.2", Delivery.DELAYED),
    "missing, success": ("Status: 2.0.0", None),
    "delivered": ("Action: delivered\nStatus: 5.0.0", None),
}


@pytest.mark.parametrize(("fields", "action"), ACTIONS.values(), ids=ACTIONS)
def test_actions(fields: str, action: Delivery | None) -> None:
    found = got(about_ann(fields))
    assert [b.action for b in found] == ([action] if action else [])


RECIPIENTS = {
    "as we addressed it": ("Original-Recipient: rfc822; Ann@Example.com\nFinal-Recipient: x@y.example", ANN),
    "in angle brackets": ("Final-Recipient: RFC822;<ann@example.com>", ANN),
    "with a comment": ("Final-Recipient: rfc822; ann@example.com (Ann)", ANN),
    "without a type": ("Final-Recipient: ann@example.com", ANN),
    "original unknown": ("Original-Recipient: unknown; x\nFinal-Recipient: ann@example.com", ANN),
    "folded": ("Final-Recipient: rfc822;\n\tann@example.com", ANN),
    "exim and sendmail": ("X-Actual-Recipient: rfc822; ann@example.com", ANN),
    "not ascii, written out (RFC 6533)": ("Final-Recipient: utf-8; \\x{E4}nn@example.com", "änn@example.com"),
    "not ascii": ("Final-Recipient: utf-8; änn@example.com", "änn@example.com"),
    "no such character": ("Final-Recipient: utf-8; \\x{D800}@example.com", "\\x{d800}@example.com"),
    "no mailbox": ("Final-Recipient: x400; /C=CH/S=Ann/", None),
    "no domain": ("Final-Recipient: rfc822; ann@..", None),
    "none": ("X-Nothing: here", None),
}


@pytest.mark.parametrize(("fields", "address"), RECIPIENTS.values(), ids=RECIPIENTS)
def test_recipients(fields: str, address: str | None) -> None:
    assert only(report(status(f"{fields}\nAction: failed\n"))).recipient == address


WORDS = {
    "the type is left out": ("5.1.1", "smtp; 550 No such\n user here", "5.1.1", "550 No such user here"),
    "without a type": ("5.1.1", "550 No; none", "5.1.1", "550 No; none"),
    "a generic status gives way": ("5.0.0", "smtp; 550-5.7.26 DMARC", "5.7.26", "550-5.7.26 DMARC"),
    "not to one of another class": ("5.0.0", "smtp; 450 4.2.2 full", "5.0.0", "450 4.2.2 full"),
    "an address is no status": ("", "smtp; 10.5.1.1 said no", None, "10.5.1.1 said no"),
    "status with a comment": ("5.2.2 (mailbox full)", "", "5.2.2", None),
    "endless": ("5.1.1", "smtp; " + "x" * 9_000, "5.1.1", "x" * 500),
    "nothing": ("", "", None, None),
}


@pytest.mark.parametrize(("stated", "said", "code", "text"), WORDS.values(), ids=WORDS)
def test_the_words_of_the_server(stated: str, said: str, code: str | None, text: str | None) -> None:
    found = only(about_ann(f"Action: failed\nStatus: {stated}\nDiagnostic-Code: {said}"))
    assert (found.status, found.text) == (code, text)


def test_without_a_diagnostic_code_the_words_for_people_count() -> None:
    notice = part("text/plain", "Sorry.\n\nAnn@example.com\n\n550 5.2.2 The mailbox\nis full.\n\nBye.")
    fields = "Final-Recipient: rfc822; ann@example.com\nAction: failed\nStatus: 5.0.0\n"
    found = only(report(notice, status(fields)))
    assert (found.status, found.text) == ("5.2.2", "Ann@example.com 550 5.2.2 The mailbox is full.")


def in_base64(text: str) -> str:
    return encodebytes(text.encode()).decode()


ENCODED = in_base64(PER_MESSAGE + "\n" + PER_RECIPIENT)
BASE64 = "Content-Transfer-Encoding: base64"
STATUS_PARTS = {
    "rfc 6533": status(PER_RECIPIENT, kind="message/global-delivery-status"),
    "rfc 6533, several": status(PER_RECIPIENT, "X: y\n", kind="message/global-delivery-status"),
    "in base64": part("message/delivery-status", ENCODED, BASE64),
    "rfc 6533 in base64": part("message/global-delivery-status", ENCODED, BASE64.upper()),
    "a line that is no field": status("Final-Recipient: rfc822; ann@example.com\noops\nAction: failed\n"),
    "no blank line before the recipient": part("message/delivery-status", PER_MESSAGE + PER_RECIPIENT),
    "three blank lines": status("\n\n" + PER_RECIPIENT),
}


@pytest.mark.parametrize("body", STATUS_PARTS.values(), ids=STATUS_PARTS)
def test_status_parts_of_any_shape(body: str) -> None:
    found = only(report(body))
    assert (found.recipient, found.envelope_id) == (ANN, "QQ314159")


def test_a_status_part_made_in_code() -> None:
    message = Message()
    message["Content-Type"] = "message/delivery-status"
    message.set_payload(PER_RECIPIENT)
    assert [b.recipient for b in read(message)] == [ANN]


OUR_HEADER = INVITATION.split("\n\n", maxsplit=1)[0] + "\n"
CANCELLATION = REQUEST.replace("REQUEST", "CANCEL")
WITHOUT_UID = REQUEST.replace("UID:a-long-uid-that-is-folded-\n here@rsvpd.example.org", "UID:")
BARE = "Message-ID: <our-1@example.org>\nContent-Type: text/calendar\n\n"
RETURNED = {
    "headers only": (part("text/rfc822-headers", OUR_HEADER), None),
    "headers only, as a message": (part("message/rfc822-headers", OUR_HEADER), None),
    "whole": (part("message/rfc822", INVITATION), UID),
    "whole (RFC 6532)": (part("message/global", INVITATION), UID),
    "whole, in base64": (part("message/rfc822", in_base64(INVITATION), BASE64), UID),
    "cut off after the facts": (part("message/rfc822", INVITATION[:-41]), UID),
    "cut off within the uid": (part("message/rfc822", INVITATION[:-90]), None),
    "not a request": (part("message/rfc822", BARE + CANCELLATION), None),
    "a request without a uid": (part("message/rfc822", BARE + WITHOUT_UID), None),
    "nothing, but the report names it": (status("X-Original-Message-ID: <our-1@example.org>\n"), None),
}


@pytest.mark.parametrize(("returned", "uid"), RETURNED.values(), ids=RETURNED)
def test_what_is_returned(returned: str, uid: str | None) -> None:
    found = only(report(status(PER_RECIPIENT), returned))
    assert (found.message_id, found.uid) == ("<our-1@example.org>", uid)


@pytest.mark.parametrize("header", ["In-Reply-To", "References"])
def test_gmail_and_exchange_name_our_mail_as_what_they_reply_to(header: str) -> None:
    found = only(report(status(PER_RECIPIENT), headers=f"{header}: <our-1@example.org>\n"))
    assert found.message_id == "<our-1@example.org>"


NOT_OURS = ("", part("message/rfc822", ""), part("message/rfc822", "Subject: x\n\ny"))


@pytest.mark.parametrize("returned", NOT_OURS)
def test_nothing_of_our_mail_is_there(returned: str) -> None:
    found = only(report(status(PER_RECIPIENT), returned))
    assert (found.recipient, found.message_id, found.uid) == (ANN, None, None)


QMAIL = f"""\
Hi. This is the qmail-send program at mx.example.net.
I'm afraid I wasn't able to deliver your message to the following addresses.
This is a permanent error; I've given up. Sorry it didn't work out.

<ann@example.com>:
192.0.2.1 does not like recipient.
Remote host said: 550 5.1.1 <ann@example.com> unknown

--- Below this line is a copy of the message.

Return-Path: <events@example.org>
{INVITATION}"""
EXIM = f"""\
This message was created automatically by mail delivery software.

A message that you sent could not be delivered to one or more of its
recipients. This is a permanent error. The following address(es) failed:

  ann@example.com
    host mx.example.com [192.0.2.1]
    SMTP error from remote mail server: 550 5.1.1 unknown

------ This is a copy of the message, including all the headers. ------

{INVITATION}"""
LATE = """\
This is just a warning, the message has not yet been delivered to

  ann@example.com

No action is required on your part.
"""


def test_qmail_quotes_our_mail_in_its_letter() -> None:
    found = only(letter(QMAIL))
    assert (found.recipient, found.action, found.status) == (ANN, Delivery.FAILED, "5.1.1")
    assert (found.message_id, found.uid) == ("<our-1@example.org>", UID)
    assert found.text is not None
    assert found.text.startswith("<ann@example.com>: 192.0.2.1 does not like")


def test_exim_names_the_recipients_in_its_header() -> None:
    found = only(letter(EXIM, "X-Failed-Recipients: Ann@example.com, nobody\n"))
    assert (found.recipient, found.status) == (ANN, "5.1.1")
    assert (found.message_id, found.uid) == ("<our-1@example.org>", UID)


def test_a_warning_that_follows_no_standard_is_a_delay() -> None:
    assert [(b.recipient, b.action) for b in got(letter(LATE))] == [(ANN, Delivery.DELAYED)]


def test_a_report_in_base64_is_read() -> None:
    head = "Return-Path: <>\nContent-Transfer-Encoding: base64\n"
    assert only(letter(in_base64(QMAIL), head)).recipient == ANN


def test_a_status_part_that_says_nothing_leaves_it_to_the_words() -> None:
    words = part("text/plain", QMAIL)
    found = only(report(words, part("message/delivery-status", PER_MESSAGE)))
    assert (found.recipient, found.envelope_id) == (ANN, "QQ314159")


SIGNS = {
    "sent by nobody": "Return-Path: <>\nSubject: x\n",
    "sent by a daemon": "From: Mail <Mailer-Daemon@mx.example.net>\nSubject: x\n",
    "exim's field": "X-Failed-Recipients: ann@example.com\nSubject: x\n",
    "the subject alone": "From: system@mx.example.net\nSubject: Undeliverable: x\n",
}


@pytest.mark.parametrize("header", SIGNS.values(), ids=SIGNS)
def test_signs_of_a_report(header: str) -> None:
    assert only(f"{header}\n{QMAIL}".encode()).recipient == ANN


NO_BOUNCES = {
    "a person quotes a bounce": f"From: bob@example.com\nSubject: Fwd: look\n\n{QMAIL}".encode(),
    "a person attaches a bounce": b"From: bob@example.com\nContent-Type: message/rfc822\n\n" + POSTFIX,
    "a report of success": report(status(PER_RECIPIENT.replace("failed", "delivered"))),
    "a success that quotes an old failure": report(
        part("text/plain", QMAIL), status(PER_RECIPIENT.replace("failed", "delivered"))
    ),
    "a report without a word": report(),
    "an empty mail": b"",
    "a vacation notice": b"Return-Path: <>\nAuto-Submitted: auto-replied\n\nI am away until Monday.\n",
    "a report that names no mailbox": b"X-Failed-Recipients: nobody\n\nx",
    **{f"an answer by {name}": build(FACTS) for name, build in CLIENTS.items()},
}


@pytest.mark.parametrize("raw", NO_BOUNCES.values(), ids=NO_BOUNCES)
def test_no_bounce(raw: bytes) -> None:
    assert got(raw) == ()


def test_a_report_made_from_text_that_no_mail_can_hold() -> None:
    text = report(status(f"X: here\n{PER_RECIPIENT}")).decode().replace("here", "\ud83d")
    assert [b.recipient for b in read(message_from_string(text))] == [ANN]


def test_recipients_are_bounded() -> None:
    groups = [f"Final-Recipient: rfc822; a{n}@example.com\nAction: failed\n" for n in range(3_000)]
    assert len(got(report(status(*groups)))) <= 1_000
    assert len(got(report(status(*groups, kind="message/global-delivery-status")))) <= 1_000


def test_parts_are_bounded_in_number_and_depth() -> None:
    assert len(list(bounces._parts(message_from_bytes(report(*(part("text/plain", "x"),) * 900))))) == 200
    deep = Message()
    for _ in range(100):
        outer = Message()
        outer["Content-Type"] = "multipart/mixed"
        outer.set_payload([deep])
        deep = outer
    assert len(list(bounces._parts(deep))) == 21


@given(st.binary())
def test_any_bytes_can_be_read(data: bytes) -> None:
    frame = b"Return-Path: <>\nContent-Type: multipart/report; boundary=b\n\n--b\nContent-Type: "
    kinds = (b"message/delivery-status", b"message/global-delivery-status", b"message/rfc822", b"text/plain")
    for raw in (data, b"Return-Path: <>\n" + data, *(frame + kind + b"\n" + data for kind in kinds)):
        assert all(isinstance(found, Bounce) for found in got(raw))
        assert got(frame + b"message/delivery-status\n\n" + PER_RECIPIENT.encode() + b"\n--b\n" + raw)


@given(st.binary(min_size=1, max_size=20), st.integers(0, len(POSTFIX)))
def test_a_garbled_report_can_be_read(garble: bytes, at: int) -> None:
    assert len(got(POSTFIX[:at] + garble + POSTFIX[at + len(garble) :])) <= 1


@pytest.mark.parametrize("raw", [POSTFIX, bounce(FACTS), letter(QMAIL), letter(EXIM)])
def test_a_report_cut_off_anywhere_says_the_same_or_less(raw: bytes) -> None:
    whole = only(raw)
    for size in range(0, len(raw), 3):
        found = got(raw[:size])
        assert len(found) <= 1
        assert all(b.uid in {None, whole.uid} for b in found)
        assert all(b.message_id in {None, whole.message_id} for b in found)
