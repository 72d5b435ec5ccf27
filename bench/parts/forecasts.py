"""How good forecasts are beside seasonal naive and statsforecast, and what ten thousand of them cost."""

import json
import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bench.forecast_panels import NamedPanel, made_panels, read_panels
from bench.part import Bench, Part
from bench.peers import Environment
from bench.processes import python_module, run
from bench.results import Cell, Column, Findings, Table, Target
from logistics_pipeline.forecasting.engine import forecast
from logistics_pipeline.forecasting.methods import seasonal_naive
from logistics_pipeline.forecasting.panel import FloatArray

FOLDER_VARIABLE = "BENCH_FORECAST_SETS"
_SERIES, _HORIZON, _WINDOWS = 10_000, 28, 3
_WANTED_SECONDS, _WANTED_MIB, _WANTED_CHEAPER, _WANTED_WORSE = 30.0, 600.0, 50.0, 10.0
_ETS_SERIES = 60
_METHODS = ("Theta", "DynamicOptimizedTheta", "AutoETS")
_ORACLE = Environment("statsforecast_models", "statsforecast", "statsforecast")
_SCRIPT = Path(__file__).parent.parent / "peers" / "statsforecast_models.py"

_ACCURACY = [
    Column("set", "text"),
    Column("routes", "count"),
    Column("days", "count"),
    Column("error / naive's", "ratio"),
    Column("claimed by the back-test", "ratio"),
    Column("routes > 2 % worse", "percent"),
    Column("90 % intervals cover", "percent"),
    *(Column(f"{name} / naive's", "ratio") for name in _METHODS),
]


@dataclass(frozen=True)
class _Outcome:
    """Errors (windows, routes) and what came with them."""

    own: FloatArray
    naive: FloatArray
    claimed: float
    covered: float

    @property
    def ratio(self) -> float:
        return float(self.own.sum() / self.naive.sum())

    @property
    def worse_percent(self) -> float:
        return 100 * float(np.mean(self.own.sum(axis=0) > 1.02 * self.naive.sum(axis=0) + 1e-9))


def _measure(bench: Bench) -> Findings:
    notes: list[str] = []
    oracle = _install(notes)
    folder = os.environ.get(FOLDER_VARIABLE)
    sets = [*made_panels(), *(read_panels(Path(folder)) if folder else ())]
    rows: list[list[Cell]] = []
    targets: list[Target] = []
    for each in sets:
        bench.say(each.name)
        outcome = _forecast_windows(each)
        others: list[Cell] = [None] * len(_METHODS)
        if oracle:
            others = _oracle_errors(bench, each, outcome)
        rows.append(_row(each, outcome, others))
        targets += _accuracy_targets(each, outcome, others)
    cost, cost_targets = _cost(bench, oracle)
    return Findings([Table("Accuracy", _ACCURACY, rows), cost], [*targets, *cost_targets], notes)


def _install(notes: list[str]) -> bool:
    try:
        _ORACLE.install()
    except (subprocess.CalledProcessError, OSError) as error:
        notes.append(f"{_ORACLE.title}: could not be installed ({error}).")
        return False
    return True


def _windows(named: NamedPanel) -> list[int]:
    periods = named.panel.values.shape[1]
    return [periods - _HORIZON * back for back in range(_WINDOWS, 0, -1)]


def _forecast_windows(named: NamedPanel) -> _Outcome:
    rows = named.panel.levels[-1].rows
    own, naive, claims, inside, scored = [], [], [], 0, 0
    for at in _windows(named):
        found = forecast(named.until(at), _HORIZON)
        truth = named.panel.values[rows, at : at + _HORIZON]
        simple = np.nan_to_num(seasonal_naive(named.panel.values[rows, :at], named.panel.season, (at,), _HORIZON)[0])
        own.append(_absolute(found.point[rows], truth))
        naive.append(_absolute(simple, truth))
        test = found.backtest
        claims.append(test.issued.absolute[rows].sum() / max(test.naive.absolute[rows].sum(), 1e-12))
        inside += int(((truth >= found.quantiles[0, rows]) & (truth <= found.quantiles[-1, rows])).sum())
        scored += int(np.isfinite(truth).sum())
    return _Outcome(np.stack(own), np.stack(naive), float(np.mean(claims)), inside / scored)


def _absolute(predicted: FloatArray, truth: FloatArray) -> FloatArray:
    """Per series, of what is known."""
    found: FloatArray = np.where(np.isfinite(truth), np.abs(predicted - truth), 0.0).sum(axis=1)
    return found


