"""`rsvpd run` as a process: signals, new settings, what systemd is told, and who asks over HTTP.

The work itself is `daemon`'s. New settings reach what they change and nothing else;
what cannot be used changes nothing.
"""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from queue import SimpleQueue

import structlog

from rsvpd.app import App
from rsvpd.config import ConfigInvalid, Settings
from rsvpd.daemon import Daemon
from rsvpd.logs import log_to
from rsvpd.notifying import Systemd, systemd
from rsvpd.ports import CouldNot
from rsvpd.seeing import Seeing, Sight
from rsvpd.store import access
from rsvpd.telling import telling
from rsvpd.turning import Turning

log = structlog.get_logger("rsvpd")

_FIXED = ("database", "http")
"""What is looked at only at the start."""


class Running:
    """A daemon with everything around it; `load` reads the settings anew."""

    def __init__(self, app: App, load: Callable[[], Settings], told: Systemd | None = None) -> None:
        self.app = app
        self.turning = Turning()
        self.telling = telling(app.clock.now)
        self._load = load
        self._systemd = told or systemd()
        self._signals: SimpleQueue[int] = SimpleQueue()  # its put() may interrupt its get()
        self._began_at: datetime = app.clock.now()

    def run(self) -> None:
        """Works until SIGTERM or SIGINT. SIGHUP reads the settings anew."""
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, lambda got, _frame: self._signals.put(got))
        self._log_as_wanted()
        with self._answering(), self._feeding():
            self._work()
        log.info("stopped")

    def look(self) -> Sight:
        """How it goes now."""
        live = self.telling.troubles.parts()
        seeing = Seeing(self.app.database, self.app.clock, self.app.settings)
        return seeing.look(live, self.turning.stuck(), since=self._began_at)

    def _work(self) -> None:
        """Works under the settings of the moment, until a signal says to stop."""
        daemon = Daemon(self.app, self.telling, self.turning, self._show)
        with daemon.at_work() as renew:
            log.info("started", organizers=len(self.app.settings.organizer))
            self._systemd.ready(self._organizers())
            while (number := self._signals.get()) == signal.SIGHUP:
                if self._reload():
                    renew(self.app)
                    self._systemd.ready(self._organizers())
            log.info("stopping", signal=signal.Signals(number).name)
            self._systemd.stopping()

    def _organizers(self) -> str:
        return f"{len(self.app.settings.organizer)} organizers"

    # New settings

    def _reload(self) -> bool:
        """Whether there are others that can be used."""
        self._systemd.reloading()
        old = self.app.settings
        try:
            new = self._load()
            _refuse_what_is_fixed(old, new)
        except CouldNot as error:
            log.error("kept the old settings", why=str(error))  # noqa: TRY400  foreseeable: no traceback
            self._systemd.ready(f"kept the old settings: {error}")
            return False
        if new == old:
            log.info("read the settings", changed=False)
            self._systemd.ready("no setting has changed")
            return False
        self.app = replace(self.app, settings=new)
        self._log_as_wanted()
        log.info("read the settings", changed=True, organizers=_changes(old, new))
        return True

    def _log_as_wanted(self) -> None:
        log_to(sys.stderr, self.app.settings.log_format, self.app.settings.log_level)

    # Who watches over us

    def _show(self) -> None:
        """The line that `systemctl status` shows."""
        if self._systemd.address is None:
            return
        sight = self.look()
        waiting = sum(queue.waiting for queue in sight.queues)
        good = f"{self._organizers()}, {waiting} mails wait"
        self._systemd.status("; ".join(sight.troubles) or good)

    @contextmanager
    def _answering(self) -> Iterator[None]:
        """Over HTTP, if that is configured."""
        if self.app.settings.http is None:
            yield
            return
        from rsvpd import web  # noqa: PLC0415  it takes half a second to load

        listen = self.app.settings.http.listen
        with self.app.database.read() as session:
            known = any(token.revoked_at is None for token in access.tokens(session))
        if not listen.is_private and not known:
            raise ConfigInvalid(
                f"http.listen {listen}: other machines can reach it, and there is no token to know them by; "
                "run `rsvpd token create NAME` first, or listen on 127.0.0.1"
            )
        application = web.application(self.look, self.telling.metrics, private=listen.is_private)
        stream = web.install(application, lambda: self.app)
        web.pages.install(application, self.look)
        with web.serving(application, listen, stream.close):
            log.info("listening", at=str(listen))
            yield

    @contextmanager
    def _feeding(self) -> Iterator[None]:
        """Tells systemd that we are alive, as long as every loop turns."""
        ending = threading.Event()
        thread = threading.Thread(target=self._feed, args=(ending,), name="feed", daemon=True)
        if self._systemd.watchdog is not None:
            thread.start()
        try:
            yield
        finally:
            ending.set()
            if thread.is_alive():
                thread.join()

    def _feed(self, ending: threading.Event) -> None:
        seconds = self._systemd.watchdog.total_seconds() / 3 if self._systemd.watchdog else None
        before: tuple[str, ...] = ()
        while not ending.wait(seconds):
            stuck = self.turning.stuck()
            if not stuck:
                self._systemd.alive()
            elif stuck != before:
                log.error("stuck", loops=", ".join(stuck))
            before = stuck


def _refuse_what_is_fixed(old: Settings, new: Settings) -> None:
    if not new.organizer:
        raise ConfigInvalid("no [[organizer]] is configured any more")
    for name in _FIXED:
        if getattr(old, name) != getattr(new, name):
            raise ConfigInvalid(f"[{name}] has changed, which is looked at only at the start: restart rsvpd")


def _changes(old: Settings, new: Settings) -> str:
    """`+added -removed ~changed`, by the names of organizers."""
    before, after = ({one.name: one for one in settings.organizer} for settings in (old, new))
    signs = {"+": after.keys() - before.keys(), "-": before.keys() - after.keys()}
    signs["~"] = {name for name in before.keys() & after.keys() if before[name] != after[name]}
    return " ".join(f"{sign}{name}" for sign, names in signs.items() for name in sorted(names))
