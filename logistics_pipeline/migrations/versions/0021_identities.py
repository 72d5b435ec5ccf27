"""External ids: links with master keys, and proposals of links."""

from alembic import op

from logistics_core.sql_files import read_sql

revision = "0021"
down_revision = "0020"


def upgrade() -> None:
    op.get_bind().exec_driver_sql(read_sql("migrations/0021_identities"))
