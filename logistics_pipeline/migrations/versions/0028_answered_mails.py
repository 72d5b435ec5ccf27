"""Mails that are answered: links to unsubscribe, bounces, suppressed topics."""

from alembic import op

from logistics_core.sql_files import read_sql

revision = "0028"
down_revision = "0027"


def upgrade() -> None:
    op.get_bind().exec_driver_sql(read_sql("migrations/0028_answered_mails"))
