"""Alerts: rules, states, incidents, silences, heartbeats."""

from alembic import op

from logistics_core.sql_files import read_sql

revision = "0023"
down_revision = "0022"


def upgrade() -> None:
    op.get_bind().exec_driver_sql(read_sql("migrations/0023_alerts"))
