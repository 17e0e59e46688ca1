"""Who may look at the pages and decide there, and how strangers, guessers and other sites fare."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from structlog.testing import capture_logs

import browsing
import house
from browsing import Site, form_token, send, sign_in, text
from builders import Party
from house import UID, organizer
from rsvpd.store import access, passes
from rsvpd.store import pages as store_pages
from rsvpd.store.access import Scope
from rsvpd.taken_over import read
from rsvpd.web.api import callers
from rsvpd.web.pages import wording

BOARD = organizer("board", "board@example.org")
STRANGER = Party("mallory@example.net", "Mallory")


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    app = house.app_of(organizer(), BOARD, url=f"sqlite:///{tmp_path}/rsvpd.db")
    with browsing.open_site(app) as site:
        yield site


# Signing in and out


def test_whoever_is_not_signed_in_is_asked_to_and_comes_back_where_they_wanted_to_go(site: Site) -> None:
    with site.stranger() as stranger:
        for path in (
            "/",
            "/meetings/1",
            "/review",
            "/health",
            "/meetings/1/attendees.csv",
        ):
            asked = stranger.get(path)
            assert asked.status_code == 303, path
            assert asked.headers["location"].startswith("/login")
        assert stranger.get("/events?after=0").status_code == 401
        there = stranger.get("/review?outdated=true").headers["location"]
        assert there == "/login?next=%2Freview%3Foutdated%3Dtrue"
        assert 'name="next" value="/review?outdated=true"' in stranger.get(there).text
        assert (
            sign_in(stranger, site.token("a"), "/review?outdated=true").headers["location"]
            == "/review?outdated=true"
        )
        assert stranger.get("/review").status_code == 200


@pytest.mark.parametrize(
    "target",
    [
        "https://evil.example/",
        "//evil.example/",
        "/\\evil.example",
        "javascript:alert(1)",
        "/a\r\nX: y",
        "/\t/evil.example",
        "",
    ],
)
def test_after_signing_in_nobody_is_sent_to_another_site(site: Site, target: str) -> None:
    with site.stranger() as stranger:
        assert 'name="next" value="/"' in stranger.get("/login", params={"next": target}).text
        assert sign_in(stranger, site.token("a"), target).headers["location"] == "/"


def test_the_pass_goes_back_to_us_alone_and_is_not_the_token(site: Site) -> None:
    token = site.token("a")
    with site.stranger() as stranger:
        given = sign_in(stranger, token).headers.get_list("set-cookie")[0]
    assert given.startswith("rsvpd=")
    assert {"httponly", "samesite=strict", "path=/"} <= {part.strip().lower() for part in given.split(";")}
    assert "secure" not in given.lower()
    assert token.split("_")[2] not in given


@pytest.mark.parametrize(
    "headers", [{"X-Forwarded-Proto": "https"}, {"Host": "rsvp.example.org"}], ids=["https", "elsewhere"]
)
def test_away_from_this_machine_cookies_go_over_tls_alone(site: Site, headers: dict[str, str]) -> None:
    with site.stranger() as stranger:
        given = stranger.get("/login", headers=headers).headers["set-cookie"]
    assert given.startswith("__Host-rsvpd-login=")
    assert "secure" in given.lower()
    assert "domain" not in given.lower()


def test_a_browser_that_keeps_no_cookie_is_told_why(site: Site) -> None:
    with site.stranger() as stranger:
        form = {"token": site.token("a"), "form_token": form_token(stranger.get("/login").text)}
        stranger.cookies.clear()
        refused = stranger.post("/login", data=form)
        assert refused.status_code == 403
        assert "keeps no cookies" in text(refused.text)
        refused = stranger.post("/login", data=form, headers={"Host": "rsvp.example.org"})
        assert "proxy with TLS" in text(refused.text)


def test_a_wrong_token_opens_nothing_and_a_guesser_waits(site: Site) -> None:
    with site.stranger() as stranger:
        for _ in range(callers._FAILURES):
            refused = sign_in(stranger, f"rsvpd_1_{'x' * 43}")
            assert refused.status_code == 401
            assert "wrong, or it was revoked" in text(refused.text)
        refused = sign_in(stranger, site.token("a"))
        assert refused.status_code == 429
        assert refused.headers["retry-after"] == "60"
        assert stranger.get("/").status_code == 303
    assert site.page.get("/").status_code == 200


def test_revoking_a_token_ends_its_passes_at_once(site: Site) -> None:
    with site.visitor(name="short") as visitor:
        assert visitor.get("/").status_code == 200
        with site.app.database.begin() as session:
            access.revoke(session, "short", site.app.clock.now())
        assert visitor.get("/").status_code == 303


def test_signing_out_takes_the_pass_away(site: Site) -> None:
    with site.visitor() as visitor:
        assert send(visitor, "/logout").headers["location"] == "/login"
        assert visitor.get("/").status_code == 303


def test_a_pass_is_good_for_thirty_days_and_cannot_be_made_up(site: Site) -> None:
    now = site.app.clock.now()
    with site.app.database.begin() as session:
        (caller,) = access.tokens(session)
        given = passes.give(session, caller, now)
        assert passes.holder(session, given, now) is not None
        assert passes.holder(session, given, now + passes.LASTS + timedelta(seconds=1)) is None
        number, moment, seal = given.split(".")
        for forged in (
            f"{number}.{int(moment) + 1}.{seal}",
            f"2.{moment}.{seal}",
            f"{number}.{moment}.{'0' * 64}",
            "",
            "x",
        ):
            assert passes.holder(session, forged, now) is None


def test_a_pass_opens_the_pages_and_not_the_api(site: Site) -> None:
    assert site.page.get("/api/v1/meetings").status_code == 401
    assert "set-cookie" not in site.http.get("/meetings").headers


# Forms


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
    ],
)
def test_a_form_of_another_site_does_nothing(site: Site, headers: dict[str, str]) -> None:
    number = held(site)
    form = {"form_token": form_token(site.page.get("/review").text)}
    refused = site.page.post(f"/review/{number}/release", data=form, headers=headers)
    assert (refused.status_code, "another site" in refused.text) == (403, True)
    assert still_held(site) == [number]
    assert site.page.post("/login", data={"token": "x"}, headers=headers).status_code == 403


def test_a_form_needs_the_mark_of_its_own_sign_in(site: Site) -> None:
    number = held(site)
    with site.visitor(Scope.ADMIN) as other:
        theirs = form_token(other.get("/review").text)
    for form in ({}, {"form_token": ""}, {"form_token": theirs}, {"form_token": "é"}):
        assert site.page.post(f"/review/{number}/release", data=form).status_code == 403
        assert site.page.post("/logout", data=form).status_code == 403
    assert site.page.post(f"/review/{number}/release", content=b"\xff").status_code == 400
    assert site.page.post(f"/review/{number}/release", content=b"a=b&" * 100).status_code == 400
    assert still_held(site) == [number]


def test_who_may_only_read_sees_no_buttons_and_can_press_none(site: Site) -> None:
    number, proposal = held(site), proposed(site)
    with site.visitor(Scope.READ) as reader, site.visitor(Scope.WRITE) as writer:
        for page in ("/review", "/meetings/1"):
            assert forms(reader.get(page).text) == ["/logout"]
        answers = [f"/proposals/{proposal}/accept", f"/proposals/{proposal}/decline"]
        assert forms(writer.get("/review").text) == ["/logout", *answers]
        assert forms(site.page.get("/review").text) == [
            "/logout", *answers, f"/review/{number}/release", f"/review/{number}/dismiss"
        ]  # fmt: skip
        assert send(reader, answers[0]).status_code == 403
        refused = send(writer, f"/review/{number}/dismiss")
        assert "may write; this needs one that may admin" in text(refused.text)
    assert still_held(site) == [number]


def test_a_token_of_one_organizer_sees_and_touches_nothing_of_another(site: Site) -> None:
    number, proposal = held(site), proposed(site)
    site.invite("own@example.org", "board")
    with site.visitor(Scope.ADMIN, "board") as visitor:
        listed = text(visitor.get("/", params={"period": "all"}).text)
        assert "Budget review" in listed
        assert listed.count("Budget review") == 1
        for path in ("", "/attendees.csv", "/attendees.xlsx", "/meeting.ics"):
            assert visitor.get(f"/meetings/1{path}").status_code == 404
            assert visitor.get(f"/meetings/2{path}").status_code == 200
        assert visitor.get("/meetings", params={"uid": UID}).status_code == 404
        assert forms(visitor.get("/review").text) == ["/logout"]
        assert send(visitor, f"/review/{number}/dismiss").status_code == 404
        assert send(visitor, f"/proposals/{proposal}/accept").status_code == 404
        assert visitor.get("/", params={"organizer": "events"}).status_code == 403
    assert still_held(site) == [number]


def test_only_our_own_pages_listen(site: Site) -> None:
    assert site.page.get("/events?after=0", headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403


# What browsers are told


def test_every_answer_has_the_headers_that_browsers_obey(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    site.invite()
    style = re.search(r'href="(/static/[^"]+app.css)"', site.page.get("/").text)
    assert style
    static = site.page.get(style[1])
    assert static.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert site.page.get("/static/0000000000000000/app.css").status_code == 404
    assert site.page.get("/static/0000000000000000/..%2f__init__.py").status_code == 404
    answers = [
        static,
        *(site.page.get(path) for path in ("/", "/meetings/1", "/meetings/x", "/nothing", "/logout")),
    ]
    with site.stranger() as stranger:
        answers.append(stranger.get("/"))
    monkeypatch.setattr(wording, "zone_of", None)
    with capture_logs() as said:
        answers.append(site.page.get("/meetings/1"))
    assert [line["event"] for line in said] == ["mistake in rsvpd"]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 404, 404, 405, 303, 500]
    for answer in answers:
        policy = answer.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self';")
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["x-frame-options"] == "DENY"
        assert "server" not in answer.headers
    assert "Nothing was lost" in text(answers[-1].text)
    assert answers[1].headers["cache-control"] == "no-store"


def test_no_page_has_a_script_or_a_style_in_its_text(site: Site) -> None:
    held(site)
    proposed(site)
    for path in ("/", "/meetings/1", "/review", "/health", "/nothing"):
        page = site.page.get(path).text
        assert not re.search(r"<script(?![^>]* src=)|<style|\sstyle=|\son[a-z]+=|javascript:", page), path


HOSTILE = "</title><script>alert(1)</script>\"'><img src=x onerror=alert(2)>&#x3c;svg{{7*7}}"


def test_what_mails_say_is_only_ever_text(site: Site) -> None:
    uid = f"{HOSTILE}@example.org"
    person = Party("alice@example.com", HOSTILE.replace('"', ""))
    ics = house.invite(uid, person, ORGANIZER=None, SUMMARY=HOSTILE, LOCATION=HOSTILE, DESCRIPTION=HOSTILE)
    site.app.invitations.create({"organizer": "events"}, read(ics))
    comment = f"COMMENT:{HOSTILE}".replace(";", "\\;")
    assert site.answer("ACCEPTED", comment, uid=uid, attendee=person) == "applied"
    mail = house.plain_reply(house.facts(uid=uid, attendee=STRANGER), comment)
    mail = mail.replace(b"Subject: Answer", f"Subject: {HOSTILE}".encode())
    mail = mail.replace(b"From: mallory", b'From: "<script>alert(3)</script>" <mallory').replace(
        b"net\r\nTo:", b"net>\r\nTo:"
    )
    (ingested,) = site.app.intake.ingest([("mail", mail)])
    assert ingested.rows[0].outcome == "held"
    proposed(site, uid, person, comment)
    for path in (
        "/?period=all",
        f"/?q={HOSTILE[:60]}".replace("&", "%26").replace("#", "%23"),
        "/meetings/1",
        "/review",
    ):
        page = site.page.get(path).text
        assert "alert(1)" in page, path
        assert not re.search(r"<script(?! src=\"/static)|<img src=x|<svg\{|49}}", page), path
    wrong = site.page.get("/meetings", params={"uid": HOSTILE})
    assert wrong.status_code == 404
    assert "<script>alert" not in wrong.text


def test_a_mistake_of_ours_has_the_headers_over_the_api_too(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_pages, "find", None)
    with capture_logs() as said:
        answer = site.http.get(f"/meetings/{UID}")
    assert [(line["event"], line["path"]) for line in said] == [
        ("mistake in rsvpd", f"/api/v1/meetings/{UID}")
    ]
    assert answer.status_code == 500
    assert answer.json()["detail"] == "that is a mistake in rsvpd; its log says more"
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")
    assert answer.headers["x-content-type-options"] == "nosniff"


def held(site: Site) -> int:
    """A reply that waits for a person."""
    site.invite()
    assert site.answer(attendee=STRANGER) == "held"
    return still_held(site)[0]


def still_held(site: Site) -> list[int]:
    return [row.id for row in house.ledger(site.app.database) if row.outcome == "held" and not row.settled_by]


def proposed(site: Site, uid: str = UID, person: Party = house.ALICE, *lines: str) -> int:
    """A proposal that waits."""
    start = house.START + timedelta(days=1)
    times = f"DTSTART:{start:%Y%m%dT%H%M%SZ}\r\nDTEND:{start:%Y%m%dT%H%M%SZ}\r\nEND:VEVENT".encode()
    mail = house.plain_reply(house.facts(uid=uid, attendee=person, partstat="TENTATIVE"), *lines)
    (ingested,) = site.app.intake.ingest(
        [("mail", mail.replace(b"REPLY", b"COUNTER").replace(b"END:VEVENT", times))]
    )
    assert ingested.rows[0].outcome in {"applied", "proposal"}
    (number,) = (one["id"] for one in site.get("/proposals")["proposals"])
    return int(number)


def forms(page: str) -> list[str]:
    """Where the forms of a page that do something go to."""
    return re.findall(r'<form[^>]* method="post" action="([^"]+)"', page)


def test_a_stranger_is_not_told_what_there_is(site: Site) -> None:
    site.invite()
    with site.stranger() as stranger:
        there: list[httpx.Response] = [stranger.get(path) for path in ("/meetings/1", "/meetings/99")]
    assert [answer.status_code for answer in there] == [303, 303]
