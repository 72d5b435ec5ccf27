"""Contracts of the users' datasets in the database, with their versions, proposals and requests."""

from alembic import op

from logistics_core.sql_files import read_sql

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    op.get_bind().exec_driver_sql(read_sql("migrations/0010_contracts"))
