"""`status`: how it goes, for people."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

import typer
from rich.console import Console

from rsvpd.cli import output
from rsvpd.cli.root import Format, FormatOption, app, opened
from rsvpd.seeing import Job, Seeing, Sight, age
from rsvpd.store.health import Queue, Waiting
from rsvpd.store.webhooks import WebhookView

_JOBS = ("verb", "organizer", "well", "worked_at", "trouble", "since")


@app.command(rich_help_panel="Work")
def status(form: FormatOption = Format.TABLE) -> None:
    """Show how it goes: the daemons, every mailbox and server, the queue, the webhooks.

    Status 1 if something is wrong. It asks the database alone, so what a daemon found shows here after
    at most five seconds.

    Example: [bold]rsvpd status --format json[/]
    """
    house = opened()
    sight = Seeing(house.database, house.clock, house.settings).look()
    if form is Format.JSON:
        output.print_json([sight.as_json()])
    elif form is Format.CSV:
        output.print_csv(_JOBS, sight.as_json()["jobs"])
    else:
        _print(sight, output.console())
    if not sight.well:
        raise typer.Exit(1)


def _print(sight: Sight, console: Console) -> None:
    for trouble in sight.troubles:
        console.print(f"[red]wrong[/]  {output.plain(trouble)}", soft_wrap=True)
    if sight.well:
        console.print("All is well.")
    for daemon in sight.daemons:
        began = output.day_and_time(daemon.joined_at)
        console.print(f"Daemon on {output.plain(daemon.name)}, since {began} UTC.", soft_wrap=True)
    if not sight.daemons:
        console.print("No daemon runs on this database; `rsvpd run` starts one.")
    _print_jobs(sight.jobs, sight.at, console)
    if sight.queues:
        _print_queues(sight.queues, sight.at, console)
    if sight.webhooks:
        _print_webhooks(sight, console)
    if sight.waiting:
        for line in _for_a_person(sight.waiting):
            console.print(line)


def _print_jobs(jobs: Sequence[Job], now: datetime, console: Console) -> None:
    table = output.table("organizer", "job", "last worked", "how it goes")
    for job in jobs:
        worked = f"{age(now, job.worked_at)} ago" if job.worked_at else ""
        table.add_row(output.plain(job.organizer), job.verb, worked, _state(job, now))
    console.print()
    console.print(table)


def _state(job: Job, now: datetime) -> str:
    if job.well:
        return "[green]works[/]" if job.worked_at else "[dim]nothing to say yet[/]"
    since = f" (for {age(now, job.since)})" if job.since else ""
    return f"[red]{output.plain(job.words)}[/]{since}"


def _print_queues(queues: Sequence[Queue], now: datetime, console: Console) -> None:
    table = output.table("organizer", "mails waiting", "failed", "oldest waits for")
    for queue in queues:
        oldest = age(now, queue.oldest_at) if queue.oldest_at else ""
        table.add_row(output.plain(queue.organizer), str(queue.waiting), str(queue.failed), oldest)
    console.print()
    console.print(table)


def _print_webhooks(sight: Sight, console: Console) -> None:
    table = output.table("webhook", "changes waiting", "oldest waits for", "how it goes")
    for one in sight.webhooks:
        oldest = age(sight.at, one.oldest_at) if one.oldest_at else ""
        table.add_row(output.plain(one.name), str(one.waiting), oldest, _state_of(sight, one))
    console.print()
    console.print(table)


def _state_of(sight: Sight, webhook: WebhookView) -> str:
    trouble = sight.trouble_of(webhook)
    if trouble is None:
        return "[green]works[/]" if webhook.delivered_at else "[dim]nothing to say yet[/]"
    since = f" (for {age(sight.at, webhook.since)})" if webhook.since else ""
    return f"[red]{output.plain(trouble)}[/]{since}"


def _for_a_person(waiting: Waiting) -> Iterator[str]:
    if waiting.held or waiting.proposals or waiting.unfetched:
        yield ""
    if waiting.held:
        yield f"{waiting.held} held: see `rsvpd review list`."
    if waiting.unfetched:
        yield f"{waiting.unfetched} could not be fetched: see `rsvpd review list`."
    if waiting.proposals:
        yield f"{waiting.proposals} proposed another time: see `rsvpd proposal list`."
