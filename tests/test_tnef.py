"""Answers in winmail.dat, and the UID inside a GlobalObjectId."""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from builders import Facts, exchange2007_tnef, outlook_tnef
from builders import tnef as written
from rsvpd.itip.global_object_id import (
    foreign_uid,
    global_object_id,
    occurrence_date,
    uid_in_global_object_id,
    uid_of,
)
from rsvpd.itip.mime import read as read_mail
from rsvpd.itip.model import Method, PartStat
from rsvpd.itip.tnef import TnefAnswer, read

FACTS = Facts(sequence=3, comment="Gladly — ok?")
ACCEPTED = "IPM.Schedule.Meeting.Resp.Pos"
WINMAIL = written.winmail(FACTS, ACCEPTED)
OUTLOOKS_OWN = "040000008200E00074C5B7101A82E00800000000A0D1B2C3D4E5DC01000000000000000010000000" + "AB" * 16
HEADER = bytes.fromhex("789f3e220100")


def attribute(tag: int, data: bytes, level: int = 1) -> bytes:
    return written._attribute(tag, data, level)


def winmail(*properties: bytes, message_class: bytes = ACCEPTED.encode() + b"\0", more: bytes = b"") -> bytes:
    """A winmail.dat with these properties, and no more of them than these."""
    block = struct.pack("<I", len(properties)) + b"".join(properties)
    return HEADER + attribute(0x00078008, message_class) + more + attribute(0x00069003, block)


def named(lid: int, kind: int, value: object, family: UUID = written.PSETID_MEETING) -> bytes:
    return written._named(family, lid, kind, value)


def uid(text: str = "u@example.org", day: date | None = None) -> bytes:
    return named(0x03, 0x102, written.global_object_id(text, day, datetime(2026, 1, 1, tzinfo=UTC)))


def got(data: bytes) -> TnefAnswer:
    answer = read(data)
    assert answer is not None
    return answer


@pytest.mark.parametrize("partstat", ["ACCEPTED", "DECLINED", "TENTATIVE"])
@pytest.mark.parametrize("build", [exchange2007_tnef, outlook_tnef])
def test_the_message_class_is_the_answer(build: Callable[[Facts], bytes], partstat: str) -> None:
    (data,) = read_mail(build(replace(FACTS, partstat=partstat))).winmails
    answer = got(data)
    assert (answer.partstat, answer.method, answer.uid) == (PartStat(partstat), Method.REPLY, FACTS.uid)


def test_everything_an_answer_says() -> None:
    assert read(WINMAIL) == TnefAnswer(
        uid=FACTS.uid,
        method=Method.REPLY,
        partstat=PartStat.ACCEPTED,
        sequence=3,
        replied_at=FACTS.dtstamp,
        comment="Gladly — ok?",
        attendee="alice@example.com",
    )


def test_an_answer_with_a_new_time_is_a_counter() -> None:
    start, end = FACTS.dtstamp + timedelta(days=20), FACTS.dtstamp + timedelta(days=20, hours=1)
    answer = got(written.winmail(replace(FACTS, proposed_start=start, proposed_end=end), ACCEPTED))
    assert (answer.method, answer.proposed_start, answer.proposed_end) == (Method.COUNTER, start, end)


def test_times_that_are_not_proposed_are_no_counter() -> None:
    times = named(0x8250, 0x40, FACTS.dtstamp, written.PSETID_APPOINTMENT)
    answer = got(winmail(uid(), times))
    assert (answer.method, answer.proposed_start) == (Method.REPLY, None)


def test_an_answer_to_one_occurrence_names_its_day() -> None:
    answer = got(written.winmail(replace(FACTS, recurrence_id=date(2026, 12, 3)), ACCEPTED))
    assert (answer.uid, answer.recurrence_id) == (FACTS.uid, date(2026, 12, 3))


def test_the_uid_of_outlooks_own_meeting_is_upper_case_hex_without_the_day() -> None:
    blob = bytearray.fromhex(OUTLOOKS_OWN)
    blob[16:20] = bytes([0x07, 0xEA, 12, 3])
    answer = got(winmail(named(0x03, 0x102, bytes(blob))))
    assert (answer.uid, answer.recurrence_id) == (OUTLOOKS_OWN, date(2026, 12, 3))


