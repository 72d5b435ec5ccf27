"""Requests to load a file again, to unload it or to dismiss it."""

from alembic import op

from logistics_core.sql_files import read_sql

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.get_bind().exec_driver_sql(read_sql("migrations/0009_file_requests"))
