"""From a full mailbox to committed rows."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from bench import child
from bench.mails import Backlog
from bench.measures import Finding, Measure, alternate, rows
from bench.sizes import Sizes
from bench.world import POSTGRESQL, SQLITE, World
from rig.dovecot import PASSWORD

_MAILS, _SCRIPTED = 10_000, 1_000
_ONE, _ALL, _SCRIPT, _CEILING = "rsvpd, one core", "rsvpd", "plain script", "only fetched"


def measure(world: World, sizes: Sizes) -> Iterator[Finding]:
    """Replies a second from a full mailbox to committed rows, against a script and mere fetching."""
    mails = sizes.of(_MAILS, 1_000)
    backlogs = (
        ("all replies", Backlog(f"replies{mails}", mails)),
        ("one tenth replies", Backlog(f"tenth{mails}", mails, replies_of_ten=1)),
        ("mixed clients", Backlog(f"mixed{mails}", mails, mixed=True)),
    )
    for words, backlog in backlogs:
        for kind in (SQLITE, POSTGRESQL):
            yield _drained(world, sizes, f"{words}, {kind}", backlog, kind)


def _drained(world: World, sizes: Sizes, words: str, backlog: Backlog, kind: str) -> Finding:
    user = world.mailbox(backlog)
    imap: dict[str, Any] = {"host": world.dovecot.host, "port": world.dovecot.imap_port}
    login = imap | {"user": user, "password": PASSWORD}

    def rsvpd(cores: int | None) -> float:
        url = world.database(kind, backlog)
        settings = world.settings(url, world.organizer(user))
        found = child.run("bench.sides.rsvpd:drain", cores=cores, settings=settings)
        world.forget(url)
        if found["mails"] != backlog.mails or found["rows"] < backlog.replies:
            raise AssertionError(f"{words}: {found} of {backlog.mails}")
        return found["mails"] / found["seconds"]

    def script() -> float:
        url = world.database(kind, backlog)
        scripted = min(sizes.of(_SCRIPTED, 200), backlog.mails)
        found = child.run("bench.sides.script:drain", cores=1, url=url, mails=scripted, **login)
        world.forget(url)
        return found["mails"] / found["seconds"]

    def ceiling() -> float:
        found = child.run("bench.sides.ceiling:drain", **login)
        return found["mails"] / found["seconds"]

    sides: dict[str, Measure] = {
        _ALL: partial(rsvpd, None),
        _ONE: partial(rsvpd, 1),
        _SCRIPT: script,
        _CEILING: ceiling,
    }
    values = alternate(f"drain, {words}", sides, sizes.rounds)
    finding = Finding("drain", f"Mailbox drained, {words} ({backlog.mails} mails)", rows(values, "mails/s"))
    finding.compare(_ONE, _SCRIPT, 12)
    finding.compare(_ALL, _CEILING, 0.3)
    return finding
