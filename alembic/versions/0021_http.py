"""What programs are told over HTTP: the feed of changes with the triggers that write it, and who may ask.

The triggers see every change of what is shown, whatever statement makes it. A later migration that
copies one of these tables on SQLite (a batch) loses its triggers: it creates them again.
"""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

_COLUMNS = "at, kind, organizer, meeting_id, uid, attendee, partstat, occurrence, reply, outcome, proposal"

_OF_MEETING = "{kind}, NEW.organizer, NEW.id, NEW.uid, NULL, NULL, NULL, NULL, NULL, NULL"
_OF_ATTENDEE = (
    "{kind}, meeting.organizer, meeting.id, meeting.uid, NEW.email, NEW.partstat, NULL, NULL, NULL, NULL "
    "FROM meeting WHERE meeting.id = NEW.meeting_id"
)
_OF_ANSWER = (
    "{kind}, meeting.organizer, meeting.id, meeting.uid, attendee.email, NEW.partstat, NEW.occurrence, "
    "NEW.inbound_id, NULL, NULL "
    "FROM attendee JOIN meeting ON meeting.id = attendee.meeting_id WHERE attendee.id = NEW.attendee_id"
)
_OF_PROPOSAL = (
    "{kind}, meeting.organizer, meeting.id, meeting.uid, attendee.email, NULL, NEW.occurrence, "
    "NEW.inbound_id, NULL, NEW.id "
    "FROM attendee JOIN meeting ON meeting.id = attendee.meeting_id WHERE attendee.id = NEW.attendee_id"
)
_OF_REPLY = (
    "{kind}, coalesce((SELECT organizer FROM meeting WHERE id = NEW.meeting_id), NEW.organizer), "
    "NEW.meeting_id, NEW.uid, NEW.attendee, NEW.partstat, NEW.occurrence, NEW.id, NEW.outcome, NULL"
)


def _differ(*columns: str) -> str:
    return " OR ".join(f"OLD.{column} IS DISTINCT FROM NEW.{column}" for column in columns)


_ANSWERED = _differ("partstat", "answered_at", "comment", "guests", "sent_by", "delegated_to", "client")
_DELIVERED = _differ("delivery", "delivery_words")
_SHOWN_OF_REPLY = (
    *("uid", "attendee", "partstat", "occurrence", "sequence", "matched_by", "sender", "subject"),
    *("outcome", "reason", "words", "settled_by", "meeting_id"),
)
_UPDATED_MEETING = (
    "CASE WHEN NEW.status = 'CANCELLED' AND OLD.status <> 'CANCELLED' THEN 'meeting.cancelled' "
    "ELSE 'meeting.updated' END"
)
_UPDATED_ATTENDEE = (
    "CASE WHEN NEW.removed_at IS NOT NULL AND OLD.removed_at IS NULL THEN 'attendee.removed' "
    "WHEN NEW.removed_at IS NULL AND OLD.removed_at IS NOT NULL THEN 'attendee.added' "
    f"WHEN {_ANSWERED} THEN 'attendee.answered' "
    f"WHEN {_DELIVERED} THEN 'attendee.delivery' ELSE 'attendee.updated' END"
)

_TRIGGERS = (
    ("meeting_created", "INSERT", "meeting", None, _OF_MEETING, "'meeting.created'"),
    (
        "meeting_updated",
        "UPDATE",
        "meeting",
        _differ("modified_at", "status", "sequence", "uid", "summary", "description", "location"),
        _OF_MEETING,
        _UPDATED_MEETING,
    ),
    ("meeting_deleted", "DELETE", "meeting", None, _OF_MEETING.replace("NEW.", "OLD."), "'meeting.deleted'"),
    ("attendee_added", "INSERT", "attendee", None, _OF_ATTENDEE, "'attendee.added'"),
    (
        "attendee_updated",
        "UPDATE",
        "attendee",
        f"{_differ('removed_at', 'name', 'role', 'email')} OR {_ANSWERED} OR {_DELIVERED}",
        _OF_ATTENDEE,
        _UPDATED_ATTENDEE,
    ),
    (
        "occurrence_answered",
        "INSERT",
        "answer",
        "NEW.occurrence IS NOT NULL",
        _OF_ANSWER,
        "'occurrence.answered'",
    ),
    ("proposal_made", "INSERT", "proposal", None, _OF_PROPOSAL, "'proposal.made'"),
    (
        "proposal_settled",
        "UPDATE",
        "proposal",
        _differ("status", "comment", "location"),
        _OF_PROPOSAL,
        "'proposal.' || CASE WHEN NEW.status <> OLD.status THEN NEW.status ELSE 'updated' END",
    ),
    ("reply_recorded", "INSERT", "inbound", None, _OF_REPLY, "'reply.recorded'"),
    (
        "reply_settled",
        "UPDATE",
        "inbound",
        _differ(*_SHOWN_OF_REPLY),
        _OF_REPLY,
        "'reply.settled'",
    ),
)