CLASSES = {
    "accepted": ("IPM.Schedule.Meeting.Resp.Pos", PartStat.ACCEPTED),
    "in another case": ("ipm.schedule.meeting.resp.NEG", PartStat.DECLINED),
    "derived": ("IPM.Schedule.Meeting.Resp.Tent.Company", PartStat.TENTATIVE),
    "schedule+": ("IPM.Microsoft Schedule.MtgRespA", PartStat.TENTATIVE),
    "a request": ("IPM.Schedule.Meeting.Request", None),
    "a cancellation": ("IPM.Schedule.Meeting.Canceled", None),
    "a request of schedule+": ("IPM.Microsoft Schedule.MtgReq", None),
    "a letter": ("IPM.Note", None),
    "cut off": ("IPM.Schedule.Meeting.Resp.", None),
    "longer": ("IPM.Schedule.Meeting.Resp.Positive", None),
    "none": ("", None),
}


@pytest.mark.parametrize(("name", "partstat"), CLASSES.values(), ids=CLASSES)
def test_message_classes(name: str, partstat: PartStat | None) -> None:
    answer = read(winmail(uid(), message_class=name.encode() + b"\0"))
    assert (answer and answer.partstat) == partstat


def test_the_message_class_may_be_a_property() -> None:
    answer = got(winmail(uid(), written._tagged(0x1F, 0x001A, ACCEPTED), message_class=b""))
    assert answer.partstat == PartStat.ACCEPTED


def test_an_answer_without_a_uid_is_none() -> None:
    assert read(winmail()) is None
    assert read(winmail(named(0x03, 0x102, bytes(8)))) is None


def test_the_time_of_the_reply_stands_in_for_the_critical_change() -> None:
    at = named(0x8220, 0x40, FACTS.dtstamp, written.PSETID_APPOINTMENT)
    assert got(winmail(uid(), at)).replied_at == FACTS.dtstamp


INSTANTS = {
    "zero": bytes(8),
    "outlook's no date": (0x0CB34557A3DD4000).to_bytes(8, "little"),
    "past every calendar": b"\xff" * 8,
}


@pytest.mark.parametrize("octets", INSTANTS.values(), ids=INSTANTS)
def test_no_instant(octets: bytes) -> None:
    head = struct.pack("<HH", 0x40, 0x8001) + written.PSETID_MEETING.bytes_le + struct.pack("<II", 0, 1)
    assert got(winmail(uid(), head + octets)).replied_at is None


def test_a_negative_sequence_is_none() -> None:
    assert got(winmail(uid(), named(0x8201, 3, -1, written.PSETID_APPOINTMENT))).sequence is None


def string8(name: int, octets: bytes) -> bytes:
    return (
        struct.pack("<HH", 0x1E, name) + struct.pack("<II", 1, len(octets)) + octets + bytes(-len(octets) % 4)
    )


def test_narrow_text_is_in_the_code_page_of_the_file() -> None:
    page = attribute(0x00069007, struct.pack("<II", 1251, 0))
    assert got(winmail(uid(), string8(0x1000, "Хорошо".encode("cp1251")), more=page)).comment == "Хорошо"


def test_utf_8_is_read_whatever_the_code_page() -> None:
    page = attribute(0x00069007, struct.pack("<II", 1251, 0))
    assert got(winmail(uid(), string8(0x1000, "Žofie".encode()), more=page)).comment == "Žofie"


def test_text_in_an_unknown_code_page_is_latin() -> None:
    assert got(winmail(uid(), string8(0x1000, b"caf\xe9\0x"))).comment == "café"


COMMENTS = {
    "below outlook's ruler": ("When: Mon\r\nWhere: X\r\n\r\n*~*~*~*~*~*~*~*~*~*\r\n\r\nYes!\r\n", "Yes!"),
    "nothing below the ruler": ("When: Mon\r\n*~*~*~*~*~*~*~*~*~*\r\n\r\n", None),
    "white space": (" \r\n\t", None),
    "endless": ("x" * 9_000, "x" * 4_000),
}


