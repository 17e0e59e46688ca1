"""Many listeners and large meetings: neither stops the work."""

from __future__ import annotations

import asyncio
import resource
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import asking
import pytest
from asking import Api
from sqlalchemy import text

import house
from house import UID, facts, plain_reply
from rig.ports import HOST
from rsvpd.app import App
from rsvpd.store import browsing, pages
from rsvpd.store.browsing import People

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]

LISTENERS = 2_000
PEOPLE = 100_000


@pytest.fixture
def files() -> Iterator[None]:
    """Both ends of every connection are in this process."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 8192), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_two_thousand_listeners_do_not_stop_intake(tmp_path: Path, files: None) -> None:
    with asking.answering(house.app_of(url=f"sqlite:///{tmp_path}/rsvpd.db")) as api:
        for number in range(20):
            api.invite(f"{number}@example.org")
        alone = intake(api, range(10))
        crowd = Crowd(int(api.url.rsplit(":", 1)[1]), api.token("crowd"))
        crowd.start()
        house.eventually(lambda: crowd.connected == LISTENERS, 120)
        among = intake(api, range(10, 20))
        house.eventually(lambda: crowd.slowest() >= 20, 120)
        assert api.http.get("/meetings").status_code == 200
        crowd.end()
    print(f"ten replies: {alone:.2f} s alone, {among:.2f} s among {LISTENERS} listeners")
    assert crowd.heard == [list(range(crowd.heard[0][0], crowd.heard[0][-1] + 1))] * LISTENERS
    assert among < 10 * alone + 5


def intake(api: Api, numbers: range) -> float:
    """How long ten mails take, each by itself, in seconds."""
    began = time.monotonic()
    for number in numbers:
        assert api.answer(uid=f"{number}@example.org") == "applied"
    return time.monotonic() - began


class Crowd(threading.Thread):
    """Listeners on one event loop, and what each of them heard."""

    def __init__(self, port: int, token: str) -> None:
        super().__init__(daemon=True)
        self.heard: list[list[int]] = []
        self.connected = 0
        self._port, self._token = port, token
        self._ended = threading.Event()
        self._kept: list[tuple[asyncio.StreamWriter, asyncio.Task[None]]] = []

    def run(self) -> None:
        asyncio.run(self._listen())

    def slowest(self) -> int:
        return min(map(len, self.heard))

    def end(self) -> None:
        self._ended.set()
        self.join(60)

    async def _listen(self) -> None:
        for _ in range(0, LISTENERS, 50):
            opened = [asyncio.create_task(self._one()) for _ in range(50)]
            await asyncio.gather(*opened)
        await asyncio.to_thread(self._ended.wait)
        for writer, reading in self._kept:
            reading.cancel()
            writer.close()
        await asyncio.gather(*(writer.wait_closed() for writer, _ in self._kept), return_exceptions=True)

    async def _one(self) -> None:
        reader, writer = await asyncio.open_connection(HOST, self._port)
        writer.write(
            b"GET /api/v1/changes HTTP/1.1\r\nHost: test\r\nAccept: text/event-stream\r\n"
            + f"Authorization: Bearer {self._token}\r\n\r\n".encode()
        )
        assert b"200 OK" in await reader.readline()
        while b"retry" not in await reader.readline():
            pass
        numbers: list[int] = []
        self.heard.append(numbers)
        self.connected += 1
        self._kept.append((writer, asyncio.create_task(self._read(reader, numbers))))

    async def _read(self, reader: asyncio.StreamReader, numbers: list[int]) -> None:
        while line := await reader.readline():
            if line.startswith(b"id: "):
                numbers.append(int(line[4:]))


@pytest.fixture(params=["sqlite", "postgresql"])
def app(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[App]:
    yield from asking.each_house(request, tmp_path)


def test_a_hundred_thousand_attendees_stay_usable(app: App) -> None:
    Api(app, "", asking.NOBODY).invite()
    app.intake.ingest([("mail", plain_reply(facts()))])
    with app.database.begin() as session:
        numbers = (
            "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :people) "
            "INSERT INTO attendee (meeting_id, address, bare_address, email, role, cutype, rsvp, initial_partstat, partstat) "
            "SELECT 1, 'p' || i || '@example.net', 'p' || i || '@example.net', 'p' || i || '@example.net', "
            "'REQ-PARTICIPANT', 'INDIVIDUAL', true, 'NEEDS-ACTION', "
            "CASE i % 3 WHEN 0 THEN 'ACCEPTED' WHEN 1 THEN 'DECLINED' ELSE 'NEEDS-ACTION' END FROM n"
        )
        session.execute(text(numbers), {"people": PEOPLE})
    with app.database.read() as session:
        found = pages.find(session, UID, None)
        assert found is not None
        counts, took = pages.counts(session, found.id), []
        for _ in range(5):
            began = time.monotonic()
            counts = pages.counts(session, found.id)
            took.append(time.monotonic() - began)
        began = time.monotonic()
        page = browsing.attendees(session, found.id, People(), after=("", PEOPLE // 2), limit=100)
        paged = time.monotonic() - began
    print(f"{app.database.url[:8]}: counts {min(took) * 1000:.0f} ms, a page {paged * 1000:.0f} ms")
    assert sum(counts.values()) == PEOPLE + 2
    assert len(page.views) == 100
    assert min(took) < 0.5
