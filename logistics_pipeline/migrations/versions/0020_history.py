"""History: records that others have superseded."""

from alembic import op

from logistics_core.sql_files import read_sql

revision = "0020"
down_revision = "0019"


def upgrade() -> None:
    op.get_bind().exec_driver_sql(read_sql("migrations/0020_history"))
