"""One mail of each client, of each oddity, and of what is no answer: read to exactly what it says."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from builders import CLIENTS, Facts, Party, google, kde, macos
from builders.microsoft import microsoft365_ics
from builders.odd import DISCLAIMER, NOT_ANSWERS, ODDITIES, SILENT, mail, truncated_late
from builders.others import cyrus, lotus_notes_generated
from builders.servers import sogo
from builders.text import entity, envelope, leaf, multipart
from rsvpd.itip import reading
from rsvpd.itip.ics.reading import Limits
from rsvpd.itip.model import Component, Method, PartStat
from rsvpd.itip.reading import Source, read_mail

TNEF = ("exchange2007_tnef", "outlook_tnef")
WITHOUT_SEQUENCE = ("sogo", "bluemind", "bluemind_related")
WITHOUT_COMMENT = ("sogo", "sogo5", "macos")
ONE_LINE = ("google",)
LONG = Facts(
    attendee=Party("alice.winterbourne@subsidiary.example.com", "Alice Winterbourne"),
    uid="040000008200E00074C5B7101A82E008 $:Ünï/1@rsvpd.example.org",
    partstat="TENTATIVE",
    sequence=3,
    comment="Komme später,\nvielleicht; wer weiß",
    recurrence_id=datetime(2026, 12, 10, 13, 0, tzinfo=UTC),
)
FOREIGN_UID = "4f0c9a52b7d14e0f9d6c@rsvpd.example.org"


def only(raw: bytes) -> Component:
    """The one component that the mail holds."""
    (item,) = read_mail(raw).items
    assert item.component is not None, item
    return item.component


def claims(component: Component, sender: str | None) -> tuple[str | None, PartStat | None]:
    """Who answers what: an ATTENDEE that is no mail address counts as the sender's."""
    (one,) = component.attendees
    return one.address or sender, one.partstat


def instant(component: Component) -> object:
    named = component.recurrence_id
    return named.astimezone(UTC) if isinstance(named, datetime) else named


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("partstat", ["ACCEPTED", "DECLINED", "TENTATIVE"])
def test_every_client_is_read_to_its_facts(client: str, partstat: str) -> None:
    facts = replace(LONG, uid=FOREIGN_UID, partstat=partstat)
    read = read_mail(CLIENTS[client](facts))
    component = only(CLIENTS[client](facts))
    assert component.uid == facts.uid
    assert (component.kind, component.method) == ("VEVENT", Method.REPLY)
    assert claims(component, read.envelope.from_address) == (facts.attendee.address, PartStat(partstat))
    assert component.sequence == (None if client in WITHOUT_SEQUENCE else 3)
    expected = date(2026, 12, 10) if client in TNEF else facts.recurrence_id
    assert instant(component) == expected


@pytest.mark.parametrize("client", CLIENTS)
def test_every_client_answers_the_series(client: str) -> None:
    assert only(CLIENTS[client](Facts())).recurrence_id is None


@pytest.mark.parametrize("client", [c for c in CLIENTS if c not in WITHOUT_COMMENT])
def test_a_comment_is_found_where_the_client_puts_it(client: str) -> None:
    component = only(CLIENTS[client](replace(LONG, uid=FOREIGN_UID)))
    found = next((u.comment for u in component.attendees if u.comment), None) or component.comment
    said = LONG.comment or ""
    if client == "outlook_mac":
        assert (found or "").split() == said.split()
    else:
        assert found == (said.replace("\n", " ") if client in ONE_LINE else said)


@pytest.mark.parametrize("client", [c for c in CLIENTS if c != "android"])
def test_no_comment_is_none(client: str) -> None:
    component = only(CLIENTS[client](Facts()))
    assert [u.comment for u in component.attendees] == [None]
    assert component.comment is None


def test_the_signature_of_android_is_all_that_it_says() -> None:
    assert only(CLIENTS["android"](Facts())).comment == "Sent from my phone"


def test_a_disclaimer_is_kept_and_bounded() -> None:
    assert only(CLIENTS["microsoft365"](Facts(comment=DISCLAIMER))).comment == DISCLAIMER.strip()
    assert len(only(CLIENTS["kde"](Facts(comment="x" * 5000))).comment or "") == 4000


@pytest.mark.parametrize("client", [c for c in CLIENTS if c not in TNEF])
def test_an_awkward_uid_is_read_octet_for_octet(client: str) -> None:
    assert only(CLIENTS[client](LONG)).uid == LONG.uid


@pytest.mark.parametrize("client", [c for c in CLIENTS if c not in TNEF])
def test_a_day_stays_a_day(client: str) -> None:
    facts = Facts(start=date(2026, 12, 3), end=date(2026, 12, 4), recurrence_id=date(2026, 12, 10), zone=None)
    component = only(CLIENTS[client](facts))
    assert (component.start, component.recurrence_id) == (date(2026, 12, 3), date(2026, 12, 10))
    assert not isinstance(component.recurrence_id, datetime)


