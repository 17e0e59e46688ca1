"""The servers and databases of one run, in a temporary folder."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from functools import cached_property
from itertools import count
from pathlib import Path
from typing import Any

import psycopg

from bench.mails import ORGANIZER, Backlog
from bench.measures import progress
from rig.dovecot import DOMAIN, PASSWORD, Dovecot
from rig.ports import HOST
from rig.postgres import Postgres
from rig.process import account_or_self, give_to
from rsvpd.app import open_app
from rsvpd.config import parse

Keys = dict[str, Any]
SQLITE, POSTGRESQL = "sqlite", "postgresql"
_SHARED_COPIES = 40_000
"""Names of one file: file systems allow no more than 65,000."""


class World:
    """A Dovecot, a PostgreSQL once somebody asks for one, and a folder."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.folder = folder
        self._stack = stack
        self._numbers = count(1)
        self._prepared: dict[str, str] = {}
        self.dovecot = stack.enter_context(Dovecot(folder / "dovecot"))

    @cached_property
    def postgres(self) -> Postgres:
        """Started at the first use."""
        return self._stack.enter_context(Postgres(self.folder / "postgres"))

    # Mailboxes

    def mailbox(self, backlog: Backlog) -> str:
        """The user whose INBOX holds the backlog; filled once."""
        user = f"{backlog.name}@{DOMAIN}"
        if not self._mail(user).exists():
            progress(f"filling a mailbox with {backlog.mails} mails")
            self._fill(user, backlog)
        return user

    def old_mails(self, number: int) -> str:
        """The user whose INBOX holds so many equal mails, cheaply: most are names of one file."""
        user = f"old{number}@{DOMAIN}"
        if not self._mail(user).exists():
            progress(f"filling a mailbox with {number} old mails")
            self._fill_with_one(user, number)
        return user

    def _mail(self, user: str) -> Path:
        return self.dovecot.conf.parent / "mail" / user / "Mail"

    def _fill(self, user: str, mails: Iterable[bytes]) -> None:
        folder = self._maildir(user)
        for number, raw in enumerate(mails):
            (folder / _name(number, len(raw))).write_bytes(raw)
        self._index(user, folder)

    def _fill_with_one(self, user: str, number: int) -> None:
        folder = self._maildir(user)
        raw = b"Subject: old\r\nMessage-ID: <old@example.net>\r\n\r\nx\r\n"
        first = folder / _name(0, len(raw))
        for one in range(number):
            path = folder / _name(one, len(raw))
            if one % _SHARED_COPIES == 0:
                path.write_bytes(raw)
                first = path
            else:
                os.link(first, path)
        self._index(user, folder)

    def _maildir(self, user: str) -> Path:
        for name in ("new", "tmp", "cur"):
            (self._mail(user) / name).mkdir(parents=True)
        return self._mail(user) / "cur"

    def _index(self, user: str, folder: Path) -> None:
        """Has Dovecot number them, so that nobody's first look pays for it."""
        account = account_or_self("nobody")
        own = [folder, *folder.parent.iterdir(), folder.parent, folder.parent.parent]
        give_to(account, *own, *(path for path in folder.iterdir() if path.stat().st_nlink == 1))
        for path in folder.iterdir():
            if path.stat().st_nlink > 1 and path.stat().st_uid != account.pw_uid:
                give_to(account, path)
        progress("Dovecot numbers them")
        self.dovecot.doveadm("index", "-u", user, "INBOX")

    # Settings

    def organizer(self, user: str | None = None, name: str = "events", **keys: object) -> Keys:
        """The keys of an organizer, whose mailbox is this user's."""
        imap = {"host": HOST, "port": self.dovecot.imap_port, "security": "none", "timeout": "600s"}
        login = {"username": user, "password": PASSWORD, "save_sent": False}
        found: Keys = {"name": name, "address": ORGANIZER.address, **keys}
        return found | ({"imap": imap | login} if user else {})

    def settings(self, url: str, *organizers: Keys, **keys: object) -> Keys:
        """What a configuration says."""
        state = self.folder / "state"
        return {"database": {"url": url}, "organizer": organizers, "state_directory": str(state), **keys}

    def file(self, settings: Keys) -> Path:
        """The settings as a configuration that `rsvpd` reads."""
        path = self.folder / f"rsvpd-{next(self._numbers)}.toml"
        path.write_text(_toml(settings), encoding="utf-8")
        return path

    # Databases

    def database(self, kind: str, backlog: Backlog | None = None) -> str:
        """The URL of a database of its own, which knows the meetings of a backlog."""
        name = backlog.name if backlog else "empty"
        prepared = f"{kind}-{name}"
        if prepared not in self._prepared:
            progress(f"recording the meetings of {name} ({kind})")
            self._prepared[prepared] = self._new(kind)
            self._record(self._prepared[prepared], backlog)
        return self.copy(self._prepared[prepared])

    def _new(self, kind: str) -> str:
        if kind == POSTGRESQL:
            return self.postgres.fresh_database()
        return f"sqlite:///{self.folder}/{next(self._numbers)}.db"

    def _record(self, url: str, backlog: Backlog | None) -> None:
        app = open_app(parse(self.settings(url, self.organizer()), Path("bench")))
        for ics in backlog.invitations() if backlog else ():
            app.invitations.import_ics(ics, "events")
        app.database.close()

    def copy(self, url: str) -> str:
        """The URL of a copy of a database that nobody is connected to."""
        if url.startswith(SQLITE):
            target = f"{self.folder}/{next(self._numbers)}.db"
            shutil.copy(url.removeprefix("sqlite:///"), target)
            return f"sqlite:///{target}"
        head, _, name = url.rpartition("/")
        target = f"bench_{next(self._numbers)}"
        with psycopg.connect(self.postgres.url.replace("+psycopg", ""), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {target} TEMPLATE {name}")
        return f"{head}/{target}"

    def forget(self, url: str) -> None:
        """Gives the room of a copy back."""
        if url.startswith(SQLITE):
            for path in self.folder.glob(f"{Path(url).name}*"):
                path.unlink()
            return
        with psycopg.connect(self.postgres.url.replace("+psycopg", ""), autocommit=True) as connection:
            connection.execute(f"DROP DATABASE {url.rpartition('/')[2]} WITH (FORCE)")


def _name(number: int, size: int) -> str:
    return f"{int(time.time())}.M{number:07}P1.bench,S={size},W={size}:2,"


def _toml(settings: Keys) -> str:
    tables = {key: value for key, value in settings.items() if isinstance(value, dict)}
    lines = [
        f"{key} = {_value(value)}" for key, value in settings.items() if key not in {*tables, "organizer"}
    ]
    for name, table in tables.items():
        lines += [f"[{name}]", *(f"{key} = {_value(value)}" for key, value in table.items())]
    for organizer in settings["organizer"]:
        lines += [
            "[[organizer]]",
            *(f"{k} = {_value(v)}" for k, v in organizer.items() if not isinstance(v, dict)),
        ]
        for part, keys in organizer.items():
            if isinstance(keys, dict):
                lines += [f"[organizer.{part}]", *(f"{key} = {_value(value)}" for key, value in keys.items())]
    return "\n".join([*lines, ""])


def _value(value: object) -> str:
    return str(value).lower() if isinstance(value, bool | int) else f'"{value}"'


@contextmanager
def world() -> Iterator[World]:
    """Everything that a run needs, gone at its end."""
    folder = Path(tempfile.mkdtemp(prefix="rsvpd-bench-"))
    folder.chmod(0o755)  # for the accounts that the servers run under
    try:
        with ExitStack() as stack:
            yield World(folder, stack)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
