"""Since when an occurrence has been moved or cancelled, so that what came before is judged as it was then."""

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("override", sa.Column("known_at", sa.DateTime(timezone=True), nullable=True))
