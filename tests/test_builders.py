"""The builders say what they claim to say; nothing here touches rsvpd."""

from __future__ import annotations

import email
import re
from dataclasses import replace
from datetime import UTC, date, datetime
from email.header import decode_header, make_header
from email.message import Message
from email.utils import parsedate_to_datetime

import pytest
from tnefparse import TNEF

from builders import CLIENTS, Facts, Party
from builders.microsoft import microsoft365_ics, outlook2003_ics
from builders.odd import DISCLAIMER, NOT_ANSWERS, ODDITIES, SILENT, bounce, truncated_late
from builders.others import cyrus, lotus_notes_generated
from builders.text import unfold
from builders.tnef import CLEAN_GLOBAL_OBJECT_ID, GLOBAL_OBJECT_ID, PSETID_MEETING, global_object_id

TNEF_CLIENTS = ("exchange2007_tnef", "outlook_tnef")
SPEAKING = tuple(name for name in CLIENTS if name not in TNEF_CLIENTS)
ANSWERS = ("ACCEPTED", "DECLINED", "TENTATIVE")
LONG = Facts(attendee=Party("alice.winterbourne@subsidiary.example.com", "Alice Winterbourne"))
STALE = ("outlook_mac", "sogo", "sogo5")
WITHOUT_COMMENT = ("outlook_mac", "macos", "sogo", "sogo5")

TREES = {
    "google": "mixed{alternative{text/plain,text/html,text/calendar},application/ics}",
    "microsoft365": "alternative{text/plain,text/html,text/calendar}",
    "exchange2010": "alternative{text/plain,text/html,text/calendar}",
    **dict.fromkeys(TNEF_CLIENTS, "mixed{text/plain,application/ms-tnef}"),
    "outlook2003": "text/calendar",
    "outlook_mac": "alternative{text/html,text/calendar}",
    "ios": "alternative{text/plain,text/calendar}",
    "macos": "alternative{text/plain,mixed{text/html,text/calendar,text/html}}",
    "android": "alternative{text/plain,text/calendar}",
    "thunderbird": "mixed{alternative{text/plain,text/calendar},application/ics}",
    "zimbra": "text/calendar",
    "sogo": "mixed{text/html,text/calendar}",
    "sogo5": "mixed{text/html,text/calendar}",
    "roundcube": "alternative{text/plain,text/calendar}",
    "bluemind": "mixed{alternative{text/html,text/calendar},application/ics}",
    "bluemind_related": "related{text/html,text/calendar}",
    "kde": "mixed{text/plain,text/calendar}",
    "cyrus": "text/calendar",
    "cyrus_mixed": "mixed{alternative{text/plain,text/html,text/calendar},application/ics}",
    "lotus_notes": "alternative{text/plain,text/calendar}",
}

# method, charset, name and transfer encoding of the calendar part
PARAMETERS: dict[str, tuple[str | None, ...]] = {
    "google": ("REPLY", "UTF-8", None, "7bit"),
    "microsoft365": ("REPLY", "utf-8", None, "base64"),
    "exchange2010": ("REPLY", "utf-8", None, "base64"),
    "outlook2003": ("REPLY", "utf-8", None, "7bit"),
    "outlook_mac": ("REPLY", "US-ASCII", None, "7bit"),
    "ios": ("REPLY", "utf-8", "meeting.ics", "quoted-printable"),
    "macos": (None, None, "iCal-20261123-112542.ics", "quoted-printable"),
    "android": ("REPLY", None, None, "base64"),
    "thunderbird": ("REPLY", "UTF-8", None, "8bit"),
    "zimbra": ("REPLY", "utf-8", "meeting.ics", "quoted-printable"),
    "sogo": ("REPLY", "UTF-8", None, "quoted-printable"),
    "sogo5": ("REPLY", "UTF-8", None, "quoted-printable"),
    "roundcube": ("REPLY", "UTF-8", "event.ics", "quoted-printable"),
    "bluemind": ("REPLY", "UTF-8", None, "8bit"),
    "bluemind_related": ("REPLY", "UTF-8", None, None),
    "kde": ("reply", "utf-8", "cal.ics", "quoted-printable"),
    "cyrus": ("REPLY", "utf-8", None, "quoted-printable"),
    "cyrus_mixed": ("REPLY", "utf-8", None, "quoted-printable"),
    "lotus_notes": ("REPLY", "UTF-8", None, "quoted-printable"),
}

