"""Rollups that are computed together with an analytics table, or from one: each record is joined and summed up once."""

from collections.abc import Mapping

from psycopg import sql

from logistics_core.catalogue import Dataset, built_in_catalogue
from logistics_core.metrics.rollups import Rollup, contents_of, states_in
from logistics_core.metrics.states import Values
from logistics_core.sql_files import read_sql

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


def values_at_hand(dataset: Dataset, rollup: Rollup) -> sql.Composable | None:
    """What has the values of a rollup, in place of the records: `daily_routes` has the delivery times. Or None."""
    is_held = dataset.name == "shipments" and rollup.values == Values("delivery_time")
    if not is_held or not set(rollup.dimensions) <= {"origin", "destination"}:
        return None
    return sql.SQL('({}) AS page CROSS JOIN LATERAL (SELECT page.trip_date) AS "Dating"').format(
        sql.SQL(read_sql("rollups/delivery_times"))
    )
