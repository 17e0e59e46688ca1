"""The script that people write: a mail at a time, read by the book, with a commit each."""

from __future__ import annotations

import imaplib
from collections.abc import Iterator
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from icalendar import Calendar
from sqlalchemy import create_engine, event, text

from bench.clock import now

_UPDATE = text(
    "UPDATE attendee SET partstat = :partstat, answered_at = :now WHERE address = :address "
    "AND meeting_id = (SELECT id FROM meeting WHERE uid = :uid)"
)


def drain(host: str, port: int, user: str, password: str, url: str, mails: int) -> dict[str, float]:
    """Reads so many mails."""
    engine = create_engine(url)
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", lambda connection, _: connection.execute("PRAGMA journal_mode=WAL"))
    began = now()
    applied = read = 0
    with imaplib.IMAP4(host, port) as imap, engine.connect() as connection:
        imap.login(user, password)
        imap.select("INBOX", readonly=True)
        for number in imap.uid("SEARCH", "ALL")[1][0].split()[:mails]:
            fetched: Any = imap.uid("FETCH", number.decode(), "(RFC822)")[1]
            message = message_from_bytes(fetched[0][1], policy=policy.default)
            read += 1
            for values in _answers(message):
                connection.execute(_UPDATE, values)
                connection.commit()
                applied += 1
                break
    return {"seconds": now() - began, "mails": read, "applied": applied}


def _answers(message: EmailMessage) -> Iterator[dict[str, object]]:
    for part in message.walk():
        if part.get_content_type() not in {"text/calendar", "application/ics"}:
            continue
        content: str | bytes = part.get_content()
        calendar = Calendar.from_ical(content)
        if calendar.get("METHOD") != "REPLY":
            continue
        for component in calendar.walk("VEVENT"):
            people = component.get("ATTENDEE", [])
            for person in people if isinstance(people, list) else [people]:
                yield {
                    "uid": str(component["UID"]),
                    "address": str(person).lower().removeprefix("mailto:"),
                    "partstat": person.params.get("PARTSTAT", "NEEDS-ACTION"),
                    "now": datetime.now(UTC).replace(tzinfo=None),
                }
