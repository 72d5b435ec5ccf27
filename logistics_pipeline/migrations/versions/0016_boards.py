"""Boards, and the scope `boards` of keys."""

from alembic import op

from logistics_core.sql_files import read_sql

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    op.get_bind().exec_driver_sql(read_sql("migrations/0016_boards"))
