"""How long to wait before what a server did not take is tried again."""

from __future__ import annotations

import random
from datetime import timedelta

FIRST_WAIT = timedelta(minutes=1)
LONGEST_WAIT = timedelta(hours=2)


def wait(attempts: int) -> timedelta:
    """Twice as long after each attempt; `attempts` are those before this one."""
    return jittered(min(FIRST_WAIT * (1 << min(attempts, 10)), LONGEST_WAIT))


def jittered(wait: timedelta) -> timedelta:
    """A quarter more or less, so that many do not come back at once."""
    return wait * random.uniform(0.75, 1.25)  # noqa: S311  no secret
