"""The scope `contracts` of keys."""

from alembic import op

from logistics_core.sql_files import read_sql

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    op.get_bind().exec_driver_sql(read_sql("migrations/0013_contract_scope"))
