"""Rules of alerts that are made through the API, and trials of them."""

from alembic import op

from logistics_core.sql_files import read_sql

revision = "0030"
down_revision = "0029"


def upgrade() -> None:
    op.get_bind().exec_driver_sql(read_sql("migrations/0030_alert_rules"))
