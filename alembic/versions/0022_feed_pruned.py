"""How much of the feed of changes was taken away."""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("feed", sa.Column("pruned", sa.BigInteger(), server_default="0", nullable=False))
