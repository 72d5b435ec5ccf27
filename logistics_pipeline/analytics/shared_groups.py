"""Rollups that are computed together with an analytics table, or from one: each record is joined and summed up once."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import psycopg
from psycopg import sql

from logistics_core.catalogue import Dataset, built_in_catalogue
from logistics_core.metrics.rollups import Precision, Rollup, contents_of, states_in
from logistics_core.metrics.states import Values
from logistics_core.sql_files import read_sql
from logistics_pipeline.database.connections import Connection

SHARED_GROUPS: Mapping[str, tuple[str, Rollup]] = {
    "daily_vehicles": ("vehicle_logs", Rollup(("vehicle_id",))),
    "daily_routes": ("shipments", Rollup(("origin", "destination"))),
}
"""By table, a built-in dataset and a rollup that its contract declares.

The statement of the table calls the records `page`, and those that date them `Dating`, as that of rollups does."""


@dataclass(frozen=True)
class RollupsAtHand:
    """What a refresh has computed of rollups together with the analytics tables."""

    tables: Mapping[tuple[str, Rollup], sql.Identifier]
    """By dataset and rollup: the table that has its columns too."""
    days: frozenset[date] | None
    """The days that these tables are of; None: all days."""

    def rows(self, dataset: Dataset, rollup: Rollup, days: Collection[date] | None) -> sql.Identifier | None:
        """The table with the rows of a rollup on some days, or all; None if they have to be computed."""
        is_of_these = self.days is None if days is None else self.days is not None and self.days.issuperset(days)
        return self.tables.get((dataset.name, rollup)) if is_of_these else None

    def changed_values(self, dataset: Dataset, rollup: Rollup) -> sql.Composable | None:
        """What has the values of a rollup that come on the days and those that go, in place of the records; or None.

        `CHANGED_ROWS` is how many records of a group come more than go.
        """
        if not self.days or not _are_values_held(dataset, rollup) or rollup.precision is Precision.SKETCHED:
            return None
        return _dated("rollups/changed_delivery_times")


CHANGED_ROWS = sql.SQL("sum(page.records)::bigint")


def keep_former_values(connection: Connection, days: Sequence[date]) -> None:
    """Keeps the delivery times of some days, before `daily_routes` gets those they have now, for `changed_values`."""
    with psycopg.ClientCursor(connection) as cursor:  # CREATE TABLE takes no parameters
        cursor.execute(read_sql("rollups/former_delivery_times").encode(), {"days": list(days)})


def further_states(table: str) -> sql.Composable:
    """What the statement of a table computes besides its own columns: the rollup's states, under their names."""
    dataset, rollup = SHARED_GROUPS[table]
    states = states_in(rollup, contents_of(built_in_catalogue()[dataset]))
    return sql.SQL("").join(sql.SQL(", {} AS {}").format(state, sql.Identifier(name)) for name, state in states)


def values_at_hand(dataset: Dataset, rollup: Rollup) -> sql.Composable | None:
    """What has the values of a rollup, in place of the records: `daily_routes` has the delivery times. Or None."""
    return _dated("rollups/delivery_times") if _are_values_held(dataset, rollup) else None


def _are_values_held(dataset: Dataset, rollup: Rollup) -> bool:
    are_times = dataset.name == "shipments" and rollup.values == Values("delivery_time")
    return are_times and set(rollup.dimensions) <= {"origin", "destination"}


def _dated(statement: str) -> sql.Composable:
    """The rows of a statement, called as the records of shipments and their logs are."""
    return sql.SQL('({}) AS page CROSS JOIN LATERAL (SELECT page.trip_date) AS "Dating"').format(
        sql.SQL(read_sql(statement))
    )
