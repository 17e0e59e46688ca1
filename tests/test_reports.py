"""Status reports: what they say, when they are sent, and that nothing in them is a formula."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sending import Post, mail, organizer, recipients, words

import house
from builders import Party
from house import ALICE, BOB, NOW, START, UID, Keys, facts, plain_reply
from letterbox import flat, read
from rig.postgres import Postgres
from rig.smtpd import Smtpd
from rsvpd.changes import Manner, Notify
from rsvpd.config import Attached
from rsvpd.itip.model import PartStat
from rsvpd.letters import LANGUAGES
from rsvpd.letters.languages import language
from rsvpd.ports import CouldNot
from rsvpd.reports import About, Reports, tables
from rsvpd.reports.wording import portions
from rsvpd.spreadsheets import cell
from rsvpd.store import filing
from rsvpd.store.reporting import ReportView

EVIL = Party("evil@example.com", "=cmd|' /C calc'!A0")
ZURICH = ZoneInfo("Europe/Zurich")
MORNING: Keys = {"name": "every morning", "cron": "0 8 * * *"}


@dataclass
class Reporting(Post):
    """A house with reports, and the server that its mails go to."""

    server: Smtpd | None = None

    @property
    def reports(self) -> Reports:
        return replace(self.app.reports, clock=self.clock)

    def due(self) -> list[house.Keys]:
        """What the schedules send now: subject, recipients and words of each mail."""
        self.reports.send_due(self.app.settings.organizer[0])
        assert self.server is not None
        before = len(self.server.taken)
        self.drain(house.smtp(self.server.port))
        mails = [mail(one.content) for one in self.server.taken[before:]]
        return [
            {"subject": m["Subject"], "to": recipients([m]), "words": words(m), "mail": m}
            for m in mails
            if m["Auto-Submitted"]
        ]

    def answer(self, partstat: str, party: Party = ALICE, *lines: str, minutes: int = 60) -> None:
        at = NOW - timedelta(minutes=minutes)
        raw = plain_reply(facts(attendee=party, partstat=partstat, dtstamp=at), *lines)
        (ingested,) = self.app.intake.ingest([("m", raw)])
        assert [row.outcome for row in ingested.rows] == ["applied"]

    def view(self, since: datetime | None = None) -> ReportView:
        (view,) = self.reports.found(About(uids=(UID,), since=since))
        return view


Open = Callable[..., Reporting]


@pytest.fixture(params=["sqlite", "postgresql"])
def opens(request: pytest.FixtureRequest, tmp_path: Path, smtpd: Smtpd) -> Iterator[Open]:
    url = f"sqlite:///{tmp_path}/reports.db"
    if request.param == "postgresql":
        postgres: Postgres = request.getfixturevalue("postgres")
        url = postgres.fresh_database()
    opened: list[Reporting] = []

    def opens(*reports: Keys, invited: bool = True, language: str = "en") -> Reporting:
        post = Reporting(
            house.app_of(
                house.organizer(zone="Europe/Zurich", language=language), url=url, report=[*reports]
            ),
            server=smtpd,
        )
        opened.append(post)
        if invited:
            people = (ALICE, BOB, EVIL)
            post.invite(*(f'"{one.name}" <{one.address}>' for one in people), "dora@example.com")
        return post

    yield opens
    for post in opened:
        post.app.database.close()


class TestWhatItSays:
    def test_counts_declined_and_waiting(self, opens: Open) -> None:
        post = opens()
        post.answer("ACCEPTED")
        post.answer("DECLINED", BOB, "COMMENT:I am ill")
        letter = post.reports.letter([post.view()], post.app.settings.organizer[0])

        for shown in (flat(letter.text), flat(read(letter.html).text)):
            assert "Budget review" in shown
            assert "Declined (1)" in shown
            assert f"{BOB.name} <{BOB.address}>: I am ill" in shown
            assert "No answer yet (2)" in shown
            assert "dora@example.com" in shown
            assert "New since" not in shown
        assert letter.subject.startswith("Budget review, ")
        assert letter.subject.endswith("(Europe/Zurich): 1 of 4 accepted")
        assert max(map(len, letter.text.splitlines())) <= 80

    def test_what_is_new(self, opens: Open) -> None:
        post = opens()
        post.answer("ACCEPTED", minutes=90)
        since = datetime.now(UTC)
        post.answer("DECLINED", minutes=30)
        post.answer("TENTATIVE", BOB)
        post.answer("TENTATIVE", BOB, "COMMENT:still", minutes=10)
        view = post.view(since)

        assert [(one.email, one.before, one.after) for one in view.answers] == [
            (ALICE.address, PartStat.ACCEPTED, PartStat.DECLINED),
            (BOB.address, PartStat.NEEDS_ACTION, PartStat.TENTATIVE),
        ]
        text = post.reports.letter([view], post.app.settings.organizer[0]).text
        assert f"{ALICE.address}>: Declined (before: Accepted)" in flat(text)
        assert post.view(datetime.now(UTC)).answers == ()

    def test_somebody_removed_and_a_change_are_new(self, opens: Open) -> None:
        post = opens()
        since = datetime.now(UTC)
        post.app.changes.remove(UID, [BOB.address], Manner(notify=Notify.NONE))
        post.app.changes.update(UID, {"start": f"{START + timedelta(days=1):%Y-%m-%dT%H:%M}"}, Manner())
        view = post.view(since)

        assert [one.email for one in view.removed] == [BOB.address]
        assert view.revised_at is not None
        assert view.changed
        assert not post.view(datetime.now(UTC)).changed

    def test_the_invitation_is_no_change(self, opens: Open) -> None:
        post = opens()
        assert post.view(NOW - timedelta(days=9)).revised_at is None

    @pytest.mark.parametrize("code", LANGUAGES)
    def test_in_the_organizers_language(self, opens: Open, code: str) -> None:
        post = opens(language=code)
        post.answer("DECLINED")
        letter = post.reports.letter([post.view(NOW)], post.app.settings.organizer[0])
        spoken = language(code)
        for shown in (letter.text, read(letter.html).text):
            assert f"{spoken.say('report_declined')} (1)" in shown
            assert f"{spoken.say('report_needs_action')} (3)" in shown
            assert not any(sign in shown for sign in ("{", "}", "None", "Undefined"))
        assert f'<html lang="{code}">' in letter.html

    def test_styles_are_inline_and_nothing_is_loaded(self, opens: Open) -> None:
        post = opens()
        html = post.reports.letter([post.view()], post.app.settings.organizer[0]).html
        assert 'class="card" role="presentation"' in html
        assert "max-width: 640px" in html.partition("<body")[2]
        assert "prefers-color-scheme: dark" in html.partition("</head>")[0]
        assert not {"img", "script", "link"} & read(html).elements
        assert "=cmd|&#39; /C calc&#39;!A0" in html or "=cmd|' /C calc'!A0" in html

    def test_what_attendees_write_is_no_markup(self, opens: Open) -> None:
        post = opens()
        post.answer("DECLINED", ALICE, "COMMENT:<script>alert(1)</script>")
        html = post.reports.letter([post.view()], post.app.settings.organizer[0]).html
        assert "script" not in read(html).elements

    def test_an_unknown_meeting_is_one_line(self, opens: Open) -> None:
        with pytest.raises(CouldNot, match="there is no meeting nothing@here"):
            opens().reports.found(About(uids=("nothing@here",)))


class TestSchedule:
    def at(self, post: Reporting, days: int, hour: int) -> list[house.Keys]:
        """At that hour in Zurich, so many days on."""
        local = (NOW + timedelta(days=days)).astimezone(ZURICH)
        post.clock.moment = local.replace(hour=hour, minute=0, second=0, microsecond=0)
        return post.due()

    def test_once_at_each_moment(self, opens: Open) -> None:
        post = opens(MORNING)
        assert self.at(post, 0, 20) == []  # it begins to count
        assert self.at(post, 1, 7) == []
        (first,) = self.at(post, 1, 8)
        assert first["to"] == ["events@example.org"]
        assert "Nothing new since" in first["words"]
        assert self.at(post, 1, 8) == self.at(post, 1, 9) == []
        assert len(self.at(post, 2, 8)) == 1

    def test_what_was_missed_is_made_up_once(self, opens: Open) -> None:
        post = opens(MORNING)
        self.at(post, 0, 20)
        assert len(self.at(post, 9, 12)) == 1
        assert self.at(post, 9, 13) == []

    def test_it_says_what_is_new_since_the_one_before(self, opens: Open) -> None:
        post = opens(MORNING)
        post.clock.moment = NOW - timedelta(days=2)
        post.due()
        post.answer("ACCEPTED")
        (found,) = self.at(post, 1, 8)
        assert f"{ALICE.address}>: Accepted (before: No answer yet)" in found["words"]
        (after,) = self.at(post, 2, 8)
        assert "Nothing new since" in after["words"]

    def test_only_if_something_is_new(self, opens: Open) -> None:
        post = opens(MORNING | {"only_changes": True})
        post.clock.moment = NOW - timedelta(days=2)
        post.due()
        post.answer("ACCEPTED")
        assert len(self.at(post, 1, 8)) == 1
        assert self.at(post, 2, 8) == []

    def test_only_what_begins_soon_and_to_whom_it_is_sent(self, opens: Open) -> None:
        to = ["board@example.org", "ann@example.org"]
        post = opens(MORNING | {"ahead": "7d", "to": to})
        self.at(post, 0, 20)
        assert self.at(post, 1, 8) == []  # the meeting is in 40 days
        found = self.at(post, 35, 8)
        assert sorted(one["to"][0] for one in found) == sorted(to)

    def test_the_tables_are_attached(self, opens: Open) -> None:
        post = opens(MORNING | {"attach": ["csv", "xlsx"]})
        self.at(post, 0, 20)
        (found,) = self.at(post, 1, 8)
        names = [part.get_filename() for part in found["mail"].iter_attachments()]
        assert [str(name).rpartition(".")[2] for name in names] == ["csv", "xlsx"]
        sheet, table = (part.get_payload(decode=True) for part in found["mail"].iter_attachments())
        assert sheet.startswith(b"\xef\xbb\xbfuid,summary,start,email,")
        assert openpyxl.load_workbook(io.BytesIO(table)).sheetnames == ["Meetings", "Attendees"]

    def test_no_copy_is_kept_among_what_was_sent(self, opens: Open) -> None:
        post = opens(MORNING, invited=True)
        self.at(post, 0, 20)
        assert len(self.at(post, 1, 8)) == 1
        with post.app.database.read() as session:
            copies = filing.copies_due(session, "events", NOW - timedelta(days=9))
        assert all(b"text/calendar" in copy.raw for copy in copies)


class TestTables:
    def test_no_cell_of_the_workbook_is_a_formula(self, opens: Open) -> None:
        post = opens()
        post.answer("DECLINED", ALICE, "COMMENT:=HYPERLINK(1)")
        post.answer("ACCEPTED", BOB, "COMMENT:+41 44 000 00 00")
        book = openpyxl.load_workbook(io.BytesIO(tables.workbook([post.view()], "Europe/Zurich")))

        rows = list(book["Attendees"].iter_rows())
        assert [one.value for one in rows[0]] == list(tables.ATTENDEES)
        assert {one.data_type for row in rows for one in row} <= {"s", "n", "d"}
        by_email = {
            row[3].value: {name: c.value for name, c in zip(tables.ATTENDEES, row, strict=True)}
            for row in rows
        }
        assert by_email[ALICE.address]["comment"] == "=HYPERLINK(1)"
        assert by_email[EVIL.address]["name"] == EVIL.name
        assert by_email[ALICE.address]["answered_at"] == (NOW - timedelta(hours=1)).astimezone(
            ZURICH
        ).replace(tzinfo=None)
        (row,) = book["Meetings"].iter_rows(min_row=2, values_only=True)
        assert dict(zip(tables.MEETINGS, row, strict=True)) | {"start": 0, "end": 0} == {
            "uid": UID,
            "summary": "Budget review",
            "start": 0,
            "end": 0,
            "location": None,
            "status": "CONFIRMED",
            "seats": 4,
            "accepted": 1,
            "tentative": 0,
            "declined": 1,
            "delegated": 0,
            "needs_action": 2,
            "guests": 0,
            "held": 0,
        }

    def test_no_cell_of_the_csv_is_a_formula(self, opens: Open) -> None:
        post = opens()
        post.answer("DECLINED", ALICE, "COMMENT:@SUM(1)")
        post.reports.mail(organizer(), About(uids=(UID,)), ["board@example.org"], [Attached.CSV])
        raw = mail(post.rows["board@example.org"].raw)
        (part,) = raw.iter_attachments()
        payload = part.get_payload(decode=True)
        assert isinstance(payload, bytes)
        rows = list(csv.DictReader(io.StringIO(payload.decode("utf-8-sig"))))
        assert {row["email"]: row["comment"] for row in rows}[ALICE.address] == "'@SUM(1)"
        assert {row["email"]: row["name"] for row in rows}[EVIL.address] == f"'{EVIL.name}"


@given(st.text())
def test_a_cell_never_begins_as_a_formula(text: str) -> None:
    assert not cell(text).startswith(("=", "+", "-", "@", "\t", "\r"))
    assert cell(text).removeprefix("'") == text.removeprefix("'")


@given(st.lists(st.integers(0, 100_000), min_size=1, max_size=5))
def test_a_bar_is_as_long_as_it_should_be_and_shows_everybody(numbers: list[int]) -> None:
    parts = portions(numbers, 50)
    assert sum(parts) == (50 if sum(numbers) else 0)
    assert all((part > 0) == (number > 0) for part, number in zip(parts, numbers, strict=True))
