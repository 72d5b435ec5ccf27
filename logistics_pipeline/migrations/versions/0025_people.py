"""People who sign in, and their sessions."""

from alembic import op

from logistics_core.sql_files import read_sql

revision = "0025"
down_revision = "0024"


def upgrade() -> None:
    op.get_bind().exec_driver_sql(read_sql("migrations/0025_people"))
