"""Cron expressions, in the syntax of crontab(5): the only module that reads them."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Annotated
from zoneinfo import ZoneInfo

from apscheduler.triggers.cron import CronTrigger
from pydantic import AfterValidator

_FIELDS = 5
_MOST = 1_000_000
"""More moments than these nobody missed."""


def _cron(value: str) -> str:
    """Refuses what crontab and APScheduler read differently, rather than choose one."""
    fields = value.split()
    wanted = "write five fields such as 0 8 * * mon-fri: minute, hour, day of the month, month, weekday"
    if len(fields) != _FIELDS:
        raise ValueError(wanted)
    if re.search(r"\d", fields[4]):
        raise ValueError(
            "write the weekday by its name, mon to sun: not every cron begins to count at the same"
        )
    if fields[2] != "*" and fields[4] != "*":
        raise ValueError("give the day of the month or the weekday; not every cron reads both alike")
    try:
        trigger = CronTrigger.from_crontab(value, UTC)
    except (ValueError, TypeError) as error:
        raise ValueError(f"{wanted} ({error})") from error
    if trigger.get_next_fire_time(None, datetime(2026, 1, 1, tzinfo=UTC)) is None:
        raise ValueError("there is no such day")
    return " ".join(fields)


Cron = Annotated[str, AfterValidator(_cron)]


def newest_moment(expression: str, zone: str, after: datetime, until: datetime) -> datetime | None:
    """The last moment of the expression after `after`, up to `until`, by the clocks of `zone`; None if there is none."""
    trigger = CronTrigger.from_crontab(expression, ZoneInfo(zone))
    found, at = None, after
    for _ in range(_MOST):
        moment: datetime | None = trigger.get_next_fire_time(at, at)
        if moment is None or moment > until:
            break
        found = at = moment
    return found.astimezone(UTC) if found else None
