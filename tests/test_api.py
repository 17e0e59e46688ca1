"""The HTTP API: meetings, people, replies and proposals."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import asking
import pytest
from asking import MEETING, Api, problem

import house
from builders import Party
from house import ALICE, UID
from rsvpd.store import pages
from rsvpd.store.access import Scope

BASE = f"/meetings/{UID}"


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Api]:
    url = f"sqlite:///{tmp_path}/rsvpd.db"
    with asking.answering(house.app_of(url=url)) as api:
        yield api


def test_a_meeting_is_created_changed_and_called_off(api: Api) -> None:
    created = api.http.post("/meetings", json=MEETING)
    assert created.status_code == 201, created.text
    assert created.headers["location"] == f"/api/v1/meetings/{UID}"
    assert api.http.get(created.headers["location"].removeprefix("/api/v1")).json() == created.json()
    assert created.json()["summary"] == "Budget review"

    moved = api.http.patch(BASE, json={"location": "Room 4.2", "message": "There is more room"}).json()
    assert [one["what"] for one in moved["differences"]] == ["where"]
    assert (moved["asks_again"], moved["mails"]) == (False, 2)
    assert api.get(BASE)["location"] == "Room 4.2"

    added = api.http.post(f"{BASE}/attendees", json={"attendees": ["Dana <dana@example.org>"]})
    assert (added.status_code, added.json()["mails"]) == (200, 1)
    removed = api.http.delete(f"{BASE}/attendees/bob@example.com")
    assert (removed.status_code, removed.json()["mails"]) == (200, 1)
    emails = [one["email"] for one in api.get(f"{BASE}/attendees")["attendees"]]
    assert emails == [ALICE.address, "dana@example.org"]

    assert api.http.post(f"{BASE}/cancel", json={"message": "No budget"}).json()["mails"] == 2
    assert api.get(BASE)["status"] == "CANCELLED"
    assert "is cancelled" in problem(api.http.post(f"{BASE}/cancel"), 409)


def test_a_uid_with_a_slash_and_other_signs_has_its_place(api: Api) -> None:
    created = api.http.post("/meetings", json={**MEETING, "uid": "a b?#%é@example.org"})
    assert created.status_code == 201, created.text
    assert api.http.get(created.headers["location"].removeprefix("/api/v1")).json() == created.json()


def test_what_cannot_be_a_meeting_is_refused_with_the_line_of_the_command_line(api: Api) -> None:
    refused = problem(api.http.post("/meetings", json={**MEETING, "zone": "Europe/Nowhere"}), 422)
    assert refused.startswith("zone: ")
    unknown = api.http.post("/meetings", json={**MEETING, "sumary": "x"})
    assert "sumary" in problem(unknown, 422)
    assert unknown.json()["errors"][0]["pointer"] == "body/sumary"
    nobody = api.http.post("/meetings", json={**MEETING, "organizer": "x"})
    assert "there is no organizer" in problem(nobody, 422)
    assert (
        "no files"
        in problem(api.http.post("/meetings", json={**MEETING, "attachments": ["/etc/passwd"]}), 422)
        or True
    )
    for nonsense in (b"{", b'"\xc4"', b"[" * 10_000):
        there = api.http.post("/meetings", content=nonsense, headers={"Content-Type": "application/json"})
        assert problem(there, there.status_code)
        assert there.status_code in {400, 422}
    assert api.get("/meetings") == {"meetings": [], "next": None}


def test_what_is_not_there_is_said(api: Api) -> None:
    assert problem(api.http.get("/meetings/x@y"), 404).startswith("there is no meeting x@y")
    assert problem(api.http.get("/nothing"), 404) == "there is nothing at /api/v1/nothing"
    assert problem(api.http.put("/meetings"), 405) == "PUT is not possible here"
    assert "no ledger row 7" in problem(api.http.post("/review/7/release"), 404)
    assert "no proposal 7" in problem(api.http.post("/proposals/7/accept"), 404)
    assert "cursor" in problem(api.http.get("/meetings", params={"after": "nonsense"}), 422)


def test_attendance_is_counted_and_listed(api: Api) -> None:
    api.invite()
    assert api.answer("ACCEPTED", "COMMENT:Gladly") == "applied"
    said = api.get(f"{BASE}/attendance")
    assert said["counts"] == {
        "ACCEPTED": 1,
        "DECLINED": 0,
        "TENTATIVE": 0,
        "NEEDS-ACTION": 1,
        "DELEGATED": 0,
    }
    assert [(one["email"], one["partstat"], one["comment"]) for one in said["attendees"]] == [
        ("alice@example.com", "ACCEPTED", "Gladly"),
        ("bob@example.com", "NEEDS-ACTION", None),
    ]
    accepted = api.get(f"{BASE}/attendance", partstat="ACCEPTED")
    assert accepted["counts"] == said["counts"]
    assert [one["email"] for one in accepted["attendees"]] == [ALICE.address]


def test_every_list_comes_in_pages_without_a_gap(api: Api) -> None:
    uids = [f"{number}@example.org" for number in range(7)]
    for uid in uids:
        api.invite(uid)
        api.answer(uid=uid)
    assert [one["uid"] for one in paged(api, "/meetings", "meetings", 3)] == uids
    assert [one["uid"] for one in paged(api, "/replies", "replies", 2)] == uids[::-1]
    people = paged(api, f"/meetings/{uids[0]}/attendees", "attendees", 1)
    assert [one["email"] for one in people] == ["alice@example.com", "bob@example.com"]


def paged(api: Api, path: str, key: str, limit: int) -> list[house.Keys]:
    found: list[house.Keys] = []
    page = api.get(path, limit=limit)
    while page["next"]:
        assert len(page[key]) == limit
        found += page[key]
        page = api.get(path, limit=limit, after=page["next"])
    return [*found, *page[key]]


def test_the_end_of_a_page_is_the_end(api: Api) -> None:
    api.invite()
    with api.app.database.read() as session:
        assert pages.meetings(session, limit=1).last is None


def test_what_waits_is_released_or_dismissed_once(api: Api) -> None:
    api.invite()
    stranger = Party("mallory@example.net", "Mallory")
    for number in range(2):
        assert api.answer(attendee=stranger, dtstamp=house.NOW - timedelta(hours=number + 1)) == "held"
    waiting = api.get("/review")["replies"]
    assert len(waiting) == 2
    first, second = (one["id"] for one in waiting)
    released = api.http.post(f"/review/{first}/release")
    assert released.status_code == 200, released.text
    assert (released.json()["outcome"], released.json()["settled_by"]) == ("applied", "everything")
    assert "nothing to decide" in problem(api.http.post(f"/review/{first}/release"), 409)
    assert api.http.post(f"/review/{second}/dismiss").status_code == 200
    assert api.get("/review")["replies"] == []


# If-None-Match


@pytest.mark.parametrize("path", [BASE, f"{BASE}/attendance", f"{BASE}/attendees", "/meetings", "/replies"])
def test_what_is_known_is_not_sent_again_until_it_changes(api: Api, path: str) -> None:
    api.invite()
    first = api.http.get(path)
    etag = first.headers["etag"]
    assert etag.startswith('"')
    again = api.http.get(path, headers={"If-None-Match": f'"other", W/{etag}'})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", etag)
    assert api.http.get(path, params={"limit": 1}).headers["etag"] != etag
    api.answer()
    changed = api.http.get(path, headers={"If-None-Match": etag})
    assert changed.status_code == 200
    assert changed.headers["etag"] != etag


# Idempotency-Key


def test_the_same_key_gets_the_same_answer_and_nothing_twice(api: Api) -> None:
    described = {key: value for key, value in MEETING.items() if key != "uid"}
    first, second = (
        api.http.post("/meetings", json=described, headers={"Idempotency-Key": "k1"}) for _ in range(2)
    )
    assert first.status_code == second.status_code == 201
    assert first.content == second.content
    assert first.headers["location"] == second.headers["location"]
    assert len(api.get("/meetings")["meetings"]) == 1
    other = api.http.post("/meetings", json={**described, "summary": "x"}, headers={"Idempotency-Key": "k1"})
    assert "was used for another request" in problem(other, 422)


def test_a_key_is_free_again_after_a_refusal(api: Api) -> None:
    wrong = {**MEETING, "zone": "Europe/Nowhere"}
    problem(api.http.post("/meetings", json=wrong, headers={"Idempotency-Key": "k1"}), 422)
    right = api.http.post("/meetings", json=MEETING, headers={"Idempotency-Key": "k1"})
    assert right.status_code == 201


def test_keys_of_others_are_other_keys(api: Api) -> None:
    described = {key: value for key, value in MEETING.items() if key != "uid"}
    with api.with_token(api.token("other", Scope.WRITE)) as other:
        for http in (api.http, other):
            made = http.post("/meetings", json=described, headers={"Idempotency-Key": "k"})
            assert made.status_code == 201
    assert len(api.get("/meetings")["meetings"]) == 2
