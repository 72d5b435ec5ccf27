"""Rollups that have the groups of an analytics table, and are computed with it, in one pass over the same records."""

from collections.abc import Mapping

from psycopg import sql

from logistics_core.catalogue import built_in_catalogue
from logistics_core.metrics.rollups import Rollup, contents_of, states_in

SHARED_GROUPS: Mapping[str, tuple[str, Rollup]] = {
    "daily_vehicles": ("vehicle_logs", Rollup(("vehicle_id",))),
    "daily_routes": ("shipments", Rollup(("origin", "destination"))),
}
"""By table, a built-in dataset and a rollup that its contract declares.

The statement of the table calls the records `page`, and those that date them `Dating`, as that of rollups does."""


def further_states(table: str) -> sql.Composable:
    """What the statement of a table computes besides its own columns: the rollup's states, under their names."""
    dataset, rollup = SHARED_GROUPS[table]
    states = states_in(rollup, contents_of(built_in_catalogue()[dataset]))
    return sql.SQL("").join(sql.SQL(", {} AS {}").format(state, sql.Identifier(name)) for name, state in states)
