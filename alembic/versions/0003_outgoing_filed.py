"""When a mail was first tried, and when its copy was filed."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # ADD COLUMN as both databases have it: a batch might copy the table on SQLite.
    op.add_column("outgoing", sa.Column("first_tried_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("outgoing", sa.Column("filed_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index(op.f("ix_outgoing_sent_at"), "outgoing", ["sent_at"], unique=False)
