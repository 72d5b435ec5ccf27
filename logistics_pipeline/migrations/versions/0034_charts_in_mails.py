"""Charts in mails."""

from alembic import op

from logistics_core.sql_files import read_sql

revision = "0034"
down_revision = "0033"


def upgrade() -> None:
    op.get_bind().exec_driver_sql(read_sql("migrations/0034_charts_in_mails"))
