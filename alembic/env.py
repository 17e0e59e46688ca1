"""Where Alembic meets the tables. The caller gives a connection; there is no other way in."""

from alembic import context

from rsvpd.store.tables import metadata

connection = context.config.attributes.get("connection")
if connection is None:
    raise SystemExit("run `rsvpd db upgrade`; to write a migration see the README, Development")

context.configure(
    connection=connection,
    target_metadata=metadata,
    render_as_batch=connection.dialect.name == "sqlite",
    compare_type=True,
)
with context.begin_transaction():
    context.run_migrations()
