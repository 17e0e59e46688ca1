"""`remind`: whom the rules of the configuration remind."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import typer

from rsvpd.cli import output
from rsvpd.cli.root import Format, FormatOption, app, opened
from rsvpd.itip.reminding import Standing
from rsvpd.reminders import Planned

_WORDS = {Standing.DUE: "now", Standing.QUIET: "after quiet hours", Standing.LATER: "later"}


@app.command(rich_help_panel="Work")
def remind(
    uid: Annotated[str, typer.Argument(metavar="UID", help="Which meeting.")],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show whom the rules remind, now and later; do nothing.")
    ] = False,
    form: FormatOption = Format.TABLE,
) -> None:
    """Remind whom the rules have due for a meeting, without waiting for the daemon.

    To ask everybody again who has not answered, whatever the rules say: [bold]rsvpd meeting resend UID[/]

    Example: [bold]rsvpd remind budget@example.org --dry-run[/]
    """
    reminders = opened().reminders
    found = reminders.planned(uid) if dry_run else reminders.remind_of(uid)
    if form is Format.JSON:
        output.print_json(_json(one) for one in found)
    elif form is Format.CSV:
        output.print_csv(Planned.__slots__, (_json(one) for one in found))
    elif dry_run:
        _print(found, "Nobody is to be reminded: no rule has anything to say of this meeting any more.")
    else:
        _print(found, "Nothing is due. `rsvpd remind UID --dry-run` shows what is to come.")


def _json(one: Planned) -> dict[str, Any]:
    return {name: getattr(one, name) for name in Planned.__slots__}


def _print(found: Sequence[Planned], otherwise: str) -> None:
    console = output.console()
    if not found:
        console.print(otherwise, markup=False)
        return
    table = output.table("attendee", "answer", "reminded", "at (UTC)", "rule")
    for one in found:
        table.add_row(
            output.plain(one.name or one.attendee),
            output.partstat(one.partstat.value),
            _WORDS[one.standing],
            output.day_and_time(one.at),
            output.plain(one.rule),
        )
    console.print(table)
