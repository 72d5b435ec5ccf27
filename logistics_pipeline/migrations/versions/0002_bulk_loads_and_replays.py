"""Secondary indexes that bulk loads set aside, and rejects that are replayed."""

from alembic import op

from logistics_core.sql_files import read_sql

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.get_bind().exec_driver_sql(read_sql("migrations/0002_bulk_loads_and_replays"))
