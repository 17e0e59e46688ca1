"""`run`, `poll`, `ingest`, `demo`: where mails come in."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
)

from rsvpd import sharing
from rsvpd.app import App
from rsvpd.cli import output
from rsvpd.cli.attendance import ledger_json
from rsvpd.cli.root import Format, FormatOption, app, opened, settings
from rsvpd.config import OrganizerSettings
from rsvpd.intake import LEFT_ALONE, Ingested, Polled
from rsvpd.itip.model import Outcome
from rsvpd.ports import CouldNot
from rsvpd.running import Running
from rsvpd.store import health
from rsvpd.store.health import Part
from rsvpd.store.queries import LedgerView

_INGEST = (
    "file",
    "outcome",
    "reason",
    "uid",
    "attendee",
    "partstat",
    "occurrence",
    "sequence",
    "matched_by",
)


@app.command(rich_help_panel="Work")
def run() -> None:
    """Work until told to stop: poll every mailbox, send what is due.

    SIGTERM and Ctrl-C finish the batch in hand and end with status 0. SIGHUP reads the settings anew.
    """
    house = opened()
    if not house.settings.organizer:
        raise CouldNot("no [[organizer]] is configured; `rsvpd init` shows how")
    Running(house, settings).run()


@app.command(rich_help_panel="Work")
def poll(
    organizer: Annotated[str | None, typer.Option(help="Only this organizer's mailbox.")] = None,
    form: FormatOption = Format.TABLE,
) -> None:
    """Read every mailbox, send what is due and tell the webhooks, once, then exit.

    Example, from cron: [bold]rsvpd poll --format json >> replies.jsonl[/]
    """
    house = opened()
    chosen = [house.settings.named(organizer)] if organizer else list(house.settings.organizer)
    rows: list[LedgerView] = []
    troubles = []
    unsupported: list[str] = []
    counted: Counter[str] = Counter()
    said: list[Part] = []
    for one in chosen:
        for verb, work in _WORK:
            try:
                polled = work(house, one, counted)
            except CouldNot as error:  # the others go on
                polled = Polled(troubles={None: error})
            if polled is not None:
                failed = list(map(str, polled.troubles.values()))
                said.append(_part(f"{verb} {one.name}", failed))
                rows += polled.rows
                unsupported += polled.unsupported
                troubles += failed
    if organizer is None:
        troubles += _tell_webhooks(house, counted)
    _write_down(house, said)
    if form is Format.TABLE:
        typer.echo(", ".join(f"{n} {what}" for what, n in sorted(counted.items()) if n) or "Nothing new.")
    else:
        _print_rows([(row.mailbox, row) for row in rows], form)
    for mailbox in dict.fromkeys(unsupported):
        print(f"rsvpd: {mailbox}: {LEFT_ALONE}", file=sys.stderr)  # noqa: T201
    for trouble in troubles:
        print(f"rsvpd: {trouble}", file=sys.stderr)  # noqa: T201
    if troubles:
        raise typer.Exit(1)


def _tell_webhooks(house: App, counted: Counter[str]) -> Iterator[str]:
    """What went wrong, a line each; the others go on."""
    for webhook in house.settings.webhook:
        try:
            with sharing.member(house.database) as worker:
                counted.update(told=house.webhooks.tell(webhook, worker).events)
        except CouldNot as error:
            yield str(error)


def _remind_one(house: App, organizer: OrganizerSettings, counted: Counter[str]) -> Polled | None:
    counted.update(reminded=house.reminders.remind(organizer))
    return Polled()


def _report_one(house: App, organizer: OrganizerSettings, counted: Counter[str]) -> Polled | None:
    counted.update(reported=house.reports.send_due(organizer))
    return Polled()


def _part(name: str, failed: Sequence[str]) -> Part:
    now = datetime.now(UTC)
    if failed:
        return Part(name, now, trouble="; ".join(failed), since=now)
    return Part(name, now, worked_at=now)


def _write_down(house: App, said: Sequence[Part]) -> None:
    """For `rsvpd status`."""
    with suppress(CouldNot), house.database.begin() as session:  # whoever needs the database has said so
        health.note(session, said)


def _deliver_one(house: App, organizer: OrganizerSettings, counted: Counter[str]) -> Polled | None:
    """None if there was nothing to send, which says nothing of the server."""
    if organizer.smtp is None:
        return None
    with sharing.member(house.database) as worker:
        delivered = house.delivery(worker).drain(organizer)
    counted.update(sent=delivered.sent, delayed=delivered.later, failed=delivered.failed)
    return Polled() if delivered.sent or delivered.later or delivered.failed else None


def _file_one(house: App, organizer: OrganizerSettings, _: Counter[str]) -> Polled | None:
    if organizer.smtp is None:
        return None
    return Polled() if house.filing.file(organizer) else None


def _poll_one(house: App, organizer: OrganizerSettings, counted: Counter[str]) -> Polled | None:
    if organizer.imap is None:
        return None
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=output.progress_console(),
        transient=True,
        disable=not sys.stderr.isatty(),
    )
    tasks = {name: bar.add_task(f"{organizer.name}/{name}", total=None) for name in organizer.imap.folders}
    with bar, house.mailbox(organizer) as mailbox:
        polled = house.intake.poll_folders(
            mailbox,
            organizer.name,
            organizer.imap.folders,
            progress=lambda folder, done, total: bar.update(tasks[folder], completed=done, total=total),
        )
    counted.update(row.outcome for row in polled.rows)
    return polled


_WORK = (
    ("poll", _poll_one),
    ("remind", _remind_one),
    ("report", _report_one),
    ("deliver", _deliver_one),
    ("file", _file_one),
)
"""What one round does for an organizer, in this order."""


@app.command(rich_help_panel="Work")
def ingest(
    files: Annotated[
        list[str], typer.Argument(metavar="FILE.eml…", help="Mails, in this order; - is standard input.")
    ],
    organizer: Annotated[str | None, typer.Option(help="Only for this organizer's meetings.")] = None,
    form: FormatOption = Format.TABLE,
) -> None:
    """Record mails from files, as if they had come into a mailbox.

    Example, from an MTA's pipe: [bold]rsvpd ingest -[/]
    """
    house = opened()
    name = house.settings.named(organizer).name if organizer else None
    done = house.intake.ingest(_contents(files), name)
    if form is Format.TABLE:
        for one in done:
            _print_ingested(one)
    elif form is Format.JSON:
        for one in done:
            output.print_json(_ingest_rows([one]))
    else:
        output.print_csv(_INGEST, (row for one in done for row in _ingest_rows([one])))


def _contents(files: Sequence[str]) -> Iterator[tuple[str, bytes]]:
    for file in files:
        try:
            yield file, sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
        except OSError as error:
            raise CouldNot(
                f"{file}: {(error.strerror or str(error)).lower()}; those before it are recorded"
            ) from error


def _ingest_rows(ingested: Sequence[Ingested]) -> Iterator[dict[str, Any]]:
    for one in ingested:
        for row in one.rows:
            yield _ingest_json(one.file, row)
        if not one.rows:
            yield dict.fromkeys(_INGEST) | {"file": one.file, "outcome": Outcome.NOT_A_REPLY.value}


def _ingest_json(file: str, row: LedgerView) -> dict[str, Any]:
    return {
        "file": file,
        "outcome": row.outcome,
        "reason": row.words,
        "uid": row.uid,
        "attendee": row.attendee,
        "partstat": row.partstat,
        "occurrence": row.occurrence,
        "sequence": row.sequence,
        "matched_by": row.matched_by,
    }


def _print_ingested(one: Ingested) -> None:
    console = output.console()
    for row in one.rows:
        who = " ".join(filter(None, (output.plain(row.attendee), (row.partstat or "").lower())))
        why = f" [dim]{output.plain(row.words)}[/]" if row.words else ""
        console.print(f"{output.plain(one.file)}: [bold]{row.outcome}[/] {who}{why}", soft_wrap=True)
    if not one.rows:
        console.print(f"{output.plain(one.file)}: not_a_reply", soft_wrap=True)


def _print_rows(rows: Sequence[tuple[str, LedgerView]], form: Format) -> None:
    objects = [ledger_json(row) for _, row in rows]
    if form is Format.JSON:
        output.print_json(objects)
    else:
        output.print_csv(LedgerView.__slots__, objects)


@app.command(rich_help_panel="Start here")
def demo(
    once: Annotated[bool, typer.Option("--once", help="End when all is in, with the final table.")] = False,
) -> None:
    r"""Watch the whole job on this machine, with nothing to set up.

    A small mail world on loopback, the real daemon with its page in the browser, and a dozen simulated
    attendees. Without a terminal it ends as with --once. Needs the extra [bold]demo[/]:
    pip install 'rsvpd\[demo]'.
    """
    from rsvpd.demo import demo as play  # noqa: PLC0415  an optional extra

    raise typer.Exit(play(once=once, out=output.console()))