@pytest.mark.parametrize("client", [c for c in CLIENTS if c not in TNEF])
@pytest.mark.parametrize("zone", ["Europe/Zurich", "America/New_York", "Asia/Tokyo", None])
def test_the_instant_is_the_same_in_every_zone(client: str, zone: str | None) -> None:
    component = only(CLIENTS[client](replace(LONG, zone=zone)))
    assert instant(component) == LONG.recurrence_id


@pytest.mark.parametrize("client", [c for c in CLIENTS if c not in TNEF])
def test_a_delegation_is_read(client: str) -> None:
    facts = Facts(partstat="DELEGATED", delegated_to="dave@example.net")
    (one,) = only(CLIENTS[client](facts)).attendees
    assert (one.partstat, one.delegated_to) == (PartStat.DELEGATED, ("dave@example.net",))


@pytest.mark.parametrize("client", [c for c in CLIENTS if c not in TNEF])
def test_an_assistant_is_read(client: str) -> None:
    if client == "kde":
        return  # its builder writes delegations its own way
    (one,) = only(CLIENTS[client](Facts(sent_by="secretary@example.com"))).attendees
    assert one.sent_by == "secretary@example.com"


@pytest.mark.parametrize("client", CLIENTS)
def test_a_counter_is_read(client: str) -> None:
    proposed = datetime(2026, 12, 4, 9, 0, tzinfo=UTC)
    facts = Facts(method="COUNTER", proposed_start=proposed, proposed_end=proposed + timedelta(hours=1))
    component = only(CLIENTS[client](facts))
    assert component.method is Method.COUNTER
    assert isinstance(component.start, datetime)
    assert isinstance(component.end, datetime)
    assert (component.start.astimezone(UTC), component.end.astimezone(UTC)) == (
        proposed,
        proposed + timedelta(hours=1),
    )


def test_a_new_time_hidden_in_a_reply() -> None:
    proposed = datetime(2026, 12, 4, 9, 0, tzinfo=UTC)
    (one,) = only(CLIENTS["ios"](Facts(proposed_start=proposed))).attendees
    assert (one.proposed_start, one.proposed_end) == (proposed, None)


def test_guests_are_counted() -> None:
    (one,) = only(google(Facts(guests=2))).attendees
    assert one.guests == 2


@pytest.mark.parametrize("client", CLIENTS)
def test_microsoft_needs_no_organizer_and_the_others_name_theirs(client: str) -> None:
    organizer = only(CLIENTS[client](Facts())).organizer
    silent = client in {*TNEF, "microsoft365", "exchange2010"}
    assert (organizer and organizer.address) == (None if silent else "events@example.org")


def test_the_reply_goes_to_the_address_the_invitation_came_from() -> None:
    read = read_mail(macos(Facts(to="events+7-abcdefghijklmnop@example.org")))
    assert read.envelope.recipients == ("events+7-abcdefghijklmnop@example.org",)


def test_several_occurrences_in_one_reply_are_one_item_each() -> None:
    two = replace(LONG, recurrence_id=datetime(2026, 12, 17, 13, 0, tzinfo=UTC), partstat="DECLINED")
    items = read_mail(cyrus(LONG, two)).items
    assert [i.component and instant(i.component) for i in items] == [LONG.recurrence_id, two.recurrence_id]
    assert [i.note.position for i in items] == [0, 1]


def test_a_gateway_that_appends_to_the_uid_names_another_meeting() -> None:
    assert only(lotus_notes_generated(Facts(uid="u1"))).uid == "u1-Lotus_Notes_Generated"


@pytest.mark.parametrize("component", ["VTODO", "VJOURNAL"])
def test_replies_to_todos_and_journals_are_read_as_that(component: str) -> None:
    assert only(kde(Facts(component=component))).kind == component


@pytest.mark.parametrize("oddity", ODDITIES)
def test_every_oddity_is_read_to_its_facts(oddity: str) -> None:
    facts = replace(
        LONG,
        uid=FOREIGN_UID,
        comment=None,
        others=(Party("bob@example.net", "Bob"),),
        proposed_start=datetime(2026, 12, 4, 9, 0, tzinfo=UTC),
    )
    read = read_mail(ODDITIES[oddity](facts))
    named = [i.component for i in read.items if i.component and i.component.uid == facts.uid]
    (component,) = named
    mine = [u for u in component.attendees if (u.address or facts.attendee.address) == facts.attendee.address]
    assert [(u.partstat) for u in mine] == [PartStat.TENTATIVE]
    assert (component.method, component.sequence) == (Method.REPLY, 3)
    assert instant(component) == facts.recurrence_id


