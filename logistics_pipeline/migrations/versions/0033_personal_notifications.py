"""Notifications of people's own."""

from alembic import op

from logistics_core.sql_files import read_sql

revision = "0033"
down_revision = "0032"


def upgrade() -> None:
    for name in ("0033_personal_notifications", "0033_personal_changes"):
        op.get_bind().exec_driver_sql(read_sql(f"migrations/{name}"))
