"""Files whose rows are taken out again, and loads that are asked for."""

from alembic import op

from logistics_core.sql_files import read_sql

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.get_bind().exec_driver_sql(read_sql("migrations/0003_unloading"))
