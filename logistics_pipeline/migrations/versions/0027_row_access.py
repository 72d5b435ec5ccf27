"""Keys of the API for some rows only."""

from alembic import op

from logistics_core.sql_files import read_sql

revision = "0027"
down_revision = "0026"


def upgrade() -> None:
    op.get_bind().exec_driver_sql(read_sql("migrations/0027_row_access"))
