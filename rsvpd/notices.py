"""Plain mails, without a calendar: put into the outgoing queue with bytes and Message-ID fixed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import uuid4

from rsvpd.itip.addresses import domain
from rsvpd.itip.compose import Letter, Mailbox, compose_plain
from rsvpd.itip.model import Attachment
from rsvpd.posting import Stationery
from rsvpd.store.outgoing import Mail


def notice(  # noqa: PLR0913  a mail has that many parts, all by name
    *,
    organizer: str,
    organizer_mailbox: Mailbox,
    stationery: Stationery,
    letter: Letter,
    recipient: Mailbox,
    kind: str,
    now: datetime,
    meeting_id: int | None = None,
    attendee_id: int | None = None,
    sequence: int = 0,
    attachments: Sequence[Attachment] = (),
) -> Mail:
    """The mail of an organizer to one recipient; `kind` stands in the queue where others have their METHOD."""
    message_id = f"<{uuid4()}@{domain(organizer_mailbox[0])}>"
    raw = compose_plain(
        letter=letter,
        sender=stationery.sender or organizer_mailbox,
        reply_to=organizer_mailbox if stationery.sender else None,
        recipient=recipient,
        message_id=message_id,
        date=now,
        attachments=attachments,
    )
    return Mail(
        organizer=organizer,
        meeting_id=meeting_id,
        attendee_id=attendee_id,
        recipient=recipient[0],
        message_id=message_id,
        method=kind,
        sequence=sequence,
        raw=raw,
    )
