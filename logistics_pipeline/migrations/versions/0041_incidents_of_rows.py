"""Incidents and events with the rows that they are about."""

from alembic import op

from logistics_core.sql_files import read_sql

revision = "0041"
down_revision = "0040"


def upgrade() -> None:
    op.get_bind().exec_driver_sql(read_sql("migrations/0041_incidents_of_rows"))
