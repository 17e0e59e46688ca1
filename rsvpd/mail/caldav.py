"""The only importer of caldav: keeps calendar objects in an organizer's own calendar (RFC 4791)."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import cast
from urllib.parse import unquote, urljoin, urlsplit

from caldav.calendarobjectresource import CalendarObjectResource
from caldav.collection import Calendar
from caldav.davclient import DAVClient
from caldav.lib import error as dav
from caldav.response import PropfindResult

from rsvpd.config import CaldavSettings, OrganizerSettings
from rsvpd.mail import tls
from rsvpd.ports import CalendarUnavailable, Refused

_CALENDAR = "{urn:ietf:params:xml:ns:caldav}calendar"
_TYPE = "{DAV:}resourcetype"
_NAME = "{DAV:}displayname"
_STORED = frozenset({200, 201, 204})
_AWAY = frozenset({502, 503, 504})

# What it has to say is said by the exceptions; the log has one line for each trouble.
logging.getLogger("caldav").setLevel(logging.CRITICAL)


@dataclass(frozen=True, slots=True)
class _Place:
    """A calendar that was found: its URL with a slash at the end, and its name."""

    url: str
    name: str | None


class CalDavCalendar:
    """The calendar that the settings name, looked for at the first use. May raise `CalendarUnavailable`."""

    def __init__(self, settings: CaldavSettings, where: str) -> None:
        self._settings = settings
        self._where = where
        self._client = _client(settings)
        self._found: _Place | None = None

    def put(self, uid: str, ics: bytes) -> Refused | None:
        """Puts the object in the place of the one it had, if any; what the server said if it refuses this one."""
        with self._translated():
            place = self._place()
            failed = self._put(urljoin(place.url, f"{hashlib.sha256(uid.encode()).hexdigest()}.ics"), ics)
            if failed is not None and dav.UID_CONFLICT_PRECONDITIONS & {*failed.preconditions}:
                failed = self._put(self._other_place_of(uid, place), ics)
        return Refused(_words(failed), permanent=True) if failed is not None else None

    def _put(self, url: str, ics: bytes) -> dav.DAVError | None:
        """Without an ETag: the calendar keeps what rsvpd says, whatever was changed there."""
        # A redirection would turn PUT into GET, and pass for stored.
        self._client.session.max_redirects = 0
        try:
            response = self._client.put(url, ics, {"Content-Type": "text/calendar; charset=utf-8"})  # type: ignore[arg-type]  # octets too
        except dav.AuthorizationError as refused:
            if refused.status == 401:
                raise
            return refused
        if response.status in _STORED:
            return None
        failed = dav.error_from_response(dav.PutError, response, f"{response.status} {response.reason}")
        if response.status in _AWAY:
            raise failed
        return failed

    def _other_place_of(self, uid: str, place: _Place) -> str:
        """Where the calendar has this UID already (RFC 4791 5.3.2.1, no-uid-conflict)."""
        found = cast(
            "CalendarObjectResource", Calendar(client=self._client, url=place.url).get_event_by_uid(uid)
        )
        return str(found.url)

    def check(self) -> str:
        """Logs in and finds the calendar; its name or address, for people."""
        with self._translated():
            place = self._place()
        return place.name or place.url

    def _place(self) -> _Place:
        if self._found is None:
            self._found = self._at_the_address() or self._chosen(self._all())
        return self._found

    def _at_the_address(self) -> _Place | None:
        """The calendar whose address was given, if it is one."""
        url = self._settings.url
        response = self._client.propfind(url, [_TYPE, _NAME], 0)
        if response.status != 207:
            raise CalendarUnavailable(
                f"{self._where}: {url} answers {response.status} {response.reason}; "
                "give the address of the calendar, or of the account that has it"
            )
        for one in response.results or ():
            if isinstance(one, PropfindResult) and _CALENDAR in (one.properties.get(_TYPE) or ()):
                return _Place(f"{url.rstrip('/')}/", one.properties.get(_NAME))
        return None

    def _all(self) -> list[_Place]:
        found = []
        for one in self._client.get_calendars():
            url = urljoin(self._settings.url, str(one.url)).rstrip("/")
            found.append(_Place(f"{url}/", cast("str | None", one.get_display_name())))
        return found

    def _chosen(self, places: Sequence[_Place]) -> _Place:
        wanted = self._settings.calendar
        fitting = [p for p in places if wanted is None or wanted in {p.name, _last_part(p.url)}]
        if len(fitting) == 1:
            return fitting[0]
        known = ", ".join(p.name or _last_part(p.url) for p in places) or "none"
        trouble = f"there is no calendar {wanted!r}" if wanted else "say which calendar"
        if len(fitting) > 1 and wanted:
            trouble = f"several calendars are called {wanted!r}, write the last part of its address instead"
        raise CalendarUnavailable(f"{self._where}: {trouble}; found: {known}")

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except dav.AuthorizationError as error:
            if error.status == 403:
                raise CalendarUnavailable(f"{self._where}: the server forbids it (403)") from error
            raise CalendarUnavailable(
                f"{self._where}: login refused for {self._settings.username or 'nobody'}; "
                "check username and password"
            ) from error
        except (dav.DAVError, OSError, SyntaxError, ValueError) as error:
            raise CalendarUnavailable(f"{self._where}: {_words(error)}") from error

    def close(self) -> None:
        """Ends the connection."""
        self._client.close()


@contextmanager
def calendar(organizer: OrganizerSettings) -> Iterator[CalDavCalendar]:
    """The organizer's own calendar, closed at the end."""
    if organizer.caldav is None:
        raise CalendarUnavailable(f"{organizer.name}: no [organizer.caldav] is configured")
    host = urlsplit(organizer.caldav.url).hostname
    opened = CalDavCalendar(organizer.caldav, f"{organizer.name}: caldav {host}")
    try:
        yield opened
    finally:
        opened.close()


def _client(settings: CaldavSettings) -> DAVClient:
    client = DAVClient(
        url=settings.url,
        username=settings.username,
        password=settings.secret(),
        timeout=settings.timeout.total_seconds(),  # type: ignore[arg-type]
        ssl_verify_cert=str(settings.ca_file) if settings.ca_file else True,
        enable_rfc6764=False,
    )
    # Neither proxies nor logins nor certificates from the environment: what is configured is what counts.
    client.session.trust_env = False
    if urlsplit(settings.url).scheme == "https":
        del client.session.adapters["http://"]  # no redirection and no address found leads out of TLS
    return client


def _last_part(url: str) -> str:
    return unquote(urlsplit(url).path.rstrip("/").rpartition("/")[2])


def _words(error: Exception) -> str:
    """What went wrong, on one line: the innermost error knows it."""
    if isinstance(error, dav.DAVError):
        conditions = ", ".join(tag.rpartition("}")[2] for tag in error.preconditions)
        # The library gives what it says of a response as if it were an address.
        said = error.reason if error.reason != dav.DAVError.reason else str(error.url)
        said = " ".join(said.split())[:300]
        return f"{said} ({conditions})" if conditions else said
    return tls.innermost_words(error)
