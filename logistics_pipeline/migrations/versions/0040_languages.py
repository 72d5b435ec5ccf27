"""Languages of messages: of people, of declared endpoints, and texts that can be told in them."""

from alembic import op

from logistics_core.sql_files import read_sql

revision = "0040"
down_revision = "0036"


def upgrade() -> None:
    op.get_bind().exec_driver_sql(read_sql("migrations/0040_languages"))
