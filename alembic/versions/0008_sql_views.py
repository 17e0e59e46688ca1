"""The SQL contract: what dashboards and reports of others read (README, SQL views).

A view keeps the tables below it as they are: a later migration that drops or renames a column,
or copies a table on SQLite (a batch), drops the views first and creates them again.
"""

import re

from alembic import op

revision = "0008"
down_revision = "0005"
branch_labels = None
depends_on = None

_TIMES = {
    # RFC 3339 of one width: Grafana and Metabase read it as a time, and it orders and compares as text.
    "sqlite": "strftime('%Y-%m-%dT%H:%M:%SZ', {0})",
    "postgresql": "{0}",
}

# What `itip.seats` says, in SQL, for those alone whom a delegation concerns: they are few, so everything
# else stays a plain scan. A chain is followed for 6 steps. Not part of the contract.
_DELEGATED_SEAT = """
CREATE VIEW delegated_seat AS
WITH RECURSIVE chain (attendee_id, meeting_id, at_id, partstat, delegated_to, step) AS (
  SELECT id, meeting_id, id, partstat, delegated_to, 0
  FROM attendee
  WHERE partstat = 'DELEGATED' AND removed_at IS NULL
  UNION ALL
  SELECT chain.attendee_id, chain.meeting_id, follower.id, follower.partstat, follower.delegated_to, chain.step + 1
  FROM chain
  JOIN attendee AS follower ON follower.meeting_id = chain.meeting_id
    AND follower.address = chain.delegated_to AND follower.removed_at IS NULL
  WHERE chain.partstat = 'DELEGATED' AND follower.id <> chain.at_id AND chain.step < 6
),
ranked AS (
  SELECT chain.*, row_number() OVER (PARTITION BY attendee_id ORDER BY step DESC) AS place
  FROM chain
),
delegation AS (
  SELECT attendee.id, attendee.meeting_id, attendee.delegated_to AS delegate, ranked.partstat AS at_end,
    CASE WHEN ranked.at_id <> attendee.id AND ranked.partstat = 'DECLINED' THEN 1 ELSE 0 END AS waits_again,
    CASE WHEN ranked.partstat = 'DELEGATED' AND EXISTS (
      SELECT 1 FROM attendee AS back
      WHERE back.meeting_id = ranked.meeting_id AND back.address = ranked.delegated_to
        AND back.removed_at IS NULL
    ) THEN 1 ELSE 0 END AS comes_back
  FROM ranked
  JOIN attendee ON attendee.id = ranked.attendee_id
  WHERE ranked.place = 1
),
concerned AS (
  SELECT id, at_end, waits_again, 0 AS taken FROM delegation
  UNION ALL
  SELECT delegate.id, NULL, 0, 1
  FROM delegation
  JOIN attendee AS delegate ON delegate.meeting_id = delegation.meeting_id AND delegate.address = delegation.delegate
  WHERE delegation.comes_back = 0
  UNION ALL
  SELECT delegate.id, NULL, 0, 1
  FROM attendee AS delegate
  JOIN attendee AS delegator ON delegator.meeting_id = delegate.meeting_id
    AND delegator.address = delegate.delegated_from AND delegator.removed_at IS NULL
  WHERE delegate.delegated_from IS NOT NULL
),
found AS (
  SELECT id, max(at_end) AS at_end, max(waits_again) AS waits_again, max(taken) AS taken
  FROM concerned
  GROUP BY id
)
SELECT
  attendee.id AS attendee_id,
  CASE WHEN found.waits_again = 1 THEN 'NEEDS-ACTION' ELSE attendee.partstat END AS partstat,
  1 - found.taken AS seat,
  CASE WHEN found.waits_again = 1 THEN 'NEEDS-ACTION' ELSE coalesce(found.at_end, attendee.partstat) END
    AS seat_partstat
FROM found
JOIN attendee ON attendee.id = found.id
"""

_ATTENDANCE = """
CREATE VIEW attendance AS
SELECT
  attendee.meeting_id,
  attendee.id AS attendee_id,
  meeting.uid,
  meeting.organizer,
  meeting.summary,
  meeting.status,
  {meeting.starts_at} AS starts_at,
  {meeting.ends_at} AS ends_at,
  attendee.email,
  attendee.name,
  attendee.role,
  coalesce(delegated_seat.partstat, attendee.partstat) AS partstat,
  coalesce(delegated_seat.seat, 1) AS seat,
  CASE WHEN delegated_seat.seat = 0 THEN NULL
    ELSE coalesce(delegated_seat.seat_partstat, attendee.partstat) END AS seat_partstat,
  {attendee.answered_at} AS answered_at,
  attendee.comment,
  attendee.guests,
  attendee.sent_by,
  attendee.delegated_to,
  attendee.delegated_from,
  attendee.client,
  CASE WHEN proposer.attendee_id IS NULL THEN 0 ELSE 1 END AS proposes,
  attendee.delivery,
  attendee.delivery_words AS delivery_detail
FROM attendee
JOIN meeting ON meeting.id = attendee.meeting_id
LEFT JOIN delegated_seat ON delegated_seat.attendee_id = attendee.id
LEFT JOIN (SELECT DISTINCT attendee_id FROM proposal WHERE status = 'pending') AS proposer
  ON proposer.attendee_id = attendee.id
WHERE attendee.removed_at IS NULL
"""

