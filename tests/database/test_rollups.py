"""Pre-aggregates: after any loads, corrections and unloads they are what a full recompute would make of them.

`test_refreshing` compares those of the built-in datasets after every step of its state machine; here are datasets of a
user's own, and how their pre-aggregates are chosen, made anew and dropped.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from logistics_core.metrics.periods import Grain
from logistics_core.metrics.rollups import Precision
from logistics_pipeline.analytics import rollup_check, rollup_choice, rollups
from logistics_pipeline.analytics.refresh import refresh
from logistics_pipeline.analytics.rollup_check import days_to_compare, rollup_differences
from logistics_pipeline.analytics.rollups import datasets_to_remake
from logistics_pipeline.contracts.backfill import backfill_from_extras
from logistics_pipeline.contracts.folder import sync_folder
from logistics_pipeline.contracts.retiring import retire_dataset
from logistics_pipeline.database.connections import Connection
from logistics_pipeline.database.contracts import catalogue_in_force
from logistics_pipeline.loading.options import BatchLimits
from logistics_pipeline.loading.unload import unload_file
from tests.contract_texts import synced_catalogue
from tests.database.conftest import FolderUnderTest

PROFILE = "$schema: https://datapackage.org/profiles/2.0/dataresource.json"
PARCELS = f"""
{PROFILE}
name: parcels
path: parcels.csv
title: Parcels
singular: parcel
schema:
  primaryKey: [parcel]
  fields:
    - {{name: parcel, type: string, constraints: {{required: true}}}}
    - {{name: sent_on, type: date, constraints: {{required: true}}}}
    - {{name: depot, type: string, role: dimension}}
    - {{name: express, type: boolean}}
    - {{name: weight, type: number, unit: kg}}
    - {{name: price, type: number, unit: currency}}
    - {{name: customer, type: string, role: dimension}}
datedBy: {{field: sent_on}}
metrics:
  - {{name: parcels_sent, aggregate: rows}}
  - {{name: revenue, aggregate: sum, field: price}}
  - {{name: heavy, aggregate: rows, filter: [{{field: weight, operator: gt, value: 10}}]}}
  - {{name: heavy_revenue, aggregate: sum, field: price,
      filter: [{{field: weight, operator: gt, value: 10}}, {{field: depot, operator: ne, value: null}},
               {{field: customer, operator: ne, value: 50%}}]}}
  - {{name: heaviest, aggregate: max, field: weight}}
  - {{name: first_sent, aggregate: min, field: sent_on}}
  - {{name: customers, aggregate: distinct, field: customer}}
  - {{name: express_customers, aggregate: distinct, field: customer,
      filter: [{{field: express, operator: eq, value: true}}, {{field: customer, operator: ne, value: 100% sure}}]}}
  - {{name: median_weight, aggregate: quantile, field: weight, quantile: 0.5}}
  - {{name: mean_price, aggregate: avg, field: price}}
  - {{name: share_of_heavy, aggregate: ratio, of: [heavy, parcels_sent]}}
"""
SCANS = f"""
{PROFILE}
name: scans
path: scans.csv
title: Scans
singular: scan
schema:
  foreignKeys:
    - {{fields: [parcel], reference: {{resource: parcels, fields: [parcel]}}}}
  fields:
    - {{name: parcel, type: string, constraints: {{required: true}}}}
    - {{name: place, type: string, role: dimension}}
    - {{name: seconds, type: number, unit: s}}
datedBy: {{dataset: parcels, field: parcel}}
metrics:
  - {{name: scans_made, aggregate: rows}}
  - {{name: median_seconds, aggregate: quantile, field: seconds, quantile: 0.5}}
  - {{name: parcels_scanned, aggregate: distinct, field: parcel}}
"""
DEPOTS = f"""
{PROFILE}
name: depots
path: depots.csv
title: Depots
singular: depot_record
schema:
  primaryKey: [name]
  fields:
    - {{name: name, type: string, constraints: {{required: true}}}}
    - {{name: region, type: string, role: dimension}}
    - {{name: area, type: number}}
