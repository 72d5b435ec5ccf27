"""The schemas, the ledger and the analytics' bookkeeping."""

from alembic import op

from logistics_core.sql_files import read_sql

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.get_bind().exec_driver_sql(read_sql("migrations/0001_ledger"))
