"""What was emptied, and the key of pseudonyms."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("inbound", sa.Column("emptied_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("outgoing", sa.Column("emptied_at", sa.DateTime(timezone=True), nullable=True))
    op.create_table(
        "secret",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("value", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_secret")),
    )
