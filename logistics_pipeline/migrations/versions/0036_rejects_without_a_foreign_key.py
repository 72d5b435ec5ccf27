"""Rejects without their foreign key: triggers delete them with their file."""

from alembic import op

from logistics_core.sql_files import read_sql

revision = "0036"
down_revision = "0035"


def upgrade() -> None:
    op.get_bind().exec_driver_sql(read_sql("migrations/0036_rejects_without_a_foreign_key"))
