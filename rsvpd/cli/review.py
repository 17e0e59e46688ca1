"""`explain`, `review …`, `replay`, `attendee …`, `proposal …`: the second look."""

from __future__ import annotations

import getpass
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from rsvpd.cli import output
from rsvpd.cli.attendance import ledger_json, print_ledger
from rsvpd.cli.root import (
    Format,
    FormatOption,
    app,
    attendee_app,
    opened,
    proposal_app,
    review_app,
)
from rsvpd.itip import quirks
from rsvpd.itip.model import Answer, Outcome
from rsvpd.itip.verdicts import Refusal
from rsvpd.judging import Case
from rsvpd.ports import CouldNot
from rsvpd.review import Settled
from rsvpd.store import ledger, pages, pending, queries
from rsvpd.store.pages import Sought
from rsvpd.store.pending import Pending
from rsvpd.store.queries import LedgerView

_PROPOSAL = (
    "id",
    "uid",
    "summary",
    "attendee",
    "occurrence",
    "start",
    "end",
    "location",
    "comment",
    "proposed_at",
)

Numbers = Annotated[
    list[int], typer.Argument(metavar="ID…", help="Ids of ledger rows, as `review list` shows.")
]
By = Annotated[str | None, typer.Option("--by", help="Who decides; your login name by default.")]


@app.command(rich_help_panel="Second look")
def explain(
    file: Annotated[str, typer.Argument(metavar="FILE.eml", help="A mail; - is standard input.")],
    organizer: Annotated[str | None, typer.Option(help="Only for this organizer's meetings.")] = None,
    form: FormatOption = Format.TABLE,
) -> None:
    """Say what a mail would do, and each rule that spoke; nothing is recorded.

    Example: [bold]rsvpd explain reply.eml[/]
    """
    house = opened()
    try:
        raw = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
    except OSError as error:
        raise CouldNot(f"{file}: {(error.strerror or str(error)).lower()}") from error
    name = house.settings.named(organizer).name if organizer else None
    cases = house.review.explain(raw, name)
    if form is Format.JSON:
        output.print_json([_explained(case) for case in cases] or [{"outcome": Outcome.NOT_A_REPLY.value}])
    elif form is Format.CSV:
        output.print_csv(("outcome", "reason", "uid", "attendee", "partstat"), map(_explained, cases))
    else:
        _print_explained(cases)
    if not cases and form is Format.TABLE:
        typer.echo("not_a_reply: it has no calendar, and is about no mail that rsvpd sent.")


def _explained(case: Case) -> dict[str, Any]:
    row = case.row
    component = case.component
    answer = _answer(case)
    proposal = case.verdict.proposal if case.verdict else None
    words = (answer and answer.comment, proposal and proposal.comment, component and component.comment)
    return {
        "outcome": row.outcome,
        "reason": row.words,
        "uid": row.uid,
        "meeting": case.summary,
        "attendee": row.attendee,
        "partstat": row.partstat,
        "occurrence": row.occurrence,
        "sequence": row.sequence,
        "matched_by": row.matched_by,
        "from": row.sender,
        "subject": row.subject,
        "source": row.source,
        "method": row.method,
        "dtstamp": component.dtstamp if component else None,
        "client": quirks.client_name(component.prodid) if component else None,
        "comment": next(filter(None, words), None),
        "guests": answer.guests if answer else None,
        "sent_by": answer.sent_by if answer else None,
        "delegated_to": answer.delegated_to if answer else None,
        "this_and_future": (answer.this_and_future or None) if answer else None,
        "proposed_start": proposal.start if proposal else None,
        "proposed_end": proposal.end if proposal else None,
        "proposed_location": proposal.location if proposal else None,
        "rules": [
            {"rule": f.rule, "says": f.says, "source": f.source}
            for f in (case.verdict.findings if case.verdict else ())
        ],
    }


def _answer(case: Case) -> Answer | None:
    """The answer, also one that is not accepted."""
    decision = case.verdict.decision if case.verdict else None
    return decision.answer if isinstance(decision, Refusal) else decision


def _print_explained(cases: list[Case]) -> None:
    console = output.console()
    for case in cases:
        facts = _explained(case)
        table = output.table("", "")
        table.show_header = False
        for name, value in facts.items():
            if name not in {"rules", "outcome", "reason"} and value is not None:
                table.add_row(name, output.plain(str(value)))
        console.print(table)
        console.print()
        if facts["rules"]:
            rules = output.table("rule", "source", "says")
            for rule in facts["rules"]:
                rules.add_row(rule["rule"], rule["source"], output.plain(rule["says"]))
            console.print(rules)
            console.print()
        why = facts["reason"] or _said(facts)
        console.print(f"[bold]{facts['outcome']}[/]{': ' if why else ''}{output.plain(why)}")


def _said(facts: dict[str, Any]) -> str:
    """What was answered, in words: an answer that counts has no reason why."""
    which = f" for {facts['occurrence']}" if facts["occurrence"] else ""
    return f"{facts['attendee']} says {facts['partstat']}{which}" if facts["partstat"] else ""


@review_app.command("list")
def list_(
    outdated: Annotated[bool, typer.Option("--outdated", help="Also what answers an earlier state.")] = False,
    form: FormatOption = Format.TABLE,
) -> None:
    """Show what waits for a person."""
    with opened().database.read() as session:
        found = pages.replies(session, Sought(review=True, outdated=outdated), limit=1000)
    _print_views(found.views[::-1], form)


