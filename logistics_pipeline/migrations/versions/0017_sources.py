"""Sources, their pulls and pages."""

from alembic import op

from logistics_core.sql_files import read_sql

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    op.get_bind().exec_driver_sql(read_sql("migrations/0017_sources"))
    op.get_bind().exec_driver_sql(read_sql("migrations/0017_source_requests"))
