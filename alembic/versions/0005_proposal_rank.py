"""What makes one counter-proposal newer than another."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("proposal", sa.Column("sequence", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("proposal", sa.Column("received_at", sa.DateTime(timezone=True), nullable=True))
    op.execute("UPDATE proposal SET received_at = proposed_at")
    with op.batch_alter_table("proposal") as batch:
        batch.alter_column("received_at", nullable=False)
    op.add_column("proposal", sa.Column("ordinal", sa.BigInteger(), nullable=False, server_default="0"))
