"""What an organizer changes, and who is told what (RFC 5546 2.1.4, 3.2.2, 3.2.5)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest

import house
from changing import CAROL, MEETING, SERIES, UID, Bench, bench, by, event, message, shown, stamped, text
from house import ALICE, BOB
from letterbox import flat, read
from rsvpd.changes import Changed, Manner, Notify
from rsvpd.itip.model import MeetingStatus
from rsvpd.ports import CouldNot

A, B = ALICE.address, BOB.address
SILENT = Manner(notify=Notify.NONE)


@pytest.fixture
def one(tmp_path: Path) -> Iterator[Bench]:
    with bench(tmp_path) as made:
        yield made


def refused(error: pytest.ExceptionInfo[CouldNot]) -> str:
    return house.one_line_of(error)


class TestUpdate:
    def test_another_place_keeps_the_answers_and_the_sequence(self, one: Bench) -> None:
        one.create()
        one.answer(ALICE, "ACCEPTED")
        changed = one.update(location="Room 8")

        assert by(changed) == [("REQUEST", A, 0), ("REQUEST", B, 0)]
        assert not changed.asks_again
        assert [(d.what, d.before, d.after) for d in changed.differences] == [("where", "Room 7", "Room 8")]
        assert one.partstats() == {A: "ACCEPTED", B: "NEEDS-ACTION"}
        mail = changed.mails[0]
        assert event(mail)["SEQUENCE"] == 0
        assert stamped(mail) == timedelta(minutes=2)
        assert shown(mail) == {A: "ACCEPTED", B: "NEEDS-ACTION"}
        assert "Place: Room 8 instead of Room 7" in text(mail)
        assert "Your answer stands" in text(mail)
        assert "If you have answered already" in text(changed.mails[1])

    def test_an_answer_to_what_was_before_still_counts(self, one: Bench) -> None:
        one.create()
        one.update(location="Room 8")
        assert one.answer(ALICE, "DECLINED") == "applied"

    def test_another_time_asks_everybody_again(self, one: Bench) -> None:
        one.create()
        one.answer(ALICE, "ACCEPTED")
        changed = one.update(start="2026-12-04T10:00")

        assert by(changed) == [("REQUEST", A, 1), ("REQUEST", B, 1)]
        assert changed.asks_again
        assert one.partstats() == {A: "NEEDS-ACTION", B: "NEEDS-ACTION"}
        mail = changed.mails[0]
        assert event(mail)["DTEND"].dt - event(mail)["DTSTART"].dt == timedelta(hours=1)
        assert shown(mail) == {A: "NEEDS-ACTION", B: "NEEDS-ACTION"}
        for subtype in ("plain", "html"):
            seen = text(mail) if subtype == "plain" else flat(read(text(mail, "html")).text)
            assert "Moved from Thu 3 Dec 14:00 to Fri 4 Dec 10:00 (Europe/Zurich)" in seen
        assert "Please answer again" in text(mail)

    def test_the_former_answers_stay_in_history_and_late_ones_are_outdated(self, one: Bench) -> None:
        one.create()
        one.answer(ALICE, "ACCEPTED")
        one.update(start="2026-12-04T10:00")
        assert one.answer(BOB, "ACCEPTED") == "outdated"
        assert one.answer(BOB, "ACCEPTED", sequence=1) == "applied"
        assert one.partstats() == {A: "NEEDS-ACTION", B: "ACCEPTED"}
        former = next(a for a in one.meeting.attendees if a.address == A).answers
        assert [answer.partstat for answer in former] == ["ACCEPTED"]

    def test_what_the_organizer_says_is_significant_is(self, one: Bench) -> None:
        one.create()
        one.answer(ALICE, "ACCEPTED")
        changed = one.changes.update(UID, {"location": "Basel"}, Manner(), significant=True)
        assert (changed.sequence, changed.asks_again) == (1, True)
        assert one.partstats()[A] == "NEEDS-ACTION"
        assert "Please answer again" in text(changed.mails[0])

    def test_to_ask_again_nothing_need_be_different(self, one: Bench) -> None:
        one.create()
        assert one.changes.update(UID, {}, Manner(), significant=True).sequence == 1

    @pytest.mark.parametrize("fields", [{}, {"location": "Room 7"}, {"start": "2026-12-03T14:00"}])
    def test_what_is_so_already_sends_nothing(self, one: Bench, fields: dict[str, object]) -> None:
        one.create()
        with pytest.raises(CouldNot, match="is so already, nothing is changed") as error:
            one.update(**fields)
        refused(error)
        assert not one.waiting

    def test_a_word_to_the_attendees_is_in_both_texts(self, one: Bench) -> None:
        one.create()
        changed = one.update(Manner(message="Sorry, <the room> is taken"), location="Room 8")
        assert "Orga Nizer writes: Sorry, <the room> is taken" in text(changed.mails[0])
        assert "Sorry, &lt;the room&gt; is taken" in text(changed.mails[0], "html")

    def test_nobody_is_told_if_nobody_shall_be(self, one: Bench) -> None:
        one.create()
        changed = one.update(SILENT, start="2026-12-04T10:00")
        assert (changed.mails, changed.sequence, one.waiting) == ((), 1, [])

    @pytest.mark.parametrize(
        ("fields", "words"),
        [
            ({"organizer": "events"}, "organizer: cannot be changed, calendars would take it for another"),
            ({"uid": "x"}, "uid: cannot be changed"),
            ({"announcement": True}, "announcement: cannot be changed"),
            ({"attendees": ["x@example.org"]}, "attendees: are changed one by one: `rsvpd attendee add`"),
            ({"place": "x"}, "unknown key 'place'"),
            ({"summary": " "}, "summary: empty"),
            ({"summary": "x\r\nBcc: eve@example.org"}, "summary: has a line break"),
            ({"start": "2026-11-23T10:00"}, "start: 2026-11-23T10:00:00+01:00 is in the past"),
            ({"start": "2027-03-28T02:30"}, "does not exist in Europe/Zurich"),
            (
                {"start": "2027-10-31T02:30"},
                "happens twice in Europe/Zurich; write 2027-10-31T02:30+02:00 or",
            ),
            ({"start": "2027-03-28T02:30", "zone": "Europe/Zürich"}, "did you mean Europe/Zurich"),
            ({"zone": "Asia/Tokyo"}, "zone: say start too"),
            ({"start": "2026-12-04"}, "say end or duration too"),
            ({"end": "2026-12-03T13:00"}, "end: not after the start"),
            ({"attachments": ["/etc/passwd"]}, "no files can be named here"),
        ],
    )
    def test_what_cannot_be_is_refused_and_changes_nothing(
        self, one: Bench, fields: dict[str, object], words: str
    ) -> None:
        one.create()
        before = one.everything()
        with pytest.raises(CouldNot) as error:
            one.update(**fields)
        assert words in refused(error)
        assert one.everything() == before

    def test_the_second_of_two_equal_hours_is_another_time(self, one: Bench) -> None:
        one.create(MEETING | {"start": "2027-10-31T02:30+02:00", "end": "2027-10-31T03:30+01:00"})
        changed = one.update(start="2027-10-31T02:30+01:00", duration="1h")
        assert changed.asks_again
        assert one.meeting.start.isoformat() == "2027-10-31T02:30:00+01:00"


FULL = MEETING | {
    "description_html": "<p>Bring <b>figures</b></p>",
    "conference": "https://meet.example.org/7",
    "url": "https://example.org/budget",
    "priority": "high",
    "class": "private",
    "transparent": True,
    "categories": ["Team"],
    "alarms": ["15m"],
}


class TestWhatIsNotMentioned:
    @pytest.mark.parametrize(
        "fields",
        [
            {"summary": "Figures"},
            {"categories": ["Team", "Money"]},
            {"start": "2026-12-04T10:00"},
            {"busy": True},
            {"alarms": []},
        ],
    )
    def test_it_stays_as_it_was(self, one: Bench, fields: dict[str, object]) -> None:
        one.create(FULL)
        before = one.meeting
        one.update(**fields)
        after = one.meeting
        kept = {"html", "conference", "url", "priority", "classification", "attachments"}
        assert {k: getattr(after.details, k) for k in kept} == {k: getattr(before.details, k) for k in kept}
        assert after.description == before.description == "Bring figures"
        changed = {
            "summary": "summary",
            "categories": "categories",
            "busy": "transparent",
            "alarms": "alarms",
        }
        for key, name in changed.items():
            if key not in fields and key != "summary":
                assert getattr(after.details, name) == getattr(before.details, name)

    def test_another_plain_description_outdates_the_one_in_html(self, one: Bench) -> None:
        one.create(FULL)
        one.update(description="New")
        assert (one.meeting.description, one.meeting.details.html) == ("New", None)

    def test_another_one_in_html_makes_the_plain_one_anew(self, one: Bench) -> None:
        one.create(FULL)
        one.update(description_html="<p>Other</p>")
        assert (one.meeting.description, one.meeting.details.html) == ("Other", "<p>Other</p>")

    def test_an_empty_text_takes_away(self, one: Bench) -> None:
        one.create(FULL)
        one.update(location="", description_html="", conference="")
        meeting = one.meeting
        assert (meeting.location, meeting.details.html, meeting.details.conference) == (None, None, None)
        assert meeting.description == "Bring figures"

    def test_a_meeting_of_months_keeps_its_length(self, one: Bench) -> None:
        one.create(MEETING | {"end": "2027-06-03T15:00"})
        one.update(start="2026-12-04T14:00")
        assert one.meeting.end.isoformat() == "2027-06-04T15:00:00+02:00"


class TestCancel:
    def test_a_meeting_that_is_off(self, one: Bench) -> None:
        one.create()
        changed = one.changes.cancel(UID, Manner(message="No budget"))
        assert by(changed) == [("CANCEL", A, 1), ("CANCEL", B, 1)]
        found = event(changed.mails[0])
        assert (found["STATUS"], found["SEQUENCE"]) == ("CANCELLED", 1)
        assert list(shown(changed.mails[0])) == [A]
        assert "Orga Nizer writes: No budget" in text(changed.mails[0])
        assert one.meeting.status is MeetingStatus.CANCELLED
        assert one.answer(ALICE, "ACCEPTED", sequence=1) == "cancelled"

    def test_nothing_brings_it_back(self, one: Bench) -> None:
        one.create()
        one.changes.cancel(UID, Manner())
        one.send()
        verbs: tuple[Callable[[], Changed], ...] = (
            lambda: one.update(location="x"),
            lambda: one.changes.cancel(UID, Manner()),
            lambda: one.changes.resend(UID, Manner()),
            lambda: one.changes.add(UID, [CAROL.address], Manner()),
            lambda: one.changes.remove(UID, [A], Manner()),
        )
        for verb in verbs:
            with pytest.raises(CouldNot, match="is cancelled, which cannot be taken back") as error:
                verb()
            refused(error)
        assert not one.waiting


class TestOccurrences:
    def test_one_that_is_off_leaves_the_others(self, one: Bench) -> None:
        one.create(SERIES)
        one.answer(ALICE, "ACCEPTED")
        changed = one.changes.cancel(UID, Manner(), occurrence="2026-12-10T14:00")
        assert by(changed) == [("CANCEL", A, 1), ("CANCEL", B, 1)]
        found = event(changed.mails[0])
        assert found["STATUS"] == "CANCELLED"
        assert found["RECURRENCE-ID"].dt.isoformat() == "2026-12-10T14:00:00+01:00"
        assert one.meeting.status is MeetingStatus.CONFIRMED
        assert one.partstats()[A] == "ACCEPTED"
        assert (changed.differences[-1].what, changed.differences[-1].after) == ("occurrence", "cancelled")
        with pytest.raises(CouldNot, match="2026-12-10: it is cancelled already"):
            one.changes.cancel(UID, Manner(), occurrence="2026-12-10")

    def test_one_that_moves_is_asked_about_alone(self, one: Bench) -> None:
        one.create(SERIES)
        one.answer(ALICE, "ACCEPTED")
        changed = one.move("2026-12-10", start="2026-12-11T09:00")
        assert by(changed) == [("REQUEST", A, 1), ("REQUEST", B, 1)]
        assert changed.occurrence == "Thu 2026-12-10 14:00"
        found = event(changed.mails[0])
        assert found["RECURRENCE-ID"].dt.isoformat() == "2026-12-10T14:00:00+01:00"
        assert found["DTSTART"].dt.isoformat() == "2026-12-11T09:00:00+01:00"
        assert found["DTEND"].dt.isoformat() == "2026-12-11T10:00:00+01:00"
        assert "RRULE" not in found
        assert shown(changed.mails[0]) == {A: "NEEDS-ACTION", B: "NEEDS-ACTION"}
        assert one.partstats()[A] == "ACCEPTED"
        assert "One date has moved from Thu 10 Dec 14:00 to Fri 11 Dec 09:00" in text(changed.mails[0])

    def test_it_can_be_named_by_where_it_is_now(self, one: Bench) -> None:
        one.create(SERIES)
        one.move("2026-12-10", start="2026-12-11T09:00")
        one.move("2026-12-11T09:00", start="2026-12-12T09:00")
        one.changes.cancel(UID, Manner(), occurrence="2026-12-12")
        assert one.meeting.recurrence is not None
        assert [o.cancelled for o in one.meeting.recurrence.overrides] == [True]

    @pytest.mark.parametrize(
        ("occurrence", "fields", "words"),
        [
            ("2026-12-11", {"start": "2026-12-12T09:00"}, "2026-12-11: the series has none then"),
            ("soon", {"start": "2026-12-12T09:00"}, "'soon' is no time; write 2026-12-10T14:00"),
            ("2026-12-10", {"location": "x"}, "location: of a single occurrence only the time"),
            ("2026-12-10", {"start": "2026-11-01T09:00"}, "is in the past"),
            ("2026-12-10", {"start": "2026-12-10T14:00"}, "is at Thu 2026-12-10 14:00 already"),
        ],
    )
    def test_what_cannot_be(self, one: Bench, occurrence: str, fields: dict[str, object], words: str) -> None:
        one.create(SERIES)
        before = one.everything()
        with pytest.raises(CouldNot) as error:
            one.move(occurrence, **fields)
        assert words in refused(error)
        assert one.everything() == before

    def test_a_single_meeting_has_none(self, one: Bench) -> None:
        one.create()
        with pytest.raises(CouldNot, match="the meeting is no series"):
            one.changes.cancel(UID, Manner(), occurrence="2026-12-03")


class TestPeople:
    def test_who_is_added_is_invited_alone(self, one: Bench) -> None:
        one.create()
        changed = one.changes.add(UID, ["Carol <carol@example.net>"], Manner())
        assert by(changed) == [("REQUEST", CAROL.address, 0)]
        assert message(changed.mails[0])["Subject"].startswith("Invitation: Budget")
        assert set(shown(changed.mails[0])) == {A, B, CAROL.address}
        assert one.partstats()[CAROL.address] == "NEEDS-ACTION"

    def test_the_others_hear_of_it_if_all_shall(self, one: Bench) -> None:
        one.create()
        changed = one.changes.add(UID, [CAROL.address], Manner(notify=Notify.ALL))
        assert by(changed) == [("REQUEST", CAROL.address, 0), ("REQUEST", A, 0), ("REQUEST", B, 0)]
        assert "Also invited: carol@example.net" in text(changed.mails[1])
        assert message(changed.mails[1])["Subject"].startswith("Changed: Budget")

    def test_who_is_removed_is_told_alone(self, one: Bench) -> None:
        one.create()
        changed = one.changes.remove(UID, [B, B.upper()], Manner())
        assert by(changed) == [("CANCEL", B, 1)]
        assert "STATUS" not in event(changed.mails[0])
        assert list(shown(changed.mails[0])) == [B]
        assert one.partstats() == {A: "NEEDS-ACTION"}
        assert one.answer(BOB, "ACCEPTED", sequence=1) == "held"

    def test_those_who_stay_hear_of_it_if_all_shall(self, one: Bench) -> None:
        one.create()
        changed = one.changes.remove(UID, [B], Manner(notify=Notify.ALL))
        assert by(changed) == [("CANCEL", B, 1), ("REQUEST", A, 1)]
        assert f"No longer invited: {B}" in text(changed.mails[1])
        assert list(shown(changed.mails[1])) == [A]

    @pytest.mark.parametrize(
        ("people", "words"),
        [
            (["Bob <bob@example.com>"], "bob@example.com is invited already"),
            (["events@example.org"], "is the organizer"),
            (["nobody"], "is no mail address"),
            (["c@example.com", "C@example.com"], "is there twice"),
            ([], "attendees: none"),
        ],
    )
    def test_who_cannot_be_added(self, one: Bench, people: list[str], words: str) -> None:
        one.create()
        before = one.everything()
        with pytest.raises(CouldNot) as error:
            one.changes.add(UID, people, Manner())
        assert words in refused(error)
        assert one.everything() == before

    def test_who_is_not_invited_cannot_be_removed(self, one: Bench) -> None:
        one.create()
        with pytest.raises(CouldNot, match=r"carol@example\.net is not invited"):
            one.changes.remove(UID, [A, CAROL.address], Manner())
        assert one.partstats() == {A: "NEEDS-ACTION", B: "NEEDS-ACTION"}


class TestResend:
    def test_who_has_not_answered_is_asked_once_more(self, one: Bench) -> None:
        silent = {"email": "info@example.org", "rsvp": False}
        one.create(MEETING | {"attendees": [*MEETING["attendees"], silent]})
        one.update(start="2026-12-04T10:00")
        one.answer(ALICE, "ACCEPTED", sequence=1)
        changed = one.changes.resend(UID, Manner(message="By Friday, please"))
        assert by(changed) == [("REQUEST", B, 1)]
        assert message(changed.mails[0])["Subject"].startswith("Reminder: Budget")
        assert one.meeting.sequence == 1

    def test_others_if_they_are_named(self, one: Bench) -> None:
        one.create()
        one.answer(ALICE, "ACCEPTED")
        changed = one.changes.resend(UID, Manner(), [A.upper()])
        assert by(changed) == [("REQUEST", A, 0)]
        assert shown(changed.mails[0])[A] == "ACCEPTED"
        with pytest.raises(CouldNot, match="is not invited"):
            one.changes.resend(UID, Manner(), [CAROL.address])

    def test_nobody_where_everybody_has(self, one: Bench) -> None:
        one.create()
        one.answer(ALICE, "ACCEPTED")
        one.answer(BOB, "DECLINED")
        assert one.changes.resend(UID, Manner()).mails == ()


def test_an_all_day_meeting_stays_one(one: Bench) -> None:
    one.create(MEETING | {"start": "2026-12-03", "end": "2026-12-04"})
    changed = one.update(start="2026-12-07")
    assert event(changed.mails[0])["DTSTART"].dt == date(2026, 12, 7)
    assert event(changed.mails[0])["DTEND"].dt == date(2026, 12, 8)
