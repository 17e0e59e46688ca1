"""The command line of the siege."""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from rig.authorization import AuthorizationServer
from rig.dovecot import Dovecot
from rig.postgres import Postgres
from rig.smtpd import Smtpd
from siege.besieging import Siege, work


def main() -> int:
    """Besieges until both numbers are reached, and says what came of it."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.siege",
        description="Kills daemons at every step of their work while replies arrive and invitations go out,\n"
        "then compares what they recorded and sent with what the mails alone say.",
        epilog="The long run:\n  python -m tests.siege --kills 200 --replies 10000 sqlite",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "database", choices=["sqlite", "postgresql"], help="one daemon on SQLite, three on PostgreSQL"
    )
    parser.add_argument("--kills", type=int, default=20, help="at least so many [20]")
    parser.add_argument("--replies", type=int, default=500, help="at least so many [500]")
    parser.add_argument("--seed", type=int, default=int(time.time()))
    asked = parser.parse_args()
    with _besieged(asked.database, asked.seed) as siege:
        siege.prepare(organizers=3)
        with siege.besieged(daemons=1 if asked.database == "sqlite" else 3):
            while siege.killed() < asked.kills or siege.mails.total() < asked.replies:
                work(
                    siege, seconds=10, replies_per_second=max(asked.replies / asked.kills, 10), invitations=4
                )
                print(f"{siege.killed():>6} kills {siege.mails.total():>8} replies", file=sys.stderr)
        print(f"seed {asked.seed}: {siege.settled(900)}")
    return 0


@contextmanager
def _besieged(database: str, seed: int) -> Iterator[Siege]:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        folder.chmod(0o755)  # servers work in it under their own accounts
        authorization = stack.enter_context(AuthorizationServer())
        dovecot = stack.enter_context(Dovecot(folder / "dovecot", authorization.introspection))
        smtpd = stack.enter_context(Smtpd())
        url = f"sqlite:///{folder}/rsvpd.db"
        if database == "postgresql":
            url = stack.enter_context(Postgres(folder / "postgres")).fresh_database()
        siege = Siege(folder, url, dovecot, smtpd, random.Random(seed))  # noqa: S311  a schedule, no secret
        stack.callback(siege.end)
        yield siege


if __name__ == "__main__":
    sys.exit(main())