CALENDAR_TYPE = re.compile(r"^(text/calendar|application/(ics|octet-stream))$")


def tree(message: Message) -> str:
    if not message.is_multipart():
        return message.get_content_type()
    inner = ",".join(tree(child) for child in children(message))
    return f"{message.get_content_subtype()}{{{inner}}}"


def children(message: Message) -> list[Message]:
    payload = message.get_payload()
    assert isinstance(payload, list)
    return [child for child in payload if isinstance(child, Message)]


def calendars(mail: bytes) -> list[Message]:
    parts = email.message_from_bytes(mail).walk()
    return [part for part in parts if CALENDAR_TYPE.match(part.get_content_type())]


def decoded(part: Message) -> bytes:
    data = part.get_payload(decode=True)
    assert isinstance(data, bytes)
    return data


def ics_of(mail: bytes) -> str:
    return unfold(decoded(calendars(mail)[0])).decode()


def rows_of(mail: bytes, name: str, ics: str = "") -> list[str]:
    return re.findall(rf"(?m)^({name}[;:].*?)\r?$", ics or ics_of(mail))


def own_rows(mail: bytes, name: str) -> list[str]:
    return rows_of(mail, name, re.sub(r"(?s)BEGIN:VALARM.*END:VALARM", "", ics_of(mail)))


def winmail(mail: bytes) -> TNEF:
    (part,) = [p for p in email.message_from_bytes(mail).walk() if p.get_filename() == "winmail.dat"]
    return TNEF(decoded(part))


def global_ids(tnef: TNEF) -> dict[int, bytes]:
    return {p.guid_prop: p.data for p in tnef.mapiprops if p.guid == PSETID_MEETING and p.attr_type == 0x102}


def test_every_client_is_described() -> None:
    assert (set(TREES), set(PARAMETERS)) == (set(CLIENTS), set(SPEAKING))


@pytest.mark.parametrize("client", CLIENTS)
def test_mime_tree(client: str) -> None:
    message = email.message_from_bytes(CLIENTS[client](Facts()))
    assert tree(message) == TREES[client]
    assert not [part for part in message.walk() if part.defects]


@pytest.mark.parametrize("client", SPEAKING)
def test_parameters_of_the_calendar_part(client: str) -> None:
    part = calendars(CLIENTS[client](Facts()))[0]
    got = (*(part.get_param(p) for p in ("method", "charset", "name")), part["Content-Transfer-Encoding"])
    assert got == PARAMETERS[client]


@pytest.mark.parametrize("client", SPEAKING)
@pytest.mark.parametrize("partstat", ANSWERS)
def test_calendar_says_the_facts(client: str, partstat: str) -> None:
    facts = replace(LONG, partstat=partstat, comment="Zoë: bis später, vielleicht")
    mail = CLIENTS[client](facts)
    (who,) = own_rows(mail, "ATTENDEE")
    assert rows_of(mail, "UID") == [f"UID:{facts.uid}"]
    assert f"PARTSTAT={partstat}" in who
    assert who.lower().endswith(f":mailto:{facts.attendee.address}")
    assert rows_of(mail, "METHOD") == ["METHOD:REPLY"]


@pytest.mark.parametrize("client", SPEAKING)
def test_copies_in_one_mail_are_equal(client: str) -> None:
    copies = {decoded(part).rstrip() for part in calendars(CLIENTS[client](LONG))}
    assert len(copies) == 1


@pytest.mark.parametrize("client", CLIENTS)
def test_lines_end_in_crlf(client: str) -> None:
    mail = CLIENTS[client](replace(LONG, comment="ok")).replace(b"\r\r\n", b"\r\n")
    assert mail.count(b"\n") == mail.count(b"\r\n") == mail.count(b"\r")


@pytest.mark.parametrize("client", CLIENTS)
def test_headers(client: str) -> None:
    facts = Facts(to="events+abc@example.org", message_id="m1@example.com", in_reply_to="r1@example.org")
    message = email.message_from_bytes(CLIENTS[client](facts))
    assert "events+abc@example.org" in message["To"]
    assert "alice@example.com" in message["From"]
    assert message["Message-ID"] == "<m1@example.com>"
    assert message["In-Reply-To"] == "<r1@example.org>"
    assert (message["Date"] is None) is (client == "roundcube")


