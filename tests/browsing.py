"""A house with its pages, and who looks at them without a browser."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from html import unescape

import httpx
from asking import Api, application

from rig.ports import HOST, free_port
from rsvpd.app import App
from rsvpd.config import Listener
from rsvpd.running import Running
from rsvpd.store.access import Scope
from rsvpd.web import pages, serving


@dataclass
class Site(Api):
    """A house, where its pages are, and somebody who is signed in and may do everything."""

    page: httpx.Client

    @contextmanager
    def visitor(
        self, scope: Scope = Scope.READ, organizer: str | None = None, name: str = ""
    ) -> Iterator[httpx.Client]:
        """Somebody else who is signed in."""
        with self.stranger() as client:
            sign_in(client, self.token(name or f"{scope} {organizer}", scope, organizer))
            yield client

    def stranger(self) -> httpx.Client:
        """Somebody who is not signed in."""
        return httpx.Client(base_url=self.url, timeout=30)


def sign_in(client: httpx.Client, token: str, target: str = "") -> httpx.Response:
    """What the login form says to a token."""
    form = {"token": token, "form_token": form_token(client.get("/login").text), "next": target or "/"}
    return client.post("/login", data=form)


def form_token(page: str) -> str:
    """What the forms of a page contain."""
    found = re.search(r'name="form_token" value="([^"]+)"', page)
    assert found, page
    return unescape(found[1])


def send(client: httpx.Client, path: str, on: str = "/", **fields: str) -> httpx.Response:
    """Sends a form as the page at `on` has it."""
    form: Mapping[str, str] = {"form_token": form_token(client.get(on).text), "back": on, **fields}
    return client.post(path, data=dict(form))


def text(page: str) -> str:
    """What a page says, without its marks."""
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", page)).split())


@contextmanager
def open_site(app: App) -> Iterator[Site]:
    """Serves the pages and the API of a house."""
    web, stream = application(app)
    pages.install(web, Running(app, lambda: app.settings).look)
    port = free_port()
    with serving(web, Listener(HOST, port), stream.close):
        url = f"http://{HOST}:{port}"
        site = Site(app, url, httpx.Client(), httpx.Client(base_url=url, timeout=30))
        with site.with_token(token := site.token("everything", Scope.ADMIN)) as site.http, site.page:
            sign_in(site.page, token)
            yield site
    app.database.close()
