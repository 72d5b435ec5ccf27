"""Files of stores and servers in the ledger, and when each place was looked at."""

from alembic import op

from logistics_core.sql_files import read_sql

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    op.get_bind().exec_driver_sql(read_sql("migrations/0018_files_of_places"))
