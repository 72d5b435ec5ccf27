"""Counts of cells and references, from which the score of quality is computed."""

from alembic import op

from logistics_core.sql_files import read_sql

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    op.get_bind().exec_driver_sql(read_sql("migrations/0011_quality"))
