"""Keys of the API."""

from alembic import op

from logistics_core.sql_files import read_sql

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.get_bind().exec_driver_sql(read_sql("migrations/0004_api_keys"))
