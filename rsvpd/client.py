"""For programs in Python: `Client(url, token).attendance(uid)`, `.changes()`. Needs the extra `rsvpd[client]`.

from rsvpd.client import Client

with Client("http://127.0.0.1:8025", token) as rsvpd:
print(rsvpd.attendance("budget@example.org").counts)
for change in rsvpd.changes(after=rsvpd.newest()):
print(change.kind, change.attendee, change.partstat)
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import suppress
from http import HTTPStatus
from typing import Any, Self, TypeVar
from urllib.parse import quote

import httpx
from pydantic import BaseModel

from rsvpd.contract import (
    Attendance,
    Change,
    Changed,
    ChangePage,
    Decided,
    Meeting,
    MeetingPage,
    Proposal,
    ProposalPage,
    Reply,
    ReplyPage,
)

_Said = TypeVar("_Said", bound=BaseModel)

_PAGE, _PAUSE_SECONDS = 1000, 1.0
_SILENCE_SECONDS = 60.0
"""After which a stream is taken for dead; the server says something every 15 seconds."""


class Problem(Exception):  # noqa: N818  what the server calls it
    """The server refuses; the message is its one line. `status` is the HTTP status."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status


class Client:
    """A connection to `[http]` of a running rsvpd.

    Args:
        url: where it listens, such as `http://127.0.0.1:8025`, or `unix:/run/rsvpd/http.sock`.
        token: what `rsvpd token create` printed.

    Every method raises `Problem` for what the server refuses, and `httpx.HTTPError` if it is away.
    """

    def __init__(self, url: str, token: str, *, timeout: float = 30.0) -> None:
        path = url.removeprefix("unix:") if url.startswith("unix:") else None
        self._http = httpx.Client(
            base_url=f"{'http://rsvpd' if path else url.rstrip('/')}/api/v1",
            headers={"Authorization": f"Bearer {token}"},
            timeout=timeout,
            transport=httpx.HTTPTransport(uds=path) if path else None,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Ends the connections."""
        self._http.close()

    # Meetings

    def meetings(self, **filters: str | bool) -> Iterator[Meeting]:
        """Meetings by their start; `organizer`, `upcoming` and `status` are as in the README."""
        for page in self._pages("/meetings", MeetingPage, filters):
            yield from page.meetings

    def meeting(self, uid: str) -> Meeting:
        """One meeting."""
        return self._get(_of(uid), Meeting)

    def create(self, key: str | None = None, **fields: Any) -> Meeting:  # noqa: ANN401  any JSON value
        """Records a meeting and invites everybody; with the same `key` once, however often it is called."""
        return self._post("/meetings", Meeting, fields, key)

    def update(self, uid: str, key: str | None = None, **fields: Any) -> Changed:  # noqa: ANN401
        """Changes a meeting; another time asks everybody again."""
        return self._send("PATCH", _of(uid), Changed, fields, key)

    def cancel(self, uid: str, key: str | None = None, **how: str) -> Changed:
        """Calls off a meeting, or one `occurrence` of it, with a `message`."""
        return self._post(f"{_of(uid)}/cancel", Changed, how, key)

    def attendance(self, uid: str, *partstats: str) -> Attendance:
        """Who is coming, with all attendees, or those who answer so."""
        first, *others = self._pages(f"{_of(uid)}/attendance", Attendance, {"partstat": list(partstats)})
        everybody = [*first.attendees, *(one for page in others for one in page.attendees)]
        return first.model_copy(update={"attendees": tuple(everybody), "next": None})

    # Replies and proposals

    def replies(self, **filters: str | list[str]) -> Iterator[Reply]:
        """The ledger, the newest first; `uid`, `outcome`, `since` and `organizer` are as in the README."""
        for page in self._pages("/replies", ReplyPage, filters):
            yield from page.replies

    def review(self) -> Iterator[Reply]:
        """What waits for a person."""
        for page in self._pages("/review", ReplyPage, {}):
            yield from page.replies

    def release(self, number: int) -> Reply:
        """Lets the answer of a held row count."""
        return self._post(f"/review/{number}/release", Reply)

    def dismiss(self, number: int) -> Reply:
        """Takes a held row off the list."""
        return self._post(f"/review/{number}/dismiss", Reply)

    def proposals(self) -> Iterator[Proposal]:
        """Counter-proposals that wait."""
        for page in self._pages("/proposals", ProposalPage, {}):
            yield from page.proposals

    def accept(self, number: int) -> Decided:
        """Moves the meeting to what was proposed."""
        return self._post(f"/proposals/{number}/accept", Decided)

    def decline(self, number: int, message: str | None = None) -> Decided:
        """Keeps the meeting as it is."""
        return self._post(f"/proposals/{number}/decline", Decided, {"message": message})

    # Changes

    def newest(self) -> int:
        """Where the feed of changes ends: `after` for whoever has just read everything."""
        place = None
        while True:
            page = self._changes(place)
            if len(page.changes) < _PAGE:
                return page.last
            place = page.last

    def changes(self, after: int | None = None, *, wait: bool = True) -> Iterator[Change]:
        """Every change after `after`, none left out and none twice; without it from the first there is.

        With `wait` it never ends: it goes on with what comes, and comes back by itself
        where the connection is lost. Without it ends with the newest. Raises `Problem`
        with status 410 where what came after `after` is not all kept any more.
        """
        place = after
        while place is None or not wait:
            page = self._changes(place)
            yield from page.changes
            place = page.last
            if len(page.changes) < _PAGE:
                break
        while wait:
            with suppress(httpx.TransportError):
                for change in self._stream(place or 0):
                    place = change.number
                    yield change
            time.sleep(_PAUSE_SECONDS)

    def _changes(self, place: int | None) -> ChangePage:
        after = {} if place is None else {"after": place}
        return self._get("/changes", ChangePage, {**after, "limit": _PAGE})

    def _stream(self, place: int) -> Iterator[Change]:
        headers = {"Accept": "text/event-stream", "Last-Event-ID": str(place)}
        timeout = httpx.Timeout(self._http.timeout.connect, read=_SILENCE_SECONDS)
        with self._http.stream("GET", "/changes", headers=headers, timeout=timeout) as response:
            if response.status_code == HTTPStatus.SERVICE_UNAVAILABLE:
                raise httpx.ReadError("the database is away")
            if response.is_error:
                response.read()
            _refuse(response)
            for line in response.iter_lines():
                if line.startswith("data: "):
                    yield Change.model_validate_json(line.removeprefix("data: "))

    def _pages(self, path: str, kind: type[_Said], filters: dict[str, Any]) -> Iterator[_Said]:
        after: str | None = None
        while True:
            cursor = {"after": after} if after else {}
            page = self._get(path, kind, {**filters, "limit": _PAGE, **cursor})
            yield page
            after = getattr(page, "next", None)
            if after is None:
                return

    def _get(self, path: str, kind: type[_Said], query: dict[str, Any] | None = None) -> _Said:
        return _read(self._http.get(path, params=query), kind)

    def _post(
        self, path: str, kind: type[_Said], body: dict[str, Any] | None = None, key: str | None = None
    ) -> _Said:
        return self._send("POST", path, kind, body, key)

    def _send(
        self, method: str, path: str, kind: type[_Said], body: dict[str, Any] | None, key: str | None
    ) -> _Said:
        headers = {"Idempotency-Key": key} if key else {}
        return _read(self._http.request(method, path, json=body, headers=headers), kind)


def _of(uid: str) -> str:
    return f"/meetings/{quote(uid, safe='@:')}"


def _read(response: httpx.Response, kind: type[_Said]) -> _Said:
    _refuse(response)
    return kind.model_validate_json(response.content)


def _refuse(response: httpx.Response) -> None:
    if response.is_error:
        try:
            detail = str(response.json()["detail"])
        except (ValueError, KeyError, TypeError):  # a proxy in between says it in its own way
            detail = f"{response.status_code} {response.reason_phrase}"
        raise Problem(response.status_code, detail)