@pytest.mark.parametrize("client", SPEAKING)
def test_dtstamp(client: str) -> None:
    facts = Facts()
    stamp = facts.invited_at if client in STALE else facts.dtstamp
    assert rows_of(CLIENTS[client](facts), "DTSTAMP") == [f"DTSTAMP:{stamp:%Y%m%dT%H%M%SZ}"]


@pytest.mark.parametrize("client", SPEAKING)
def test_sequence_is_missing_where_it_is_missing(client: str) -> None:
    expected = [] if client in ("sogo", "bluemind", "bluemind_related") else ["SEQUENCE:3"]
    assert rows_of(CLIENTS[client](Facts(sequence=3)), "SEQUENCE") == expected
    assert rows_of(CLIENTS[client](Facts(sequence=None)), "SEQUENCE") == []


@pytest.mark.parametrize("client", SPEAKING)
def test_comment_is_somewhere(client: str) -> None:
    mail = CLIENTS[client](Facts(comment="Komme später"))
    assert ("Komme später" in ics_of(mail)) is (client not in WITHOUT_COMMENT)


@pytest.mark.parametrize("client", SPEAKING)
def test_all_day_stays_a_date(client: str) -> None:
    mail = CLIENTS[client](Facts(start=date(2026, 12, 3), end=date(2026, 12, 4)))
    assert "DTSTART;VALUE=DATE:20261203" in ics_of(mail)


@pytest.mark.parametrize("client", SPEAKING)
def test_occurrence_is_named(client: str) -> None:
    facts = Facts(recurrence_id=datetime(2026, 12, 10, 13, 0, tzinfo=UTC))
    (row,) = rows_of(CLIENTS[client](facts), "RECURRENCE-ID")
    assert row.endswith(("T130000Z", "T140000"))


@pytest.mark.parametrize("client", SPEAKING)
def test_delegation(client: str) -> None:
    facts = Facts(partstat="DELEGATED", delegated_to="dave@example.net")
    (who,) = own_rows(CLIENTS[client](facts), "ATTENDEE")
    assert re.search(r"DELEGATED-TO=(\"mailto:)?dave@example\.net", who, re.IGNORECASE)


@pytest.mark.parametrize("client", SPEAKING)
def test_counter_shows_the_proposed_time(client: str) -> None:
    proposed = datetime(2026, 12, 4, 9, 0, tzinfo=UTC)
    mail = CLIENTS[client](Facts(method="COUNTER", proposed_start=proposed, proposed_end=proposed))
    assert rows_of(mail, "METHOD") == ["METHOD:COUNTER"]
    assert re.search(r"(?m)^DTSTART[;:].*20261204T(090000Z|100000)\r?$", ics_of(mail))


def test_different_answers_have_different_ids() -> None:
    assert len({Facts(partstat=p).message_id_at("example.com") for p in ANSWERS}) == len(ANSWERS)


def test_google_sends_as_a_service_and_folds_inside_the_name() -> None:
    mail = CLIENTS["google"](replace(LONG, guests=2, comment="Late, sorry"))
    message = email.message_from_bytes(mail)
    assert message["Auto-Submitted"] == "auto-generated"
    assert "alice" not in message["Sender"]
    raw = decoded(calendars(mail)[0])
    assert b"CN=Alice \r\n Winterbourne" in raw
    assert 'X-NUM-GUESTS=2;X-RESPONSE-COMMENT="Late, sorry":' in ics_of(mail)
    assert len(rows_of(mail, "ATTENDEE")) == 2


def test_google_folds_inside_the_address() -> None:
    facts = replace(LONG, attendee=Party(LONG.attendee.address, "A. Winterbourne of the North"))
    raw = decoded(calendars(CLIENTS["google"](facts))[0])
    assert re.search(rb":mailto:[a-z.@]*\r\n [a-z.@]+\r\n", raw)


def test_microsoft_has_no_organizer_and_windows_zones() -> None:
    ics = microsoft365_ics(Facts()).decode()
    assert "ORGANIZER" not in ics
    assert "DTSTART;TZID=W. Europe Standard Time:20261203T140000" in ics
    assert "COMMENT;LANGUAGE=en-US:\\n\r\n" in ics
    assert 'TZID="tzone://Microsoft/Utc":' in microsoft365_ics(Facts(zone=None)).decode()
    assert "SUMMARY;LANGUAGE=de-DE:Zugesagt: " in microsoft365_ics(Facts(language="de")).decode()
    assert ":MAILTO:alice" in ics_of(CLIENTS["exchange2010"](Facts()))