@pytest.mark.parametrize(("text", "comment"), COMMENTS.values(), ids=COMMENTS)
def test_comments(text: str, comment: str | None) -> None:
    assert got(winmail(uid(), written._tagged(0x1F, 0x1000, text))).comment == comment


def test_the_comment_may_be_the_old_body_attribute() -> None:
    assert got(winmail(uid(), more=attribute(0x0002800C, b"Fine.\0"))).comment == "Fine."


def test_who_answers_and_who_sends() -> None:
    people = (
        written._tagged(0x1F, 0x0065, "/O=EXAMPLE/OU=X/CN=RECIPIENTS/CN=BOSS"),
        written._tagged(0x1F, 0x5D02, "Boss@Example.com"),
        written._tagged(0x1F, 0x5D01, "assistant@example.com"),
    )
    answer = got(winmail(uid(), *people))
    assert (answer.attendee, answer.sender) == ("boss@example.com", "assistant@example.com")


def test_an_address_with_a_broken_character_is_none() -> None:
    broken = struct.pack("<HH", 0x1F, 0x0065) + struct.pack("<II", 1, 8) + b"a\0\x00\xd8@\0b\0"
    assert got(winmail(uid(), broken)).attendee is None


def test_the_sender_may_be_the_old_from_attribute() -> None:
    triple = struct.pack("<4H", 4, 40, 8, 24) + b"Ann\0\0\0\0\0" + b"SMTP:ann@example.com\0\0\0\0"
    assert got(winmail(uid(), more=attribute(0x00008000, triple))).sender == "ann@example.com"


def test_what_belongs_to_an_attachment_is_passed_over() -> None:
    other = attribute(0x00069003, struct.pack("<I", 1) + uid("attached@example.org"), level=2)
    assert got(winmail(uid(), more=other)).uid == "u@example.org"


def test_properties_of_every_type_are_passed_over() -> None:
    strange = (
        struct.pack("<HHHH", 0x02, 0x3001, 7, 0),
        struct.pack("<HH", 0x48, 0x3002) + bytes(16),
        struct.pack("<HHIHHHH", 0x1002, 0x3003, 3, 1, 2, 3, 0),
        struct.pack("<HHI", 0x1003, 0x3004, 2) + bytes(8),
        struct.pack("<HHIIIII", 0x101F, 0x3005, 2, 2, 65, 2, 66),
        struct.pack("<HHI", 0x102, 0x3006, 0),
        struct.pack("<HH", 0x03, 0x8003) + written.PSETID_MEETING.bytes_le + struct.pack("<II", 1, 6)
        + "Key".encode("utf-16-le") + bytes(2) + bytes(4),
    )  # fmt: skip
    assert got(winmail(*strange, uid())).uid == "u@example.org"


def test_nothing_is_read_past_a_property_of_unknown_type() -> None:
    assert read(winmail(struct.pack("<HH", 0x7FFF, 0x3001), uid())) is None


def test_counts_beyond_the_data_cost_nothing() -> None:
    endless = struct.pack("<I", 0xFFFFFFFF) + uid() + struct.pack("<HHI", 0x101F, 0x3001, 0xFFFFFFFF)
    data = HEADER + attribute(0x00078008, ACCEPTED.encode()) + attribute(0x00069003, endless)
    assert got(data).uid == "u@example.org"
    assert got(data + struct.pack("<BII", 1, 0x00069003, 0xFFFFFFFF)).uid == "u@example.org"


def test_a_file_of_empty_attributes_takes_time_in_proportion() -> None:
    assert read(HEADER + attribute(0x00069003, b"") * 20_000) is None


@pytest.mark.parametrize("size", range(len(WINMAIL)))
def test_a_truncated_file_says_the_same_or_less(size: int) -> None:
    answer = read(WINMAIL[:size])
    assert answer is None or (answer.uid, answer.partstat) == (FACTS.uid, PartStat.ACCEPTED)


