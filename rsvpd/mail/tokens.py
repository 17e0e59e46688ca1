"""The file in which an organizer's tokens are kept: 0600, replaced in one piece, by one process at a time."""

from __future__ import annotations

import errno
import fcntl
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path

from rsvpd.config.values import os_words
from rsvpd.ports import TokenUnavailable

_ROOM = 64 * 1024
"""More bytes than the tokens of any provider take."""
_PRIVATE = 0o600


@dataclass(frozen=True, slots=True)
class Token:
    """What an authorization server gave. Times are seconds since 1970, by our clock."""

    access_token: str = field(repr=False)
    issued_at: float
    expires_at: float
    issued_for: str
    """The client and grant it was given to: others cannot use it."""
    refresh_token: str | None = field(default=None, repr=False)


class TokenFile:
    """`oauth-NAME.json` in the state directory. Every use may raise `TokenUnavailable`."""

    def __init__(self, folder: Path, organizer: str) -> None:
        self._folder = folder
        self._organizer = organizer
        self.path = folder / f"oauth-{organizer}.json"

    def load(self) -> Token | None:
        """The tokens; None if there is no file, or what is in it was not written by us."""
        with self._translated("read"):
            try:
                text = self.path.read_text(encoding="utf-8")
            except FileNotFoundError:
                return None
            except UnicodeDecodeError:
                return None
        return _parsed(text)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Holds everybody else off, in this process and in others: a refresh token may be good for one use."""
        with self._translated("write"):
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock = self._opened(self.path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT)
        try:
            with self._translated("lock"):
                fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)

    @contextmanager
    def replacing(self) -> Iterator[Callable[[Token], None]]:
        """Gives what writes the tokens; that there is room for them is sure before any are asked for."""
        fresh = self.path.with_suffix(".new")
        with self._translated("write"):
            new = self._opened(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        try:
            with self._translated("write"):
                _reserve(new)
            yield lambda token: self._replace(new, fresh, token)
        finally:
            os.close(new)
            with suppress(OSError):
                fresh.unlink(missing_ok=True)

    def _replace(self, new: int, fresh: Path, token: Token) -> None:
        data = json.dumps(asdict(token)).encode()
        with self._translated("write"):
            os.pwrite(new, data, 0)
            os.ftruncate(new, len(data))
            os.fsync(new)
            fresh.replace(self.path)
            folder = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)

    def _opened(self, path: Path, flags: int) -> int:
        """Opens a file that is its owner's alone; root makes it for whoever the folder belongs to."""
        opened = os.open(path, flags | os.O_CLOEXEC | os.O_NOFOLLOW, _PRIVATE)
        if os.geteuid() == 0:
            owner = self._folder.stat()
            os.fchown(opened, owner.st_uid, owner.st_gid)
        return opened

    @contextmanager
    def _translated(self, verb: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            advice = "state_directory must belong to the user that rsvpd runs as"
            if error.errno in {errno.ENOSPC, errno.EDQUOT}:
                advice = "make room there"
            raise TokenUnavailable(
                f"{self._organizer}: cannot {verb} tokens at {error.filename or self.path} "
                f"({os_words(error).lower()}); {advice}"
            ) from error


def _reserve(opened: int) -> None:
    """Where neither the system nor the file system knows of it, there is no being sure."""
    try:
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(opened, 0, _ROOM)
    except OSError as error:
        if error.errno not in {errno.EOPNOTSUPP, errno.EINVAL}:
            raise


def _parsed(text: str) -> Token | None:
    try:
        token = Token(**json.loads(text))
    except (ValueError, TypeError):
        return None
    texts = (token.access_token, token.issued_for, token.refresh_token or "")
    times = (token.issued_at, token.expires_at)
    fits = all(isinstance(t, str) for t in texts) and all(isinstance(t, int | float) for t in times)
    return token if fits else None
