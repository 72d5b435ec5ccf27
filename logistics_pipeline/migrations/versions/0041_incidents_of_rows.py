"""Incidents and events with the rows that they are about; where mailboxes for bounces were read until."""

from alembic import op

from logistics_core.sql_files import read_sql

revision = "0041"
down_revision = "0040"


def upgrade() -> None:
    for name in ("0041_incidents_of_rows", "0041_bounce_mailboxes"):
        op.get_bind().exec_driver_sql(read_sql(f"migrations/{name}"))
