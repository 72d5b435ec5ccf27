"""How high values were on each day, as rules saw them."""

from alembic import op

from logistics_core.sql_files import read_sql

revision = "0043"
down_revision = "0042"


def upgrade() -> None:
    op.get_bind().exec_driver_sql(read_sql("migrations/0043_observed_values"))
