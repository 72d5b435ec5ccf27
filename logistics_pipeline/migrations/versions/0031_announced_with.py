"""Alerts: with which others an incident was announced."""

from alembic import op

from logistics_core.sql_files import read_sql

revision = "0031"
down_revision = "0030"


def upgrade() -> None:
    op.get_bind().exec_driver_sql(read_sql("migrations/0031_announced_with"))
