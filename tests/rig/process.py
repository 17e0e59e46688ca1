"""Servers as child processes that leave nothing behind, however the tests end."""

import contextlib
import ctypes
import os
import pwd
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

from rig import RigUnavailable
from rig.ports import HOST

START_SECONDS = 20.0
_POLL_SECONDS = 0.005


def find_program(name: str, *folders: str | Path) -> str:
    """Return the path of a program, also looking where a user's PATH does not reach."""
    places = [os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin", *map(str, folders)]
    found = shutil.which(name, path=os.pathsep.join(places))
    if found is None:
        raise RigUnavailable(f"{name} is not installed")
    return found


def account_or_self(name: str) -> pwd.struct_passwd:
    """Return the account a server shall run under: as root the named one, else our own."""
    if os.geteuid() != 0:
        return pwd.getpwuid(os.geteuid())
    try:
        return pwd.getpwnam(name)
    except KeyError:
        raise RigUnavailable(f"there is no user {name} on this machine") from None


def give_to(account: pwd.struct_passwd, *paths: Path) -> None:
    """Make the account the owner of these paths."""
    for path in paths:
        os.chown(path, account.pw_uid, account.pw_gid)


def as_account(account: pwd.struct_passwd) -> list[str]:
    """Return the command prefix that runs what follows under this account."""
    if account.pw_uid == os.geteuid():
        return []
    ids = (f"--reuid={account.pw_uid}", f"--regid={account.pw_gid}")
    return [find_program("setpriv"), *ids, "--init-groups"]


def die_with_parent() -> None:
    """Have the kernel end this process when the one that started it is gone."""
    set_parent_death_signal = 1
    ctypes.CDLL(None).prctl(set_parent_death_signal, signal.SIGKILL)


class Daemon:
    """A server kept in the foreground of its own process group, with a guard at its side.

    The guard ends the group when our end of its pipe closes, which even SIGKILL cannot prevent.
    """

    def __init__(
        self,
        command: Sequence[str | Path],
        *,
        account: pwd.struct_passwd,
        log: Path,
        farewell: signal.Signals = signal.SIGKILL,
    ) -> None:
        """Start the command; the farewell is the signal that ends it."""
        self._log = log
        self._farewell = farewell
        with log.open("ab") as sink:
            self._server = subprocess.Popen(
                [*as_account(account), *command],
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=sink,
                cwd="/",
                start_new_session=True,
            )
        self._guard = subprocess.Popen(
            ["/bin/sh", "-c", 'read -r _; kill -s "$0" -- "-$1"', _short(farewell), str(self._server.pid)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def stop(self) -> None:
        """End the whole process group at once."""
        self._guard.kill()
        self._guard.communicate()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._server.pid, self._farewell)
        self._server.wait(START_SECONDS)

    def wait_for(self, *ports: int) -> None:
        """Return as soon as every port accepts connections."""
        deadline = time.monotonic() + START_SECONDS
        for port in ports:
            while not _accepts(port):
                self.check(deadline)

    def check(self, deadline: float) -> None:
        """Sleep for a moment; fail, with the log, if the server has died or time is up."""
        if self._server.poll() is None and time.monotonic() < deadline:
            time.sleep(_POLL_SECONDS)
            return
        log = self._log.read_text(errors="replace")
        self.stop()
        raise RuntimeError(f"{self._server.args!r} did not start:\n{log}")


def _accepts(port: int) -> bool:
    try:
        socket.create_connection((HOST, port), 1.0).close()
    except OSError:
        return False
    return True


def _short(name: signal.Signals) -> str:
    return name.name.removeprefix("SIG")
