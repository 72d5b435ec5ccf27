"""Makes the forecasts of a dataset anew: reads the past, scores what was issued, fits, stores. Independent of Dagster.

Each entry of a contract is fitted in a transaction of its own, from one snapshot of the figures.
"""

import resource
import sys
from collections.abc import Callable, Sequence
from dataclasses import astuple, dataclass, replace
from datetime import date
from functools import cache
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

import numpy as np
from psycopg.types.json import Jsonb

from logistics_core.catalogue import Catalogue, Dataset
from logistics_core.catalogue.forecasts import DeclaredForecasts
from logistics_core.database_contract.channels import Channel
from logistics_core.database_contract.locks import forecast_lock
from logistics_core.metrics.defaults import find_metric, metrics_of
from logistics_core.metrics.periods import DayRange, Grain
from logistics_core.metrics.states import states_of, values_of
from logistics_core.settings import Settings
from logistics_pipeline.analytics.metric_sources import days_until
from logistics_pipeline.database.connections import Connection, advisory_lock, connect, transient_errors
from logistics_pipeline.database.contracts import catalogue_in_force
from logistics_pipeline.errors import PipelineError
from logistics_pipeline.forecasting import scores, scoring
from logistics_pipeline.forecasting.calendars import Calendar, finished_periods, today_of
from logistics_pipeline.forecasting.engine import forecast
from logistics_pipeline.forecasting.hierarchy import Key
from logistics_pipeline.forecasting.histories import Histories, read_histories
from logistics_pipeline.forecasting.panel import FloatArray, Forecast, Panel
from logistics_pipeline.forecasting.scoring import Series
from logistics_pipeline.forecasting.storing import Fit, store_forecasts, store_run, total


@dataclass(frozen=True)
class Refit:
    """What a fit of one metric has done."""

    dataset: str
    metric: str
    grain: Grain
    run_id: int
    data_version: int
    last_period: date
    horizon: int
    series: int
    together: int
    methods: dict[str, int]
    error: float | None
    """Of the coarsest level in the back-test: sum of absolute errors per sum of the actuals."""
    naive_error: float | None
    actuals_scored: int
    """Actuals that were new or restated."""
    set_back: int
    """Series that are set back to seasonal naive."""
    seconds: float


class NothingToForecast(PipelineError):
    """A dataset has no forecasts, or there is no such dataset."""


def refit(
    url: str,
    dataset_name: str,
    *,
    most_series: int,
    today: date | None = None,
    on_wait: Callable[[], None] = lambda: None,
) -> list[Refit]:
    """Makes all forecasts that the contract of a dataset asks for.

    One fit of a dataset runs at a time: a second one calls `on_wait`, waits for the first, and makes them again.

    Args:
        most_series: how many series of a level stand for themselves where the contract does not say.
        today: the day that is not over yet; None for that of the clock.

    Raises:
        NothingToForecast: the contract asks for none.
        TransientError: the database went away; entries that were finished stay.
    """
    with (
        transient_errors("forecasting"),
        connect(url, application_name="logistics forecast") as connection,
        advisory_lock(connection, forecast_lock(dataset_name), on_wait),
    ):
        started = perf_counter()
        catalogue = catalogue_in_force(connection)
        dataset = dataset_with_forecasts(catalogue, dataset_name)
        day = today or today_of(dataset)
        found, versions, known_until = [], [], {}
        for declared in dataset.forecasts:
            with connection.transaction():
                connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
                data_version, calendar = _state(connection, dataset, catalogue, declared.grain, day)
                if calendar is not None:
                    known_until[declared.grain.value] = calendar.last.isoformat()
                    found += _fit_entry(connection, dataset, catalogue, declared, calendar, data_version, most_series)
                versions.append(data_version)
        # The oldest: a refresh between two entries is a reason to fit those before it anew.
        _store_end(connection, dataset, min(versions), known_until, perf_counter() - started)
        return found


def dataset_with_forecasts(catalogue: Catalogue, name: str) -> Dataset:
    """The dataset.

    Raises:
        NothingToForecast: there is none of that name, or its contract asks for no forecasts.
    """
    if name not in catalogue:
        raise NothingToForecast(f"There is no dataset {name!r}. There are: {', '.join(catalogue)}.")
    if not catalogue[name].forecasts:
        raise NothingToForecast(f"The contract of {name} asks for no forecasts. Add the key `forecasts` to it.")
    return catalogue[name]


