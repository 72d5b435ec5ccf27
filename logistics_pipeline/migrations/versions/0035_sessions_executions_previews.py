"""Sessions of people whom a trusted proxy describes, executions of models summed up, previews of reports."""

from alembic import op

from logistics_core.sql_files import read_sql

revision = "0035"
down_revision = "0034"


def upgrade() -> None:
    op.get_bind().exec_driver_sql(read_sql("migrations/0035_sessions_executions_previews"))
