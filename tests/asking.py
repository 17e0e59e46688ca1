"""A house that answers over HTTP, with uvicorn on a port of its own, and who asks it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

import house
from house import ALICE, BOB, UID, Keys, facts, invite, plain_reply
from rig.ports import HOST, free_port
from rig.postgres import Postgres
from rsvpd.app import App
from rsvpd.changes import Manner
from rsvpd.config import Listener
from rsvpd.store import access
from rsvpd.store.access import Scope
from rsvpd.taken_over import read
from rsvpd.web import api, serving
from rsvpd.web.api.stream import Stream

MEETING: Keys = {
    "organizer": "events",
    "uid": UID,
    "summary": "Budget review",
    "start": f"{house.START:%Y-%m-%dT%H:%M}",
    "duration": "1h",
    "zone": "UTC",
    "attendees": ["Alice Example <alice@example.com>", {"email": "bob@example.com"}],
}

NOBODY = httpx.Client()
"""For a house that is not asked."""
MANNER, TRIED = Manner(), Manner(dry_run=True)


@dataclass
class Api:
    """A house, where it answers, and somebody who may do everything."""

    app: App
    url: str
    http: httpx.Client

    def token(self, name: str, scope: Scope = Scope.READ, organizer: str | None = None) -> str:
        with self.app.database.begin() as session:
            return access.create(session, name, scope, organizer, self.app.clock.now())

    def with_token(self, token: str | None) -> httpx.Client:
        headers = {"Authorization": f"Bearer {token}"} if token is not None else {}
        return httpx.Client(base_url=f"{self.url}/api/v1", headers=headers, timeout=30)

    def invite(self, uid: str = UID, organizer: str = "events") -> None:
        """Invites Alice and Bob."""
        self.app.invitations.create({"organizer": organizer}, read(invite(uid, ALICE, BOB, ORGANIZER=None)))

    def answer(self, partstat: str = "ACCEPTED", *lines: str, **changes: Any) -> str:  # noqa: ANN401  whatever Facts has
        """Alice answers; the outcome."""
        mail = plain_reply(facts(partstat=partstat, **changes), *lines)
        (ingested,) = self.app.intake.ingest([("mail", mail)])
        return ingested.rows[0].outcome

    def get(self, path: str, **query: Any) -> Any:  # noqa: ANN401  any JSON value
        """What is there, which must be."""
        found = self.http.get(path, params=query)
        assert found.status_code == 200, found.text
        return found.json()


def application(app: App) -> tuple[FastAPI, Stream]:
    """The API of a house, and what ends its streams."""
    web = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    return web, api.install(web, lambda: app)


@contextmanager
def answering(app: App) -> Iterator[Api]:
    """Serves the API of a house."""
    web, stream = application(app)
    port = free_port()
    with serving(web, Listener(HOST, port), stream.close):
        asking = Api(app, f"http://{HOST}:{port}", httpx.Client())
        with asking.with_token(asking.token("everything", Scope.ADMIN)) as asking.http:
            yield asking
    app.database.close()


def each_house(request: pytest.FixtureRequest, folder: Path) -> Iterator[App]:
    """A house on the database that a fixture's parameter names."""
    url = f"sqlite:///{folder}/rsvpd.db"
    if request.param == "postgresql":
        postgres: Postgres = request.getfixturevalue("postgres")
        url = postgres.fresh_database()
    app = house.app_of(url=url)
    yield app
    app.database.close()


def problem(answer: httpx.Response, status: int) -> str:
    """The one line of a refusal (RFC 9457)."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    said = answer.json()
    assert (said["status"], said["type"]) == (status, "about:blank")
    assert "\n" not in said["detail"]
    detail: str = said["detail"]
    return detail
