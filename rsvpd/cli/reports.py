"""`report`: who is coming and what is new, printed, written to a file, or mailed."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from rsvpd.app import App
from rsvpd.cli import output
from rsvpd.cli.attendance import attendance_json
from rsvpd.cli.root import app, opened
from rsvpd.config import Attached, OrganizerSettings
from rsvpd.itip.addresses import normalise
from rsvpd.ports import CouldNot
from rsvpd.reports import About, tables
from rsvpd.spreadsheets import csv_of
from rsvpd.store.reporting import ReportView


class ReportFormat(StrEnum):
    """How a report is printed."""

    TEXT = "text"
    HTML = "html"
    CSV = "csv"
    XLSX = "xlsx"
    JSON = "json"


@app.command(rich_help_panel="Who is coming")
def report(
    uid: Annotated[str | None, typer.Argument(metavar="[UID]", help="On this meeting.")] = None,
    upcoming: Annotated[bool, typer.Option("--upcoming", help="On all meetings that are not over.")] = False,
    organizer: Annotated[str | None, typer.Option(help="Only this organizer's meetings.")] = None,
    since: Annotated[
        datetime | None,
        typer.Option(help="Say what is new since, in UTC; by default since the last one that was mailed."),
    ] = None,
    form: Annotated[
        ReportFormat, typer.Option("--format", "-f", help="How to print it.")
    ] = ReportFormat.TEXT,
    target: Annotated[
        Path | None, typer.Option("--output", metavar="FILE", help="Where to; by default stdout.")
    ] = None,
    to: Annotated[
        list[str] | None, typer.Option("--to", metavar="ADDRESS", help="Mail it there; may be repeated.")
    ] = None,
    attach: Annotated[list[Attached] | None, typer.Option(help="Attach this to the mail.")] = None,
) -> None:
    """Report who is coming: counts, what is new, who declined and why, who has not answered.

    Example: [bold]rsvpd report --upcoming --to board@example.org --attach xlsx[/]
    """
    if (uid is None) == (not upcoming):
        raise typer.BadParameter("give the UID of a meeting, or --upcoming")
    if attach and not to:
        raise typer.BadParameter("--attach is for mails; say to whom with --to, or print it with --format")
    house = opened()
    about = About(uids=(uid,) if uid else (), organizer=_name(house, organizer))
    writer = _writer(house, about)
    about = replace(about, since=since.replace(tzinfo=UTC) if since else _last(house, about, writer))
    if to:
        addresses = [_checked(address) for address in to]
        if writer is None:
            raise CouldNot("several organizers have such meetings; say whose with --organizer")
        views = house.reports.mail(writer, about, addresses, attach or ())
        meetings = "1 meeting" if len(views) == 1 else f"{len(views)} meetings"
        typer.echo(f"A report on {meetings} is in the outgoing queue, to {', '.join(addresses)}.")
        return
    output.write_octets(_content(house, about, writer, form, piped=target is None), target)


def _name(house: App, organizer: str | None) -> str | None:
    return house.settings.named(organizer).name if organizer else None


def _writer(house: App, about: About) -> OrganizerSettings | None:
    """Whose report it is: by name, or because the meetings are one organizer's. None if they are several's."""
    if about.organizer is not None:
        return house.settings.named(about.organizer)
    names = {view.attendance.meeting.organizer for view in house.reports.found(about)}
    known = [
        one for one in house.settings.organizer if one.name in names or len(house.settings.organizer) == 1
    ]
    return known[0] if len(known) == 1 else None


def _last(house: App, about: About, writer: OrganizerSettings | None) -> datetime | None:
    return house.reports.last_mailed(about, writer) if writer else None


def _checked(address: str) -> str:
    if normalise(address) is None:
        raise typer.BadParameter(f"{address!r} is no mail address")
    return address


def _content(
    house: App, about: About, writer: OrganizerSettings | None, form: ReportFormat, *, piped: bool
) -> bytes:
    views = house.reports.found(about)
    zone = writer.zone if writer else "UTC"
    if form is ReportFormat.XLSX:
        return tables.workbook(views, zone)
    if form is ReportFormat.CSV:
        return csv_of(tables.ATTENDEES, tables.attendee_rows(views), piped=piped)
    if form is ReportFormat.JSON:
        return "".join(output.json_line(_json(view)) for view in views).encode()
    letter = house.reports.letter(views, writer)
    return (letter.text if form is ReportFormat.TEXT else letter.html).encode()


def _json(view: ReportView) -> dict[str, Any]:
    return attendance_json(view.attendance) | {
        "since": view.since,
        "changes": [
            {
                "email": one.email,
                "name": one.name,
                "before": one.before.value,
                "after": one.after.value,
                "comment": one.comment,
                "recorded_at": one.recorded_at,
            }
            for one in view.answers
        ],
        "removed": [{"email": one.email, "name": one.name} for one in view.removed],
        "revised_at": view.revised_at,
        "guests": view.guests,
        "held": view.held,
    }
