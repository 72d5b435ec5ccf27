"""Notes on how a file was read, and its rejects counted by kind."""

from alembic import op

from logistics_core.sql_files import read_sql

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.get_bind().exec_driver_sql(read_sql("migrations/0008_load_quality"))
