"""Forecasts in the database: their past is what metrics say, each is kept, and late files restate what came true."""

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from logistics_core.catalogue import Catalogue
from logistics_core.metrics.periods import Grain
from logistics_core.settings import Settings
from logistics_pipeline.analytics.refresh import refresh
from logistics_pipeline.database.connections import Connection
from logistics_pipeline.database.contracts import catalogue_in_force
from logistics_pipeline.database.housekeeping import Retention, run_housekeeping
from logistics_pipeline.forecasting import refitting
from logistics_pipeline.forecasting.calendars import Calendar
from logistics_pipeline.forecasting.histories import Histories, read_histories
from logistics_pipeline.forecasting.refitting import NothingToForecast, Refit, due_datasets, refit
from logistics_pipeline.loading.options import BatchLimits
from logistics_pipeline.loading.unload import unload_file
from tests.contract_texts import synced_catalogue
from tests.database.conftest import FolderUnderTest
from tests.forecast_records import DEPOTS, FIRST, RIDES, as_csv, rides

DAYS = 63


@pytest.fixture
def folder(raw_folder: FolderUnderTest, raw_dir: Path) -> FolderUnderTest:
    """A raw folder with nine weeks of rides that are loaded, and a database that knows the dataset."""
    contracts = raw_dir.parent / "contracts"
    contracts.mkdir()
    (contracts / "rides.yaml").write_text(RIDES)
    catalogue = synced_catalogue(raw_folder.url, contracts)
    batch = BatchLimits(100_000, 1 << 24)
    found = replace(
        raw_folder, options=replace(raw_folder.options, catalogue=catalogue, batch=batch, chunk_bytes=1 << 16)
    )
    found.drop_and_load("rides-1.csv", as_csv(rides(DAYS)))
    refresh(found.url)
    return found


def fit(folder: FolderUnderTest, *, most: int = 100, today: date | None = None) -> dict[str, Refit]:
    return {each.metric: each for each in refit(folder.url, "rides", most_series=most, today=today)}


def histories(connection: Connection, entry: int, most: int = 100, days: int = DAYS) -> Histories:
    catalogue: Catalogue = catalogue_in_force(connection)
    dataset = catalogue["rides"]
    calendar = Calendar(Grain.DAY, FIRST, FIRST + timedelta(days - 1))
    with connection.transaction():
        found = read_histories(connection, dataset, catalogue, dataset.forecasts[entry], calendar, most)
    assert found is not None
    return found


