"""Previews of the templates of endpoints, for those who ask through the API."""

from alembic import op

from logistics_core.sql_files import read_sql

revision = "0044"
down_revision = "0043"


def upgrade() -> None:
    op.get_bind().exec_driver_sql(read_sql("migrations/0044_template_previews"))
