"""What bad records cost: one in a hundred, forty in a hundred, and a word in a column of numbers, against none."""

from collections.abc import Callable
from statistics import median

from bench.comparing import cpu_ratios, in_turns, rate_ratios
from bench.datasets import SHIPMENTS, VEHICLE_LOGS
from bench.loading import Run, load_sample
from bench.part import Bench, Part
from bench.results import Cell, Column, Findings, Table, Target
from bench.samples import Sample, make_dirty_sample, make_sample, put_words
from logistics_pipeline.demo.file_formats import Format

WANTED_PERCENT = 15
WANTED_TIMES = 3
WANTED_MILLISECONDS = 1
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
    Column("cost in CPU time", "percent"),
]

_MANY_COLUMNS = [
    Column("dataset", "text"),
    Column("format", "text"),
    Column("records", "count"),
    Column("bad", "count"),
    Column("runs", "count"),
    Column("none bad, records/s", "rate"),
    Column("40 % bad, records/s", "rate"),
    Column("times as long", "ratio"),
    Column("from–to", "text"),
    Column("times the CPU time", "ratio"),
]
_WORD_COLUMNS = [
    Column("dataset", "text"),
    Column("records", "count"),
    Column("bad", "count"),
    Column("runs", "count"),
    Column("none bad", "seconds"),
    Column("with the word", "seconds"),
    Column("ms per bad row", "ms"),
]
_FORMATS: tuple[Format, ...] = ("json", "csv")


def _measure(bench: Bench) -> Findings:
    measured = [_measure_few(bench), _measure_many(bench), _measure_words(bench)]
    return Findings([table for table, _ in measured], [target for _, targets in measured for target in targets])


def _measure_few(bench: Bench) -> tuple[Table, list[Target]]:
    """One in a hundred."""
    records = bench.records(_RECORDS)
    rows: list[list[Cell]] = []
    targets = []
    for dataset in (VEHICLE_LOGS, SHIPMENTS):
        bench.say(f"{dataset.name}, {records:,}, 1 % bad and none")
        clean = make_sample(bench.folder, dataset, records)
        dirty = make_sample(bench.folder, dataset, records, bad_every=_BAD_EVERY)
        clean_runs, dirty_runs = _load_in_turns(bench, clean, dirty)
        ratio = rate_ratios(dirty_runs, clean_runs)
        cost = (1 - ratio.median) * 100
        rates = [median(run.rate for run in runs) for runs in (clean_runs, dirty_runs)]
        cpu = (cpu_ratios(dirty_runs, clean_runs).median - 1) * 100
        rows.append([dataset.name, records, dirty.bad, len(clean_runs), *rates, cost, str(ratio), cpu])
        what = f"{dataset.name}, {records:,}: what 1 % bad records cost"
        targets.append(Target(what, "percent", "at most", WANTED_PERCENT, cost))
    return Table("JSON array, chronological", _COLUMNS, rows), targets


def _measure_many(bench: Bench) -> tuple[Table, list[Target]]:
    """Forty in a hundred."""
    records = bench.records(_RECORDS // 2)
    rows: list[list[Cell]] = []
    targets = []
    for dataset in (VEHICLE_LOGS, SHIPMENTS):
        for format in _FORMATS:
            bench.say(f"{dataset.name}, {format}, {records:,}, 40 % bad and none")
            dirty = make_dirty_sample(bench.folder, dataset, records, 40, format=format)
            clean = make_sample(bench.folder, dataset, records, format=format)
            clean_runs, dirty_runs = _load_in_turns(bench, clean, dirty)
            ratio = rate_ratios(clean_runs, dirty_runs)
            rates = [median(run.rate for run in runs) for runs in (clean_runs, dirty_runs)]
            cpu = cpu_ratios(dirty_runs, clean_runs).median
            figures: list[Cell] = [*rates, ratio.median, str(ratio), cpu]
            rows.append([dataset.name, format, records, dirty.bad, len(clean_runs), *figures])
            what = f"{dataset.name}, {format}, {records:,}: times as long with 40 % bad records"
            targets.append(Target(what, "ratio", "at most", WANTED_TIMES, ratio.median))
    return Table("40 % bad", _MANY_COLUMNS, rows), targets


def _measure_words(bench: Bench) -> tuple[Table, list[Target]]:
    """The word null in every fourth row of a column of numbers."""
    records = bench.records(_RECORDS // 10)
    bench.say(f"{SHIPMENTS.name}, csv, {records:,}, every fourth weight is the word null")
    clean = make_sample(bench.folder, SHIPMENTS, records, format="csv")
    dirty = put_words(clean, "weight", "null", 4)
    clean_runs, dirty_runs = _load_in_turns(bench, clean, dirty)
    clean_seconds, dirty_seconds = (median(run.seconds for run in runs) for runs in (clean_runs, dirty_runs))
    each = max(dirty_seconds - clean_seconds, 0) / dirty.bad * 1000
    what = f"{SHIPMENTS.name}, csv, {records:,}: what a row with the word null as a number costs"
    return (
        Table(
            "The word null in a column of numbers",
            _WORD_COLUMNS,
            [[SHIPMENTS.name, records, dirty.bad, len(clean_runs), clean_seconds, dirty_seconds, each]],
        ),
        [Target(what, "ms", "at most", WANTED_MILLISECONDS, each)],
    )


def _load_in_turns(bench: Bench, clean: Sample, dirty: Sample) -> tuple[list[Run], list[Run]]:
    clean_runs, dirty_runs = in_turns([_loading(bench, clean), _loading(bench, dirty)], bench.repetitions(_REPETITIONS))
    clean.remove()
    dirty.remove()
    return clean_runs, dirty_runs


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
raw text, in the database and in a file under `data/failed`; both are within the measured time.

The CPU time is that of all processes, PostgreSQL's among them: on a machine that does other work, it says more than
the clock.

Forty in a hundred are what an export of another kind looks like, and the word `null` is what some programs write for a
missing number.""",
    _measure,
)