def expected(metric: str, **of: Any) -> list[float]:
    """What a metric was on each day, of the records with these values."""
    found = []
    for day in range(DAYS):
        records = [each for each in rides(1, start=day) if all(each[name] == value for name, value in of.items())]
        fares = sorted(each["fare"] for each in records if each["fare"] is not None)
        found.append(
            {
                "rides_made": len(records),
                "fares": sum(fares),
                "mean_fare": sum(fares) / len(fares),
                "drivers": len({each["driver"] for each in records}),
                "median_fare": fares[(len(fares) + 1) // 2 - 1],
            }[metric]
        )
    return found


def test_the_past_is_what_the_metrics_are(folder: FolderUnderTest, connection: Connection) -> None:
    read = histories(connection, 0)
    nodes = read.hierarchy.nodes
    lines = {(depot, line) for depot in DEPOTS for line in (1, 2)}
    assert {node.key for node in nodes} == {(), *((depot,) for depot in DEPOTS), *lines}
    for metric in ("rides_made", "fares", "mean_fare"):
        for row, node in enumerate(nodes):
            of = dict(zip(("depot", "line"), node.key, strict=False))
            assert read.panels[metric].values[row] == pytest.approx(expected(metric, **of)), (metric, node)
    exact = histories(connection, 1)
    for metric in ("drivers", "median_fare"):
        for row, node in enumerate(exact.hierarchy.nodes):
            assert exact.panels[metric].values[row] == pytest.approx(expected(metric, depot=node.key[0])), metric
    assert read.panels["fares"].additive
    assert not read.panels["mean_fare"].additive
    assert read.panels["rides_made"].whole_numbers
    assert not read.panels["fares"].whole_numbers


def test_special_days_stand_at_their_periods(folder: FolderUnderTest, connection: Connection) -> None:
    special = histories(connection, 1).panels["drivers"].special
    assert special is not None and histories(connection, 0).panels["fares"].special is None
    assert len(special.kinds) == DAYS + 7
    named = {
        str(FIRST + timedelta(int(place))): special.names[special.kinds[place]] for place in special.kinds.nonzero()[0]
    }
    assert named == {"2024-01-01": "New Year's Day", "2024-01-06": "Epiphany"}


def test_pre_aggregates_and_records_give_the_same_past(folder: FolderUnderTest, connection: Connection) -> None:
    from_rollups = histories(connection, 0)
    connection.execute("UPDATE analytics.rollup_datasets SET checksum = ''")
    from_records = histories(connection, 0)
    for metric, panel in from_rollups.panels.items():
        assert np.array_equal(panel.values, from_records.panels[metric].values), metric
    assert from_rollups.hierarchy == from_records.hierarchy


def test_of_too_many_series_the_largest_stand_for_themselves(folder: FolderUnderTest, connection: Connection) -> None:
    read = histories(connection, 0, most=2)
    nodes = read.hierarchy.nodes
    values = read.panels["rides_made"].values
    assert [(node.level, node.is_rest, node.parts) for node in nodes] == [
        (0, False, 1),
        (1, False, 1), (1, False, 1), (1, True, 1),
        (2, False, 1), (2, False, 1), (2, True, 1), (2, True, 1), (2, True, 2),
    ]  # fmt: skip
    assert read.hierarchy.together == 4
    for parent in range(4):
        parts = [row for row, node in enumerate(nodes) if node.parent == parent]
        assert values[parts].sum(axis=0) == pytest.approx(values[parent])


def test_every_forecast_is_kept_and_scored_when_its_actual_arrives(
    folder: FolderUnderTest, connection: Connection
) -> None:
    first = fit(folder)
    assert first["fares"].last_period == FIRST + timedelta(DAYS - 1)
    assert first["fares"].actuals_scored == 0
    folder.drop_and_load("rides-2.csv", as_csv(rides(3, start=DAYS)))
    refresh(folder.url)
    second = fit(folder)
    assert second["fares"].actuals_scored == 3 * 10
    runs = connection.execute("SELECT run_id FROM forecast.runs WHERE metric = 'fares' ORDER BY 1").fetchall()
    assert [run for (run,) in runs] == [first["fares"].run_id, second["fares"].run_id]
    scored = connection.execute(
        "SELECT step, actual, error, naive_error FROM forecast.scores WHERE run_id = %s AND level = 0 ORDER BY step",
        (first["fares"].run_id,),
    ).fetchall()
    assert [row[0] for row in scored] == [1, 2, 3]
    for step, actual, _, naive_error in scored:
        day = DAYS + step - 1
        true = sum(each["fare"] or 0 for each in rides(1, start=day))
        before = sum(each["fare"] or 0 for each in rides(1, start=day - 7))
        assert actual == pytest.approx(true)
        assert naive_error == pytest.approx(before - true, rel=1e-4)
    summed = connection.execute(
        "SELECT step, series, absolute, naive_absolute, within_90 FROM forecast.accuracy "
        "WHERE run_id = %s AND level = 1 ORDER BY step",
        (first["fares"].run_id,),
    ).fetchall()
    direct = connection.execute(
        "SELECT step, count(*), sum(abs(error)), sum(abs(naive_error)), count(*) FILTER (WHERE is_within_90) "
        "FROM forecast.scores WHERE run_id = %s AND level = 1 GROUP BY step ORDER BY step",
        (first["fares"].run_id,),
    ).fetchall()
    assert summed == direct
    assert [row[1] for row in summed] == [3, 3, 3]


def test_a_late_file_restates_the_past_and_with_it_the_errors(folder: FolderUnderTest, connection: Connection) -> None:
    first = fit(folder)["rides_made"]
    folder.drop_and_load("rides-2.csv", as_csv(rides(2, start=DAYS)))
    refresh(folder.url)
    fit(folder)
    total = "FROM forecast.actuals JOIN forecast.series USING (series_id) WHERE metric = 'rides_made' AND level = '[]'"
    before = connection.execute(f"SELECT period, first_value, value, absolute {total} ORDER BY 1").fetchall()
    assert all(row[1] == row[2] for row in before)
    late = [each | {"ride": f"late-{each['ride']}"} for each in rides(1, start=DAYS)]
    folder.drop_and_load("rides-late.csv", as_csv(late))
    refresh(folder.url)
    again = fit(folder)["rides_made"]
    after = connection.execute(f"SELECT period, first_value, value, absolute {total} ORDER BY 1").fetchall()
    assert after[0][:3] == (before[0][0], before[0][1], before[0][1] + len(late))
    assert after[0][3] == pytest.approx(
        connection.execute(
            "SELECT sum(abs(error)) FROM forecast.scores WHERE level = 0 AND period = %s AND run_id IN "
            "(SELECT run_id FROM forecast.runs WHERE metric = 'rides_made')",
            (before[0][0],),
        ).fetchone()[0]  # type: ignore[index]
    )
    assert after[1] == before[1]
    assert again.actuals_scored == 10  # one day of all ten series
    ((absolute, against_first),) = connection.execute(
        "SELECT absolute, first_absolute FROM forecast.accuracy WHERE run_id = %s AND level = 0 AND step = 1",
        (first.run_id,),
    ).fetchall()
    assert absolute != against_first


def test_the_last_day_counts_once_it_is_over(folder: FolderUnderTest) -> None:
    last = FIRST + timedelta(DAYS - 1)
    assert fit(folder, today=last)["fares"].last_period == last - timedelta(1)
    assert fit(folder, today=last + timedelta(1))["fares"].last_period == last


def test_forecasts_are_due_when_figures_or_the_contract_have_changed(
    folder: FolderUnderTest, connection: Connection, raw_dir: Path
) -> None:
    def due(interval: int = 1) -> dict[str, str]:
        settings = Settings(forecast_interval=interval)
        return {
            each.dataset: each.reason for each in due_datasets(connection, catalogue_in_force(connection), settings)
        }

    assert due() == {"rides": "there are none yet"}
    fit(folder)
    connection.execute("UPDATE forecast.fits SET fitted_at = fitted_at - interval '1 minute'")
    assert due() == {}
    folder.drop_and_load("rides-2.csv", as_csv(rides(1, start=DAYS)))
    refresh(folder.url)
    assert due(interval=3600) == {}
    assert due() == {"rides": "the figures have changed"}
    fit(folder)
    connection.execute("UPDATE forecast.fits SET fitted_at = fitted_at - interval '1 minute', data_version = 99")
    assert due() == {"rides": "the figures have changed"}  # those of a restored database are numbered anew
    fit(folder)
    contract = raw_dir.parent / "contracts" / "rides.yaml"
    contract.write_text(RIDES.replace("horizon: 14", "horizon: 10"))
    synced_catalogue(folder.url, contract.parent)
    assert due(interval=3600) == {"rides": "the contract or the program has changed"}


def test_a_series_that_loses_for_four_weeks_is_set_back_to_seasonal_naive(
    folder: FolderUnderTest, connection: Connection
) -> None:
    fit(folder)
    folder.drop_and_load("rides-2.csv", as_csv(rides(28, start=DAYS)))
    connection.execute(  # as if every forecast had been worse than naive
        "UPDATE forecast.forecasts SET point = ARRAY(SELECT value + 1000 FROM unnest(naive) AS value) "
        "WHERE level = 1 AND run_id = (SELECT run_id FROM forecast.runs WHERE metric = 'rides_made')"
    )
    connection.execute(
        "UPDATE forecast.runs SET horizon = 28; "
        "UPDATE forecast.forecasts SET steps = ARRAY(SELECT generate_series(1, 28)), point = point || point, "
        "naive = naive || naive, quantiles = array_fill(0::real, ARRAY[28 * 7])"
    )
    refresh(folder.url)
    found = fit(folder)["rides_made"]
    assert found.set_back == 3
    states = connection.execute(
        "SELECT level, naive_since, naive_reason FROM forecast.series WHERE naive_since IS NOT NULL"
    ).fetchall()
    assert {(str(level), since) for level, since, _ in states} == {("['depot']", found.last_period)}
    assert all("higher than that of repeating the last season" in reason for *_, reason in states)


def test_of_old_forecasts_a_few_steps_are_kept_with_their_scores(
    folder: FolderUnderTest, connection: Connection
) -> None:
    first = fit(folder)["fares"].run_id
    folder.drop_and_load("rides-2.csv", as_csv(rides(14, start=DAYS)))
    refresh(folder.url)
    fit(folder)

    def told() -> list[Any]:
        return connection.execute(
            "SELECT series_id, step, point, naive, error, is_within_80, interval_score FROM forecast.scores "
            "WHERE run_id = %s AND step IN (1, 7, 14) ORDER BY 1, 2",
            (first,),
        ).fetchall()

    before = told()
    assert run_housekeeping(folder.url, Retention(30, None, 90, 90)).fits_thinned == 0
    connection.execute("UPDATE forecast.runs SET issued_at = issued_at - interval '91 days'")
    assert run_housekeeping(folder.url, Retention(30, None, 90, 90)).fits_thinned == 5
    assert told() == before
    steps = connection.execute("SELECT DISTINCT steps FROM forecast.forecasts WHERE run_id = %s", (first,)).fetchall()
    assert steps == [([1, 7, 14],)]
    counted = connection.execute("SELECT count(*) FROM forecast.accuracy WHERE run_id = %s", (first,)).fetchone()
    assert counted == (3 * 14,)
    assert run_housekeeping(folder.url, Retention(30, None, 90, 90)).fits_thinned == 0


def test_what_cannot_be_forecast_is_said(folder: FolderUnderTest) -> None:
    with pytest.raises(NothingToForecast, match="asks for no forecasts"):
        refit(folder.url, "vehicles", most_series=1)
    with pytest.raises(NothingToForecast, match="There is no dataset 'nothing'"):
        refit(folder.url, "nothing", most_series=1)


def sums_differ(connection: Connection) -> list[Any]:
    """Where the stored sums are not what forecasts beside actuals give."""
    by_level = connection.execute(
        "SELECT run_id, level, step, series, absolute FROM forecast.accuracy "
        "EXCEPT SELECT run_id, level, step, count(*)::integer, sum(abs(error)) FROM forecast.scores GROUP BY 1, 2, 3"
    ).fetchall()
    missing = connection.execute(
        "SELECT run_id, level, step FROM forecast.scores EXCEPT SELECT run_id, level, step FROM forecast.accuracy"
    ).fetchall()
    by_series = connection.execute(
        "SELECT series_id, period, forecasts FROM forecast.actuals WHERE forecasts > 0 "
        "EXCEPT SELECT series_id, period, count(*)::integer FROM forecast.scores GROUP BY 1, 2"
    ).fetchall()
    return by_level + missing + by_series


def test_actuals_of_unloaded_files_are_withdrawn_and_scored_again_when_they_return(
    folder: FolderUnderTest, connection: Connection
) -> None:
    fit(folder)
    folder.drop_and_load("rides-2.csv", as_csv(rides(5, start=DAYS)))
    refresh(folder.url)
    fit(folder)
    unload_file(folder.url, "rides-2.csv", folder.options)
    refresh(folder.url)
    between = fit(folder)["fares"]
    assert between.last_period == FIRST + timedelta(DAYS - 1)
    assert connection.execute("SELECT count(value), count(first_value) FROM forecast.actuals").fetchone()[0] == 0  # type: ignore[index]
    assert connection.execute("SELECT count(*) FROM forecast.accuracy").fetchone() == (0,)
    assert sums_differ(connection) == []
    folder.drop_and_load("rides-3.csv", as_csv(rides(5, start=DAYS)))
    refresh(folder.url)
    fit(folder)
    assert sums_differ(connection) == []
    scored = "SELECT sum(series) FROM forecast.accuracy WHERE run_id = %s AND level = 0"
    assert connection.execute(scored, (between.run_id,)).fetchone() == (5,)


def test_a_series_that_a_correction_has_removed_is_not_scored(folder: FolderUnderTest, connection: Connection) -> None:
    def mistyped(days: int, start: int = 0) -> bytes:
        return as_csv([each | {"ride": f"x{each['ride']}", "depot": "Nroth"} for each in rides(days, start=start)])

    folder.drop_and_load("rides-typo.csv", mistyped(DAYS))
    refresh(folder.url)
    fit(folder)
    folder.drop_and_load("rides-typo-2.csv", mistyped(3, DAYS))
    refresh(folder.url)
    fit(folder)
    of_typo = "SELECT count(*) FROM forecast.scores JOIN forecast.series USING (series_id) WHERE key -> 0 = '\"Nroth\"'"
    assert connection.execute(of_typo).fetchone() != (0,)
    for name in ("rides-typo.csv", "rides-typo-2.csv"):
        unload_file(folder.url, name, folder.options)
    folder.drop_and_load("rides-2.csv", as_csv(rides(3, start=DAYS)))
    refresh(folder.url)
    fit(folder)
    assert connection.execute(of_typo).fetchone() == (0,)
    assert sums_differ(connection) == []


def test_a_refresh_between_two_entries_leaves_the_forecasts_due(
    folder: FolderUnderTest, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    fit_entry, versions = refitting._fit_entry, []

    def fit_and_refresh(*given: Any) -> Any:
        found = fit_entry(*given)
        folder.drop_and_load(f"rides-{len(versions) + 2}.csv", as_csv(rides(1, start=DAYS + len(versions))))
        refresh(folder.url)
        versions.append(found[0].data_version)
        return found

    monkeypatch.setattr(refitting, "_fit_entry", fit_and_refresh)
    fit(folder)
    assert versions[0] < versions[1]
    assert connection.execute("SELECT data_version FROM forecast.fits").fetchone() == (versions[0],)


def test_numbers_that_no_real_holds_are_stored_as_the_nearest(folder: FolderUnderTest, connection: Connection) -> None:
    large, small = "9" * 45, "0." + 60 * "0" + "1"
    changed = [
        each | {"ride": f"odd-{each['ride']}", "depot": depot, "fare": fare}
        for each in rides(DAYS)
        for depot, fare in (("Large", large), ("Small", small))
        if each["depot"] == "North" and each["line"] == 1
    ]
    folder.drop_and_load("rides-odd.csv", as_csv([each | {"ride": f"{number}"} for number, each in enumerate(changed)]))
    refresh(folder.url)
    fit(folder)
    stored = dict(
        connection.execute(
            "SELECT series.key ->> 0, said.point[1] "
            "FROM forecast.forecasts AS said JOIN forecast.series USING (series_id) "
            "WHERE metric = 'fares' AND series.level = '[\"depot\"]'"
        ).fetchall()
    )
    assert stored["Large"] == pytest.approx(3.4028235e38)
    assert stored["Small"] == 0


def test_a_record_of_a_later_day_does_not_make_the_days_before_complete(
    folder: FolderUnderTest, connection: Connection
) -> None:
    mistyped = rides(1)[0] | {"ride": "mistyped", "ridden_on": "2080-01-06"}
    folder.drop_and_load("rides-2.csv", as_csv([mistyped]))
    refresh(folder.url)
    found = fit(folder)
    assert found["fares"].last_period == FIRST + timedelta(DAYS - 1)
    assert sum(float(value) for value in point_of_total(connection, found["fares"].run_id)) > 0
    connection.execute("UPDATE forecast.fits SET fitted_at = fitted_at - interval '1 minute'")
    assert due_datasets(connection, catalogue_in_force(connection), Settings(forecast_interval=1)) == []


def point_of_total(connection: Connection, run: int) -> list[float]:
    row = connection.execute("SELECT point FROM forecast.forecasts WHERE run_id = %s AND level = 0", (run,)).fetchone()
    assert row is not None
    return list(row[0])
