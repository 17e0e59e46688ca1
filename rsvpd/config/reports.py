"""Settings of status reports: when, on which meetings, to whom."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from typing import Annotated

from pydantic import Field

from rsvpd.config.schedules import Cron
from rsvpd.config.servers import Section
from rsvpd.config.values import Address, Duration


class Attached(StrEnum):
    """What is attached to a report."""

    CSV = "csv"
    XLSX = "xlsx"


class ReportSettings(Section):
    """A status report on what lies ahead, by mail."""

    name: str = Field(min_length=1, max_length=100)
    """What it is called; when it was made is recorded under it."""
    cron: Cron
    """When it is made, in the organizer's zone: `0 8 * * mon-fri`."""
    organizers: tuple[str, ...] = ()
    """Only for these organizers; for each by default."""
    to: tuple[Address, ...] = ()
    """Who gets it; by default the organizer."""
    ahead: Annotated[Duration, Field(gt=timedelta(0))] | None = None
    """On meetings that begin within so long; on all to come by default."""
    only_changes: bool = False
    """Whether it is only sent if something is new."""
    attach: tuple[Attached, ...] = ()
    """What is attached: `csv`, `xlsx`."""

    def concerns(self, organizer: str) -> bool:
        """Whether the report is for this organizer."""
        return not self.organizers or organizer in self.organizers
