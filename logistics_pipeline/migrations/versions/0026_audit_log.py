"""The audit log: who changed what."""

from alembic import op

from logistics_core.sql_files import read_sql

revision = "0026"
down_revision = "0025"


def upgrade() -> None:
    op.get_bind().exec_driver_sql(read_sql("migrations/0026_audit_log"))