def upgrade() -> None:
    _create_tables()
    op.create_index("ix_attendee_counts", "attendee", ["meeting_id", "removed_at", "partstat"])
    for trigger in _TRIGGERS:
        _create_trigger(*trigger)


def _create_tables() -> None:
    op.create_table(
        "change",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("organizer", sa.String(), nullable=True),
        sa.Column("meeting_id", sa.Integer(), nullable=True),
        sa.Column("uid", sa.Text(), nullable=True),
        sa.Column("attendee", sa.String(), nullable=True),
        sa.Column("partstat", sa.String(), nullable=True),
        sa.Column("occurrence", sa.String(), nullable=True),
        sa.Column("reply", sa.Integer(), nullable=True),
        sa.Column("outcome", sa.String(), nullable=True),
        sa.Column("proposal", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_change"),
        sa.UniqueConstraint("number", name="uq_change_number"),
    )
    unnumbered = sa.text("number IS NULL")
    op.create_index(
        "ix_change_unnumbered", "change", ["id"], sqlite_where=unnumbered, postgresql_where=unnumbered
    )
    op.create_index("ix_change_meeting_id_number", "change", ["meeting_id", "number"])
    op.create_index("ix_change_organizer_number", "change", ["organizer", "number"])
    feed = op.create_table(
        "feed",
        sa.Column("last", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("last", name="pk_feed"),
    )
    op.bulk_insert(feed, [{"last": 0}])
    op.create_table(
        "access_token",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("scope", sa.String(), nullable=False),
        sa.Column("organizer", sa.String(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_access_token"),
        sa.UniqueConstraint("name", name="uq_access_token_name"),
    )
    op.create_table(
        "request",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("token_id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("fingerprint", sa.String(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("location", sa.Text(), nullable=True),
        sa.Column("body", sa.LargeBinary(), nullable=True),
        sa.ForeignKeyConstraint(
            ["token_id"], ["access_token.id"], name="fk_request_token_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_request"),
        sa.UniqueConstraint("token_id", "key", name="uq_request_token_id_key"),
    )
    op.create_index("ix_request_made_at", "request", ["made_at"])


def _create_trigger(name: str, event: str, table: str, when: str | None, source: str, kind: str) -> None:
    connection = op.get_bind()
    columns = source.format(kind=kind)
    if connection.dialect.name == "sqlite":
        # As SQLAlchemy writes an instant there.
        insert = f"INSERT INTO change ({_COLUMNS}) SELECT strftime('%Y-%m-%d %H:%M:%f000', 'now'), {columns};"
        test = f" WHEN {when.replace('IS DISTINCT FROM', 'IS NOT')}" if when else ""
        columns_too_old = insert.replace("IS DISTINCT FROM", "IS NOT")  # SQLite has the words since 3.39
        connection.exec_driver_sql(
            f"CREATE TRIGGER change_{name} AFTER {event} ON {table} FOR EACH ROW{test} BEGIN {columns_too_old} END"
        )
        return
    insert = f"INSERT INTO change ({_COLUMNS}) SELECT clock_timestamp(), {columns};"
    connection.exec_driver_sql(
        f"CREATE FUNCTION change_{name}() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN {insert} RETURN NULL; END $$"
    )
    test = f" WHEN ({when})" if when else ""
    connection.exec_driver_sql(
        f"CREATE TRIGGER change_{name} AFTER {event} ON {table} FOR EACH ROW{test} "
        f"EXECUTE FUNCTION change_{name}()"
    )
