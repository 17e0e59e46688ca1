"""When a mail was put off, so that a clock that was set back is known for one."""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("outgoing", sa.Column("put_off_at", sa.DateTime(timezone=True), nullable=True))
