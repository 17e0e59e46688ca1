"""`meeting export`: a meeting with everybody's answers, for any calendar."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rsvpd.cli import output
from rsvpd.cli.root import meeting_app, opened
from rsvpd.itip.ics.exporting import stored_object
from rsvpd.ports import CouldNot
from rsvpd.store import calendar_copies, owners


@meeting_app.command()
def export(
    uid: Annotated[str, typer.Argument(metavar="UID", help="Which meeting.")],
    organizer: Annotated[str | None, typer.Option(help="Whose meeting it is.")] = None,
    target: Annotated[
        Path | None, typer.Option("--output", metavar="FILE", help="Where to; by default stdout.")
    ] = None,
) -> None:
    """Write the .ics of a meeting with every attendee's current answer.

    Example: [bold]rsvpd meeting export budget@example.org --output budget.ics[/]
    """
    house = opened()
    name = house.settings.named(organizer).name if organizer else None
    with house.database.read() as session:
        found = calendar_copies.whole_of(session, uid, name)
    if not found:
        raise CouldNot(f"there is no meeting {uid}; `rsvpd meeting list` shows them")
    owners.refuse_several({one.meeting.organizer for one in found}, f"a meeting {uid}", "--organizer")
    (whole,) = found
    octets = stored_object(whole.meeting, created_at=whole.created_at, modified_at=whole.modified_at)
    output.write_octets(octets, target)
