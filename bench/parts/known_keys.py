"""A file in which every key is in the table already: all of its rows replace others."""

from bench.comparing import COMPARISON_COLUMNS, Comparison, comparison_cells, in_turns, prepare_limit, rebuilds_indexes
from bench.datasets import SHIPMENTS, VEHICLE_LOGS
from bench.limit import copy_prepared
from bench.loading import Run, load_sample
from bench.part import Bench, Part
from bench.results import Cell, Column, Findings, Table, Target
from bench.samples import Sample, make_sample, redeliver

WANTED = 0.25
_RECORDS = 1_000_000
_REPETITIONS = 5


def _measure(bench: Bench) -> Findings:
    records = bench.records(_RECORDS)
    rows: list[list[Cell]] = []
    targets = []
    for dataset in (VEHICLE_LOGS, SHIPMENTS):
        bench.say(f"{dataset.name}, {records:,}, every key known")
        first = make_sample(bench.folder, dataset, records)
        comparison = _compare(bench, first)
        first.remove()
        rows.append([dataset.name, *comparison_cells(comparison)])
        what = f"{dataset.name}, every key loaded before, {records:,}: loader / limit"
        targets.append(Target(what, "ratio", "at least", WANTED, comparison.ratio.median))
    return Findings([Table("The second delivery", [Column("dataset", "text"), *COMPARISON_COLUMNS], rows)], targets)


def _compare(bench: Bench, first: Sample) -> Comparison:
    again = redeliver(first)
    _, prepared = prepare_limit(bench, first)
    builds_after = rebuilds_indexes(bench, first.dataset, lambda: load_sample(bench, again))

    def run_loader() -> Run:
        bench.database.reset()
        load_sample(bench, first)
        bench.database.connection.execute("CHECKPOINT")
        return load_sample(bench, again)

    def run_limit() -> Run:
        bench.database.reset()
        return copy_prepared(bench.database, prepared, build_indexes_after=builds_after)

    loader, limit = in_turns([run_loader, run_limit], bench.repetitions(_REPETITIONS))
    prepared.remove()
    again.remove()
    return Comparison(loader, limit, builds_after)


PART = Part(
    "known_keys",
    "Every key loaded before",
    """\
The same content arrives a second time under another name, so that every row finds its key present and replaces
the older row. COPY cannot do that at all: the limit copies the same rows into the empty table. The target is 0.25
of it.""",
    _measure,
)
