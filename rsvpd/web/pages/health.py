"""`/health`: how it goes, by the same sight as `/healthz` and `rsvpd status`."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from fastapi import APIRouter
from fastapi.responses import Response

from rsvpd.letters.plain import one_line
from rsvpd.seeing import Sight
from rsvpd.web.pages import wording
from rsvpd.web.pages.outline import outline
from rsvpd.web.pages.showing import show
from rsvpd.web.pages.visitors import Visiting

_UNITS = ((86_400, "d"), (3600, "h"), (60, "min"), (1, "s"))


def routes(look: Callable[[], Sight]) -> APIRouter:
    """The page about what `look` sees."""
    router = APIRouter()

    @router.get("/health")
    def health(visit: Visiting) -> Response:
        sight = look()
        with visit.house.database.read() as session:
            frame = outline(session, visit, "health")
        return show("health.html", **frame, **_material(sight))

    return router


def _material(sight: Sight) -> dict[str, Any]:
    return {
        "troubles": [one_line(trouble) for trouble in sight.troubles],
        "daemons": [
            {"name": one_line(one.name), "since": age(sight.at, one.joined_at)} for one in sight.daemons
        ],
        "jobs": [
            {
                "verb": job.verb,
                "organizer": one_line(job.organizer),
                "worked": age(sight.at, job.worked_at),
                "well": job.well,
                "words": one_line(job.words),
                "since": age(sight.at, job.since),
            }
            for job in sight.jobs
        ],
        "queues": [
            {
                "organizer": one_line(queue.organizer),
                "waiting": queue.waiting,
                "failed": queue.failed,
                "oldest": age(sight.at, queue.oldest_at),
            }
            for queue in sight.queues
        ],
        "waiting": sight.waiting,
        "at": wording.at(sight.at, "UTC"),
    }


def age(now: datetime, then: datetime | None) -> str:
    """`5 s`, `3 min`, `2 h` or `4 d`: the largest unit that there is one of."""
    if then is None:
        return ""
    seconds = max((now - then) // timedelta(seconds=1), 0)
    return next((f"{seconds // size} {unit}" for size, unit in _UNITS if seconds >= size), "0 s")
