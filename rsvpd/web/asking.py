"""`/healthz`, `/readyz` and `/metrics`."""

from __future__ import annotations

from collections.abc import Callable

from fastapi import Depends, FastAPI
from fastapi.encoders import jsonable_encoder
from fastapi.responses import JSONResponse, Response

from rsvpd.metrics import CONTENT_TYPE, Metrics
from rsvpd.seeing import Sight
from rsvpd.web.api.callers import known


def application(look: Callable[[], Sight], metrics: Metrics, *, private: bool) -> FastAPI:
    """The application. `look` says how it goes now, and may take as long as the database does.

    Where it is not `private` to this machine, whoever asks needs a token, but for `/readyz`.
    """
    asked = [] if private else [Depends(known)]
    app = FastAPI(title="rsvpd", docs_url=None, redoc_url=None, openapi_url=None)

    @app.get("/healthz", dependencies=asked)
    def healthz() -> Response:
        """200 if nothing is wrong, else 503; either with all that is known."""
        sight = look()
        return JSONResponse(jsonable_encoder(sight.as_json()), 200 if sight.well else 503)

    @app.get("/readyz")
    def readyz() -> Response:
        """200 if the database answers and the loops turn, else 503."""
        sight = look()
        ready = sight.database is None and not sight.stuck
        return JSONResponse({"ready": ready}, 200 if ready else 503)

    @app.get("/metrics", dependencies=asked)
    def numbers() -> Response:
        """For Prometheus."""
        return Response(metrics.exposition(look()), media_type=CONTENT_TYPE)

    return app
