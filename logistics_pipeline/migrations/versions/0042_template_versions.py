"""Versions of the templates of endpoints."""

from alembic import op

from logistics_core.sql_files import read_sql

revision = "0042"
down_revision = "0041"


def upgrade() -> None:
    op.get_bind().exec_driver_sql(read_sql("migrations/0042_template_versions"))
