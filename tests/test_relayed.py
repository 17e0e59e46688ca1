"""Replies that relays, gateways, lists and signatures have been at: read to exactly what they say."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builders import Facts, Party, kde
from builders.odd import bounce, mail
from builders.odd_ics import clean
from builders.relayed import (
    DATA,
    ENVELOPED_DATA,
    RELAYED,
    SIGNED_DATA,
    der,
    opaque_signed_in_pieces,
    signed_data,
    smime,
    winmail_around,
)
from builders.text import leaf
from rsvpd.itip import signed, tnef
from rsvpd.itip.bounces import Delivery
from rsvpd.itip.matching import decide
from rsvpd.itip.mime import read
from rsvpd.itip.model import (
    Answer,
    Arrival,
    Attendee,
    Component,
    MatchedBy,
    Meeting,
    Method,
    Outcome,
    PartStat,
)
from rsvpd.itip.reading import Source, read_mail
from rsvpd.itip.trust import Policy, make_token
from rsvpd.itip.verdicts import Verdict

ALICE = "alice@example.com"
NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


def only(raw: bytes) -> Component:
    found = [item.component for item in read_mail(raw).items if item.component and item.component.uid]
    (one,) = (component for component in found if component.method is Method.REPLY)
    return one


@pytest.mark.parametrize("partstat", ["ACCEPTED", "DECLINED", "TENTATIVE"])
@pytest.mark.parametrize("shape", RELAYED)
def test_what_was_done_to_a_reply_is_undone(shape: str, partstat: str) -> None:
    facts = Facts(partstat=partstat)
    found = only(RELAYED[shape](facts))
    assert (found.uid, found.method) == (facts.uid, Method.REPLY)
    assert [(user.address, user.partstat) for user in found.attendees] == [(ALICE, PartStat(partstat))]


def signed_of(content: bytes) -> bytes:
    """Signed data around what is no mail."""
    encapsulated = der(0x30, der(0x06, DATA), der(0xA0, content))
    inner = der(0x30, der(0x02, b"\x01"), der(0x31), encapsulated, der(0x31))
    return der(0x30, der(0x06, SIGNED_DATA), der(0xA0, inner))


def in_pieces(data: bytes, levels: int) -> bytes:
    """An OCTET STRING inside so many constructed ones."""
    found = der(0x04, data)
    for _ in range(levels):
        found = der(0x24, found)
    return found


ENVELOPED = der(0x30, der(0x06, ENVELOPED_DATA), der(0xA0, b"secret"))
NOT_SIGNED = {
    "encrypted": ENVELOPED,
    "encrypted, of the shape of signed data": signed_data(Facts()).replace(SIGNED_DATA, ENVELOPED_DATA),
    "a signature of nothing": signed_of(der(0x04, b"")),
    "no octets in it": signed_of(der(0x30, der(0x04, b"From: a@b.example\r\n\r\nx"))),
    "pieces in pieces without end": signed_of(in_pieces(b"From: a@b.example\r\n\r\nx", 20)),
    "nothing": b"",
    "another type": der(0x30, der(0x06, DATA), der(0xA0, der(0x04, b"x"))),
    "a certificate alone": der(0x30, der(0x06, SIGNED_DATA), der(0xA0, der(0x30, der(0x02, b"\x01")))),
    "cut off": der(0x30, b"x" * 300)[:200],
    "endless lengths": b"\x30\x80" * 5_000,
}


@pytest.mark.parametrize("data", NOT_SIGNED.values(), ids=NOT_SIGNED)
def test_what_holds_no_mail_is_none_of_our_business(data: bytes) -> None:
    assert signed.content(data) is None
    assert read_mail(smime(Facts(), data)).items == ()


def test_a_mail_in_few_pieces_of_pieces_is_read() -> None:
    assert signed.content(signed_of(in_pieces(b"From: a@b.example", 16))) == b"From: a@b.example"


@given(st.integers(0, 2_000), st.binary(max_size=8))
def test_garbled_signatures_can_be_read(at: int, garble: bytes) -> None:
    raw = opaque_signed_in_pieces(Facts())
    read_mail(raw[:at] + garble + raw[at + len(garble) :])
    signed.content(raw[:at])


def test_other_files_in_a_winmail_are_no_calendars() -> None:
    assert tnef.calendars(winmail_around(b"PK\x03\x04")) == ()
    assert tnef.calendars(b"") == ()


SENDERS = {
    "Alice, Example <alice@example.com>": ALICE,
    "Alice [External] <alice@example.com>": ALICE,
    "=?utf-8?Q?Alice_=3Calice@example.com=3E?=": ALICE,
    "=?utf-8?B?QWxpY2UgPGFsaWNlQGV4YW1wbGUuY29tPg==?=": ALICE,
    "Alice (x) alice@example.com": ALICE,
    '"Alice <alice@example.com>': ALICE,
    "Alice@home <alice@example.com>": ALICE,
    "<mailto:alice@example.com>": ALICE,
    "Team: Alice <alice@example.com>;": ALICE,
    '"Bob <bob@example.com>" <alice@example.com>': ALICE,
    "alice@example.com (Bob <bob@example.com>)": ALICE,
    "alice@example.com, Bob <bob@example.com>": ALICE,
    "Alice <alice@example.com> (as <bob@example.com> said)": ALICE,
    '"Alice <alice@example.com> of bob@example.com"': ALICE,
    "=?utf-8?Q?Alice?=": None,
    "undisclosed": None,
}


@pytest.mark.parametrize("field", SENDERS)
def test_the_sender_is_read_as_people_would(field: str) -> None:
    raw = f"From: {field}\r\n\r\nx".encode()
    assert read(raw).envelope.from_address == SENDERS[field]


def test_an_attendee_with_a_name_in_the_address() -> None:
    named = clean(Facts()).replace(b"mailto:alice@example.com", b"mailto:Alice <alice@example.com>")
    assert only(mail(Facts(), named)).attendees[0].address == ALICE


@pytest.mark.parametrize(
    "field",
    ["Cc", "Delivered-To", "X-Original-To", "Envelope-To", "X-Envelope-To", "X-Delivered-To", "Resent-To"],
)
def test_whom_a_mail_came_to_may_stand_in_many_fields(field: str) -> None:
    assert read(f"{field}: <Events+1@example.org>\r\n\r\nx".encode()).envelope.recipients == (
        "events+1@example.org",
    )


def test_tokens_count_in_fields_of_relays_too() -> None:
    fields = "Original-Recipient: rfc822;a+1@example.org\r\nResent-To: b@example.org\r\nX-Apparently-To: c@example.org"
    found = read(f"{fields}\r\n\r\nx".encode()).envelope.recipients
    assert set(found) == {"a+1@example.org", "b@example.org", "c@example.org"}


COMMENTS = {
    "html in it": (b'"it&#39\\;s late\\, ok"', "it's late, ok"),
    "a comma and no quotes": (b"Late, ok", "Late, ok"),
    "a line break": (b'"Late\\nok"', "Late\nok"),
}


@pytest.mark.parametrize(("written", "said"), COMMENTS.values(), ids=COMMENTS)
def test_googles_comment_is_html_in_a_parameter(written: bytes, said: str) -> None:
    ics = clean(Facts()).replace(b"PARTSTAT=", b"X-RESPONSE-COMMENT=" + written + b";PARTSTAT=")
    assert only(mail(Facts(), ics)).attendees[0].comment == said


def test_the_first_comment_that_says_something_counts() -> None:
    ics = clean(Facts()).replace(b"END:VEVENT", b"COMMENT:\\n\r\nCOMMENT:Late\r\nEND:VEVENT")
    assert only(mail(Facts(), ics)).comment == "Late"


def test_a_reply_time_in_1601_is_none() -> None:
    late = b"X-MICROSOFT-CDO-REPLYTIME:16010101T000000Z\r\nEND:VEVENT"
    assert only(mail(Facts(), clean(Facts()).replace(b"END:VEVENT", late))).replied_at is None


def test_japanese_without_a_charset() -> None:
    data = clean(Facts(summary="会議")).decode().encode("iso-2022-jp")
    assert only(mail(Facts(), data, "text/calendar; method=REPLY")).summary == "会議"


def test_of_two_lines_for_one_attendee_the_one_that_answers_counts() -> None:
    facts = Facts(partstat="DECLINED")
    twice = b"ATTENDEE;PARTSTAT=NEEDS-ACTION:mailto:alice@example.com\r\nATTENDEE"
    raw = mail(facts, clean(facts).replace(b"ATTENDEE", twice))
    meeting = Meeting(facts.uid, "events@example.org", facts.start, facts.end, attendees=(Attendee(ALICE),))
    verdict = decide(only(raw), Arrival(read(raw).envelope, NOW), meeting, Policy())
    assert (verdict.outcome, verdict.partstat) == (Outcome.APPLIED, PartStat.DECLINED)


def test_our_own_description_sent_back_is_no_comment() -> None:
    facts = Facts(comment="Bring the  figures\nplease")
    raw = kde(facts)
    meeting = Meeting(
        *(facts.uid, "events@example.org", facts.start, facts.end),
        attendees=(Attendee(ALICE),),
        description="Bring the figures please",
    )
    answer = decide(only(raw), Arrival(read(raw).envelope, NOW), meeting, Policy()).decision
    assert isinstance(answer, Answer)
    assert answer.comment is None


def test_a_token_with_one_letter_changed_is_none() -> None:
    token = make_token(b"secret", 1, Facts().uid, ALICE)
    wrong = token[:-1] + ("a" if token[-1] != "a" else "b")
    raw = mail(
        Facts(sender=Party("eve@example.net", "Eve"), to=f"events+{wrong}@example.org"), clean(Facts())
    )
    invited = Attendee(ALICE, token=token)
    meeting = Meeting(Facts().uid, "events@example.org", Facts().start, Facts().end, attendees=(invited,))
    verdict = decide(only(raw), Arrival(read(raw).envelope, NOW), meeting, Policy())
    assert (verdict.outcome, verdict.matched_by) == (Outcome.HELD, MatchedBy.NONE)


def test_a_failure_with_our_request_as_a_part_of_its_own_is_a_failure() -> None:
    request = leaf("text/calendar; method=REQUEST", "base64", clean(Facts(method="REQUEST")))
    head, _, body = bounce(Facts()).partition(b"\r\n\r\n")
    boundary = body.split(b"--", 2)[1].split(b"\r\n")[0]
    raw = head + b"\r\n\r\n" + body.replace(b"--" + boundary + b"--", b"--" + boundary + b"\r\n" + request)
    (item,) = read_mail(raw).items
    assert (item.source, item.bounce and item.bounce.action) == (Source.REPORT, Delivery.FAILED)


def test_the_parts_of_a_lump_without_delimiters() -> None:
    lump = b"Content-Type: multipart/mixed; boundary=no\r\n\r\nnothing here\r\n"
    assert read_mail(lump).items == ()


RECIPIENTS = {
    "To: undisclosed-recipients:;": (),
    "To: undisclosed recipients: ;": (),
    "To: Team: a@example.org, B <b@example.org>;, c@example.org": (
        "a@example.org",
        "b@example.org",
        "c@example.org",
    ),
    "Cc: Team: events+1-x@example.org;": ("events+1-x@example.org",),
    "To: a@example.org\r\nReply-To: Team: x@example.org;": ("a@example.org",),
}


@pytest.mark.parametrize("fields", RECIPIENTS)
def test_groups_of_recipients(fields: str) -> None:
    assert read(f"{fields}\r\n\r\nx".encode()).envelope.recipients == RECIPIENTS[fields]


def through_a_list(*fields: str) -> Verdict:
    """Alice's answer as a mailing list passes it on that writes itself into From, for DMARC."""
    head = "\r\n".join(("From: Alice Example via Team <team@lists.example.org>", *fields))
    listed = f"{head}\r\nList-Id: Team <team.lists.example.org>\r\nX-Original-From: Alice <{ALICE}>\r\n"
    raw = listed.encode() + mail(Facts(), clean(Facts()))
    token = make_token(b"secret", 1, Facts().uid, ALICE)
    meeting = Meeting(
        *(Facts().uid, "events@example.org", Facts().start, Facts().end),
        attendees=(Attendee(ALICE, token=token),),
    )
    return decide(only(raw), Arrival(read(raw).envelope, NOW), meeting, Policy())


def test_a_list_in_the_place_of_the_sender_may_not_speak_for_them() -> None:
    verdict = through_a_list(f"Reply-To: Alice <{ALICE}>")
    assert (verdict.outcome, verdict.matched_by, verdict.attendee) == (Outcome.HELD, MatchedBy.NONE, ALICE)
    assert verdict.words == f"team@lists.example.org may not speak for {ALICE}"
    assert verdict.answer is not None
    assert verdict.answer.partstat is PartStat.ACCEPTED


def test_the_token_still_says_whose_answer_a_list_passes_on() -> None:
    token = make_token(b"secret", 1, Facts().uid, ALICE)
    verdict = through_a_list(f"To: Events <events+{token}@example.org>")
    assert (verdict.outcome, verdict.matched_by) == (Outcome.APPLIED, MatchedBy.TOKEN)