_SUMMARY = """
CREATE VIEW attendance_summary AS
SELECT
  meeting.id AS meeting_id,
  meeting.uid,
  meeting.organizer,
  meeting.summary,
  meeting.location,
  meeting.status,
  {meeting.starts_at} AS starts_at,
  {meeting.ends_at} AS ends_at,
  meeting.zone,
  CASE WHEN length(meeting.start) > 10 THEN 0 ELSE 1 END AS all_day,
  CASE WHEN meeting.recurrence IS NULL THEN 0 ELSE 1 END AS recurs,
  meeting.sequence,
  coalesce(counted.people, 0) AS people,
  coalesce(counted.accepted + counted.tentative + counted.declined + counted.delegated + counted.needs_action, 0)
    AS seats,
  coalesce(counted.accepted, 0) AS accepted,
  coalesce(counted.tentative, 0) AS tentative,
  coalesce(counted.declined, 0) AS declined,
  coalesce(counted.delegated, 0) AS delegated,
  coalesce(counted.needs_action, 0) AS needs_action,
  coalesce(counted.guests, 0) AS guests,
  coalesce(proposed.proposals, 0) AS proposals,
  coalesce(counted.undelivered, 0) AS undelivered,
  coalesce(waiting.held, 0) AS held,
  {counted.last_answered_at} AS last_answered_at,
  {meeting.created_at} AS created_at,
  {meeting.modified_at} AS modified_at
FROM meeting
LEFT JOIN (
  SELECT
    meeting_id,
    count(*) AS people,
    count(CASE WHEN seat_partstat = 'ACCEPTED' THEN 1 END) AS accepted,
    count(CASE WHEN seat_partstat = 'TENTATIVE' THEN 1 END) AS tentative,
    count(CASE WHEN seat_partstat = 'DECLINED' THEN 1 END) AS declined,
    count(CASE WHEN seat_partstat = 'DELEGATED' THEN 1 END) AS delegated,
    count(CASE WHEN seat_partstat = 'NEEDS-ACTION' THEN 1 END) AS needs_action,
    sum(CASE WHEN partstat = 'ACCEPTED' THEN guests END) AS guests,
    count(CASE WHEN delivery = 'failed' THEN 1 END) AS undelivered,
    max(answered_at) AS last_answered_at
  FROM (
    SELECT
      attendee.meeting_id,
      attendee.partstat,
      attendee.guests,
      attendee.delivery,
      attendee.answered_at,
      CASE WHEN delegated_seat.attendee_id IS NULL THEN attendee.partstat
        WHEN delegated_seat.seat = 1 THEN delegated_seat.seat_partstat END AS seat_partstat
    FROM attendee
    LEFT JOIN delegated_seat ON delegated_seat.attendee_id = attendee.id
    WHERE attendee.removed_at IS NULL
  ) AS person
  GROUP BY meeting_id
) AS counted ON counted.meeting_id = meeting.id
LEFT JOIN (
  SELECT attendee.meeting_id, count(DISTINCT attendee.id) AS proposals
  FROM proposal
  JOIN attendee ON attendee.id = proposal.attendee_id AND attendee.removed_at IS NULL
  WHERE proposal.status = 'pending'
  GROUP BY attendee.meeting_id
) AS proposed ON proposed.meeting_id = meeting.id
LEFT JOIN (
  SELECT meeting_id, count(*) AS held
  FROM inbound
  WHERE outcome = 'held' AND settled_by IS NULL
  GROUP BY meeting_id
) AS waiting ON waiting.meeting_id = meeting.id
"""

_REPLIES = """
CREATE VIEW reply_log AS
SELECT
  id,
  meeting_id,
  {recorded_at} AS recorded_at,
  {received_at} AS received_at,
  mailbox,
  organizer,
  sender,
  subject,
  method,
  uid,
  attendee,
  partstat,
  occurrence,
  sequence,
  outcome,
  reason,
  words,
  matched_by,
  settled_by,
  {settled_at} AS settled_at
FROM inbound
"""


def upgrade() -> None:
    time = _TIMES[op.get_bind().dialect.name]
    for view in (_DELEGATED_SEAT, _ATTENDANCE, _SUMMARY, _REPLIES):
        # Not op.execute(text): a colon inside a format would be taken for a parameter.
        op.get_bind().exec_driver_sql(_timed(view, time))


def _timed(view: str, time: str) -> str:
    return re.sub(r"\{([\w.]+)\}", lambda name: time.format(name[1]), view)
