"""How good the built-in models are on made data, and what they cost on the sample."""

import os
from pathlib import Path
from time import process_time
from typing import Any

import numpy as np

from bench.model_histories import NamedHistory, made_histories, read_histories
from bench.part import Bench, Part
from bench.parts.forecasts import FOLDER_VARIABLE
from bench.results import Cell, Column, Findings, Table, Target
from logistics_core.settings import Settings
from logistics_pipeline.analytics.refresh import refresh
from logistics_pipeline.database.connections import connect
from logistics_pipeline.demo.generator import generate
from logistics_pipeline.files.folder import RawFolder
from logistics_pipeline.loading.loader import load_file
from logistics_pipeline.loading.options import load_options
from logistics_pipeline.models import backtesting, boosting
from logistics_pipeline.models.jobs import serve_next
from logistics_pipeline.models.running_means import Sums, medians_of_groups
from logistics_pipeline.models.updating import Updated, update_model

_SHIPMENTS = 100_000
_JOB_ROWS = 20_000
_MODELS = ("shipments.delivery_time", "shipments.cost", "vehicle_logs.fuel")
_LEAST_COVERED, _MOST_COVERED, _MOST_ERROR, _LEAST_FOUND = 87.0, 93.0, 1.02, 90.0

_ACCURACY = [
    Column("set", "text"),
    Column("shipments", "count"),
    Column("error / median's, by window", "ratio"),
    Column("error / median's, frozen", "ratio"),
    Column("90 % intervals cover", "percent"),
    Column("CPU, seconds", "seconds"),
    Column("LightGBM's error / ours", "ratio"),
    Column("its CPU, seconds", "seconds"),
]
_COST = [
    Column("model", "text"),
    Column("records", "count"),
    Column("train and test, CPU seconds", "seconds"),
    Column("use, CPU seconds", "seconds"),
    Column("memory, MiB", "MiB"),
    Column("error / median's", "ratio"),
    Column("90 % intervals cover", "percent"),
    Column("called odd and injected", "percent"),
    Column("injected and found", "percent"),
]


def _measure(bench: Bench) -> Findings:
    folder = os.environ.get(FOLDER_VARIABLE)
    rows, targets = [], []
    for each in [*made_histories(), *(read_histories(Path(folder)) if folder else ())]:
        bench.say(each.name)
        row, found = _accuracy(each)
        rows.append(row)
        targets += found
    cost, cost_targets = _cost(bench)
    return Findings([Table("Durations", _ACCURACY, rows), *cost], [*targets, *cost_targets])


def _accuracy(named: NamedHistory) -> tuple[list[Cell], list[Target]]:
    records, since = named.durations, process_time()
    sums, parts = Sums(records), backtesting.split(records)
    setting = backtesting.choose_setting(records, sums, parts.before)
    running = backtesting.expect(records, sums, setting)
    nothing = np.full(len(records), np.nan)
    predicted = backtesting.predict(records, running.mean, running.spread)
    own = backtesting.overall(backtesting.scores(records, predicted, nothing, parts))
    cpu = process_time() - since
    challenger, challenger_cpu = _challenger(named, running.mean, running.seen, running.spread)
    frozen = own["error"] / _frozen_error(named)
    covered = 100 * own["coverage_90"]
    ratio = own["error"] / own["naive_error"]
    row: list[Cell] = [
        named.name, len(records), ratio, frozen, covered, cpu, challenger and challenger / own["error"], challenger_cpu,
    ]  # fmt: skip
    return row, [
        Target(f"{named.name}: error / that of the route's median", "ratio", "at most", _MOST_ERROR, ratio),
        Target(f"{named.name}: 90 % intervals cover", "percent", "at least", _LEAST_COVERED, covered),
        Target(f"{named.name}: 90 % intervals cover", "percent", "at most", _MOST_COVERED, covered),
    ]


def _challenger(named: NamedHistory, mean: Any, seen: Any, spread: Any) -> tuple[float | None, float | None]:
    if not boosting.is_installed():
        return None, None
    records, since = named.durations, process_time()
    parts = backtesting.split(records)
    table = boosting.features(records, mean, seen)
    corrected = mean + boosting.corrections(records, mean, table, parts)
    predicted = backtesting.predict(records, corrected, spread)
    nothing = np.full(len(records), np.nan)
    found = backtesting.overall(backtesting.scores(records, predicted, nothing, parts))
    return found["error"], process_time() - since


