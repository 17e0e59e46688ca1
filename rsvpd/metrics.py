"""Numbers for Prometheus; the only importer of prometheus_client.

What is counted is of this process since its start; what is measured, such as the
queue, is looked up when somebody asks.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.registry import Collector

from rsvpd import __version__
from rsvpd.seeing import Job, Sight

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4
_LAGS = (0.5, 1, 2, 5, 10, 30, 60, 120, 300, 900, 3600, 14_400, 86_400)
"""Seconds from the arrival of a reply in the mailbox to its record."""


class Metrics:
    """What is counted as it happens, and how it goes at this moment."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._replies = Counter(
            "rsvpd_replies", "Replies recorded, by what became of them.", ["outcome"], registry=self.registry
        )
        self._lag = Histogram(
            "rsvpd_reply_lag_seconds",
            "From the arrival of a reply in the mailbox to its record.",
            buckets=_LAGS,
            registry=self.registry,
        )
        self._mails = Counter(
            "rsvpd_mails",
            "Mails handed to an SMTP server, by what it said.",
            ["outcome"],
            registry=self.registry,
        )
        self._events = Counter(
            "rsvpd_webhook_events", "Calls of webhooks, by outcome.", ["outcome"], registry=self.registry
        )
        self._errors = Counter(
            "rsvpd_errors",
            "What could not be done, by kind, each time it was tried.",
            ["kind"],
            registry=self.registry,
        )
        build = Gauge(
            "rsvpd_build_info", "Which rsvpd this is; always 1.", ["version"], registry=self.registry
        )
        build.labels(__version__).set(1)

    def reply(self, outcome: str, received_at: datetime, recorded_at: datetime) -> None:
        """A reply was recorded."""
        self._replies.labels(outcome).inc()
        self._lag.observe(max((recorded_at - received_at) / timedelta(seconds=1), 0))

    def mail(self, outcome: str) -> None:
        """A server was given a mail: `sent`, `later` or `failed`."""
        self._mails.labels(outcome).inc()

    def event(self, outcome: str, count: int = 1) -> None:
        """Receivers of webhooks took so many events (`sent`), or one that is tried again (`later`)."""
        self._events.labels(outcome).inc(count)

    def error(self, kind: str) -> None:
        """Something could not be done."""
        self._errors.labels(kind).inc()

    def exposition(self, sight: Sight) -> bytes:
        """All of it, as Prometheus reads it."""
        moment = CollectorRegistry()
        moment.register(_Moment(sight))
        return generate_latest(self.registry) + generate_latest(moment)


class _Moment(Collector):
    """How it goes, as gauges."""

    def __init__(self, sight: Sight) -> None:
        self._sight = sight

    def collect(self) -> Iterator[Metric]:
        sight = self._sight
        yield _gauge("rsvpd_database_up", "Whether the database answers.", float(sight.database is None))
        yield _gauge("rsvpd_loops_stuck", "Loops of this daemon that no longer turn.", len(sight.stuck))
        yield from self._mailboxes(
            [job for job in sight.jobs if job.verb == "poll" and "/" not in job.organizer]
        )
        works = GaugeMetricFamily(
            "rsvpd_job_up", "Whether a job works as it shall.", labels=["job", "organizer"]
        )
        for job in sight.jobs:
            works.add_metric([job.verb, job.organizer], float(job.well))
        yield works
        if sight.database is None:
            yield from self._queues()
            yield from self._webhooks()

    def _mailboxes(self, polls: list[Job]) -> Iterator[Metric]:
        connected = GaugeMetricFamily(
            "rsvpd_mailbox_connected", "Whether the last look at a mailbox went well.", labels=["organizer"]
        )
        polled = GaugeMetricFamily(
            "rsvpd_mailbox_last_success_timestamp_seconds",
            "When a mailbox was last looked at with success.",
            labels=["organizer"],
        )
        for job in polls:
            connected.add_metric([job.organizer], float(job.well and job.worked_at is not None))
            if job.worked_at:
                polled.add_metric([job.organizer], job.worked_at.timestamp())
        yield connected
        yield polled

    def _queues(self) -> Iterator[Metric]:
        mails = GaugeMetricFamily(
            "rsvpd_outgoing_mails", "Mails in the outgoing queue, by status.", labels=["organizer", "status"]
        )
        oldest = GaugeMetricFamily(
            "rsvpd_outgoing_oldest_seconds", "Age of the oldest mail that is not sent.", labels=["organizer"]
        )
        for queue in self._sight.queues:
            mails.add_metric([queue.organizer, "pending"], queue.waiting)
            mails.add_metric([queue.organizer, "failed"], queue.failed)
            if queue.oldest_at:
                oldest.add_metric([queue.organizer], (self._sight.at - queue.oldest_at).total_seconds())
        yield mails
        yield oldest
        waiting = self._sight.waiting
        if waiting:
            yield _gauge("rsvpd_review_held", "Replies that wait for a person.", waiting.held)
            yield _gauge(
                "rsvpd_review_unfetched", "Mails that their server does not give out.", waiting.unfetched
            )
            yield _gauge("rsvpd_review_proposals", "Proposals of another time that wait.", waiting.proposals)
        yield _gauge("rsvpd_daemons", "Daemons that share the work.", len(self._sight.daemons))

    def _webhooks(self) -> Iterator[Metric]:
        works = GaugeMetricFamily(
            "rsvpd_webhook_up", "Whether a webhook takes what it is sent.", labels=["webhook"]
        )
        waiting = GaugeMetricFamily(
            "rsvpd_webhook_waiting",
            "Changes that a webhook was not told of, up to 10000.",
            labels=["webhook"],
        )
        oldest = GaugeMetricFamily(
            "rsvpd_webhook_oldest_seconds", "Age of the oldest of these.", labels=["webhook"]
        )
        for one in self._sight.webhooks:
            works.add_metric([one.name], float(self._sight.trouble_of(one) is None))
            waiting.add_metric([one.name], one.waiting)
            if one.oldest_at:
                oldest.add_metric([one.name], (self._sight.at - one.oldest_at).total_seconds())
        yield works
        yield waiting
        yield oldest


def _gauge(name: str, words: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, words, value=value)
