"""Datasets that contracts define, in the shapes that users bring, against the limit."""

from bench.comparing import COMPARISON_COLUMNS, compare_with_limit, comparison_cells, cpu_ratios
from bench.contract_samples import accepted_contracts, make_contract_sample
from bench.loading import load_sample
from bench.part import Bench, Part
from bench.results import Cell, Column, Findings, Table, Target
from bench.samples import Sample
from logistics_core.catalogue import Dataset
from logistics_pipeline.demo.file_formats import Format

WANTED = 0.7
WANTED_MIB = 192
_RECORDS = 400_000
_REPETITIONS = 5
_SHAPES: tuple[tuple[str, str, tuple[Format, ...]], ...] = (
    ("text_key", "a text as key", ("csv", "ndjson")),
    ("integer_key", "an integer as key", ("csv", "ndjson")),
    ("key_of_three", "a key of three fields", ("csv", "ndjson")),
    ("no_key", "no key", ("csv", "ndjson")),
    ("mixed_columns", "22 columns of all types", ("csv", "ndjson")),
    ("nested_objects", "objects in records, flattened", ("ndjson",)),
)
_LABELS: dict[Format, str] = {"csv": "CSV", "ndjson": "NDJSON"}


def _measure(bench: Bench) -> Findings:
    rows: list[list[Cell]] = []
    targets: list[Target] = []
    with accepted_contracts(bench.database) as datasets:
        for name, what, formats in _SHAPES:
            for format in formats:
                label = f"{what}, {_LABELS[format]}"
                bench.say(label)
                cells, of_shape = _compare(bench, label, datasets[name], format)
                rows.append(cells)
                targets += of_shape
    columns = [
        Column("dataset", "text"),
        *COMPARISON_COLUMNS,
        Column("CPU: loader / limit", "ratio"),
        Column("peak RSS, MiB", "MiB"),
    ]
    return Findings([Table("Datasets of contracts, chronological, into the empty table", columns, rows)], targets)


def _compare(bench: Bench, label: str, dataset: Dataset, format: Format) -> tuple[list[Cell], list[Target]]:
    sample = make_contract_sample(bench.folder, dataset, bench.records(_RECORDS), format)
    comparison = compare_with_limit(bench, sample, bench.repetitions(_REPETITIONS))
    peak = _peak(bench, sample)
    sample.remove()
    cpu = cpu_ratios(comparison.loader, comparison.limit)
    cells = [label, *comparison_cells(comparison), cpu.median, peak]
    return cells, [
        Target(f"{label}: loader / limit", "ratio", "at least", WANTED, comparison.ratio.median),
        Target(f"{label}: peak RSS", "MiB", "at most", WANTED_MIB, peak),
    ]


def _peak(bench: Bench, sample: Sample) -> float:
    bench.database.reset()
    return load_sample(bench, sample, watch_memory=True).memory.rss_mib


PART = Part(
    "datasets",
    "Speed: datasets of contracts",
    """\
Files as users bring them, of datasets that a contract defines: one per kind of key, one with columns of every type
(amounts with a decimal comma, days first, times with a zone, booleans in words, JSON, words for "nothing"), one with
objects flattened by paths. *CPU* compares the CPU time of all processes, the server's included, with that of the
limit.""",
    _measure,
)
