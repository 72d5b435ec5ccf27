"""Rows that groups of people may see."""

from alembic import op

from logistics_core.sql_files import read_sql

revision = "0032"
down_revision = "0031"


def upgrade() -> None:
    op.get_bind().exec_driver_sql(read_sql("migrations/0032_group_row_access"))
