"""`meeting …`: what is invited to."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from rsvpd.cli import output, sources
from rsvpd.cli.root import Format, FormatOption, meeting_app, opened
from rsvpd.invitations import Registered
from rsvpd.ports import CouldNot
from rsvpd.store import queries
from rsvpd.store.queries import AttendanceView, MeetingView


@meeting_app.command()
def create(
    file: Annotated[
        Path | None, typer.Argument(metavar="[FILE]", help="A .json, .toml or .ics file that describes it.")
    ] = None,
    organizer: Annotated[str | None, typer.Option(help="Who invites; the only one by default.")] = None,
    summary: Annotated[str | None, typer.Option(help="What it is.")] = None,
    start: Annotated[str | None, typer.Option(help="2026-12-03T14:00, or 2026-12-03 for whole days.")] = None,
    end: Annotated[str | None, typer.Option(help="When it ends; or give --duration.")] = None,
    duration: Annotated[str | None, typer.Option(help="How long: 90m, 1h30m, 2d.")] = None,
    zone: Annotated[str | None, typer.Option(help="IANA zone of the times, such as Europe/Zurich.")] = None,
    location: Annotated[str | None, typer.Option(help="Where.")] = None,
    description: Annotated[str | None, typer.Option(help="More about it.")] = None,
    uid: Annotated[str | None, typer.Option(help="Its UID; a new one by default.")] = None,
    attendee: Annotated[
        list[str] | None, typer.Option(help="'Name <address>' or an address; once for each.")
    ] = None,
    attendees: Annotated[
        Path | None, typer.Option(metavar="FILE.csv", help="A list: email, name, role; or only addresses.")
    ] = None,
    form: FormatOption = Format.TABLE,
) -> None:
    """Create a meeting and invite everybody.

    Example: [bold]rsvpd meeting create --summary Budget --start 2026-12-03T14:00 --duration 1h
    --zone Europe/Zurich --attendee 'Ann <ann@example.org>'[/]
    """
    listed = sources.attendees_in(attendees)
    people = [*(attendee or ()), *(one.entry for one in listed)]
    like = sources.meeting_in(file)
    flags = {
        "organizer": organizer,
        "summary": summary,
        "start": start,
        "end": end,
        "duration": duration,
        "zone": zone,
        "location": location,
        "description": description,
        "uid": uid,
        "attendees": people or None,
    }
    given = {key: value for key, value in flags.items() if value is not None}
    fields = {**({} if like else sources.fields_in(file)), **given}
    with sources.lines_named(attendees, listed, before=len(people) - len(listed)):
        registered = opened().invitations.create(fields, like, sources.folder_of(file))
    _print_registered(registered, form, f"{registered.attendees} invitations are in the outgoing queue")


@meeting_app.command("import")
def import_(
    files: Annotated[list[Path], typer.Argument(metavar="FILE.ics…", help="Calendars with meetings.")],
    organizer: Annotated[str | None, typer.Option(help="Whose meetings they are.")] = None,
    form: FormatOption = Format.TABLE,
) -> None:
    """Record meetings whose invitations somebody else sent; nothing is sent.

    Example: [bold]rsvpd meeting import invite.ics --organizer events[/]
    """
    house = opened()
    for file in files:
        try:
            data = file.read_bytes()
        except OSError as error:
            raise CouldNot(f"{file}: {(error.strerror or str(error)).lower()}") from error
        try:
            registered = house.invitations.import_ics(data, organizer)
        except CouldNot as error:
            raise CouldNot(f"{file}: {error}") from error
        for one in registered:
            _print_registered(one, form, f"{one.attendees} attendees")


_REGISTERED = ("uid", "summary", "recorded", "attendees", "released")


def _print_registered(registered: Registered, form: Format, words: str) -> None:
    if form is Format.JSON:
        output.print_json([{key: getattr(registered, key) for key in _REGISTERED}])
        return
    released = f", {registered.released} replies had been waiting" if registered.released else ""
    typer.echo(
        f"{registered.recorded.value.capitalize()} {output.one_line(registered.uid)} “{output.one_line(registered.summary)}”: {words}{released}."
    )


@meeting_app.command("list")
def list_(
    organizer: Annotated[str | None, typer.Option(help="Only this organizer's.")] = None,
    upcoming: Annotated[bool, typer.Option("--upcoming", help="Only those that are not over.")] = False,
    form: FormatOption = Format.TABLE,
) -> None:
    """List meetings by their start."""
    house = opened()
    name = house.settings.named(organizer).name if organizer else None
    with house.database.read() as session:
        views = queries.meetings(
            session, organizer=name, upcoming_from=house.clock.now() if upcoming else None
        )
    if form is Format.TABLE:
        _print_list(views)
    elif form is Format.JSON:
        output.print_json(meeting_json(view) for view in views)
    else:
        rows = [meeting_json(view) for view in views]
        output.print_csv(MeetingView.__slots__, rows)


def meeting_json(view: MeetingView) -> dict[str, Any]:
    """A meeting with everything that is known of it."""
    return {name: getattr(view, name) for name in MeetingView.__slots__}


def _print_list(views: list[MeetingView]) -> None:
    if not views:
        typer.echo("No meetings yet. `rsvpd meeting create` makes one.")
        return
    table = output.table("start", "organizer", "summary and uid")
    for view in views:
        state = " [red]cancelled[/]" if view.status == "CANCELLED" else ""
        table.add_row(
            output.day_and_time(view.start),
            output.plain(view.organizer),
            f"{output.plain(view.summary)}{state}\n[dim]{output.plain(view.uid)}[/]",
        )
    output.console().print(table)


@meeting_app.command()
def show(
    uid: Annotated[str, typer.Argument(metavar="UID", help="Which meeting.")],
    form: FormatOption = Format.TABLE,
) -> None:
    """Show one meeting with its attendees."""
    with opened().database.read() as session:
        views = list(queries.attendance(session, uids=[uid]))
    if not views:
        raise CouldNot(f"there is no meeting {uid}; `rsvpd meeting list` shows them")
    if form is Format.TABLE:
        for view in views:
            _print_meeting(view)
    else:
        rows = [
            meeting_json(view.meeting) | {"attendees": [a.email for a in view.attendees]} for view in views
        ]
        if form is Format.JSON:
            output.print_json(rows)
        else:
            output.print_csv([*MeetingView.__slots__], rows)


def _print_meeting(view: AttendanceView) -> None:
    meeting = view.meeting
    table = output.table("", "")
    table.show_header = False
    facts = {
        "summary": meeting.summary,
        "uid": meeting.uid,
        "organizer": f"{meeting.organizer} ({meeting.organizer_address})",
        "start": f"{output.day_and_time(meeting.start)} {meeting.zone or ''}",
        "end": output.day_and_time(meeting.end),
        "where": meeting.location,
        "sequence": str(meeting.sequence),
        "status": meeting.status.lower(),
        "invited by": "rsvpd" if meeting.sends else "somebody else (imported)",
    }
    for name, value in facts.items():
        if value:
            table.add_row(name, output.plain(value))
    for attendee in view.attendees:
        named = f"{attendee.name} <{attendee.email}>" if attendee.name else attendee.email
        table.add_row("attendee", f"{output.plain(named)}  [dim]{attendee.partstat.lower()}[/]")
    output.console().print(table)