def _frozen_error(named: NamedHistory) -> float:
    """Of the route's median as it was known when the first window began."""
    records, windows = named.durations, backtesting.split(named.durations).windows
    rows = np.concatenate(windows)
    medians, overall = medians_of_groups(records, records.known <= records.started[rows].min())
    naive = np.array([medians.get(group, overall) for group in records.group[rows].tolist()])
    return float(np.abs(naive - records.value[rows]).mean())


# -- the sample ------------------------------------------------------------------------------------------------------


def _cost(bench: Bench) -> tuple[list[Table], list[Target]]:
    shipments = bench.records(_SHIPMENTS)
    bench.say(f"{shipments:,} shipments of the sample")
    _load(bench, shipments)
    rows: list[list[Cell]] = []
    targets: list[Target] = []
    for name in _MODELS:
        found = update_model(bench.database.url, name, settings=Settings())
        (trained,) = found.trained
        scores = trained.overall
        rows.append(_cost_row(bench, found, scores))
        if "precision" in scores:
            for what, share in (("called odd was injected", "precision"), ("injected was found", "recall")):
                measured = 100 * (scores[share] or 0.0)
                targets.append(Target(f"{name}: {what}", "percent", "at least", _LEAST_FOUND, measured))
    jobs = _serve_job(bench)
    speed = Table(
        "A job", [Column("rows", "count"), Column("CPU, seconds", "seconds"), Column("rows/s", "rate")], [jobs]
    )
    return [Table(f"The sample: {shipments:,} shipments and logs", _COST, rows), speed], targets


def _load(bench: Bench, shipments: int) -> None:
    raw = bench.folder / "raw"
    raw.mkdir(exist_ok=True)
    bench.database.reset()
    made = generate(raw, logs=shipments, shipments=shipments, replace=True)
    options = load_options(Settings(database_url=bench.database.url, data_dir=bench.folder))
    for file in made:
        found = RawFolder(raw).look_at(file.path)
        assert found is not None
        load_file(bench.database.url, found, options)
    refresh(bench.database.url, full=True)
    for file in made:
        file.path.unlink()


def _cost_row(bench: Bench, found: Updated, scores: dict[str, Any]) -> list[Cell]:
    kinds = {
        kind: (rows, cpu, memory)
        for kind, rows, cpu, memory in bench.database.connection.execute(
            "SELECT kind, max(rows), max(cpu_seconds), max(memory_bytes) FROM models.executions WHERE model = %s "
            "GROUP BY kind",
            (found.model,),
        )
    }
    records, train_cpu, memory = kinds["train"]
    error, naive = scores.get("error"), scores.get("naive_error")
    percents = [scores.get(name) for name in ("coverage_90", "precision", "recall")]
    return [
        found.model, records, train_cpu, kinds["score"][1], memory / 2**20, error / naive if error and naive else None,
        *(None if each is None else 100 * each for each in percents),
    ]  # fmt: skip


def _serve_job(bench: Bench) -> list[Cell]:
    rows = bench.records(_JOB_ROWS)
    with connect(bench.database.url) as connection:
        connection.execute(
            "INSERT INTO models.jobs (model, input, rows, requested_by) SELECT 'shipments.delivery_time', "
            "jsonb_agg(jsonb_build_object('origin', origin, 'destination', destination)), count(*), 'bench' "
            "FROM (SELECT origin, destination FROM raw.shipments LIMIT %s) AS asked",
            (rows,),
        )
        since = process_time()
        serve_next(connection)
        cpu = process_time() - since
        row = connection.execute("SELECT rows, seconds FROM models.jobs WHERE state = 'done'").fetchone()
        assert row is not None
    return [row[0], cpu, row[0] / row[1]]


PART = Part(
    "models",
    "Models",
    f"""\
Durations of made shipments, each predicted from those that had arrived when it began; the newest fifth counts, after
the setting was chosen by the shipments before. Errors are mean absolute ones relative to the median of the route: as it
was known when each of four windows began, and when the first began (frozen). LightGBM, the challenger, is fitted anew
before each window. `{FOLDER_VARIABLE}=folder` adds real sets, as for the forecasts. Of the sample, costs and fuel are
tested with one record in fifty made odd, and whatever else is called odd counts as wrong. CPU seconds are of the
process, without PostgreSQL's.""",
    _measure,
)
