"""The analytics tables and the order in which a refresh brings them up to date, as data."""

from enum import StrEnum
from typing import NamedTuple


class Action(StrEnum):
    """What a step of a refresh does to its table."""

    COMPUTE = "compute"
    """Computes the rows that a daily table is to have on the stale days, into a temporary table."""
    REPLACE = "replace"
    """Replaces the rows of a daily table on the stale days by those computed."""
    UPDATE = "update"
    """Moves a table without days by the difference between what the stale days had and what they have now."""


class Step(NamedTuple):
    """One step of a refresh."""

    action: Action
    table: str


REFRESH_STEPS = (
    Step(Action.COMPUTE, "daily_vehicles"),
    Step(Action.REPLACE, "daily_vehicles"),
    Step(Action.UPDATE, "vehicle_numbers"),  # numbers the vehicles that daily_vehicles has
    Step(Action.COMPUTE, "daily_routes"),  # holds sets of vehicle numbers
    Step(Action.UPDATE, "routes"),  # reads the rows of daily_routes that go and those that come
    Step(Action.REPLACE, "daily_routes"),  # takes the numbers of its routes
    Step(Action.COMPUTE, "days"),
    Step(Action.REPLACE, "days"),
)
"""Each step comes after those whose result it reads."""

TABLES = tuple(dict.fromkeys(step.table for step in REFRESH_STEPS))
"""All analytics tables, each after those that it is computed from. `sql/analytics/<table>.sql` makes one, and
`sql/analytics/<table>.refresh.sql` is the statement of its `COMPUTE` or `UPDATE`."""

DAILY_TABLES = tuple(step.table for step in REFRESH_STEPS if step.action is Action.COMPUTE)
"""Those with rows per day."""

ROLLUPS = "rollups"
"""The list of the pre-aggregates of all datasets, `analytics.rollups`; `logistics_core.metrics.rollups` makes them."""

SOURCES = ("vehicles", "vehicle_logs", "shipments")
"""The datasets whose raw tables the tables above describe. Those that a user adds have metrics, and so rollups."""
