"""Profiles of the columns of each file."""

from alembic import op

from logistics_core.sql_files import read_sql

revision = "0012"
down_revision = "0010"


def upgrade() -> None:
    op.get_bind().exec_driver_sql(read_sql("migrations/0012_file_profiles"))
