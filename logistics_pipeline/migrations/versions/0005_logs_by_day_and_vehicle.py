"""The index of the logs by day and vehicle."""

from alembic import op

from logistics_core.sql_files import read_sql

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.get_bind().exec_driver_sql(read_sql("migrations/0005_logs_by_day_and_vehicle"))
