"""The pages in a real browser: alive, without JavaScript, without a mouse, on a phone, for everybody."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any, Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, ViewportSize, expect

import browsing
import house
import scenery
from browsing import Site
from builders import Party
from house import NOW, eventually
from rsvpd.store import access
from rsvpd.store.access import Scope
from rsvpd.taken_over import read

PAGES = {
    "list": "/",
    "past": "/?period=past",
    "meeting": "/meetings/1",
    "quiet": "/meetings/2",
    "cancelled": "/meetings/3",
    "series": "/meetings/4",
    "review": "/review?outdated=true",
    "health": "/health",
    "missing": "/nothing",
}
DESK, PHONE = ViewportSize(width=1200, height=900), ViewportSize(width=360, height=740)

People = Callable[..., Page]
_NUMBERS = count(1)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    app = house.app_of(house.organizer(zone="Europe/Zurich"), url=f"sqlite:///{tmp_path}/rsvpd.db")
    with browsing.open_site(app) as site:
        yield site


@pytest.fixture
def person(chromium: Browser) -> Iterator[People]:
    """Somebody with a browser of their own; whatever it complains of fails the test."""
    complaints: list[str] = []

    def someone(**options: Any) -> Page:  # noqa: ANN401  what a context takes
        page = chromium.new_context(**options).new_page()
        page.set_default_timeout(15_000)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
        return page

    yield someone
    for context in chromium.contexts:
        context.close()
    assert [words for words in complaints if not {"401", "404"} & {*words.split()}] == []


def enter(site: Site, page: Page, scope: Scope = Scope.ADMIN) -> Page:
    """Signs in as everybody does."""
    page.goto(f"{site.url}/login")
    page.get_by_label("Token").fill(site.token(f"ann-{next(_NUMBERS)}", scope))
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Who is coming?")).to_be_visible()
    expect(page.get_by_role("navigation", name="Pages")).to_be_visible()
    return page


@contextmanager
def not_loaded_again(page: Page) -> Iterator[None]:
    """What happens inside happens on the page that is there."""
    page.evaluate("window.same = true")
    yield
    assert page.evaluate("window.same") is True


def figure(page: Page, name: str) -> str:
    """The large number of a participation status."""
    return page.locator(f".figures .{name} dd").inner_text()


# Signing in


def test_a_link_fills_in_the_token_and_leaves_none_of_it_in_the_address(site: Site, person: People) -> None:
    page, token = person(), site.token("a")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{site.url}/login#{token}")
    expect(page.get_by_label("Token")).to_have_value(token)
    assert page.url == f"{site.url}/login"
    page.keyboard.press("Enter")
    expect(page.get_by_role("navigation", name="Pages")).to_be_visible()
    assert not any(token in url for url in asked)
    assert page.evaluate("document.cookie") == ""
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_label("Token")).to_have_value("")


# Alive


def test_an_answer_shows_without_loading_the_page_again(site: Site, person: People) -> None:
    site.invite()
    page = enter(site, person())
    page.get_by_role("link", name="Budget review").click()
    expect(page.locator(".figures .needs_action dd")).to_have_text("2")
    with not_loaded_again(page):
        site.answer("DECLINED", dtstamp=NOW - timedelta(hours=2))
        expect(page.locator(".figures .declined dd")).to_have_text("1")
        expect(page.get_by_role("status").last).to_have_text("alice@example.com: declined")
        site.answer("ACCEPTED", "COMMENT:Gladly")
        expect(page.locator(".figures .accepted dd")).to_have_text("1")
        expect(page.get_by_text("Gladly", exact=True)).to_be_visible()
    assert (figure(page, "declined"), figure(page, "needs_action")) == ("0", "1")


def test_what_somebody_does_is_not_taken_from_under_their_hands(site: Site, person: People) -> None:
    site.invite()
    for said, hours in (("DECLINED", 9), ("ACCEPTED", 8)):
        site.answer(said, dtstamp=NOW - timedelta(hours=hours))
    page = enter(site, person())
    page.goto(f"{site.url}/meetings/1")
    page.get_by_text("was declined").click()
    page.locator("#chart > summary").click()
    search = page.get_by_label("Search")
    search.fill("exam")
    with not_loaded_again(page):
        site.answer(attendee=house.BOB)
        expect(page.locator(".figures .accepted dd")).to_have_text("2")
        expect(search).to_be_focused()
        expect(search).to_have_value("exam")
        assert page.locator("#history-1").get_attribute("open") is not None
        assert page.locator("#chart").get_attribute("open") is None


def test_the_list_and_the_review_queue_follow_too(site: Site, person: People) -> None:
    page = enter(site, person())
    with not_loaded_again(page):
        site.invite()
        expect(page.get_by_role("link", name="Budget review")).to_be_visible()
        stranger = Party("mallory@example.net", "Mallory")
        assert site.answer(attendee=stranger) == "held"
        expect(page.get_by_role("link", name="Review 1 waiting")).to_be_visible()
    page.get_by_role("navigation", name="Pages").get_by_role("link", name="Review").click()
    page.get_by_role("button", name="Dismiss").click()
    expect(page.get_by_text("it changes nothing").first).to_be_visible()
    assert "done" not in page.url


def test_whoever_may_look_no_more_is_asked_for_a_token(site: Site, person: People) -> None:
    page = enter(site, person())
    with site.app.database.begin() as session:
        (name,) = (one.name for one in access.tokens(session) if one.name.startswith("ann-"))
        access.revoke(session, name, site.app.clock.now())
    expect(page.get_by_label("Token")).to_be_visible()


# Without JavaScript, without a mouse


def test_everything_works_without_javascript(site: Site, person: People) -> None:
    site.invite()
    site.answer("ACCEPTED", "COMMENT:Gladly")
    site.answer(attendee=Party("mallory@example.net", "Mallory"))
    page = enter(site, person(java_script_enabled=False))
    page.get_by_label("Search").fill("budget")
    page.get_by_role("button", name="Search").click()
    page.get_by_role("link", name="Budget review").click()
    page.get_by_label("Answer", exact=True).select_option("Accepted")
    page.get_by_role("button", name="Show").click()
    expect(page.get_by_role("row")).to_have_count(2)
    expect(page.get_by_role("row").last).to_contain_text("Gladly")
    with page.expect_download() as download:
        page.get_by_role("link", name="CSV").click()
    assert download.value.suggested_filename.startswith("attendance-")
    page.get_by_role("navigation", name="Pages").get_by_role("link", name="Review").click()
    page.get_by_role("button", name="Release").click()
    expect(page.get_by_text("it counts now")).to_be_visible()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_label("Token")).to_be_visible()


def test_a_keyboard_is_enough(site: Site, person: People) -> None:
    site.invite()
    site.answer(attendee=Party("mallory@example.net", "Mallory"))
    page = person()
    page.goto(f"{site.url}/login")
    expect(page.get_by_label("Token")).to_be_focused()
    page.keyboard.type(site.token("keys", Scope.ADMIN))
    page.keyboard.press("Enter")
    expect(page.get_by_role("navigation", name="Pages")).to_be_visible()
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    reach(page, "Budget review")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Budget review")).to_be_visible()
    page.goto(f"{site.url}/review")
    reach(page, "Release")
    page.keyboard.press("Enter")
    expect(page.get_by_text("it counts now").first).to_be_visible()


def reach(page: Page, name: str) -> None:
    """Presses Tab until what has that name has the focus, which then can be seen."""
    for _ in range(40):
        page.keyboard.press("Tab")
        focused = page.locator(":focus")
        if focused.count() and focused.inner_text().startswith(name):
            width = focused.evaluate("e => getComputedStyle(e.closest('li') || e).outlineWidth")
            assert width == "3px"
            return
    pytest.fail(f"{name} cannot be reached")


# For everybody, on everything


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A house in which a lot has happened."""
    folder = tmp_path_factory.mktemp("stage")
    app = house.app_of(house.organizer(zone="Europe/Zurich"), url=f"sqlite:///{folder}/rsvpd.db")
    with browsing.open_site(app) as site:
        scenery.furnish(site)
        yield site


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the pictures go that a person looks at."""
    folder = Path(os.environ.get("RSVPD_SCREENSHOTS") or tmp_path_factory.mktemp("screenshots"))
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
def test_every_page_fits_and_is_for_everybody(
    stage: Site, person: People, pictures: Path, size: ViewportSize, scheme: Literal["light", "dark"]
) -> None:
    page = person(viewport=size, color_scheme=scheme, reduced_motion="reduce")
    page.goto(f"{stage.url}/login")
    look(page, pictures / f"login-{size['width']}-{scheme}.png")
    enter(stage, page)
    for name, path in PAGES.items():
        page.goto(stage.url + path)
        look(page, pictures / f"{name}-{size['width']}-{scheme}.png")
    page.goto(f"{stage.url}/meetings/1")
    for closed in page.locator("details:not([open]) > summary").all():
        closed.click()
    look(page, pictures / f"opened-{size['width']}-{scheme}.png")


def look(page: Page, picture: Path) -> None:
    """A picture for people, and what a person would find wrong with it."""
    page.screenshot(path=picture, full_page=True)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), page.url
    found = Axe().run(page)
    assert found.violations_count == 0, f"{page.url}: {found.generate_report()}"


def test_on_paper_there_is_nothing_to_press(stage: Site, person: People, pictures: Path) -> None:
    page = enter(stage, person())
    page.goto(f"{stage.url}/meetings/1")
    page.emulate_media(media="print")
    page.screenshot(path=pictures / "print.png", full_page=True)
    assert not page.get_by_role("button").all() or not any(
        button.is_visible() for button in page.get_by_role("button").all()
    )
    expect(page.get_by_role("row")).to_have_count(len(scenery.PEOPLE) + 1)


def test_a_page_that_comes_back_from_before_is_not_old(site: Site, person: People) -> None:
    site.invite()
    page = enter(site, person())
    page.get_by_role("link", name="Budget review").click()
    expect(page.locator(".figures .needs_action dd")).to_have_text("2")
    page.goto(f"{site.url}/review")
    site.answer()
    page.go_back()
    eventually(lambda: figure(page, "accepted") == "1")


def test_a_burst_of_answers_is_few_looks_and_the_last_one_sees_all(site: Site, person: People) -> None:
    people = [Party(f"p{number}@example.com", f"P{number}") for number in range(30)]
    site.app.invitations.create(
        {"organizer": "events"}, read(house.invite(house.UID, *people, ORGANIZER=None))
    )
    page = enter(site, person())
    page.goto(f"{site.url}/meetings/1")
    looks: list[str] = []
    page.on(
        "request", lambda request: looks.append(request.url) if request.resource_type == "fetch" else None
    )
    with not_loaded_again(page):
        for one in people:
            site.answer(attendee=one)
        expect(page.locator(".figures .accepted dd")).to_have_text("30", timeout=15_000)
    assert 1 <= len(looks) < len(people)
