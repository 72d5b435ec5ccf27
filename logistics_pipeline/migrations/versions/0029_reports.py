"""Boards by e-mail: reports, and their editions."""

from alembic import op

from logistics_core.sql_files import read_sql

revision = "0029"
down_revision = "0028"


def upgrade() -> None:
    op.get_bind().exec_driver_sql(read_sql("migrations/0029_reports"))
