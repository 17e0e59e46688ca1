"""The processes that work on the database, and what each of them has in hand."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "member",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("daemon", sa.Boolean(), nullable=False),
        sa.Column("joined_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_member")),
    )
    op.create_table(
        "lease",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("holder", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["holder"], ["member.id"], name=op.f("fk_lease_holder"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_lease")),
    )
    op.create_index(op.f("ix_lease_holder"), "lease", ["holder"], unique=False)
    with op.batch_alter_table("outgoing") as batch:
        batch.drop_column("leased_until")
        batch.add_column(sa.Column("claimed_by", sa.String(), nullable=True))
        batch.create_foreign_key(
            op.f("fk_outgoing_claimed_by"), "member", ["claimed_by"], ["id"], ondelete="SET NULL"
        )
        batch.create_index(op.f("ix_outgoing_claimed_by"), ["claimed_by"], unique=False)
