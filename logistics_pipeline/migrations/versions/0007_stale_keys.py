"""Stale keys of any dataset that dates another, instead of stale logs."""

from alembic import op

from logistics_core.sql_files import read_sql

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.get_bind().exec_driver_sql(read_sql("migrations/0007_stale_keys"))
