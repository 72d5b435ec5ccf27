"""All days are divided into parts that several processes compute, and the figures are the same."""

from typing import Any

import pytest

from logistics_core.catalogue import built_in_catalogue
from logistics_core.metrics.periods import Grain
from logistics_core.metrics.rollups import Precision, Rollup
from logistics_core.metrics.states import Values
from logistics_core.sql_files import read_sql
from logistics_pipeline.analytics import day_parts as day_parts_module
from logistics_pipeline.analytics import refresh as refresh_module
from logistics_pipeline.analytics import rollups
from logistics_pipeline.analytics.day_parts import ALL_DAYS, DayPart, day_parts, parts_between
from logistics_pipeline.analytics.refresh import refresh, select_rows
from logistics_pipeline.analytics.rollup_check import rollup_differences
from logistics_pipeline.analytics.shared_groups import SHARED_GROUPS, values_at_hand
from logistics_pipeline.analytics.tables import DAILY_TABLES
from logistics_pipeline.database.connections import Connection
from tests.database.conftest import FolderUnderTest
from tests.database.records import Record, log, shipment
from tests.database.test_refreshing import actual_tables, expected_tables
from tests.database.test_rollups import differing_rollups, folder, parcel, scan

__all__ = ["folder"]

DAYS = [f"2024-01-{day:02}" for day in (1, 1, 1, 1, 1, 1, 2, 5, 9, 31)]
"""Of the logs, most of which are of the first day."""
LACKING: list[Record] = [{}, {"cost": None}, {"weight": None}, {"delivery_time": None}, {"cost": None, "weight": None}]
FILES = {
    "vehicle_logs.json": [
        *(log(number, trip_date=day) for number, day in enumerate(DAYS)),
        log(20, trip_date=DAYS[0], mileage=None),
        log(21, trip_date=DAYS[-1], fuel_used=None),
    ],
    "shipments.json": [
        shipment(number, log_id=f"l{number % 25}", **LACKING[number % len(LACKING)]) for number in range(60)
    ],
}
"""Some of the shipments lack measures, some their log."""


