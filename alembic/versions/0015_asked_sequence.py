"""At which SEQUENCE somebody who had been removed was invited again."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("attendee", sa.Column("asked_sequence", sa.Integer(), nullable=False, server_default="0"))