def _print_views(views: Sequence[LedgerView], form: Format) -> None:
    if form is Format.TABLE:
        print_ledger(views)
    elif form is Format.JSON:
        output.print_json(map(ledger_json, views))
    else:
        output.print_csv(LedgerView.__slots__, map(ledger_json, views))


@review_app.command()
def release(numbers: Numbers, by: By = None, form: FormatOption = Format.TABLE) -> None:
    """Let the answers of held or outdated rows count.

    Example: [bold]rsvpd review release 17 18[/]
    """
    _print_settled(opened().review.release(numbers, by or _me()), form)


@review_app.command()
def dismiss(numbers: Numbers, by: By = None, form: FormatOption = Format.TABLE) -> None:
    """Take held or outdated rows, and mails that were set aside, off the list; they change nothing."""
    _print_settled(opened().review.dismiss(numbers, by or _me()), form)


@review_app.command()
def retry(numbers: Numbers, form: FormatOption = Format.TABLE) -> None:
    """Fetch mails again that were set aside, because their server did not give them out.

    Example: [bold]rsvpd review retry 17[/]
    """
    house = opened()
    with house.database.read() as session:
        rows = {
            number: queries.ledger_view(row) for number, row in ledger.by_number(session, numbers).items()
        }
    views: list[LedgerView] = []
    for number in numbers:
        if number not in rows:
            raise CouldNot(f"there is no ledger row {number}; `rsvpd review list` shows what waits")
        organizer = house.settings.named(rows[number].mailbox.partition("/")[0])
        with house.mailbox(organizer) as mailbox:
            views += house.intake.fetch_again(mailbox, rows[number])
    _print_views(views, form)


def _print_settled(settled: list[Settled], form: Format) -> None:
    _print_views([one.row for one in settled], form)


def _me() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a user id without a name
        return "somebody"


@app.command(rich_help_panel="Second look")
def replay(
    apply: Annotated[bool, typer.Option("--apply", help="Record what changes.")] = False,
    form: FormatOption = Format.TABLE,
) -> None:
    """Judge the whole ledger again with today's rules, and show what would change."""
    changed = opened().review.replay(apply=apply)
    rows = [{"what": c.what, "before": c.before, "after": c.after} for c in changed]
    if form is Format.JSON:
        output.print_json(rows)
    elif form is Format.CSV:
        output.print_csv(("what", "before", "after"), rows)
    elif not rows:
        typer.echo("Nothing changes.")
    else:
        table = output.table("before", "after", "what")
        for row in rows:
            table.add_row(row["before"], row["after"], output.plain(row["what"]))
        output.console().print(table)
        typer.echo("Recorded." if apply else "Nothing was recorded; --apply does.")


@attendee_app.command()
def alias(
    address: Annotated[str, typer.Argument(metavar="ADDRESS", help="The address that was invited.")],
    aliases: Annotated[list[str], typer.Argument(metavar="ALIAS…", help="Where they also write from.")],
) -> None:
    """Record further addresses of a person; held answers from there are released.

    Example: [bold]rsvpd attendee alias ann@example.org ann.b@example.com[/]
    """
    released = opened().review.alias(address, aliases)
    typer.echo(f"Recorded {len(aliases)} for {address}; {len(released)} held replies are judged anew.")


@proposal_app.command("list")
def proposals(form: FormatOption = Format.TABLE) -> None:
    """Show counter-proposals that wait for an answer."""
    with opened().database.read() as session:
        found = pending.proposals(session)
    rows = [_proposal(one) for one in found]
    if form is Format.JSON:
        output.print_json(rows)
    elif form is Format.CSV:
        output.print_csv(_PROPOSAL, rows)
    elif not rows:
        typer.echo("No proposals wait.")
    else:
        _print_proposals(found)


def _proposal(one: Pending) -> dict[str, Any]:
    return {
        "id": one.number,
        "uid": one.meeting.uid,
        "summary": one.meeting.summary,
        "attendee": one.attendee,
        "occurrence": one.occurrence,
        "start": one.start,
        "end": one.end,
        "location": one.location,
        "comment": one.comment,
        "proposed_at": one.proposed_at,
    }


def _print_proposals(found: list[Pending]) -> None:
    table = output.table("id", "proposed", "attendee", "meeting and comment")
    for one in found:
        words = f"\n[dim]{output.plain(one.comment)}[/]" if one.comment else ""
        where = f"\n{output.plain(one.location)}" if one.location else ""
        table.add_row(
            str(one.number),
            output.day_and_time(one.start) or "another place",
            output.plain(one.attendee),
            f"{output.plain(one.meeting.summary)}{where}{words}",
        )
    output.console().print(table)


@proposal_app.command()
def accept(number: Annotated[int, typer.Argument(metavar="ID", help="As `proposal list` shows.")]) -> None:
    """Move the meeting to what was proposed, and ask everybody again."""
    sent = opened().proposals.accept(number)
    typer.echo(f"Moved; {sent} invitations are in the outgoing queue.")


@proposal_app.command()
def decline(
    number: Annotated[int, typer.Argument(metavar="ID", help="As `proposal list` shows.")],
    message: Annotated[str | None, typer.Option(help="A word to the attendee.")] = None,
) -> None:
    """Keep the meeting as it is, and tell the attendee (DECLINECOUNTER)."""
    opened().proposals.decline(number, message)
    typer.echo("Declined; the attendee is told.")
