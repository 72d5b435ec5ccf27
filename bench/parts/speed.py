"""JSON arrays of logs and shipments against the limit: two sizes, two orders of keys."""

from itertools import product

from bench.comparing import COMPARISON_COLUMNS, compare_with_limit, comparison_cells
from bench.datasets import SHIPMENTS, VEHICLE_LOGS
from bench.part import Bench, Part
from bench.results import Cell, Column, Findings, Table, Target
from bench.samples import make_sample
from logistics_pipeline.demo.records import Order

WANTED = 0.85
_SIZES = ((1_000_000, 7), (5_000_000, 3))
"""Records, and how often each is loaded."""
_ORDERS: tuple[Order, ...] = ("chronological", "random")


def _measure(bench: Bench) -> Findings:
    rows: list[list[Cell]] = []
    targets = []
    for (size, usual), dataset, order in product(_SIZES, (VEHICLE_LOGS, SHIPMENTS), _ORDERS):
        records = bench.records(size)
        bench.say(f"{dataset.name}, {records:,}, {order}")
        sample = make_sample(bench.folder, dataset, records, order=order)
        comparison = compare_with_limit(bench, sample, bench.repetitions(usual))
        sample.remove()
        rows.append([dataset.name, order, *comparison_cells(comparison)])
        what = f"{dataset.name}, JSON array, {records:,}, {order}: loader / limit"
        targets.append(Target(what, "ratio", "at least", WANTED, comparison.ratio.median))
    table = Table("Into empty tables", [Column("dataset", "text"), Column("keys", "text"), *COMPARISON_COLUMNS], rows)
    return Findings([table], targets)


PART = Part(
    "speed",
    "Speed: JSON arrays",
    """\
One file into its empty table, from the first byte until it is marked as loaded. The target is 0.85 of the limit,
the aim 0.9.""",
    _measure,
)
