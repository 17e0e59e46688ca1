"""What came in and who is coming, on the command line: contracts that scripts depend on."""

from __future__ import annotations

import csv
import io
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

import house
from builders import CLIENTS, Party, google, odd, odd_ics
from house import ALICE, BOB, NOW, START, UID, World, facts, invite
from rig.dovecot import Dovecot

CAPTURES = Path(__file__).parent / "captures"
INGEST = ["file", "outcome", "reason", "uid", "attendee", "partstat", "occurrence", "sequence", "matched_by"]
MEETING = ["uid", "summary", "organizer", "sequence", "status", "start", "end", "counts", "attendees"]
ATTENDEE = [
    *("email", "name", "role", "partstat", "answered_at", "comment", "guests", "sent_by", "delegated_to"),
    *("delegated_from", "delivery", "proposal", "occurrences"),
]
PARTSTATS = {"ACCEPTED", "TENTATIVE", "DECLINED", "DELEGATED", "NEEDS-ACTION"}
EVIL = Party("eve@example.com", "=HYPERLINK(1)")


@pytest.fixture
def world(tmp_path: Path) -> World:
    """A house that knows of one meeting."""
    made = World(tmp_path)
    assert made.imports(invite(UID, ALICE, BOB)).code == 0
    return made


class TestIngest:
    @pytest.mark.parametrize("client", sorted(CLIENTS))
    def test_the_answer_of_every_client_counts(self, world: World, client: str) -> None:
        (row,) = world.ingest(CLIENTS[client](facts(partstat="TENTATIVE")))

        assert list(row) == INGEST
        assert row | {"reason": None} == {
            "file": str(world.folder / "0.eml"),
            "outcome": "applied",
            "reason": None,
            "uid": row["uid"],
            "attendee": ALICE.address,
            "partstat": "TENTATIVE",
            "occurrence": None,
            "sequence": row["sequence"],
            "matched_by": "from",
        }
        assert row["sequence"] in {0, None}
        assert world.attendance()[0]["counts"]["TENTATIVE"] == 1

    @pytest.mark.parametrize(
        "line", (CAPTURES / "index.tsv").read_text().splitlines()[1:], ids=lambda line: line.split(".")[0]
    )
    def test_what_real_servers_sent_is_understood(self, world: World, line: str) -> None:
        mail, invitation, uid, attendee, partstat, occurrence = line.split("\t")
        world.run("meeting", "import", CAPTURES / invitation, "--organizer", "events")
        done = world.run("ingest", "--format", "json", CAPTURES / mail)

        row = done.object
        assert (row["uid"], row["attendee"], row["partstat"]) == (uid, attendee, partstat)
        assert row["outcome"] == ("unchanged" if partstat == "NEEDS-ACTION" else "applied")
        assert row["occurrence"] == ("2026-12-10T13:00:00+00:00" if occurrence else None)

    def test_minds_that_changed_count_in_the_end(self, world: World) -> None:
        names = ["1-accept", "2-decline", "3-accept"]
        world.run(
            "meeting", "import", CAPTURES / "sogo-web-changemind-1-accept.invite.ics", "--organizer", "events"
        )
        mails = [CAPTURES / f"sogo-web-changemind-{name}.eml" for name in names]
        outcomes = [row["outcome"] for row in world.run("ingest", "--format", "json", *mails).objects]

        assert outcomes == ["applied"] * 3
        (meeting,) = world.attendance("2b3839bb28414ce29188885f970c75b0@rsvpd")
        assert meeting["counts"]["ACCEPTED"] == 1

    def test_files_are_taken_in_the_order_given(self, world: World) -> None:
        rows = world.ingest(
            google(facts()),
            google(facts()),
            google(facts(uid="unknown@example.org")),
            b"From: a@b.example\r\nSubject: Lunch?\r\n\r\nToday?\r\n",
            google(facts(attendee=EVIL)),
            google(facts(partstat="DECLINED", dtstamp=NOW.replace(year=2020))),
            odd.around(odd_ics.refresh)(facts()),
        )

        assert [row["outcome"] for row in rows] == [
            *("applied", "unchanged", "unknown_meeting", "not_a_reply", "held", "outdated", "refresh"),
        ]
        assert [Path(row["file"]).name for row in rows] == [f"{number}.eml" for number in range(7)]
        assert all(row["reason"] for row in rows[2:3] + rows[4:])

    def test_a_mail_without_a_calendar_has_one_line_with_all_keys(self, world: World) -> None:
        (row,) = world.ingest(b"From: a@b.example\r\nSubject: Lunch?\r\n\r\nToday?\r\n")

        assert row == dict.fromkeys(INGEST) | {"file": row["file"], "outcome": "not_a_reply"}

    def test_standard_input_is_a_file(self, world: World) -> None:
        done = world.run("ingest", "-", "--format", "json", stdin=google(facts()))

        assert (done.object["file"], done.object["outcome"]) == ("-", "applied")

    def test_an_empty_file_is_no_reply(self, world: World) -> None:
        assert [row["outcome"] for row in world.ingest(b"")] == ["not_a_reply"]

    def test_a_file_that_is_missing_is_one_line_and_what_came_before_is_recorded(self, world: World) -> None:
        good = world.write("good.eml", google(facts()))
        done = world.run("ingest", "--format", "json", good, world.folder / "missing.eml")

        assert done.code == 1
        assert done.object["outcome"] == "applied"
        (line,) = done.err.splitlines()
        assert "missing.eml: no such file or directory" in line
        assert world.attendance()[0]["counts"]["ACCEPTED"] == 1

    def test_csv_says_what_was_recorded_also_when_a_file_is_missing(self, world: World) -> None:
        good = world.write("good.eml", google(facts()))
        done = world.run("ingest", "--format", "csv", good, world.folder / "missing.eml")

        assert done.code == 1
        assert [row["outcome"] for row in csv.DictReader(io.StringIO(done.out))] == ["applied"]

    def test_an_answer_to_one_occurrence(self, world: World) -> None:
        world.imports(invite("series@example.org", ALICE, RRULE="FREQ=WEEKLY;COUNT=5"))
        one = facts("series@example.org", recurrence_id=START, partstat="DECLINED")
        (row,) = world.ingest(google(one))

        assert (row["outcome"], row["occurrence"]) == ("applied", f"{START:%Y-%m-%dT%H:%M:%S}+00:00")
        (meeting,) = world.attendance("series@example.org")
        assert meeting["attendees"][0]["partstat"] == "NEEDS-ACTION"
        assert meeting["attendees"][0]["occurrences"] == [
            {"occurrence": row["occurrence"], "partstat": "DECLINED"}
        ]