NAMELESS = ("x500_alone", "nomail")


@pytest.mark.parametrize("oddity", [o for o in ODDITIES if o not in NAMELESS])
def test_every_oddity_names_its_attendee(oddity: str) -> None:
    facts = replace(LONG, attendee=Party("alice@bücher.example", "Alice")) if "idn" in oddity else LONG
    address = "alice@xn--bcher-kva.example" if "idn" in oddity else LONG.attendee.address
    components = [i.component for i in read_mail(ODDITIES[oddity](facts)).items]
    addresses = {u.address for c in components if c and c.method is Method.REPLY for u in c.attendees}
    assert addresses == {address}


def test_a_proposal_hidden_in_any_reply() -> None:
    proposed = datetime(2026, 12, 4, 9, 0, tzinfo=UTC)
    (one,) = only(ODDITIES["proposal_in_reply"](Facts(proposed_start=proposed))).attendees
    assert one.proposed_start == proposed


@pytest.mark.parametrize("name", [n for n in NOT_ANSWERS if n not in {"refresh", "method_refresh"}])
def test_what_looks_like_an_answer_and_is_none(name: str) -> None:
    facts = Facts()
    items = read_mail(NOT_ANSWERS[name](facts)).items
    ours = [i.component for i in items if i.component and i.component.uid == facts.uid]
    assert not [c for c in ours if c.method in {Method.REPLY, Method.COUNTER}]


@pytest.mark.parametrize("name", ["refresh", "method_refresh"])
def test_a_refresh_is_read_as_that(name: str) -> None:
    assert only(NOT_ANSWERS[name](Facts())).method is Method.REFRESH


@pytest.mark.parametrize("name", SILENT)
def test_an_answer_that_names_no_partstat(name: str) -> None:
    component = only(SILENT[name](Facts()))
    assert component.uid == Facts().uid
    assert {u.partstat for u in component.attendees} <= {None}


def test_a_reply_that_breaks_off_behind_the_facts() -> None:
    component = only(truncated_late(LONG))
    assert (component.uid, component.attendees[0].partstat) == (LONG.uid, PartStat.TENTATIVE)


def test_a_calendar_cut_before_the_facts_is_unreadable() -> None:
    (item,) = read_mail(NOT_ANSWERS["truncated"](Facts())).items
    assert item.component is None
    assert item.problem


def test_a_name_that_looks_like_quoted_printable() -> None:
    """`CN=3D Studio` is a name; undoing an encoding that is none would eat the answer behind it."""
    for client in ("thunderbird", "zimbra", "kde"):
        (one,) = only(CLIENTS[client](Facts(attendee=Party("alice@example.com", "3D Studio")))).attendees
        assert (one.partstat, one.name) == (PartStat.ACCEPTED, "3D Studio")


def test_a_line_separator_in_a_comment_stays_in_the_comment() -> None:
    """Apple writes U+2028; it ends no content line (RFC 5545 3.1)."""
    comment = "Later\u2028SEQUENCE:9"
    component = only(CLIENTS["ios"](Facts(comment=comment, sequence=None)))
    assert (component.comment, component.sequence) == (comment, None)


def test_a_mail_without_a_calendar_is_none_of_our_business() -> None:
    letter = entity(envelope(Facts(), "Hello", "Content-Type: text/plain"), b"Hello\r\n")
    assert read_mail(letter).items == ()


def test_a_letter_that_answers_another_is_an_item_in_words() -> None:
    answer = NOT_ANSWERS["written_answer"](Facts(in_reply_to="r1@example.org"))
    (item,) = read_mail(answer).items
    assert (item.source, item.answer, item.note.automatic) == (Source.WORDS, None, False)


def test_an_auto_responder_is_automatic() -> None:
    (item,) = read_mail(NOT_ANSWERS["auto_responder"](Facts(in_reply_to="r1@example.org"))).items
    assert (item.source, item.note.automatic) == (Source.WORDS, True)


def test_the_same_answer_twice_counts_once() -> None:
    assert len(read_mail(CLIENTS["thunderbird"](LONG)).items) == 1


def test_two_answers_in_two_parts_are_two() -> None:
    parts = [leaf("text/calendar; method=REPLY", "base64", microsoft365_ics(f)) for f in (LONG, Facts())]
    headers = envelope(LONG, "Two", 'Content-Type: multipart/mixed; boundary="b"')
    assert len(read_mail(entity(headers, multipart("b", *parts))).items) == 2


def test_a_broken_part_beside_a_good_one_does_not_matter() -> None:
    parts = [
        leaf("text/calendar", "7bit", b"garbage"),
        leaf("text/calendar", "base64", microsoft365_ics(LONG)),
    ]
    headers = envelope(LONG, "Two", 'Content-Type: multipart/mixed; boundary="b"')
    (item,) = read_mail(entity(headers, multipart("b", *parts))).items
    assert item.problem is None


