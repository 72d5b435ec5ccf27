"""Records with the key of another record, where nobody has confirmed the key."""

from alembic import op

from logistics_core.sql_files import read_sql

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    op.get_bind().exec_driver_sql(read_sql("migrations/0014_key_conflicts"))
