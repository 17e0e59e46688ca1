"""What is told of each fact: one line in the log, and one in the count. Never what people wrote."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import structlog

from rsvpd.delivery import Fate
from rsvpd.metrics import Metrics
from rsvpd.store.outgoing import Claimed
from rsvpd.store.queries import LedgerView
from rsvpd.troubles import Troubles
from rsvpd.webhooks import Told

log = structlog.get_logger("rsvpd")


@dataclass(frozen=True, slots=True)
class Telling:
    """The log, the counts, and what is wrong now."""

    metrics: Metrics = field(default_factory=Metrics)
    troubles: Troubles = field(default_factory=Troubles)

    def recorded(self, rows: Sequence[LedgerView]) -> None:
        """Replies were recorded."""
        for row in rows:
            self.metrics.reply(row.outcome, row.received_at, row.recorded_at)
            log.info(
                "reply",
                uid=row.uid,
                attendee=row.attendee,
                partstat=row.partstat,
                outcome=row.outcome,
                reason=row.reason,
                mailbox=row.mailbox,
            )

    def mailed(self, mail: Claimed, fate: Fate) -> None:
        """A server was given a mail."""
        self.metrics.mail(fate)
        log.info(
            "mail",
            uid=mail.uid,
            attendee=mail.recipient,
            method=mail.method,
            outcome=fate,
            organizer=mail.organizer,
            message_id=mail.message_id,
        )

    def told(self, webhook: str, told: Told) -> None:
        """A webhook took events."""
        self.metrics.event("sent", told.events)
        if told.events:
            log.info("webhook", webhook=webhook, events=told.events)
        if told.missed:
            after, until = told.missed
            log.warning(
                "changes were gone before the webhook had them", webhook=webhook, after=after, until=until
            )


def telling(now: Callable[[], datetime]) -> Telling:
    """With troubles that are counted."""
    metrics = Metrics()
    return Telling(metrics, Troubles(now, metrics.error))
