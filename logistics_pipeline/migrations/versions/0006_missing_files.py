"""Tells missing files from faulty ones."""

from alembic import op

from logistics_core.sql_files import read_sql

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.get_bind().exec_driver_sql(read_sql("migrations/0006_missing_files"))
