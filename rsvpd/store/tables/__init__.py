"""The tables. A row class says what is stored, never what it means: that is `itip`'s.

A UID may be of any length, which no index takes: it is looked up by its digest.
"""

from rsvpd.store.tables.columns import Instant, metadata
from rsvpd.store.tables.mails import CalendarCopyRow, OutgoingRow, ReminderRow, ReportRow
from rsvpd.store.tables.meetings import (
    AliasRow,
    AttachmentRow,
    AttendeeRow,
    MeetingRow,
    OverrideRow,
    RevisionRow,
)
from rsvpd.store.tables.programs import AccessTokenRow, ChangeRow, FeedRow, RequestRow
from rsvpd.store.tables.replies import (
    AnswerRow,
    CursorRow,
    HardMailRow,
    InboundRow,
    ProposalRow,
    ProposalStatus,
)
from rsvpd.store.tables.webhooks import WebhookRow
from rsvpd.store.tables.work import HealthRow, LeaseRow, MemberRow, SecretRow

__all__ = [
    "AccessTokenRow",
    "AliasRow",
    "AnswerRow",
    "AttachmentRow",
    "AttendeeRow",
    "CalendarCopyRow",
    "ChangeRow",
    "CursorRow",
    "FeedRow",
    "HardMailRow",
    "HealthRow",
    "InboundRow",
    "Instant",
    "LeaseRow",
    "MeetingRow",
    "MemberRow",
    "OutgoingRow",
    "OverrideRow",
    "ProposalRow",
    "ProposalStatus",
    "ReminderRow",
    "ReportRow",
    "RequestRow",
    "RevisionRow",
    "SecretRow",
    "WebhookRow",
    "metadata",
]