def _state(
    connection: Connection, dataset: Dataset, catalogue: Catalogue, grain: Grain, today: date
) -> tuple[int, Calendar | None]:
    """The data version of the snapshot, and the finished periods; None if there is none."""
    row = connection.execute(
        "SELECT data_version, (SELECT ARRAY[first_day, last_day] FROM analytics.rollup_datasets WHERE dataset = %s) "
        "FROM analytics.status",
        (dataset.name,),
    ).fetchone()
    assert row is not None
    data_version, days = row
    if days is None or days[0] is None:
        return data_version, None
    known = days_until(connection, dataset, catalogue, DayRange(*days), today)
    return data_version, None if known is None else finished_periods(known, today, grain)


def _fit_entry(
    connection: Connection,
    dataset: Dataset,
    catalogue: Catalogue,
    declared: DeclaredForecasts,
    calendar: Calendar,
    data_version: int,
    most: int,
) -> list[Refit]:
    histories = read_histories(connection, dataset, catalogue, declared, calendar, most)
    if histories is None:
        return []
    return [_fit_metric(connection, dataset, declared, histories, metric, data_version) for metric in declared.metrics]


def _fit_metric(
    connection: Connection,
    dataset: Dataset,
    declared: DeclaredForecasts,
    histories: Histories,
    metric: str,
    data_version: int,
) -> Refit:
    started, cpu_started = perf_counter(), process_time()
    panel, calendar, nodes = histories.panels[metric], histories.calendar, histories.hierarchy.nodes
    series = scoring.find_series(connection, dataset.name, metric, declared.grain, declared.levels, nodes)
    begin = _first_forecast_period(connection, dataset.name, metric, declared.grain)
    is_known = _is_known(declared, histories)
    scored = scoring.score(connection, series, panel.values, calendar, begin, data_version, is_known)
    series, learnt = _learn(connection, series, calendar, is_tracked=begin is not None)
    found = forecast(panel, declared.horizon, width=series.width, only_naive=series.only_naive)
    learnt |= _release(series, found, calendar)
    scoring.store_learnt(connection, list(learnt.values()))
    fit = Fit(
        dataset=dataset.name,
        metric=metric,
        grain=declared.grain,
        levels=declared.levels,
        horizon=declared.horizon,
        data_version=data_version,
        code_version=code_version(),
        declaration=fingerprint_of(dataset, [replace(declared, metrics=(metric,))]),
        first_period=calendar.first,
        last_period=calendar.last,
        seconds=perf_counter() - started,
        cpu_seconds=process_time() - cpu_started,
        memory_bytes=_highest_memory(),
    )
    run_id = store_run(connection, fit, found, panel.levels, histories.hierarchy.together)
    store_forecasts(
        connection, run_id, series.ids.tolist(), histories.hierarchy, found, repeated(panel, declared.horizon)
    )
    return _result(fit, run_id, found, histories, scored, series)


def _is_known(declared: DeclaredForecasts, histories: Histories) -> Callable[[Sequence[str], Key], bool]:
    """Whether there are records of a series: also of those that were put together."""
    known = {tuple(level): {key[: len(level)] for key in histories.hierarchy.rows} for level in declared.levels}
    return lambda level, key: tuple(level) not in known or key in known[tuple(level)]


def _first_forecast_period(connection: Connection, dataset: str, metric: str, grain: Grain) -> date | None:
    row = connection.execute(
        "SELECT min(forecast.period_after(last_period, grain, 1)) FROM forecast.runs "
        "WHERE dataset = %s AND metric = %s AND grain = %s",
        (dataset, metric, grain.value),
    ).fetchone()
    assert row is not None
    found: date | None = row[0]
    return found


_Learnt = dict[int, tuple[Any, ...]]
"""What is to be stored of a series, by its row."""


