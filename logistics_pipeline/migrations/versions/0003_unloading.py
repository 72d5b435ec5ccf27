"""Files that are unloaded, and loads that are requested."""

from alembic import op

from logistics_core.sql_files import read_sql

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.get_bind().exec_driver_sql(read_sql("migrations/0003_unloading"))