def _oracle_errors(bench: Bench, named: NamedPanel, outcome: _Outcome) -> list[Cell]:
    rows = named.panel.levels[-1].rows
    total = np.zeros(len(_METHODS))
    for at in _windows(named):
        found, _ = _ask_oracle(bench, named.panel.values[rows, :at], _METHODS)
        truth = named.panel.values[rows, at : at + _HORIZON]
        total += [_absolute(found[name], truth).sum() for name in _METHODS]
    return [float(each / outcome.naive.sum()) for each in total]


def _ask_oracle(
    bench: Bench, history: FloatArray, methods: Sequence[str]
) -> tuple[dict[str, FloatArray], dict[str, float]]:
    """Forecasts and CPU seconds per method."""
    given, answer = bench.folder / "histories.npz", bench.folder / "forecasts.npz"
    np.savez(given, history=history, season=7, horizon=_HORIZON)
    finished = run([str(_ORACLE.python), str(_SCRIPT), str(given), str(answer), *methods])
    if finished.status != 0:
        raise RuntimeError(f"{_ORACLE.title} made no forecasts:\n{finished.errors[-2000:]}")
    with np.load(answer) as found:
        forecasts = {name: found[name] for name in methods}
    return forecasts, json.loads(finished.output.splitlines()[-1])


def _row(named: NamedPanel, outcome: _Outcome, others: list[Cell]) -> list[Cell]:
    routes, days = named.panel.values[named.panel.levels[-1].rows].shape
    measured: list[Cell] = [outcome.ratio, outcome.claimed, outcome.worse_percent, 100 * outcome.covered]
    return [named.name, routes, days, *measured, *others]


def _accuracy_targets(named: NamedPanel, outcome: _Outcome, others: list[Cell]) -> list[Target]:
    best = min([1.0, *(float(each) for each in others if each is not None)])
    return [
        Target(f"{named.name}: error / naive's, or the best of statsforecast", "ratio", "at most", best, outcome.ratio),
        Target(f"{named.name}: routes > 2 % worse", "percent", "at most", _WANTED_WORSE, outcome.worse_percent),
    ]


def _cost(bench: Bench, oracle: bool) -> tuple[Table, list[Target]]:
    series = bench.records(_SERIES)
    bench.say(f"{series:,} series of two years")
    finished = run(python_module("bench.run_forecasts", str(series)), watch_memory=True)
    if finished.status != 0:
        raise RuntimeError(f"No forecasts were made:\n{finished.errors[-2000:]}")
    took = json.loads(finished.output)
    row: list[Cell] = ["this: back-test and intervals", series, took["seconds"], took["cpu"], finished.memory.rss_mib]
    rows = [row]
    targets = [
        Target("forecasts of 10,000 series, CPU", "seconds", "at most", _WANTED_SECONDS, took["cpu"]),
        Target("forecasts of 10,000 series, peak RSS", "MiB", "at most", _WANTED_MIB, finished.memory.rss_mib),
    ]
    if oracle:
        history = made_panels(_ETS_SERIES, 730)[0].panel
        _, cpu = _ask_oracle(bench, history.values[history.levels[-1].rows], ["AutoETS"])
        whole = cpu["AutoETS"] * series / _ETS_SERIES
        rows.append([f"{_ORACLE.title}: AutoETS alone, from {_ETS_SERIES} series", series, None, whole, None])
        targets.append(Target("CPU of AutoETS / ours", "ratio", "at least", _WANTED_CHEAPER, whole / took["cpu"]))
    columns = [
        Column("who", "text"),
        Column("series", "count"),
        Column("seconds", "seconds"),
        Column("CPU, seconds", "seconds"),
        Column("peak RSS, MiB", "MiB"),
    ]
    return Table(f"Cost: {series:,} series of 730 days, 28 days ahead", columns, rows), targets


PART = Part(
    "forecasts",
    "Forecasts",
    f"""\
Daily shipments per route, forecast 28 days ahead from three points in time; the engine sees only what was known at
each. Errors are sums of absolute errors over all routes and days, relative to those of seasonal naive (the last week
again and again). The back-test's claim is what the engine said beforehand. Panels are made from a seed;
`{FOLDER_VARIABLE}=folder` adds real ones, `<set>/shipments.json.gz` beside `vehicle_logs.json.gz`.
[statsforecast](https://github.com/Nixtla/statsforecast), in a virtual environment of its own, is the oracle.""",
    _measure,
)