"""


def differing_rollups(connection: Connection) -> list[Any]:
    return [
        each for dataset in catalogue_in_force(connection).values() for each in rollup_differences(connection, dataset)
    ]


def rollups_of(connection: Connection, dataset: str) -> list[dict[str, Any]]:
    found = connection.execute(
        "SELECT document FROM analytics.rollups WHERE dataset = %s AND replaced_at IS NULL ORDER BY table_name",
        (dataset,),
    )
    return [document for (document,) in found]


@pytest.fixture
def folder(raw_folder: FolderUnderTest, raw_dir: Path) -> FolderUnderTest:
    """A raw folder, and a database that knows the datasets."""
    contracts = raw_dir.parent / "contracts"
    contracts.mkdir()
    for name, text in (("depots", DEPOTS), ("parcels", PARCELS), ("scans", SCANS)):
        (contracts / f"{name}.yaml").write_text(text)
    catalogue = synced_catalogue(raw_folder.url, contracts)
    return replace(raw_folder, options=replace(raw_folder.options, catalogue=catalogue))


LARGE = BatchLimits(10_000, 1 << 24)


def parcel(number: int, day: int = 1, **changes: Any) -> dict[str, Any]:
    return {
        "parcel": f"P{number}",
        "sent_on": f"2024-03-{1 + day:02}",
        "depot": [None, "north", "null", ""][number % 4],
        "express": [True, False, None][number % 3],
        "weight": [None, 5, 20.25][number % 3],
        "price": number * 1.1,
        "customer": f"C{number % 5}",
    } | changes


def scan(number: int, parcel: int) -> dict[str, Any]:
    return {"parcel": f"P{parcel}", "place": [None, "gate", "van"][number % 3], "seconds": number}


def pairs(first: int, second: int) -> st.SearchStrategy[list[tuple[int, int]]]:
    """What records are made of."""
    return st.lists(st.tuples(st.integers(0, first), st.integers(0, second)), min_size=1, max_size=8)


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("parcels"), st.integers(0, 2), pairs(9, 4)),
        st.tuples(st.just("scans"), st.integers(0, 2), pairs(9, 11)),
        st.tuples(st.just("depots"), st.integers(0, 1), pairs(3, 9)),
        st.tuples(st.just("unload"), st.integers(0, 20), st.just([])),
        st.tuples(st.just("refresh"), st.just(0), st.just([])),
    ),
    min_size=3,
    max_size=14,
)

MAKERS: dict[str, Callable[[int, int], dict[str, Any]]] = {
    "parcels": parcel,
    "scans": scan,
    "depots": lambda number, area: {"name": f"D{number}", "region": ["a", None][number % 2], "area": area},
}


def test_rollups_equal_a_full_recompute_after_any_sequence(folder: FolderUnderTest, connection: Connection) -> None:
    check_sequences(folder, connection)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=8)
@given(steps=STEPS)
def check_sequences(folder: FolderUnderTest, connection: Connection, steps: Any) -> None:
    """Loads, unloads and refreshes at random; rollups are right after each refresh."""
    connection.execute(
        "TRUNCATE raw.vehicles, raw.vehicle_logs, raw.shipments, raw.parcels, raw.scans, raw.depots, ingest.files, "
        "analytics.rollup_datasets RESTART IDENTITY CASCADE"
    )
    loaded: list[str] = []
    for action, number, records in steps:
        if action == "refresh":
            refresh(folder.url)
            assert not differing_rollups(connection)
            assert_dated_records_are_counted(connection)
        elif action == "unload" and loaded:
            unload_file(folder.url, loaded.pop(number % len(loaded)), folder.options)
        elif action in MAKERS:
            report = folder.drop_and_load(f"{action}/{number}.json", [MAKERS[action](*each) for each in records])
            if report.file.path not in loaded:
                loaded.append(report.file.path)
    refresh(folder.url)
    assert not differing_rollups(connection)
    assert_dated_records_are_counted(connection)


def assert_dated_records_are_counted(connection: Connection) -> None:
    for dataset, dated in (("parcels", "raw.parcels"), ("scans", "raw.scans JOIN raw.parcels USING (parcel)")):
        known = connection.execute(
            "SELECT dated, first_day, last_day FROM analytics.rollup_datasets WHERE dataset = %s", (dataset,)
        ).fetchall()
        counted = connection.execute(f"SELECT count(*), min(sent_on), max(sent_on) FROM {dated}".encode()).fetchall()
        assert known in ([], counted)


DAYS = ("2024-03-01", "2024-03-31", "2024-04-01", "2025-01-01")


def by_longer_periods(monkeypatch: pytest.MonkeyPatch, precisions: set[Precision]) -> None:
    """Has values kept by longer periods than days alone, as those of very large datasets are."""
    monkeypatch.setattr(
        rollup_choice._Chooser,
        "_fits",
        lambda _, rollup: rollup.unit is not Grain.DAY and rollup.precision in precisions,
    )


def kept_by_all_periods(monkeypatch: pytest.MonkeyPatch) -> None:
    """Has values kept by longer periods too where days would answer quickly."""
    monkeypatch.setattr(rollup_choice._Chooser, "_serves", lambda *_: False)


@pytest.mark.slow
@pytest.mark.parametrize("precisions", [{Precision.EXACT}, set(Precision) - {Precision.EXACT}], ids=["exact", "not"])
def test_rollups_by_longer_periods_equal_a_full_recompute_after_any_sequence(
    folder: FolderUnderTest, connection: Connection, monkeypatch: pytest.MonkeyPatch, precisions: set[Precision]
) -> None:
    by_longer_periods(monkeypatch, precisions)
    monkeypatch.setitem(MAKERS, "parcels", lambda number, day: parcel(number, sent_on=DAYS[day % 4]))

    check_sequences(folder, connection)

    kept = {each["unit"] for each in rollups_of(connection, "parcels") if each["values"]}
    assert kept <= {"week", "month", "year"}


def replaced_periods(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Grain]]:
    """The rollups by longer periods of which whole periods are made anew, by dataset and unit."""
    replaced: list[tuple[str, Grain]] = []
    replace_days = rollups._replace_days

    def noting(connection: Connection, dataset: Any, contents: Any, stored: Any, days: Any, at_hand: Any) -> int:
        if days and stored.rollup.unit is not Grain.DAY:
            replaced.append((dataset.name, stored.rollup.unit))
        return replace_days(connection, dataset, contents, stored, days, at_hand)

    monkeypatch.setattr(rollups, "_replace_days", noting)
    return replaced


def test_new_records_of_a_day_are_added_to_longer_periods_and_changed_ones_make_them_anew(
    folder: FolderUnderTest, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    by_longer_periods(monkeypatch, {Precision.ROUNDED, Precision.SKETCHED})
    replaced = replaced_periods(monkeypatch)
    folder.drop_and_load("parcels/1.json", [parcel(n, n % 9) for n in range(40)])
    refresh(folder.url)

    folder.drop_and_load("parcels/2.json", [parcel(n, n % 9, customer=f"N{n}") for n in range(40, 90)])
    refresh(folder.url)
    assert replaced == []
    assert not differing_rollups(connection)

    folder.drop_and_load("parcels/3.json", [parcel(n, 3, weight=n) for n in range(80, 95)])  # moves some, adds some
    refresh(folder.url)
    assert {("parcels", unit) for unit in ("week", "month", "year")} >= set(replaced) != set()
    assert not differing_rollups(connection)

    replaced.clear()
    unload_file(folder.url, "parcels/1.json", folder.options)
    refresh(folder.url)
    assert replaced
    assert not differing_rollups(connection)


def test_records_that_come_with_those_that_date_them_are_added_to_longer_periods(
    folder: FolderUnderTest, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    by_longer_periods(monkeypatch, {Precision.ROUNDED, Precision.SKETCHED})
    replaced = replaced_periods(monkeypatch)
    folder.drop_and_load("parcels/1.json", [parcel(n, n % 9) for n in range(40)])
    folder.drop_and_load("scans/1.json", [scan(n, n % 90) for n in range(100)])  # some are dated later
    refresh(folder.url)

    folder.drop_and_load("parcels/2.json", [parcel(n, n % 9) for n in range(40, 60)])
    folder.drop_and_load("scans/2.json", [scan(n, n % 70) for n in range(100, 200)])
    refresh(folder.url)
    assert replaced == []
    assert not differing_rollups(connection)

    folder.drop_and_load("parcels/3.json", [parcel(30, 8), *(parcel(n, n % 9) for n in range(60, 65))])  # one moves
    folder.drop_and_load("scans/3.json", [scan(n, n % 70) for n in range(200, 220)])
    refresh(folder.url)
    assert {dataset for dataset, _ in replaced} == {"parcels", "scans"}
    assert not differing_rollups(connection)


def test_as_many_new_records_as_gone_ones_are_no_growth(
    folder: FolderUnderTest, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    by_longer_periods(monkeypatch, set(Precision))
    folder.drop_and_load("parcels/1.json", [parcel(n, 1) for n in range(6)])
    folder.drop_and_load("parcels/2.json", [parcel(n, 1) for n in range(6, 12)])
    refresh(folder.url)
    unload_file(folder.url, "parcels/1.json", folder.options)
    folder.drop_and_load("parcels/3.json", [parcel(n, 1, weight=n) for n in range(20, 26)])

    refresh(folder.url)

    assert not differing_rollups(connection)


def test_what_is_chosen_and_kept(folder: FolderUnderTest, connection: Connection) -> None:
    folder.drop_and_load("parcels.json", [parcel(n, n % 20) for n in range(60)])
    folder.drop_and_load("scans.json", [scan(n, n % 70) for n in range(90)])
    refresh(folder.url)
    states, *values = rollups_of(connection, "parcels")
    assert states["values"] is None
    assert set(states["dimensions"]) == {"depot", "express", "customer"}
    assert {each["values"].split()[0] for each in values} == {"values(customer)", "values(weight)"}
    dated = connection.execute(
        "SELECT records, dated, first_day, last_day FROM analytics.rollup_datasets WHERE dataset = 'scans'"
    )
    (found,) = dated.fetchall()
    assert found[:2] == (90, sum(n % 70 < 60 for n in range(90)))
    assert str(found[2]) == "2024-03-01"
    assert not differing_rollups(connection)


def test_other_metrics_make_other_rollups_and_the_replaced_ones_go_later(
    folder: FolderUnderTest, connection: Connection
) -> None:
    folder.drop_and_load("depots.json", [{"name": f"D{n}", "region": "a", "area": n} for n in range(9)])
    refresh(folder.url)
    before = connection.execute("SELECT table_name FROM analytics.rollups WHERE dataset = 'depots'").fetchall()
    assert refresh(folder.url).batches == 0
    contract = folder.options.raw_dir.parent / "contracts" / "depots.yaml"
    contract.write_text(DEPOTS + "metrics:\n  - {name: largest, aggregate: max, field: area}\n")
    sync_folder(connection, contract.parent)
    assert datasets_to_remake(connection, catalogue_in_force(connection)) == ["depots"]
    version = refresh(folder.url).data_version
    assert datasets_to_remake(connection, catalogue_in_force(connection)) == []
    assert not differing_rollups(connection)
    kept = connection.execute("SELECT table_name, replaced_at IS NULL FROM analytics.rollups WHERE dataset = 'depots'")
    assert {(name, False) for (name,) in before} < set(kept.fetchall())
    connection.execute("UPDATE analytics.rollups SET replaced_at = replaced_at - interval '1 hour'")
    folder.drop_and_load("depots.json", [{"name": "D1", "region": "b", "area": 3}])
    assert refresh(folder.url).data_version == version + 1
    for (name,) in before:
        assert connection.execute("SELECT to_regclass(%s)", (f"rollups.{name}",)).fetchone() == (None,)


def test_the_rollups_of_a_retired_dataset_go(folder: FolderUnderTest, connection: Connection) -> None:
    folder.drop_and_load("depots.json", [{"name": "D1", "region": "a", "area": 1}])
    refresh(folder.url)
    retire_dataset(connection, "depots", retired_by="test")
    folder.drop_and_load("parcels.json", [parcel(1)])
    refresh(folder.url)
    assert rollups_of(connection, "depots") == []
    assert connection.execute("SELECT FROM analytics.rollup_datasets WHERE dataset = 'depots'").fetchall() == []


@pytest.mark.slow
def test_dimensions_are_chosen_again_when_there_are_many_more_records(
    folder: FolderUnderTest, connection: Connection
) -> None:
    folder.drop_and_load("parcels/1.json", [parcel(n, n % 20) for n in range(10)])
    refresh(folder.url)
    folder.drop_and_load(
        "parcels/2.json", [parcel(n, n % 28, customer=f"K{n}") for n in range(100, 12_600)], batch=LARGE
    )
    refresh(folder.url)
    chosen = connection.execute("SELECT chosen_for FROM analytics.rollup_datasets WHERE dataset = 'parcels'").fetchone()
    assert chosen == (12_510,)
    assert "customer" not in rollups_of(connection, "parcels")[0]["dimensions"]  # as many customers as parcels
    assert not differing_rollups(connection)


@pytest.mark.slow
def test_many_values_are_kept_approximately(
    folder: FolderUnderTest, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rollup_choice, "SMALL_VALUES", 9_000)
    records = [parcel(n, n % 2, customer=f"K{n}", weight=n / 7) for n in range(12_000)]
    folder.drop_and_load("parcels.json", records, batch=LARGE)
    refresh(folder.url)
    kept = {(each["values"], each["precision"]) for each in rollups_of(connection, "parcels") if each["values"]}
    assert ("values(customer)", "sketched") in kept
    assert ("values(weight)", "rounded") in kept
    assert not differing_rollups(connection)


def test_a_difference_is_found(folder: FolderUnderTest, connection: Connection) -> None:
    folder.drop_and_load("parcels.json", [parcel(n, n % 20) for n in range(60)])
    refresh(folder.url)
    connection.execute(
        'UPDATE rollups.parcels_1 SET "rows()" = 7 WHERE ctid = (SELECT min(ctid) FROM rollups.parcels_1)'
    )
    (found,) = differing_rollups(connection)
    assert (found.dataset, found.table, found.rows) == ("parcels", "parcels_1", 2)


def test_the_days_compared_are_by_half_those_refreshed_last(folder: FolderUnderTest, connection: Connection) -> None:
    parcels = folder.options.catalogue["parcels"]
    folder.drop_and_load("parcels/1.json", [parcel(0, sent_on="2000-01-01"), parcel(1, sent_on="2020-01-01")])
    refresh(folder.url)
    folder.drop_and_load("parcels/2.json", [parcel(2, sent_on="2011-05-06"), parcel(3, sent_on="2011-05-07")])
    refresh(folder.url)

    compared = set(days_to_compare(connection, parcels))

    assert compared > {date(2011, 5, 6), date(2011, 5, 7)}
    connection.execute("""UPDATE rollups.parcels_1 SET "rows()" = 7 WHERE day = '2011-05-06'""")
    assert rollup_differences(connection, parcels, sorted(compared))


def test_of_long_periods_as_many_are_compared_as_are_affordable(
    folder: FolderUnderTest, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    by_longer_periods(monkeypatch, set(Precision))
    folder.drop_and_load("parcels/1.json", [parcel(n, n % 28) for n in range(56)])
    refresh(folder.url)
    for table, unit in connection.execute("SELECT table_name, document->>'unit' FROM analytics.rollups").fetchall():
        if unit != "day":
            connection.execute(f"DELETE FROM rollups.{table}".encode())
    parcels = folder.options.catalogue["parcels"]
    days = [date(2024, 3, 4)]

    found = {each.table for each in rollup_differences(connection, parcels, days)}
    monkeypatch.setattr(rollup_check, "MAX_RECORDS", 14)
    weeks = {each.table for each in rollup_differences(connection, parcels, days)}

    assert found > weeks > set()


def test_values_moved_from_extras_to_a_field_are_counted(folder: FolderUnderTest, connection: Connection) -> None:
    folder.drop_and_load("parcels.json", [parcel(n, depot=None, station=f"S{n % 3}") for n in range(9)])
    refresh(folder.url)
    contract = folder.options.raw_dir.parent / "contracts" / "parcels.yaml"
    contract.write_text(PARCELS.replace("{name: depot, ", "{name: depot, aliases: [station], "))
    sync_folder(connection, contract.parent)
    parcels = catalogue_in_force(connection)["parcels"]
    assert backfill_from_extras(connection, parcels, "depot").moved == 9
    assert datasets_to_remake(connection, catalogue_in_force(connection)) == ["parcels"]

    refresh(folder.url)

    assert not differing_rollups(connection)
    assert datasets_to_remake(connection, catalogue_in_force(connection)) == []