def test_microsoft_body_charset_follows_the_comment() -> None:
    for comment, charset in (("é", "iso-8859-1"), ("€", "windows-1252"), ("да", "windows-1251")):
        message = email.message_from_bytes(CLIENTS["microsoft365"](Facts(comment=comment)))
        assert children(message)[0].get_param("charset") == charset
    assert len(DISCLAIMER) > 1100


def test_outlook2003_ends_in_cr_cr_lf() -> None:
    mail = CLIENTS["outlook2003"](Facts(comment="ok"))
    assert mail.endswith(b"END:VCALENDAR\r\r\n")
    assert b"DESCRIPTION:ok" in outlook2003_ics(Facts(comment="ok"))
    assert "Accepted" not in rows_of(mail, "SUMMARY")[0]


def test_outlook_mac_folds_inside_the_quotes_of_cn() -> None:
    raw = decoded(calendars(CLIENTS["outlook_mac"](Facts()))[0])
    assert re.search(rb'CN="[^"\r]+\r\n [^"]+":MAILTO:', raw)
    assert b'TZID="Amsterdam, Berlin' in unfold(raw)
    assert b"X-MICROSOFT-CDO-REPLYTIME:20261123T102542Z" in raw


def test_ios_is_later_than_its_stamp_and_spaces_french_colons() -> None:
    message = email.message_from_bytes(CLIENTS["ios"](Facts(language="fr")))
    assert str(make_header(decode_header(message["Subject"]))).startswith("Accepté\u00a0: ")
    assert parsedate_to_datetime(message["Date"]) > Facts().dtstamp
    proposal = Facts(proposed_start=datetime(2026, 12, 4, 9, 0, tzinfo=UTC))
    assert "TO-ALL-PROPOSED-NEW-TIME=20261204T090000Z" in ics_of(CLIENTS["ios"](proposal))


def test_macos_organizer_is_where_the_mail_goes() -> None:
    mail = CLIENTS["macos"](Facts(to="events+tok@example.org"))
    assert rows_of(mail, "ORGANIZER")[0].endswith(":mailto:events+tok@example.org")
    assert email.message_from_bytes(mail)["Subject"] == "Event accepted: Budget review"


def test_android_folds_with_a_tab() -> None:
    raw = decoded(calendars(CLIENTS["android"](LONG))[0])
    assert b"\r\n\t" in raw
    assert b"\r\n " not in raw


def test_thunderbird_has_one_subject_for_every_answer() -> None:
    mails = [email.message_from_bytes(CLIENTS["thunderbird"](Facts(partstat=p))) for p in ANSWERS]
    assert len({m["Subject"] for m in mails}) == len({m.get_boundary() for m in mails}) == 1


def test_bluemind_has_long_lines_and_a_late_timezone() -> None:
    raw = decoded(calendars(CLIENTS["bluemind"](Facts()))[0])
    assert max(len(line) for line in raw.split(b"\r\n")) == 161
    assert raw.index(b"END:VEVENT") < raw.index(b"BEGIN:VTIMEZONE")


def test_kde_counter_lists_everybody_and_replies_to_todos() -> None:
    others = (Party("bob@example.net", "Bob"), Party("carol@example.net", "Carol"))
    assert len(rows_of(CLIENTS["kde"](Facts(method="COUNTER", others=others)), "ATTENDEE")) == 3
    todo = ics_of(CLIENTS["kde"](Facts(component="VTODO")))
    assert "BEGIN:VTODO" in todo
    assert "DUE:" in todo
    assert "DTEND" not in ics_of(CLIENTS["kde"](Facts(component="VJOURNAL")))


def test_cyrus_folds_before_the_partstat_and_answers_several_occurrences() -> None:
    one = Facts(recurrence_id=datetime(2026, 12, 10, 13, 0, tzinfo=UTC))
    two = replace(one, recurrence_id=datetime(2026, 12, 17, 13, 0, tzinfo=UTC), partstat="DECLINED")
    mail = cyrus(one, two)
    assert b"=\r\n ACCEPTED" in decoded(calendars(mail)[0])
    assert len(rows_of(mail, "RECURRENCE-ID")) == 2
    assert re.findall(r"PARTSTAT=(\w+)", ics_of(mail)) == ["ACCEPTED", "DECLINED"]


