"""`attendance` and `replies`: what is recorded."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from rsvpd.app import App
from rsvpd.cli import output
from rsvpd.cli.root import Format, FormatOption, app, opened
from rsvpd.itip.model import Outcome
from rsvpd.ports import CouldNot
from rsvpd.store import pages, queries
from rsvpd.store.pages import Sought
from rsvpd.store.queries import AttendanceView, AttendeeView, LedgerView, ProposalView

_CSV = ("uid", "summary", "email", "name", "role", "partstat", "answered_at", "comment", "guests", "delivery")
_LEDGER_CSV = (
    "id",
    "received_at",
    "outcome",
    "words",
    "uid",
    "attendee",
    "partstat",
    "occurrence",
    "sequence",
    "matched_by",
    "sender",
    "subject",
)


@app.command(rich_help_panel="Who is coming")
def attendance(
    uids: Annotated[
        list[str] | None, typer.Argument(metavar="[UID]…", help="Which meetings; all of them.")
    ] = None,
    organizer: Annotated[str | None, typer.Option(help="Only this organizer's meetings.")] = None,
    form: FormatOption = Format.TABLE,
) -> None:
    """Show who is coming.

    Example: [bold]rsvpd attendance --format json | jq .counts[/]
    """
    house = opened()
    with house.database.read() as session:
        views = list(queries.attendance(session, uids=uids or (), organizer=_name(house, organizer)))
    if uids:
        _all_found(uids, views)
    if form is Format.JSON:
        output.print_json(attendance_json(view) for view in views)
    elif form is Format.CSV:
        output.print_csv(_CSV, _csv_rows(views))
    else:
        _print(views)


def _name(house: App, organizer: str | None) -> str | None:
    return house.settings.named(organizer).name if organizer else None


def _all_found(uids: Sequence[str], views: Sequence[AttendanceView]) -> None:
    missing = set(uids) - {view.meeting.uid for view in views}
    if missing:
        raise CouldNot(f"there is no meeting {min(missing)}; `rsvpd meeting list` shows them")


def attendance_json(view: AttendanceView) -> dict[str, Any]:
    """The contract of `attendance --format json`."""
    meeting = view.meeting
    return {
        "uid": meeting.uid,
        "summary": meeting.summary,
        "organizer": meeting.organizer,
        "sequence": meeting.sequence,
        "status": meeting.status,
        "start": meeting.start,
        "end": meeting.end,
        "counts": {partstat.value: number for partstat, number in view.counts.items()},
        "attendees": [_attendee_json(attendee) for attendee in view.attendees],
    }


def _attendee_json(view: AttendeeView) -> dict[str, Any]:
    return {
        "email": view.email,
        "name": view.name,
        "role": view.role,
        "partstat": view.partstat.value,
        "answered_at": view.answered_at,
        "comment": view.comment,
        "guests": view.guests,
        "sent_by": view.sent_by,
        "delegated_to": view.delegated_to,
        "delegated_from": view.delegated_from,
        "delivery": view.delivery,
        "delivery_detail": view.delivery_words,
        "proposal": _proposal_json(view.proposal) if view.proposal else None,
        "occurrences": [{"occurrence": o.occurrence, "partstat": o.partstat.value} for o in view.occurrences],
    }


def _proposal_json(view: ProposalView) -> dict[str, Any]:
    return {
        "start": view.start,
        "end": view.end,
        "location": view.location,
        "comment": view.comment,
        "occurrence": view.occurrence,
    }


def _csv_rows(views: Sequence[AttendanceView]) -> Iterator[dict[str, Any]]:
    for view in views:
        for attendee in view.attendees:
            yield {"uid": view.meeting.uid, "summary": view.meeting.summary} | _attendee_json(attendee)


def _print(views: Sequence[AttendanceView]) -> None:
    console = output.console()
    if not views:
        console.print("No meetings yet. `rsvpd meeting create` makes one.", markup=False)
    for number, view in enumerate(views):
        if number:
            console.print()
        _print_one(view)


def _print_one(view: AttendanceView) -> None:
    console = output.console()
    meeting = view.meeting
    zone = f" {meeting.zone}" if meeting.zone else ""
    state = "  [red]cancelled[/]" if meeting.status == "CANCELLED" else ""
    console.print(
        f"[bold]{output.plain(meeting.summary)}[/]  {output.day_and_time(meeting.start)}{zone}{state}"
    )
    console.print(f"[dim]{output.plain(meeting.uid)}[/]")
    counted = [f"{number} {partstat.value.lower()}" for partstat, number in view.counts.items() if number]
    console.print(", ".join(counted) or "nobody is invited")
    table = output.table("attendee", "answer", "when (UTC)", "comment")
    for attendee in view.attendees:
        table.add_row(
            output.plain(attendee.name or attendee.email),
            output.partstat(attendee.partstat.value),
            output.day_and_time(attendee.answered_at),
            "; ".join(_remarks(attendee)),
        )
    console.print(table)


def _remarks(attendee: AttendeeView) -> Iterator[str]:
    if attendee.comment:
        yield output.plain(attendee.comment)
    if attendee.guests:
        yield f"brings {attendee.guests}"
    if attendee.delegated_to:
        yield f"sends {output.plain(attendee.delegated_to)}"
    if attendee.delegated_from:
        yield f"for {output.plain(attendee.delegated_from)}"
    if attendee.proposal and attendee.proposal.start:
        yield f"proposes {output.day_and_time(attendee.proposal.start)}"
    if attendee.occurrences:
        yield f"{len(attendee.occurrences)} occurrences differ"
    if attendee.delivery in {"failed", "delayed"}:
        yield f"[red]{attendee.delivery}[/]: {output.plain(attendee.delivery_words)}"


@app.command(rich_help_panel="Who is coming")
def replies(
    uid: Annotated[str | None, typer.Argument(metavar="[UID]", help="Only this meeting's.")] = None,
    outcome: Annotated[list[Outcome] | None, typer.Option(help="Only these outcomes.")] = None,
    since: Annotated[datetime | None, typer.Option(help="Only what arrived since, in UTC.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="At most this many, the newest.")] = 100,
    form: FormatOption = Format.TABLE,
) -> None:
    """Show the ledger: every reply that came in, what was decided, and why.

    Example: [bold]rsvpd replies --outcome held --outcome outdated[/]
    """
    arrived = since.replace(tzinfo=UTC) if since else None
    with opened().database.read() as session:
        sought = Sought(uid=uid, outcomes=[o.value for o in outcome or ()], since=arrived)
        views = pages.replies(session, sought, limit=limit).views[::-1]
    if form is Format.JSON:
        output.print_json(ledger_json(view) for view in views)
    elif form is Format.CSV:
        output.print_csv(_LEDGER_CSV, (ledger_json(view) for view in views))
    else:
        print_ledger(views)


def ledger_json(view: LedgerView) -> dict[str, Any]:
    """A ledger row with everything that is known of it."""
    return {name: getattr(view, name) for name in LedgerView.__slots__}


def print_ledger(views: Sequence[LedgerView]) -> None:
    """Ledger rows as a table."""
    console = output.console()
    if not views:
        console.print("Nothing in the ledger.", markup=False)
        return
    table = output.table("id", "arrived (UTC)", "outcome", "answer", "attendee and why")
    for view in views:
        who = output.plain(view.attendee or view.sender)
        words = f"\n[dim]{output.plain(view.words)}[/]" if view.words else ""
        answer = output.partstat(view.partstat) if view.partstat else ""
        table.add_row(str(view.id), f"{view.received_at:%m-%d %H:%M}", view.outcome, answer, f"{who}{words}")
    console.print(table)