class TestAttendance:
    def test_the_keys_are_the_contract(self, world: World) -> None:
        world.ingest(google(facts(comment="With pleasure", guests=2)))
        (meeting,) = world.attendance()

        assert list(meeting) == MEETING
        assert set(meeting["counts"]) == PARTSTATS
        assert meeting["counts"] == dict.fromkeys(PARTSTATS, 0) | {"ACCEPTED": 1, "NEEDS-ACTION": 1}
        assert (meeting["organizer"], meeting["sequence"], meeting["status"]) == ("events", 0, "CONFIRMED")
        alice, bob = meeting["attendees"]
        assert set(ATTENDEE) <= set(alice)
        assert {key: bob[key] for key in ATTENDEE} == dict.fromkeys(ATTENDEE) | {
            "email": BOB.address,
            "name": BOB.name,
            "role": "REQ-PARTICIPANT",
            "partstat": "NEEDS-ACTION",
            "occurrences": [],
        }
        assert (alice["partstat"], alice["comment"], alice["guests"]) == ("ACCEPTED", "With pleasure", 2)

    def test_times_are_rfc_3339_with_offset(self, world: World) -> None:
        floating = {"DTSTART": "20300101T090000", "DTEND": "20300101T100000"}
        world.imports(
            invite("floating@example.org", ALICE, **floating),
            zoned("zoned@example.org"),
        )
        world.ingest(google(facts()))

        for meeting in world.attendance():
            answered = [a["answered_at"] for a in meeting["attendees"] if a["answered_at"]]
            for moment in (meeting["start"], meeting["end"], *answered):
                assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?([+-]\d\d:\d\d|Z)", moment), (
                    meeting
                )
                assert datetime.fromisoformat(moment).utcoffset() is not None

    def test_only_the_meetings_that_were_asked_for(self, world: World) -> None:
        world.imports(invite("other@example.org", ALICE), invite("third@example.org", ALICE))

        asked = world.attendance("third@example.org", UID)
        assert {meeting["uid"] for meeting in asked} == {UID, "third@example.org"}
        assert "there is no meeting nothing" in house.one_line(world.run("attendance", "nothing"))

    def test_an_organizer_has_their_own(self, tmp_path: Path) -> None:
        world = World(tmp_path, house.organizer(), house.organizer("sales", "sales@example.org"))
        world.imports(invite(UID, ALICE))
        world.run("meeting", "import", world.write("s.ics", invite(UID, BOB)), "--organizer", "sales")

        (ours,) = world.attendance("--organizer", "sales")
        assert [a["email"] for a in ours["attendees"]] == [BOB.address]
        assert len(world.attendance()) == 2
        house.one_line(world.run("attendance", "--organizer", "nobody"))

    def test_csv_has_a_row_for_each_attendee(self, world: World) -> None:
        world.ingest(google(facts()))
        rows = list(csv.DictReader(io.StringIO(world.run("attendance", "--format", "csv").out)))

        assert [(row["uid"], row["email"], row["partstat"]) for row in rows] == [
            (UID, ALICE.address, "ACCEPTED"),
            (UID, BOB.address, "NEEDS-ACTION"),
        ]

    @pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t=", " =", "\n=", "\uff1d"])
    def test_no_cell_is_a_formula(self, world: World, start: str) -> None:
        world.ingest(google(facts(comment=f"{start}1+1")))
        done = world.run("attendance", "--format", "csv")

        (alice, _) = csv.DictReader(io.StringIO(done.out))
        assert alice["comment"].strip(" \t\n\r")[0] not in "=+-@"

    def test_names_and_summaries_are_no_formula_either(self, world: World) -> None:
        world.imports(invite("=cmd()", EVIL, SUMMARY="@SUM(1)"))
        (row,) = csv.DictReader(io.StringIO(world.run("attendance", "=cmd()", "--format", "csv").out))

        assert (row["uid"], row["summary"], row["name"]) == ("'=cmd()", "'@SUM(1)", f"'{EVIL.name}")


