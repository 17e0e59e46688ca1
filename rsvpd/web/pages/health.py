"""`/health`: how it goes, by the same sight as `/healthz` and `rsvpd status`."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from fastapi import APIRouter
from fastapi.responses import Response

from rsvpd.letters.plain import one_line
from rsvpd.seeing import Sight, age
from rsvpd.web.pages import wording
from rsvpd.web.pages.outline import outline
from rsvpd.web.pages.showing import show
from rsvpd.web.pages.visitors import Visiting


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
            {"name": one_line(one.name), "since": _age(sight.at, one.joined_at)} for one in sight.daemons
        ],
        "jobs": [
            {
                "verb": job.verb,
                "organizer": one_line(job.organizer),
                "worked": _age(sight.at, job.worked_at),
                "well": job.well,
                "words": one_line(job.words),
                "since": _age(sight.at, job.since),
            }
            for job in sight.jobs
        ],
        "queues": [
            {
                "organizer": one_line(queue.organizer),
                "waiting": queue.waiting,
                "failed": queue.failed,
                "oldest": _age(sight.at, queue.oldest_at),
            }
            for queue in sight.queues
        ],
        "waiting": sight.waiting,
        "at": wording.at(sight.at, "UTC"),
    }


def _age(now: datetime, then: datetime | None) -> str:
    return age(now, then) if then is not None else ""
