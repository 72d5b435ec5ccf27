"""Alembic's entry point: runs on the connection that `migrations.migrate` hands over; there is no alembic.ini."""

from alembic import context

context.configure(connection=context.config.attributes["connection"], version_table_schema="ingest")
with context.begin_transaction():
    context.run_migrations()
