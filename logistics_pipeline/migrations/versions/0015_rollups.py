"""Pre-aggregates of datasets, for metrics."""

from alembic import op

from logistics_core.sql_files import read_sql

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    op.get_bind().exec_driver_sql(read_sql("migrations/0015_rollups"))