@pytest.fixture(autouse=True)
def divided(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small tables too."""
    monkeypatch.setattr(day_parts_module, "DIVIDED_BYTES", 0)


@pytest.fixture
def filled(raw_folder: FolderUnderTest) -> str:
    """A loaded database: see FILES."""
    return raw_folder.url


def test_every_day_is_in_one_part_and_the_parts_have_about_as_many_records(filled: str, connection: Connection) -> None:
    parts = day_parts(connection, built_in_catalogue()["shipments"])

    assert parts == [DayPart("-infinity", "2024-01-01"), DayPart("2024-01-02", "infinity")]
    for day in ("-infinity", "0044-03-15 BC", *DAYS, "2024-02-01", "10000-01-01", "infinity"):
        found = [connection.execute("SELECT %s::date BETWEEN %s AND %s", (day, *part)).fetchone() for part in parts]
        assert found.count((True,)) == 1, day


@pytest.mark.parametrize("bounds", [[], [("2024-01-01", "2024-01-02")], [("a", "b"), ("c", "d")]])
def test_parts_begin_after_the_bound_before_them(bounds: list[tuple[str, str]]) -> None:
    parts = parts_between(bounds)

    assert [part.first for part in parts] == [ALL_DAYS.first, *(first for _, first in bounds)]
    assert [part.last for part in parts] == [*(last for last, _ in bounds), ALL_DAYS.last]


def test_what_is_small_empty_or_for_one_process_is_not_divided(
    filled: str, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    logs = built_in_catalogue()["vehicle_logs"]
    connection.execute("SET max_parallel_workers_per_gather = 0")
    assert day_parts(connection, logs) == [ALL_DAYS]
    connection.execute("SET max_parallel_workers_per_gather = 3")
    assert len(day_parts(connection, logs)) > 1
    connection.execute("TRUNCATE raw.vehicle_logs")
    assert day_parts(connection, logs) == [ALL_DAYS]
    monkeypatch.undo()
    assert day_parts(connection, logs) == [ALL_DAYS]


def test_a_full_refresh_in_parts_is_exact(filled: str, connection: Connection) -> None:
    for _ in range(2):
        refresh(filled, full=True)
        assert actual_tables(connection) == expected_tables(connection)
        assert not differing_rollups(connection)


def test_rollups_of_other_datasets_made_in_parts_are_exact(folder: FolderUnderTest, connection: Connection) -> None:
    folder.drop_and_load("parcels.json", [parcel(n, n % 20) for n in range(60)])
    folder.drop_and_load("scans.json", [scan(n, n % 70) for n in range(90)])

    for _ in range(2):
        refresh(folder.url, full=True)
        assert not differing_rollups(connection)


@pytest.mark.parametrize("table", DAILY_TABLES)
def test_the_parts_are_computed_by_several_processes(filled: str, connection: Connection, table: str) -> None:
    refresh(filled)
    connection.execute("SET parallel_setup_cost = 0")  # as if there were many rows to compute
    connection.execute("SET parallel_tuple_cost = 0")

    plan = connection.execute(f"EXPLAIN {select_rows(connection, table, [], full=True)}".encode()).fetchall()

    assert any("Parallel Append" in line for (line,) in plan), plan


def test_rollups_with_the_groups_of_a_table_are_the_same_if_computed_apart(
    filled: str, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    together = _rows_of_rollups(filled, connection)
    monkeypatch.setattr(refresh_module, "SHARED_GROUPS", {})
    apart = _rows_of_rollups(filled, connection)

    assert together == apart
    assert all(
        rollup.dimensions in (built_in_catalogue()[name].declared_rollups or ())
        for name, rollup in SHARED_GROUPS.values()
    )
    assert all(together[dataset, rollup.dimensions] for dataset, rollup in SHARED_GROUPS.values())


@pytest.mark.parametrize("precision", [Precision.EXACT, Precision.ROUNDED])
def test_delivery_times_are_those_of_the_shipments(
    filled: str, connection: Connection, monkeypatch: pytest.MonkeyPatch, precision: Precision
) -> None:
    """Rollups of them are made from what `daily_routes` holds; the comparison reads the shipments."""
    shipments = built_in_catalogue()["shipments"]
    values = Values("delivery_time")
    wanted = [Rollup(("origin", "destination"))]
    wanted += [Rollup(by, values, precision, Grain.MONTH) for by in ((), ("origin",), ("destination", "origin"))]
    monkeypatch.setattr(rollups, "choose", lambda _, dataset, *others: wanted if dataset == shipments else [Rollup(())])
    connection.execute("DELETE FROM analytics.rollup_datasets")
    refresh(filled, full=True)

    kept = connection.execute(
        "SELECT sum(rows) FROM analytics.rollups WHERE document->>'values' IS NOT NULL"
    ).fetchone()
    assert kept and kept[0] > 0
    assert not rollup_differences(connection, shipments)
    assert all(values_at_hand(shipments, each) is not None for each in wanted[1:])


def _rows_of_rollups(url: str, connection: Connection) -> dict[tuple[str, tuple[str, ...]], set[tuple[Any, ...]]]:
    """What the rollups of states hold, by dataset and dimensions."""
    refresh(url, full=True)
    found = connection.execute(
        "SELECT dataset, document, table_name FROM analytics.rollups "
        "WHERE replaced_at IS NULL AND document->>'values' IS NULL"
    ).fetchall()
    return {
        (dataset, tuple(document["dimensions"])): set(
            connection.execute(f"SELECT * FROM rollups.{table}".encode()).fetchall()
        )
        for dataset, document, table in found
    }


def test_what_a_cluster_sorts_afterwards_is_sorted_by_the_statement_of_one_server() -> None:
    assert refresh_module.SORTED in read_sql("analytics/daily_routes.refresh")
