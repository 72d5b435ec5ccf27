"""How right the versions in production are: what checks and rules of alerts go by."""

from datetime import datetime
from typing import Any

from logistics_core.sql_files import read_sql
from logistics_pipeline.database.connections import Connection

TRACKED_DAYS = 90
ENOUGH_SCORED = 60
"""Predictions that must have been scored in these days; until then the back-test decides."""


def record_of(connection: Connection, name: str, past: datetime | None = None) -> dict[str, Any] | None:
    """How right the version of a model in production is: by what came true, or by its back-test; None without one.

    With an earlier moment, that of the version in production then, by what had come true until then.
    """
    parameters = {"model": name, "days": TRACKED_DAYS, "enough": ENOUGH_SCORED, "past": past}
    row = connection.execute(read_sql("models/record").encode(), parameters).fetchone()
    return None if row is None else row[0]
