"""`webhook …`: programs that are told of changes."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlsplit

import typer

from rsvpd.cli import output
from rsvpd.cli.root import Format, FormatOption, opened, webhook_app
from rsvpd.config import ConfigInvalid, Settings, WebhookSettings
from rsvpd.ports import CouldNot
from rsvpd.store.webhooks import MOST_COUNTED, WebhookView
from rsvpd.webhooks import refusal

_COLUMNS = (
    "name",
    "host",
    "waiting",
    "oldest_at",
    "delivered_at",
    "trouble",
    "since",
    "stopped_at",
    "next_at",
)
_SHOWN = 300

Name = Annotated[str, typer.Argument(metavar="NAME", help="The name in the settings.")]


@webhook_app.command("list")
def list_(form: FormatOption = Format.TABLE) -> None:
    """Show every webhook: how many changes wait for it, and what is wrong.

    Example: [bold]rsvpd webhook list[/]
    """
    house = opened()
    hosts = {one.name: _host(one) for one in house.settings.webhook}
    views = house.webhooks.views()
    rows = [
        {"host": hosts[view.name]} | {c: getattr(view, c) for c in _COLUMNS if c != "host"} for view in views
    ]
    if form is Format.JSON:
        output.print_json([{column: row[column] for column in _COLUMNS} for row in rows])
    elif form is Format.CSV:
        output.print_csv(_COLUMNS, rows)
    elif not views:
        typer.echo("No [[webhook]] is configured; `rsvpd init` shows how.")
    else:
        table = output.table("name", "host", "waiting", "last told (UTC)", "how it goes")
        for view in views:
            waiting = f"{view.waiting}{'+' if view.waiting == MOST_COUNTED else ''}"
            told = output.day_and_time(view.delivered_at)
            table.add_row(
                output.plain(view.name), output.plain(hosts[view.name]), waiting, told, _state(view)
            )
        output.console().print(table)


def _state(view: WebhookView) -> str:
    if view.trouble is None:
        return "[green]works[/]" if view.delivered_at else "[dim]nothing to say yet[/]"
    again = f"; next try {view.next_at:%H:%M}" if view.next_at else ""
    return f"[red]{output.plain(view.trouble)}[/]{again}"


@webhook_app.command()
def test(name: Name) -> None:
    """Send a signed event of the type `test` now, and print what came back.

    Example: [bold]rsvpd webhook test crm[/]
    """
    house = opened()
    webhook = _named(house.settings, name)
    answer = house.webhooks.test(webhook)
    words = refusal(name, answer)
    said = output.one_line(answer.body.decode("utf-8", "replace"))[:_SHOWN]
    if words is not None:
        raise CouldNot(f"{name}: {words}" + (f"; it says: {said}" if said else ""))
    typer.echo(
        f"{_host(webhook)} answered {answer.words} in {answer.seconds:.2f} s" + (f": {said}" if said else ".")
    )


@webhook_app.command()
def resume(
    name: Name,
    skip: Annotated[bool, typer.Option("--skip", help="Leave out the changes that wait.")] = False,
) -> None:
    """Go on at once with a webhook that was stopped, or that waits for its next try.

    Example: [bold]rsvpd webhook resume crm --skip[/]
    """
    house = opened()
    house.webhooks.resume(_named(house.settings, name), skip=skip)
    typer.echo(f"{name} goes on{' with what changes next' if skip else ''}.")


def _named(settings: Settings, name: str) -> WebhookSettings:
    for webhook in settings.webhook:
        if webhook.name == name:
            return webhook
    known = ", ".join(webhook.name for webhook in settings.webhook) or "none is configured"
    raise ConfigInvalid(f"there is no webhook {name!r}; known: {known}")


def _host(webhook: WebhookSettings) -> str:
    """The address without its path, which may be secret."""
    return urlsplit(webhook.url).netloc
