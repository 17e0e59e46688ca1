"""Mailboxes of Dovecot, or of a server that misbehaves, watched inside this process."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from structlog.testing import capture_logs

import house
from house import UID, Keys, eventually, facts, invite, plain_reply
from rsvpd import sharing
from rsvpd.app import App
from rsvpd.telling import Telling
from rsvpd.turning import Turning
from rsvpd.watching import Watch


@dataclass
class Watching:
    """A watch, the house it works for, and what it said."""

    app: App
    watch: Watch
    telling: Telling
    said: list[Any] = field(default_factory=list)

    def lines(self, event: str, job: str = "poll events") -> list[str]:
        """What was said of a job, such as "could not"."""
        return [
            str(line.get("why")) for line in self.said if (line["event"], line.get("job")) == (event, job)
        ]

    def trouble(self, job: str = "poll events") -> str:
        """What is wrong with a job now."""
        part = self.telling.troubles.parts().get(job)
        return (part and part.trouble) or ""

    @property
    def outcomes(self) -> list[str]:
        return house.outcomes(self.app.database)

    def idles(self, name: str = "events") -> bool:
        watched = self.watch.mailboxes.get(name)
        return watched is not None and watched.waiting_on is not None

    def rests(self, name: str = "events") -> bool:
        """Whether it was looked at, and nobody works on it."""
        watched = self.watch.mailboxes.get(name)
        return watched is not None and watched.looked_at is not None and not watched.working

    def becomes(self, *outcomes: str, seconds: float = 15.0) -> None:
        """Waits until these are the outcomes in the ledger."""
        try:
            eventually(lambda: self.outcomes == list(outcomes), seconds)
        except BaseException:
            print(self.outcomes, self.said)
            raise

    def works_again(self, job: str = "poll events") -> None:
        """Waits until a trouble is over, which is one line at its begin and one at its end."""
        try:
            eventually(lambda: self.lines("works again", job))
        except BaseException:
            print(self.said)
            raise
        assert (len(self.lines("could not", job)), len(self.lines("works again", job))) == (1, 1)


@contextmanager
def watching(folder: Path, *imaps: Keys, interval: str = "60s", **settings: object) -> Iterator[Watching]:
    """Watches a mailbox for each of these [organizer.imap]: «events», then «o1», «o2» and so on."""
    names = ["events", *(f"o{number}" for number in range(1, len(imaps)))]
    organizers = [house.organizer(name, imap=keys) for name, keys in zip(names, imaps, strict=True)]
    url = f"sqlite:///{folder}/rsvpd.db"
    app = house.app_of(*organizers, url=url, poll_interval=interval, **settings)
    for name in names:
        app.invitations.import_ics(invite(UID, house.ALICE, house.BOB), name)
    with capture_logs() as said, sharing.member(app.database, names, daemon=True) as member:
        telling = Telling()
        watch = Watch(app, member, telling, Turning())
        watch.start()
        try:
            yield Watching(app, watch, telling, said)
        finally:
            watch.stop()
    app.database.close()


def reply(number: int = 0, partstat: str = "ACCEPTED") -> bytes:
    """An answer of Alice; each number is a mail of its own."""
    return plain_reply(facts(partstat=partstat, comment=str(number), message_id=f"{number}@watch"))
