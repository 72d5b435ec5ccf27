"""Notifications: endpoints, events, messages with every attempt."""

from alembic import op

from logistics_core.sql_files import read_sql

revision = "0024"
down_revision = "0023"


def upgrade() -> None:
    op.get_bind().exec_driver_sql(read_sql("migrations/0024_notifications"))
