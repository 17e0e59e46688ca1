"""Which mails wait to be marked or moved on the server."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("inbound", sa.Column("unfinished", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.create_index(
        "ix_inbound_unfinished",
        "inbound",
        ["mailbox"],
        sqlite_where=sa.text("unfinished"),
        postgresql_where=sa.text("unfinished"),
    )
