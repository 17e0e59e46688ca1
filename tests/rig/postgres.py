"""PostgreSQL, whichever version is installed, without its promises about power cuts."""

import signal
import subprocess
import time
from itertools import count
from pathlib import Path
from typing import Self

import psycopg

from rig import RigUnavailable
from rig.ports import HOST, free_port
from rig.process import START_SECONDS, Daemon, account_or_self, as_account, give_to

_SETTINGS = {
    "listen_addresses": HOST,
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "autovacuum": "off",
}


class Postgres:
    """A running PostgreSQL server that lets anybody in as postgres."""

    host = HOST

    def __init__(self, folder: Path) -> None:
        """Prepare a server in this folder, to be entered as a context."""
        self._programs = _newest_programs()
        self._account = account_or_self("postgres")
        self._folder = folder
        self._daemon: Daemon | None = None
        self._numbers = count(1)
        self.port = free_port()
        self.url = self._url("postgres")
        self._initialise()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Start, or start again on the same port; does nothing while running."""
        if self._daemon:
            return
        settings = _SETTINGS | {"port": self.port, "unix_socket_directories": self._folder}
        options = [f"--{name}={value}" for name, value in settings.items()]
        command: list[str | Path] = [self._programs / "postgres", "-D", self._folder / "data", *options]
        log = self._folder / "postgres.log"
        # SIGQUIT ends it as fast as SIGKILL does, but gives its shared memory back.
        self._daemon = Daemon(command, account=self._account, log=log, farewell=signal.SIGQUIT)
        self._wait(self._daemon)

    def stop(self) -> None:
        """End it at once, connections and all."""
        if self._daemon:
            self._daemon.stop()
            self._daemon = None

    def fresh_database(self) -> str:
        """Create an empty database and return its URL."""
        name = f"rsvpd_{next(self._numbers)}"
        with psycopg.connect(self._conninfo(), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name} TEMPLATE template0")
        return self._url(name)

    def _initialise(self) -> None:
        self._folder.mkdir(parents=True)
        give_to(self._account, self._folder)
        data = ("-D", self._folder / "data", "--username=postgres", "--auth=trust", "--no-sync")
        text = ("--encoding=UTF8", "--locale=C.UTF-8", "--no-instructions")
        command: list[str | Path] = [*as_account(self._account), self._programs / "initdb", *data, *text]
        subprocess.run(command, check=True, capture_output=True, cwd="/")

    def _wait(self, daemon: Daemon) -> None:
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                psycopg.connect(self._conninfo()).close()
            except psycopg.OperationalError:
                daemon.check(deadline)
            else:
                return

    def _conninfo(self) -> str:
        return f"host={self.host} port={self.port} user=postgres dbname=postgres"

    def _url(self, name: str) -> str:
        return f"postgresql+psycopg://postgres@{self.host}:{self.port}/{name}"


def _newest_programs() -> Path:
    found = Path("/usr/lib/postgresql").glob("*/bin/initdb")
    versions = {float(path.parts[-3]): path.parent for path in found}
    if not versions:
        raise RigUnavailable("postgresql is not installed")
    return versions[max(versions)]
