"""How right the versions in production are: what checks and rules of alerts go by."""

from typing import Any

from logistics_core.sql_files import read_sql
from logistics_pipeline.database.connections import Connection

TRACKED_DAYS = 90
ENOUGH_SCORED = 60
"""Predictions that must have been scored in these days; until then the back-test decides."""


def record_of(connection: Connection, name: str) -> dict[str, Any] | None:
    """How right the version of a model in production is: by what came true, or by its back-test; None without one."""
    row = connection.execute(
        read_sql("models/record").encode(), {"model": name, "days": TRACKED_DAYS, "enough": ENOUGH_SCORED}
    ).fetchone()
    return None if row is None else row[0]
