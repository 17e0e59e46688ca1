"""`rsvpd check`: a doctor for everything that the configuration names.

`findings` are what it says, `servers` how far one gets towards a server, `mailbox`
what reading it needs, `loop` the mail to ourselves, `authenticity` what the
receiving server says of that.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TypeVar

from rsvpd.app import App, open_app
from rsvpd.checking import mailbox, servers
from rsvpd.checking.findings import Doubt, Finding, Mark, Sheet, Told
from rsvpd.checking.loop import Loop
from rsvpd.checking.servers import OAUTH
from rsvpd.config import LoginSettings, OrganizerSettings, Settings, SmtpSettings, load
from rsvpd.mail import probing, smtp
from rsvpd.store.database import Database

__all__ = ["Finding", "Mark", "Wanted", "examine"]

_AT_ONCE = 16
_PATIENCE = timedelta(seconds=20)
"""The longest that one answer of a server is waited for, whatever its `timeout`."""
_LAST_STEPS = 5.0
"""Seconds kept for what follows the loop mail."""

Server = TypeVar("Server", bound=LoginSettings)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to examine: with or without a loop mail, and how long one organizer may take."""

    loop: bool = False
    limit: timedelta = timedelta(seconds=90)


def examine(file: Path | None, wanted: Wanted) -> Iterator[Finding]:
    """Every finding: what all share, then each organizer's in the order of the file.

    Organizers are examined at the same time, some at once; one that takes longer
    than the limit fails, and the others are waited for no longer for it.
    """
    common = Sheet()
    loaded: list[Settings] = []
    common.step("configuration", lambda: _configuration(file, loaded), advice="mend it, then check again")
    yield from common.findings
    if not loaded:
        return
    (settings,) = loaded
    shared = Sheet()
    shared.step("schema", lambda: _schema(settings), advice="see [database] and `rsvpd db upgrade`")
    yield from shared.findings
    app = App(settings, Database(settings.database.url))
    for start in range(0, len(settings.organizer), _AT_ONCE):
        yield from _together(app, settings.organizer[start : start + _AT_ONCE], wanted)


def _configuration(file: Path | None, loaded: list[Settings]) -> Told:
    found, path = load(file)
    loaded.append(found)
    names = ", ".join(organizer.name for organizer in found.organizer)
    if not names:
        return Doubt(f"{path}, without organizers", "add an [[organizer]]; `rsvpd init` shows how")
    return f"{path}, organizers: {names}"


def _schema(settings: Settings) -> Told:
    if Database(settings.database.url).is_empty():
        return "the database is empty; the first command that needs it sets it up"
    return open_app(settings).database.revision() or "none"


def _together(app: App, organizers: Sequence[OrganizerSettings], wanted: Wanted) -> Iterator[Finding]:
    seconds = wanted.limit.total_seconds()
    until = time.monotonic() + seconds
    begun = []
    for organizer in organizers:
        sheet = Sheet(organizer.name)
        # A daemon thread: one that hangs in the resolver must not keep the program from ending.
        thread = threading.Thread(
            target=_organizer, args=(app, _impatient(organizer), sheet, wanted, until), daemon=True
        )
        thread.start()
        begun.append((sheet, thread))
    for sheet, thread in begun:
        thread.join(max(until - time.monotonic(), 0))
        if thread.is_alive():
            sheet.give_up(seconds)
        yield from sheet.findings


def _impatient(organizer: OrganizerSettings) -> OrganizerSettings:
    quick = {
        name: _sooner(server)
        for name in ("imap", "smtp", "caldav")
        if (server := getattr(organizer, name)) is not None
    }
    return organizer.model_copy(update=quick)


def _sooner(server: Server) -> Server:
    return server.model_copy(update={"timeout": min(server.timeout, _PATIENCE)})


def _organizer(app: App, organizer: OrganizerSettings, sheet: Sheet, wanted: Wanted, until: float) -> None:
    if organizer.oauth is not None:
        sheet.step(OAUTH, partial(_oauth, app, organizer), advice="check [organizer.oauth]")
    if organizer.smtp is not None:
        _smtp(app, organizer, organizer.smtp, sheet)
    if organizer.imap is not None:
        with app.mailbox(organizer) as opened:
            mailbox.examine(sheet, opened, organizer, organizer.imap)
            if wanted.loop and organizer.smtp is not None:
                loop = Loop(organizer, opened, app.settings.authserv_id, until - _LAST_STEPS)
                with app.transport(organizer) as transport:
                    loop.examine(sheet, transport)
    if organizer.caldav is not None:
        sheet.step("caldav", partial(_caldav, app, organizer), advice="check [organizer.caldav]")


def _oauth(app: App, organizer: OrganizerSettings) -> Told:
    token = app.tokens(organizer).good()
    return f"access token good until {datetime.fromtimestamp(token.expires_at, UTC):%Y-%m-%d %H:%M} UTC"


def _smtp(app: App, organizer: OrganizerSettings, settings: SmtpSettings, sheet: Sheet) -> None:
    port = smtp.server_of(settings)[1]
    ready = servers.examine(sheet, "smtp", settings, port, probing.smtp_starttls)
    with app.transport(organizer) as transport:
        sheet.step(
            "smtp login",
            lambda: _logged_in(transport, settings.username),
            needs=servers.needed_for_login(organizer, settings, ready),
            advice=servers.login_advice(organizer, settings, "SMTP"),
        )
        sheet.step(
            "smtp extensions", lambda: _extensions(transport), needs=["smtp login"], advice="try again"
        )


def _logged_in(transport: smtp.SmtpTransport, username: str | None) -> Told:
    transport.extensions()
    return f"logged in as {username}" if username else "the server greets us; no login is configured"


def _extensions(transport: smtp.SmtpTransport) -> Told:
    offered = transport.extensions()
    known = ", ".join(name for name in offered if name in _USED) or "none that rsvpd uses"
    if "SMTPUTF8" in offered:
        return f"offers {known}"
    return f"offers {known}; without SMTPUTF8 nobody can be invited whose address is beyond ASCII"


_USED = frozenset({"8BITMIME", "DSN", "PIPELINING", "SIZE", "SMTPUTF8"})


def _caldav(app: App, organizer: OrganizerSettings) -> Told:
    with app.calendar(organizer) as calendar:
        return f"logged in, calendar: {calendar.check()}"
