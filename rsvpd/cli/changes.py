"""`meeting update|cancel|resend`, `attendee add|remove`: changes, and the mails that follow."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated, Any

import typer

from rsvpd.changes import Changed, Changes, Manner, Notify
from rsvpd.cli import output, previews, sources
from rsvpd.cli.root import Format, FormatOption, attendee_app, meeting_app, opened
from rsvpd.ports import CouldNot

Uid = Annotated[str, typer.Argument(metavar="UID", help="Which meeting.")]
OrganizerOption = Annotated[
    str | None, typer.Option("--organizer", help="Whose it is, where several have a meeting UID.")
]
Message = Annotated[str | None, typer.Option("--message", help="A word to the attendees.")]
NotifyOption = Annotated[
    Notify, typer.Option("--notify", help="Who is told: those whom it concerns, all, or nobody.")
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show what would change and the mails; do nothing.")]
OccurrenceOption = Annotated[
    str | None,
    typer.Option("--occurrence", help="Only this one of a series, by its start: 2026-12-10T14:00."),
]


@meeting_app.command()
def update(
    uid: Uid,
    file: Annotated[
        Path | None,
        typer.Argument(metavar="[FILE]", help="A .json or .toml file with the keys that change."),
    ] = None,
    summary: Annotated[str | None, typer.Option(help="What it is.")] = None,
    start: Annotated[str | None, typer.Option(help="2026-12-03T14:00; the length stays.")] = None,
    end: Annotated[str | None, typer.Option(help="When it ends.")] = None,
    duration: Annotated[str | None, typer.Option(help="How long: 90m, 1h30m, 2d.")] = None,
    zone: Annotated[str | None, typer.Option(help="IANA zone of the new times.")] = None,
    recurrence: Annotated[
        str | None, typer.Option(help="FREQ=WEEKLY;COUNT=5; '' for one meeting instead of a series.")
    ] = None,
    location: Annotated[str | None, typer.Option(help="Where; '' for nowhere.")] = None,
    description: Annotated[str | None, typer.Option(help="More about it; '' for nothing.")] = None,
    organizer: OrganizerOption = None,
    occurrence: OccurrenceOption = None,
    significant: Annotated[
        bool, typer.Option("--significant", help="Ask everybody again, whatever changes.")
    ] = False,
    message: Message = None,
    notify: NotifyOption = Notify.CHANGED,
    dry_run: DryRun = False,
    form: FormatOption = Format.TABLE,
) -> None:
    """Change a meeting; another time asks everybody again. What is not mentioned stays as it was.

    Example: [bold]rsvpd meeting update UID --start 2026-12-04T10:00 --message 'Sorry, the room is taken'[/]
    """
    fields = {
        "summary": summary,
        "start": start,
        "end": end,
        "duration": duration,
        "zone": zone,
        "recurrence": recurrence,
        "location": location,
        "description": description,
    }
    given = {key: value for key, value in fields.items() if value is not None}
    stated = {**sources.fields_in(file), **given}
    if not stated and not significant:
        raise CouldNot("nothing to change is given; say what, like --location 'Room 8', or in a file")
    manner = Manner(message, notify, dry_run)
    changed = _changes(organizer).update(
        uid,
        stated,
        manner,
        occurrence=occurrence,
        significant=significant,
        attachable=sources.folder_of(file),
    )
    _print(changed, manner, form)


@meeting_app.command()
def cancel(
    uid: Uid,
    occurrence: OccurrenceOption = None,
    organizer: OrganizerOption = None,
    message: Message = None,
    notify: NotifyOption = Notify.CHANGED,
    dry_run: DryRun = False,
    form: FormatOption = Format.TABLE,
) -> None:
    """Call off a meeting, or one occurrence of it.

    Example: [bold]rsvpd meeting cancel UID --message 'No budget this year'[/]
    """
    manner = Manner(message, notify, dry_run)
    _print(_changes(organizer).cancel(uid, manner, occurrence=occurrence), manner, form)


@meeting_app.command()
def resend(
    uid: Uid,
    to: Annotated[list[str] | None, typer.Option(help="Only to this attendee; may be repeated.")] = None,
    organizer: OrganizerOption = None,
    message: Message = None,
    dry_run: DryRun = False,
    form: FormatOption = Format.TABLE,
) -> None:
    """Send the invitation again to those who have not answered.

    Example: [bold]rsvpd meeting resend UID --message 'Please answer by Friday'[/]
    """
    manner = Manner(message, dry_run=dry_run)
    _print(_changes(organizer).resend(uid, manner, to or ()), manner, form)


@attendee_app.command()
def add(
    uid: Uid,
    people: Annotated[list[str], typer.Argument(metavar="ADDRESS…", help="'Name <address>' or an address.")],
    organizer: OrganizerOption = None,
    message: Message = None,
    notify: NotifyOption = Notify.CHANGED,
    dry_run: DryRun = False,
    form: FormatOption = Format.TABLE,
) -> None:
    """Invite more people; the others are not disturbed unless --notify all.

    Example: [bold]rsvpd attendee add UID 'Dana <dana@example.org>'[/]
    """
    manner = Manner(message, notify, dry_run)
    _print(_changes(organizer).add(uid, people, manner), manner, form)


@attendee_app.command()
def remove(
    uid: Uid,
    addresses: Annotated[list[str], typer.Argument(metavar="ADDRESS…", help="Who is no longer expected.")],
    organizer: OrganizerOption = None,
    message: Message = None,
    notify: NotifyOption = Notify.CHANGED,
    dry_run: DryRun = False,
    form: FormatOption = Format.TABLE,
) -> None:
    """Take people off the list; they alone are told, unless --notify all.

    Example: [bold]rsvpd attendee remove UID dana@example.org[/]
    """
    manner = Manner(message, notify, dry_run)
    _print(_changes(organizer).remove(uid, addresses, manner), manner, form)


def _changes(organizer: str | None) -> Changes:
    """The verbs for one organizer's meetings, or for all."""
    house = opened()
    return replace(house.changes, only=house.settings.named(organizer).name if organizer else None)


def _print(changed: Changed, manner: Manner, form: Format) -> None:
    if form is Format.JSON:
        output.print_json([_json(changed, manner)])
    elif form is Format.CSV:
        output.print_csv(("what", "before", "after"), [asdict(d) for d in changed.differences])
    else:
        _print_table(changed, manner)


def _json(changed: Changed, manner: Manner) -> dict[str, Any]:
    return {
        "uid": changed.uid,
        "summary": changed.summary,
        "sequence": changed.sequence,
        "occurrence": changed.occurrence,
        "asks_again": changed.asks_again,
        "differences": [asdict(difference) for difference in changed.differences],
        "mails": [previews.as_json(mail, whole=manner.dry_run) for mail in changed.mails],
    }


def _print_table(changed: Changed, manner: Manner) -> None:
    console = output.console()
    if changed.differences:
        table = output.table("", "before", "after")
        for one in changed.differences:
            table.add_row(one.what, output.plain(one.before), output.plain(one.after))
        console.print(table)
    if changed.asks_again:
        about = f" about {changed.occurrence}" if changed.occurrence else ""
        console.print(f"Everybody is asked again{about}.")
    if manner.dry_run:
        previews.print_mails(console, changed.mails)
        console.print("Nothing was done: --dry-run.")
        return
    counted = Counter(mail.method for mail in changed.mails)
    told = ", ".join(f"{number} {method}" for method, number in sorted(counted.items())) or "no mail"
    console.print(f"Done: {told} in the outgoing queue.")