def test_lotus_gateway_appends_its_suffix() -> None:
    assert "UID:u1-Lotus_Notes_Generated" in ics_of(lotus_notes_generated(Facts(uid="u1")))


@pytest.mark.parametrize(
    ("client", "classes"),
    [
        ("exchange2007_tnef", [f"IPM.Schedule.Meeting.Resp.{a}" for a in ("Pos", "Neg", "Tent")]),
        ("outlook_tnef", [f"IPM.Microsoft Schedule.MtgResp{a}" for a in "PNA"]),
    ],
)
def test_tnef_says_its_answer_by_class(client: str, classes: list[str]) -> None:
    for partstat, expected in zip(ANSWERS, classes, strict=True):
        tnef = winmail(CLIENTS[client](Facts(partstat=partstat, comment="Später")))
        found = {p.name: p.data for p in tnef.msgprops}
        assert found[TNEF.ATTMESSAGECLASS] == expected
        assert all(entry.good_checksum for entry in tnef.objects)
        assert tnef.body == "Später"


def test_tnef_wraps_a_foreign_uid() -> None:
    facts = Facts(uid="ümlaut:$ x@example.org", recurrence_id=datetime(2026, 12, 10, 13, 0, tzinfo=UTC))
    ids = global_ids(winmail(CLIENTS["exchange2007_tnef"](facts)))
    assert set(ids) == {GLOBAL_OBJECT_ID, CLEAN_GLOBAL_OBJECT_ID}
    for data in ids.values():
        assert data.endswith(b"vCal-Uid\x01\x00\x00\x00" + facts.uid.encode())
        assert data[28:36] == bytes(8)
    assert ids[GLOBAL_OBJECT_ID][16:20] == bytes.fromhex("07EA0C0A")
    assert ids[CLEAN_GLOBAL_OBJECT_ID][16:20] == bytes(4)


def test_tnef_keeps_a_uid_of_outlook() -> None:
    wrapped = global_object_id("x@example.org", None, Facts().dtstamp)
    assert global_object_id(wrapped.hex().upper(), None, Facts().dtstamp) == wrapped


@pytest.mark.parametrize("name", [*ODDITIES, *NOT_ANSWERS, *SILENT])
def test_odd_mails_are_mails(name: str) -> None:
    builder = {**ODDITIES, **NOT_ANSWERS, **SILENT}[name]
    message = email.message_from_bytes(builder(replace(LONG, others=(Party("bob@example.net", "Bob"),))))
    assert message["From"]
    assert message["Date"]
    assert builder.__doc__


@pytest.mark.parametrize("name", [name for name in ODDITIES if name not in ("utf16", "base64_dirty")])
def test_oddities_hold_uid_and_answer(name: str) -> None:
    facts = replace(LONG, partstat="TENTATIVE", proposed_start=datetime(2026, 12, 4, 9, 0, tzinfo=UTC))
    raw = decoded(calendars(ODDITIES[name](facts))[0])
    assert facts.uid.encode() in raw
    assert b"tentative" in raw.lower()


def test_idn_comes_in_the_other_form() -> None:
    facts = Facts(attendee=Party("alice@bücher.example", "Alice"))
    assert "mailto:alice@xn--bcher-kva.example" in ics_of(ODDITIES["idn_other_form"](facts))
    facts = Facts(attendee=Party("alice@xn--bcher-kva.example", "Alice"))
    assert "mailto:alice@bücher.example" in ics_of(ODDITIES["idn_other_form"](facts))


def test_bounce_carries_our_request() -> None:
    message = email.message_from_bytes(bounce(Facts()))
    report, (inner,) = children(message)[1], children(children(message)[2])
    assert children(report)[1]["Status"] == "5.1.1"
    assert inner["From"].endswith("<events@example.org>")
    assert inner["To"].endswith("<alice@example.com>")
    assert "METHOD:REQUEST" in ics_of(inner.as_bytes())
    ours = children(email.message_from_bytes(bounce(Facts(), b"Subject: ours\r\n\r\nhi\r\n")))[2]
    assert children(ours)[0]["Subject"] == "ours"


def test_truncations() -> None:
    assert "ATTENDEE" not in ics_of(NOT_ANSWERS["truncated"](Facts()))
    late = ics_of(truncated_late(Facts()))
    assert ("PARTSTAT=ACCEPTED" in late, "END:VEVENT" in late) == (True, False)