def _learn(connection: Connection, series: Series, calendar: Calendar, *, is_tracked: bool) -> tuple[Series, _Learnt]:
    """What scored forecasts say about the next ones: the series with it, and what is to be stored."""
    if not is_tracked:
        return series, {}
    tracked = scoring.read_tracked(connection, series, calendar)
    width, until = scoring.adapt_widths(series, tracked, calendar)
    lost = scoring.losing(tracked, calendar.grain) & ~series.only_naive
    since = [
        calendar.last if has_lost else before
        for has_lost, before in zip(lost.tolist(), series.naive_since, strict=True)
    ]
    learnt: _Learnt = {}
    for row in np.flatnonzero(lost | (width != series.width) | np.array(until != list(series.scored_until))):
        reason = scoring.reason_of_loss(tracked, int(row), calendar.grain) if lost[row] else None
        learnt[int(row)] = (int(series.ids[row]), float(width[row]), until[row], since[row], reason)
    return replace(series, width=width, scored_until=until, naive_since=since), learnt


def _release(series: Series, found: Forecast, calendar: Calendar) -> _Learnt:
    """The series that may have other forecasts from the next fit on."""
    naive = total(found.backtest.naive)
    is_good = scoring.is_good_backtest(_best_error(found), scores.ratio(naive.absolute, naive.count))
    rows = np.flatnonzero(is_good & scoring.may_be_released(series, calendar))
    return {
        row: (int(series.ids[row]), float(series.width[row]), series.scored_until[row], None, None)
        for row in rows.tolist()
    }


def _best_error(found: Forecast) -> FloatArray:
    """(series,) The lowest mean absolute error of a method in the back-test; infinite where none was scored."""
    sums = found.backtest.by_method
    means = scores.ratio(sums.absolute, sums.count)
    best: FloatArray = np.where(np.isfinite(means), means, np.inf).min(axis=0)
    return best


