"""Templates made answers, and the files that go with them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from http import HTTPStatus
from importlib.resources import files
from urllib.parse import urlencode

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, Response
from jinja2 import Environment, PackageLoader, StrictUndefined

from rsvpd.letters.plain import linked, one_line, paragraphs
from rsvpd.web.api.problems import Refused

router = APIRouter()

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    "Referrer-Policy": "same-origin",  # with none, Chromium says of our own forms that they come from nowhere
}
"""What browsers are told of pages: nothing inline, nothing from elsewhere."""
_TYPES = {"css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}
_FOREVER = {"Cache-Control": "public, max-age=31536000, immutable"}


@dataclass(frozen=True, slots=True)
class Static:
    """A file that browsers may keep for ever: what is in it is part of its address."""

    name: str
    digest: str
    content: bytes

    @property
    def path(self) -> str:
        """Where it is."""
        return f"/static/{self.digest}/{self.name}"


@cache
def _static(name: str) -> Static:
    content = files(__package__).joinpath("static", name).read_bytes()
    return Static(name, hashlib.sha256(content).hexdigest()[:16], content)


@router.get("/static/{digest}/{name}")
def static(digest: str, name: str) -> Response:
    """A file; only by the digest of what is in it."""
    if name not in _FILES or (found := _static(name)).digest != digest:
        raise Refused(HTTPStatus.NOT_FOUND, "There is no such file.")
    return Response(found.content, headers=_FOREVER, media_type=_TYPES[name.rpartition(".")[2]])


_FILES = frozenset({"app.css", "app.js", "icon.svg"})


def show(template: str, /, status: int = HTTPStatus.OK, **material: object) -> Response:
    """A page."""
    return HTMLResponse(_environment().get_template(template).render(material), status)


def link(path: str, **query: object) -> str:
    """A path with a query; what is empty is left out."""
    given = {name: value for name, value in query.items() if value not in {None, "", False}}
    return f"{path}?{urlencode(given)}" if given else path


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("rsvpd.web.pages"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"one_line": one_line, "paragraphs": paragraphs, "linked": linked}
    environment.globals |= {"static": lambda name: _static(name).path, "link": link}
    return environment