def test_a_calendar_that_is_too_large_is_unreadable() -> None:
    (item,) = read_mail(google(Facts(summary="x" * 5000)), Limits(calendar_bytes=1024)).items
    assert "larger than the limit of 1024 bytes" in (item.problem or "")
    assert len(item.raw) == 1024


def test_parts_nested_too_deeply_are_named() -> None:
    (item,) = read_mail(google(Facts()), Limits(mime_depth=0)).items
    assert "nested deeper than the limit of 0 levels" in (item.problem or "")


@pytest.mark.parametrize("client", CLIENTS)
def test_what_the_ledger_keeps_is_read_again_to_the_same(client: str) -> None:
    read = read_mail(CLIENTS[client](LONG if client not in TNEF else replace(LONG, uid=FOREIGN_UID)))
    for item in read.items:
        again = reading.read_again(item.source, item.raw, item.note, read.envelope)
        assert again.component == item.component


@pytest.mark.parametrize("name", ["bounce", "written_answer", "auto_responder", "truncated"])
def test_other_rows_are_read_again_to_the_same(name: str) -> None:
    read = read_mail(NOT_ANSWERS[name](Facts(in_reply_to="r1@example.org")))
    for item in read.items:
        again = reading.read_again(item.source, item.raw, item.note, read.envelope)
        assert (again.component, again.bounce, again.answer, again.note.automatic, again.problem) == (
            item.component,
            item.bounce,
            item.answer,
            item.note.automatic,
            item.problem,
        )


@pytest.mark.parametrize(
    ("source", "problem"),
    [(Source.TNEF, "winmail.dat holds no answer"), (Source.REPORT, "is no delivery report")],
)
def test_a_kept_row_that_says_nothing_any_more(source: Source, problem: str) -> None:
    envelope_read = read_mail(google(Facts())).envelope
    assert reading.read_again(source, b"", reading.Note(), envelope_read).problem == problem


def test_copies_of_a_mail_have_one_fingerprint() -> None:
    mails = [google(LONG), google(replace(LONG, partstat="ACCEPTED")), sogo(LONG)]
    prints = [read_mail(b"Received: by mx\r\n" + m).fingerprint for m in mails]
    assert prints == [read_mail(m).fingerprint for m in mails]
    assert len(set(prints)) == len(mails)


def test_outlook_for_mac_says_its_comment_in_the_body_alone() -> None:
    component = only(CLIENTS["outlook_mac"](Facts(comment="See you")))
    assert component.comment == "See you"


def test_a_body_is_no_comment_of_any_other_client() -> None:
    assert only(CLIENTS["macos"](Facts(comment="See you"))).comment is None


def test_the_calendar_of_a_gateway_without_a_type() -> None:
    ics = microsoft365_ics(Facts())
    for kind in ("text/plain", "application/octet-stream"):
        assert only(mail(Facts(), ics, kind)).uid == Facts().uid


@pytest.mark.parametrize("kept", range(3))
def test_each_component_of_a_calendar_is_read_again_as_itself(kept: int) -> None:
    three = [bare_event(number) for number in range(3)]
    found = read_mail(mail(Facts(), b"BEGIN:VCALENDAR\r\nMETHOD:REPLY\r\n" + b"".join(three)))
    item = found.items[kept]
    again = reading.read_again(item.source, item.raw, item.note, found.envelope)
    assert (again.component, again.component and again.component.uid) == (item.component, f"u{kept}")


def bare_event(number: int) -> bytes:
    return f"BEGIN:VEVENT\r\nUID:u{number}\r\nEND:VEVENT\r\n".encode()


WRITTEN_TO_US = {
    "an answer to our mail": b"In-Reply-To: <1@example.org>\r\n",
    "a mail to a token": b"To: events+1-aaaaaaaaaaaaaaaa@example.org\r\n",
}


@pytest.mark.parametrize("header", WRITTEN_TO_US.values(), ids=WRITTEN_TO_US)
def test_words_written_to_us_may_be_an_answer(header: bytes) -> None:
    (item,) = read_mail(header + b"Subject: Accepted: Budget\r\n\r\nx").items
    assert (item.source, item.answer, item.note.automatic) == (Source.WORDS, PartStat.ACCEPTED, False)


@pytest.mark.parametrize("header", WRITTEN_TO_US.values(), ids=WRITTEN_TO_US)
def test_a_disposition_notification_answers_nothing(header: bytes) -> None:
    """RFC 8098: that a mail was read says nothing of who comes."""
    report = b"Content-Type: message/disposition-notification\r\n\r\nDisposition: x; displayed\r\n"
    (item,) = read_mail(header + b"Subject: Accepted: Budget\r\n" + report).items
    assert (item.answer, item.note.automatic) == (None, True)