def zoned(uid: str) -> bytes:
    return invite(
        uid,
        ALICE,
        DTSTART=None,
        DTEND=None,
        LOCATION="x\r\nDTSTART;TZID=America/New_York:20300105T090000"
        "\r\nDTEND;TZID=America/New_York:20300105T100000",
    )


class TestLedger:
    def test_replies_can_be_chosen(self, world: World) -> None:
        world.ingest(google(facts()), google(facts("unknown@example.org")))
        done = world.run("replies", "--format", "json", "--outcome", "unknown_meeting")

        assert done.object["uid"] == "unknown@example.org"
        assert len(world.run("replies", "--format", "json").objects) == 2
        assert world.run("replies", UID, "--format", "json").object["outcome"] == "applied"
        assert world.run("replies", "--since", "2999-01-01", "--format", "json").objects == []
        received = datetime.fromisoformat(done.object["received_at"])
        assert abs((received - datetime.now(UTC)).total_seconds()) < 60

    def test_meetings_are_listed_and_shown(self, world: World) -> None:
        assert world.run("meeting", "list", "--format", "json").object["uid"] == UID
        shown = world.run("meeting", "show", UID, "--format", "json").object
        assert shown["attendees"] == [ALICE.address, BOB.address]
        assert "there is no meeting x" in house.one_line(world.run("meeting", "show", "x"))


class TestPoll:
    def test_one_pass_over_every_mailbox(self, tmp_path: Path, dovecot: Dovecot, mailbox_user: str) -> None:
        one = house.organizer(imap=house.imap(dovecot, mailbox_user, folders=["INBOX", "Replies"]))
        world = World(tmp_path, one)
        world.imports(invite(UID, ALICE, BOB))
        dovecot.append(mailbox_user, google(facts()))
        dovecot.append(mailbox_user, google(facts(attendee=BOB)), "Replies")
        done = world.run("poll", "--format", "json")

        assert (done.code, done.err) == (0, "")
        assert [(row["outcome"], row["mailbox"]) for row in done.objects] == [
            ("applied", "events/INBOX"),
            ("applied", "events/Replies"),
        ]
        assert world.run("poll").out == "Nothing new.\n"

    def test_one_mailbox_in_trouble_does_not_stop_the_others(
        self, tmp_path: Path, dovecot: Dovecot, mailbox_user: str
    ) -> None:
        wrong = house.organizer("sales", imap=house.imap(dovecot, "sales@example.test", password="wrong"))
        world = World(tmp_path, wrong, house.organizer(imap=house.imap(dovecot, mailbox_user)))
        world.imports(invite(UID, ALICE))
        dovecot.append(mailbox_user, google(facts()))
        done = world.run("poll")

        assert (done.code, done.out) == (1, "1 applied\n")
        (line,) = done.err.splitlines()
        assert "sales: imap 127.0.0.1: login refused" in line

    def test_one_folder_that_is_gone_does_not_stop_the_others(
        self, tmp_path: Path, dovecot: Dovecot, mailbox_user: str
    ) -> None:
        folders = ["Gone", "INBOX"]
        world = World(tmp_path, house.organizer(imap=house.imap(dovecot, mailbox_user, folders=folders)))
        world.imports(invite(UID, ALICE))
        dovecot.append(mailbox_user, google(facts()))
        done = world.run("poll")

        assert (done.code, done.out) == (1, "1 applied\n")
        assert "Gone" in done.err


def test_captures_are_complete() -> None:
    named: set[Any] = {line.split("\t")[0] for line in (CAPTURES / "index.tsv").read_text().splitlines()[1:]}
    assert {path.name for path in CAPTURES.glob("*.eml") if not path.name.startswith("dsn-")} == named
