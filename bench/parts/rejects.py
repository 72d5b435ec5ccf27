"""What bad records cost: one in a hundred against none."""

from collections.abc import Callable
from statistics import median

from bench.comparing import in_turns, rate_ratios
from bench.datasets import SHIPMENTS, VEHICLE_LOGS
from bench.loading import Run, load_sample
from bench.part import Bench, Part
from bench.results import Cell, Column, Findings, Table, Target
from bench.samples import Sample, make_sample

WANTED_PERCENT = 15
_RECORDS = 1_000_000
_REPETITIONS = 5
_BAD_EVERY = 100

_COLUMNS = [
    Column("dataset", "text"),
    Column("records", "count"),
    Column("bad", "count"),
    Column("runs", "count"),
    Column("none bad, records/s", "rate"),
    Column("1 % bad, records/s", "rate"),
    Column("cost of the bad", "percent"),
    Column("from–to of the ratio", "text"),
]


def _measure(bench: Bench) -> Findings:
    records = bench.records(_RECORDS)
    rows: list[list[Cell]] = []
    targets = []
    for dataset in (VEHICLE_LOGS, SHIPMENTS):
        bench.say(f"{dataset.name}, {records:,}, 1 % bad and none")
        clean = make_sample(bench.folder, dataset, records)
        dirty = make_sample(bench.folder, dataset, records, bad_every=_BAD_EVERY)
        clean_runs, dirty_runs = in_turns(
            [_loading(bench, clean), _loading(bench, dirty)], bench.repetitions(_REPETITIONS)
        )
        ratio = rate_ratios(dirty_runs, clean_runs)
        cost = (1 - ratio.median) * 100
        rates = [median(run.rate for run in runs) for runs in (clean_runs, dirty_runs)]
        rows.append([dataset.name, records, dirty.bad, len(clean_runs), *rates, cost, str(ratio)])
        what = f"{dataset.name}, {records:,}: what 1 % bad records cost"
        targets.append(Target(what, "percent", "at most", WANTED_PERCENT, cost))
        clean.remove()
        dirty.remove()
    return Findings([Table("JSON array, chronological", _COLUMNS, rows)], targets)


def _loading(bench: Bench, sample: Sample) -> Callable[[], Run]:
    def load() -> Run:
        bench.database.reset()
        return load_sample(bench, sample)

    return load


PART = Part(
    "rejects",
    "One record in a hundred is bad",
    """\
The generator's bad records cycle through every kind of damage. Each is set aside with reason, field, position and
raw text, in the database and in a file under `data/failed`; both are within the measured time.""",
    _measure,
)
