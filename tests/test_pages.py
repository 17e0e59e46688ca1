"""What the pages show, and what is decided on them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import asking
import pytest
from sqlalchemy import insert
from sqlmodel import select
from structlog.testing import capture_logs
from test_pages_access import STRANGER, held, proposed, still_held

import browsing
import house
import scenery
from browsing import Site, send, text
from builders import Party
from house import ALICE, BOB, NOW, START, UID, facts, invite
from rsvpd.app import App
from rsvpd.store import tables
from rsvpd.taken_over import read
from rsvpd.web.pages import listing, meeting


@pytest.fixture(params=["sqlite", "postgresql"])
def any_house(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[App]:
    yield from asking.each_house(request, tmp_path)


@pytest.fixture
def any_site(any_house: App) -> Iterator[Site]:
    with browsing.open_site(any_house) as site:
        yield site


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    app = house.app_of(
        house.organizer(zone="Europe/Zurich"),
        house.organizer("board", "board@example.org"),
        url=f"sqlite:///{tmp_path}/rsvpd.db",
    )
    with browsing.open_site(app) as site:
        yield site


def shown(site: Site, path: str, **query: str) -> str:
    """What a page says."""
    answer = site.page.get(path, params=query or None)
    assert answer.status_code == 200, answer.text
    return text(answer.text)


def titles(page: str) -> list[str]:
    return [text(one) for one in re.findall(r"<h2><a.*?</a>", page)]


def names(page: str) -> list[str]:
    return [text(one).split()[0] for one in re.findall(r'<th scope="row"><bdi>.*?</bdi>', page)]


# The list


def test_an_empty_house_says_how_to_begin(site: Site) -> None:
    said = shown(site, "/")
    assert "Nothing is ahead" in said
    assert "rsvpd meeting create" in said
    assert "Meetings that are over will show here" in shown(site, "/", period="past")
    assert "No meeting fits" in shown(site, "/", q="x")
    assert "Nothing waits" in shown(site, "/review")


def test_meetings_are_found_by_when_they_are_by_organizer_and_by_words(any_site: Site) -> None:
    site = any_site
    day = timedelta(days=1)
    for uid, start, summary in (
        ("late@x", START + 9 * day, "Late"),
        ("soon@x", START, "Soon 100%"),
        ("past@x", NOW - 9 * day, "Past"),
        ("longago@x", NOW - 99 * day, "Long ago"),
    ):
        times = {"DTSTART": f"{start:%Y%m%dT%H%M%SZ}", "DTEND": f"{start + day / 24:%Y%m%dT%H%M%SZ}"}
        site.app.invitations.import_ics(
            invite(uid, ALICE, SUMMARY=summary, LOCATION=f"Room {summary}", **times), "events"
        )
    assert titles(site.page.get("/").text) == ["Soon 100%", "Late"]
    assert titles(site.page.get("/?period=past").text) == ["Past", "Long ago"]
    assert titles(site.page.get("/?period=all").text) == ["Late", "Soon 100%", "Past", "Long ago"]
    for words in ("soon", "ROOM soon", "SOON@x", "100%"):
        assert titles(site.page.get("/", params={"q": words}).text) == ["Soon 100%"], words
    for words in ("so_n", "1%0", "soon late"):
        assert titles(site.page.get("/", params={"q": words}).text) == [], words
    assert titles(site.page.get("/?organizer=events").text) == ["Soon 100%", "Late"]
    assert site.page.get("/?organizer=nobody").status_code == 422
    assert site.page.get("/?after=nonsense").status_code == 422


def test_lists_come_in_pages_without_a_gap(any_site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "_SHOWN", 2)
    monkeypatch.setattr(meeting, "_SHOWN", 2)
    people = [Party(f"p{n}@example.com", f"{'cabed'[n]} {n}") for n in range(5)]
    for number in range(5):
        any_site.app.invitations.create(
            {"organizer": "events"},
            read(invite(f"{number}@x", *people, ORGANIZER=None, SUMMARY=f"M{number}")),
        )
    for number in (3, 1, 4):
        any_site.answer(uid="0@x", attendee=people[number], dtstamp=NOW - timedelta(hours=number))
    for query, expected in (("", "01234"), ("?period=all", "43210")):
        assert "".join(one[1] for one in paged(any_site, f"/{query}", titles)) == expected
    for query, expected in (
        ("", "cabed"),
        ("?order=name", "abcde"),
        ("?order=answered", "aed"),
        ("?q=p1", "a"),
    ):
        found = "".join(paged(any_site, f"/meetings/1{query}", names))
        assert found.startswith(expected), query
        assert sorted(found) == sorted(set(found))
    assert len(paged(any_site, "/meetings/1?order=answered", names)) == 5


def paged(site: Site, path: str, read_page: object) -> list[str]:
    """What is on the pages from this one on."""
    assert callable(read_page)
    page = site.page.get(path).text
    found = list(read_page(page))
    if following := re.search(r'href="([^"]+)" rel="next"', page):
        assert len(found) == 2
        found += paged(site, following[1].replace("&amp;", "&"), read_page)
    return found


# A meeting


def test_a_meeting_says_who_comes_with_the_numbers_of_the_api(any_site: Site) -> None:
    site = any_site
    site.invite()
    site.answer("DECLINED", dtstamp=NOW - timedelta(hours=2))
    mail = house.plain_reply(facts(), "COMMENT:Gladly").replace(b"ATTENDEE;", b"ATTENDEE;X-NUM-GUESTS=2;")
    list(site.app.intake.ingest([("mail", mail)]))
    said = shown(site, "/meetings/1")
    counts = site.get(f"/meetings/{UID}/attendance")["counts"]
    assert (counts["ACCEPTED"], counts["NEEDS-ACTION"]) == (1, 1)
    assert "Accepted 1 ~ Tentative 0 · No answer yet 1 ✕ Declined 0 Invited 2" in said
    assert 'aria-label="1 accepted, 1 no answer yet"' in site.page.get("/meetings/1").text
    assert 'aria-label="1 accepted, 1 no answer yet"' in site.page.get("/").text
    assert "Gladly" in said
    assert "brings 2 more" in said
    assert site.page.get("/meetings", params={"uid": UID}).headers["location"] == "/meetings/1"


def test_the_history_of_an_attendee_is_told_in_words(site: Site) -> None:
    site.invite()
    client = b"PRODID:-//Apple Inc.//iPhone OS 17.1//EN"
    for said, hours in (("DECLINED", 30), ("ACCEPTED", 3)):
        mail = house.plain_reply(facts(partstat=said, dtstamp=NOW - timedelta(hours=hours)))
        list(site.app.intake.ingest([("mail", mail.replace(b"PRODID:-//test//EN", client))]))
    said = shown(site, "/meetings/1")
    assert re.search(r"accepted \d+ \w{3}( \d{4})? \d\d:\d\d, was declined; by iOS", said), said
    assert re.search(r"declined \d+ \w{3}( \d{4})? \d\d:\d\d; by iOS", said), said
    assert "Times of answers are those of Europe/Zurich" in said


def test_attendees_are_searched_filtered_and_sorted(any_site: Site) -> None:
    site = any_site
    site.invite()
    site.answer("ACCEPTED", "COMMENT:Gladly")
    for query, expected in (
        ({}, ["Alice", "Bob"]),
        ({"q": "BOB"}, ["Bob"]),
        ({"q": "gladly"}, ["Alice"]),
        ({"partstat": "NEEDS-ACTION"}, ["Bob"]),
        ({"partstat": "", "q": "", "order": "name"}, ["Alice", "Bob"]),
        ({"order": "answered", "partstat": "ACCEPTED"}, ["Alice"]),
        ({"undelivered": "true"}, []),
    ):
        page = site.page.get("/meetings/1", params=query)
        assert page.status_code == 200, page.text
        assert names(page.text) == expected, query
    assert "No attendee fits" in shown(site, "/meetings/1", q="nobody")
    assert site.page.get("/meetings/1?partstat=MAYBE").status_code == 422
    assert site.page.get("/meetings/1?order=answered&after=WyJ4IiwgMV0").status_code == 422


def test_a_mail_that_did_not_arrive_is_shown(site: Site) -> None:
    site.invite()
    with site.app.database.begin() as session:
        person = session.get_one(tables.AttendeeRow, 2)
        person.delivery, person.delivery_words = "failed", "5.1.1 no such user"
    assert "1 mail could not be delivered" in shown(site, "/meetings/1")
    page = site.page.get("/meetings/1?undelivered=true").text
    assert names(page) == ["Bob"]
    assert "Could not be delivered: 5.1.1 no such user" in text(page)


def test_downloads_are_what_the_command_line_writes(tmp_path: Path) -> None:
    world = house.World(tmp_path)
    assert world.imports(invite(UID, ALICE, BOB)).code == 0
    app = house.app_of(url=f"sqlite:///{tmp_path}/rsvpd.db")
    with browsing.open_site(app) as site:
        site.answer("ACCEPTED", "COMMENT:=1+1")
        csv = site.page.get("/meetings/1/attendees.csv")
        ics = site.page.get("/meetings/1/meeting.ics")
        xlsx = site.page.get("/meetings/1/attendees.xlsx")
    out = tmp_path / "out"
    assert world.run("report", UID, "--format", "csv", "--output", out).code == 0
    assert csv.content == out.read_bytes()
    assert b"'=1+1" in csv.content
    assert csv.headers["content-disposition"].startswith('attachment; filename="attendance-')
    assert world.run("meeting", "export", UID, "--output", out).code == 0
    assert ics.content == out.read_bytes()
    assert xlsx.content.startswith(b"PK")


def test_a_cancelled_meeting_and_one_that_nobody_answered_say_so(site: Site) -> None:
    with capture_logs():
        scenery.furnish(site)
    assert "Cancelled" in shown(site, "/meetings/3")
    quiet = site.page.get("/meetings/2").text
    assert "When the answers came in" not in quiet
    assert "No answer yet 7" in text(quiet)
    assert "When the answers came in" in shown(site, "/meetings/1")
    weekly = shown(site, "/meetings/4")
    assert "Repeats" in weekly


def test_a_crowd_is_shown_a_page_at_a_time(site: Site) -> None:
    site.invite()
    rows = [
        {
            "address": f"p{n}@x.example",
            "bare_address": f"p{n}@x.example",
            "email": f"p{n}@x.example",
            "meeting_id": 1,
        }
        | {
            "role": "REQ-PARTICIPANT",
            "cutype": "INDIVIDUAL",
            "rsvp": True,
            "initial_partstat": "NEEDS-ACTION",
        }
        | {"partstat": "ACCEPTED", "answered_at": NOW - timedelta(minutes=n)}
        for n in range(20_000)
    ]
    with site.app.database.begin() as session:
        session.execute(insert(tables.AttendeeRow), rows)
    page = site.page.get("/meetings/1")
    assert len(names(page.text)) == 100
    assert len(page.content) < 200_000
    assert "Accepted 20000" in text(page.text)
    assert names(site.page.get("/meetings/1?q=p19999").text) == ["p19999@x.example"]


# Decisions


def test_a_held_reply_is_released_or_dismissed_by_the_one_who_is_signed_in(site: Site) -> None:
    number = held(site)
    said = shown(site, "/review")
    assert "mallory@example.net answers “accepted”" in said
    assert "Held because: mallory@example.net was not invited" in said
    done = send(site.page, f"/review/{number}/release", "/review")
    assert (done.status_code, done.headers["location"]) == (303, "/review?done=released")
    assert "it counts now" in shown(site, "/review", done="released")
    (row,) = (row for row in house.ledger(site.app.database) if row.id == number)
    assert (row.outcome, row.settled_by) == ("applied", "everything")
    assert "Mallory" not in shown(site, "/review")
    refused = send(site.page, f"/review/{number}/release", "/review")
    assert refused.status_code == 409
    assert "there is nothing to decide" in text(refused.text)

    assert site.answer(attendee=Party("eve@example.net", "Eve")) == "held"
    (other,) = still_held(site)
    assert send(site.page, f"/review/{other}/dismiss", "/review").headers["location"].endswith("=dismissed")
    assert still_held(site) == []
    assert send(site.page, "/review/999/dismiss").status_code == 404


def test_a_proposal_is_declined_with_words_to_its_attendee(site: Site) -> None:
    site.invite()
    number = proposed(site)
    assert "alice@example.com proposes" in shown(site, "/meetings/1")
    done = send(site.page, f"/proposals/{number}/decline", "/meetings/1", message="The room is taken")
    assert done.headers["location"] == "/meetings/1?done=declined"
    assert site.get("/proposals")["proposals"] == []
    assert send(site.page, f"/proposals/{number}/decline", "/meetings/1").status_code == 404
    with site.app.database.read() as session:
        methods = session.exec(select(tables.OutgoingRow.method)).all()
    assert methods.count("DECLINECOUNTER") == 1


def test_a_proposal_that_is_accepted_moves_the_meeting_and_asks_everybody_again(site: Site) -> None:
    site.invite()
    site.answer(attendee=BOB)
    number = proposed(site)
    assert (
        send(site.page, f"/proposals/{number}/accept", "/review").headers["location"]
        == "/review?done=accepted"
    )
    assert site.get(f"/meetings/{UID}")["sequence"] == 1
    assert "asked again; had accepted" in shown(site, "/meetings/1")


def test_who_decides_comes_back_to_our_own_pages_alone(site: Site) -> None:
    number = held(site)
    for back in ("https://evil.example/", "//evil.example"):
        form = {"form_token": browsing.form_token(site.page.get("/").text), "back": back}
        done = site.page.post(f"/review/{number}/dismiss", data=form)
        assert done.status_code in {303, 409}
        assert "evil" not in done.headers.get("location", "")


# Health


def test_health_shows_what_healthz_says(site: Site) -> None:
    assert STRANGER
    said = shown(site, "/health")
    assert "No daemon runs on this database" in said
    assert "All is well" in said
    for job in ("deliver", "events", "board"):
        assert job in said
