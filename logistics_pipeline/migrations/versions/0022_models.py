"""Models: versions, back-tests, history, predictions and their scores, jobs."""

from alembic import op

from logistics_core.sql_files import read_sql

revision = "0022"
down_revision = "0021"


def upgrade() -> None:
    for name in ("0022_models", "0022_model_predictions"):
        op.get_bind().exec_driver_sql(read_sql(f"migrations/{name}"))