def repeated(panel: Panel, horizon: int) -> FloatArray:
    """(series, horizon) Seasonal naive as it stands beside each forecast: the last season, repeated.

    Where that has no value, the one of up to three seasons before, otherwise the last that there is. NaN without any.
    """
    values, season = panel.values, panel.season
    newest = np.full((len(values), season), np.nan)
    for back in range(1, min(SEASONS_LOOKED_BACK, values.shape[1] // season) + 1):
        end = values.shape[1] - season * (back - 1)
        newest = np.where(np.isfinite(newest), newest, values[:, end - season : end])
    newest = np.where(np.isfinite(newest), newest, _last_known(values)[:, None])
    found: FloatArray = newest[:, np.arange(horizon) % season]
    return found


SEASONS_LOOKED_BACK = 4


def _last_known(values: FloatArray) -> FloatArray:
    """(series,) The last value of each."""
    known = np.isfinite(values)
    places = np.where(known, np.arange(values.shape[1]), 0).max(axis=1, initial=0)
    found: FloatArray = values[np.arange(len(values)), places]
    return found


def _result(fit: Fit, run_id: int, found: Forecast, histories: Histories, scored: int, series: Series) -> Refit:
    rows = histories.panels[fit.metric].levels[0].rows
    issued, naive = total(found.backtest.issued), total(found.backtest.naive)
    return Refit(
        dataset=fit.dataset,
        metric=fit.metric,
        grain=fit.grain,
        run_id=run_id,
        data_version=fit.data_version,
        last_period=fit.last_period,
        horizon=fit.horizon,
        series=len(series.ids),
        together=histories.hierarchy.together,
        methods={
            name: int((found.method == number).sum())
            for number, name in enumerate(found.methods)
            if (found.method == number).any()
        },
        error=_share(issued.absolute[rows], issued.actual[rows]),
        naive_error=_share(naive.absolute[rows], naive.actual[rows]),
        actuals_scored=scored,
        set_back=int(series.only_naive.sum()),
        seconds=fit.seconds,
    )


def _share(part: FloatArray, whole: FloatArray) -> float | None:
    return float(part.sum() / whole.sum()) if whole.sum() else None


def _store_end(
    connection: Connection, dataset: Dataset, data_version: int, known_until: dict[str, str], seconds: float
) -> None:
    with connection.transaction():
        connection.execute(
            "INSERT INTO forecast.fits AS known (dataset, data_version, declaration, known_until, seconds) "
            "VALUES (%(dataset)s, %(version)s, %(declaration)s, %(known_until)s, %(seconds)s) "
            "ON CONFLICT (dataset) DO UPDATE SET data_version = excluded.data_version, "
            "declaration = excluded.declaration, known_until = excluded.known_until, "
            "fitted_at = clock_timestamp(), seconds = excluded.seconds",
            {
                "dataset": dataset.name,
                "version": data_version,
                "declaration": declaration_of(dataset),
                "known_until": Jsonb(known_until),
                "seconds": seconds,
            },
        )
        connection.execute("SELECT pg_notify(%s, %s)", (Channel.FORECASTS, dataset.name))


# -- what a fit depends on beside the figures ------------------------------------------------------------------------


def declaration_of(dataset: Dataset) -> str:
    """A fingerprint of all forecasts that a contract asks for, and of the program: another one is a reason to fit."""
    return sha256(f"{fingerprint_of(dataset, dataset.forecasts)} {code_version()}".encode()).hexdigest()[:32]


def fingerprint_of(dataset: Dataset, entries: Sequence[DeclaredForecasts]) -> str:
    """A fingerprint of forecasts: their levels, and how their metrics are computed."""
    metrics = [find_metric(dataset, name) for entry in entries for name in entry.metrics]
    parts = [
        [
            (states_of(metric, metrics_of(dataset)), values_of(metric, metrics_of(dataset)), metric.aggregate)
            for metric in metrics
            if metric is not None
        ],
        [astuple(entry) for entry in entries],
        dataset.dating,
    ]
    return sha256(repr(parts).encode()).hexdigest()[:32]


@cache
def code_version() -> str:
    """The version of the program with a fingerprint of this package: what has computed a forecast."""
    found = sha256()
    for path in sorted(Path(__file__).parent.glob("*.py")):
        found.update(path.read_bytes())
    return f"{version('logistics-analytics-platform')}+{found.hexdigest()[:12]}"


def _highest_memory() -> int:
    """Bytes; macOS counts bytes where others count kilobytes."""
    highest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return highest if sys.platform == "darwin" else highest * 1024


# -- when -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Due:
    """Why the forecasts of a dataset are to be made anew."""

    dataset: str
    reason: str


def due_datasets(
    connection: Connection, catalogue: Catalogue, settings: Settings, *, today: date | None = None
) -> list[Due]:
    """The datasets whose figures, finished periods or contract have changed since their forecasts were made.

    Those fitted less than `LOGISTICS_FORECAST_INTERVAL` seconds ago wait, unless their contract has changed.
    """
    known = {
        row[0]: row[1:]
        for row in connection.execute(
            "SELECT figures.dataset, figures.data_version, figures.first_day, figures.last_day, fits.data_version, "
            "fits.declaration, fits.known_until, extract(epoch FROM clock_timestamp() - fits.fitted_at), "
            "(SELECT data_version FROM analytics.status) "
            "FROM analytics.rollup_datasets AS figures LEFT JOIN forecast.fits AS fits USING (dataset)"
        )
    }
    found = []
    for name, dataset in catalogue.items():
        if dataset.forecasts and name in known:
            day = today or today_of(dataset)
            first, last, *others = known[name][1:]
            days = None if first is None or last is None else DayRange(first, last)
            if days is not None:
                days = days_until(connection, dataset, catalogue, days, day)
            reason = _reason(dataset, days, (known[name][0], *others), settings.forecast_interval, day)
            if reason is not None:
                found.append(Due(name, reason))
    return found


def _reason(
    dataset: Dataset, days: DayRange | None, known: tuple[Any, ...], interval: float, today: date
) -> str | None:
    figures, fitted, declaration, known_until, age, newest = known
    if days is None:
        return None
    calendars = {each.grain: finished_periods(days, today, each.grain) for each in dataset.forecasts}
    finished = {grain.value: found.last.isoformat() for grain, found in calendars.items() if found is not None}
    if not finished:
        return None
    if fitted is None:
        return "there are none yet"
    if declaration != declaration_of(dataset):
        return "the contract or the program has changed"
    if age < interval:
        return None
    if figures > fitted or fitted > newest:  # a restored database counts anew
        return "the figures have changed"
    return "a period is over" if finished != known_until else None