@given(st.binary())
def test_any_bytes_can_be_read(data: bytes) -> None:
    assert read(data) is None or read(data)
    assert read(HEADER + data) is None or read(HEADER + data)
    assert read(winmail(uid()) + attribute(0x00069003, data))
    assert read(winmail(uid(), data))


@given(st.binary(min_size=1, max_size=8), st.integers(0, len(WINMAIL)))
def test_a_garbled_file_can_be_read(garble: bytes, at: int) -> None:
    data = WINMAIL[:at] + garble + WINMAIL[at + len(garble) :]
    answer = read(data)
    assert answer is None or answer.uid


# The UID inside a GlobalObjectId

WRAPPED = global_object_id("4F0c@example.org")
IN_GLOBAL_OBJECT_IDS = {
    "wrapped": (WRAPPED, "4F0c@example.org"),
    "in lower case": (WRAPPED.lower(), "4F0c@example.org"),
    "without the final zero": (WRAPPED[:72] + f"{12 + 16:02X}" + WRAPPED[74:-2], "4F0c@example.org"),
    "not utf-8": (global_object_id("caf?")[:-4] + "E900", "caf\u00e9"),
    "outlook's own": (OUTLOOKS_OWN, None),
    "cut off": (WRAPPED[:-2], None),
    "cut off within a digit": (WRAPPED[:-1], None),
    "nothing wrapped": (global_object_id(""), None),
    "a foreign uid": ("4F0c@example.org", None),
    "not hex": (WRAPPED[:-1] + "G", None),
    "blanks between": (WRAPPED[:2] + " " + WRAPPED[2:], None),
    "empty": ("", None),
}


@pytest.mark.parametrize(("hex_uid", "inside"), IN_GLOBAL_OBJECT_IDS.values(), ids=IN_GLOBAL_OBJECT_IDS)
def test_the_uid_in_a_global_object_id(hex_uid: str, inside: str | None) -> None:
    assert uid_in_global_object_id(hex_uid) == inside


def test_a_global_object_id_is_not_wrapped_again() -> None:
    assert global_object_id(OUTLOOKS_OWN.lower()) == OUTLOOKS_OWN


def test_we_wrap_as_outlook_does() -> None:
    theirs = written.global_object_id("u@example.org", None, datetime(1601, 1, 1, tzinfo=UTC))
    assert global_object_id("u@example.org") == theirs.hex().upper()


def test_a_blob_that_is_no_global_object_id_is_the_uid_in_hex() -> None:
    assert uid_of(b"\x01\xab") == "01AB"
    assert occurrence_date(b"\x01\xab") is None
    assert len(uid_of(b"\xab" * 100_000) or "") == 8_000


DAYS = {
    "none": (0, 0, 0),
    "month 13": (2026, 13, 1),
    "the 31st of February": (2026, 2, 31),
    "year 0": (0, 1, 1),
}


@pytest.mark.parametrize("day", DAYS.values(), ids=DAYS)
def test_no_occurrence(day: tuple[int, int, int]) -> None:
    blob = bytearray.fromhex(OUTLOOKS_OWN)
    blob[16:20] = struct.pack(">HBB", *day)
    assert occurrence_date(bytes(blob)) is None


@given(st.text(min_size=1).filter(lambda text: "\0" not in text))
def test_what_is_wrapped_comes_out(text: str) -> None:
    assume(not text.upper().startswith(OUTLOOKS_OWN[:32]))
    assert uid_in_global_object_id(global_object_id(text)) == text


@given(st.text(), st.binary())
def test_any_text_and_bytes_can_be_asked(text: str, blob: bytes) -> None:
    for asked in (text, OUTLOOKS_OWN[:32] + text):
        assert uid_in_global_object_id(asked) is None or global_object_id(asked) == asked.upper()
    for octets in (blob, bytes.fromhex(OUTLOOKS_OWN[:72]) + blob):
        assert foreign_uid(octets) is None or uid_of(octets)
        assert occurrence_date(octets) is None or uid_of(octets)
