"""Forecasts: what was issued, what came true, how right they were."""

from alembic import op

from logistics_core.sql_files import read_sql

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    op.get_bind().exec_driver_sql(read_sql("migrations/0019_forecasts"))
