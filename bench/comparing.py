"""Runs side by side: the loader and the limit on the same rows, in turns, and what the turns say together."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import TypeVar

from bench.limit import Prepared, copy_prepared, prepare
from bench.loading import Run, load_sample
from bench.part import Bench
from bench.results import Cell, Column
from bench.samples import Sample
from logistics_core.catalogue import Dataset

T = TypeVar("T")


@dataclass(frozen=True)
class Spread:
    """Ratios within repetitions: what they say together and how far they lie apart."""

    median: float
    lowest: float
    highest: float

    def __str__(self) -> str:
        return f"{self.lowest:.2f}–{self.highest:.2f}"


def spread(values: Sequence[float]) -> Spread:
    return Spread(median(values), min(values), max(values))


def seconds(work: Callable[[], object]) -> float:
    """How long it takes, by the clock."""
    since = time.perf_counter()
    work()
    return time.perf_counter() - since


def in_turns(contenders: Sequence[Callable[[], T]], repetitions: int) -> list[list[T]]:
    """A B A B …: the runs of each contender."""
    rounds = [[contender() for contender in contenders] for _ in range(repetitions)]
    return [list(runs) for runs in zip(*rounds, strict=True)]


def rate_ratios(runs: Sequence[Run], others: Sequence[Run]) -> Spread:
    """How the rates of runs compare with those of the others in the same repetitions."""
    return spread([run.rate / other.rate for run, other in zip(runs, others, strict=True)])


def cpu_ratios(runs: Sequence[Run], others: Sequence[Run]) -> Spread:
    """How the CPU time of runs, with the server's, compares with that of the others in the same repetitions."""
    return spread([run.total_cpu_seconds / other.total_cpu_seconds for run, other in zip(runs, others, strict=True)])


@dataclass(frozen=True)
class Comparison:
    """The loader against the limit on one file."""

    loader: list[Run]
    limit: list[Run]
    builds_indexes_after: bool

    @property
    def ratio(self) -> Spread:
        return rate_ratios(self.loader, self.limit)


COMPARISON_COLUMNS = [
    Column("records", "count"),
    Column("runs", "count"),
    Column("indexes", "text"),
    Column("limit, rows/s", "rate"),
    Column("loader, rows/s", "rate"),
    Column("loader / limit", "ratio"),
    Column("from–to", "text"),
    Column("CPU s: loader", "seconds"),
    Column("its server", "seconds"),
    Column("limit's server", "seconds"),
]
"""A comparison in a table, behind columns that say of what."""


def comparison_cells(comparison: Comparison) -> list[Cell]:
    loader, limit, ratio = comparison.loader, comparison.limit, comparison.ratio
    return [
        loader[0].records,
        len(loader),
        "built after" if comparison.builds_indexes_after else "kept",
        median(run.rate for run in limit),
        median(run.rate for run in loader),
        ratio.median,
        str(ratio),
        median(run.per_million(run.cpu_seconds) for run in loader),
        median(run.per_million(run.server_cpu_seconds) for run in loader),
        median(run.per_million(run.server_cpu_seconds) for run in limit),
    ]


def compare_with_limit(bench: Bench, sample: Sample, repetitions: int, *, reference_parser: bool = False) -> Comparison:
    """Loads a file and copies the same rows, in turns. A first load, not counted, warms up and gives the rows."""
    builds_after, prepared = prepare_limit(bench, sample)

    def run_loader() -> Run:
        bench.database.reset()
        return load_sample(bench, sample, reference_parser=reference_parser)

    def run_limit() -> Run:
        bench.database.reset()
        return copy_prepared(bench.database, prepared, build_indexes_after=builds_after)

    loader, limit = in_turns([run_loader, run_limit], repetitions)
    prepared.remove()
    return Comparison(loader, limit, builds_after)


def prepare_limit(bench: Bench, sample: Sample) -> tuple[bool, Prepared]:
    """Loads a file once; returns whether that built the secondary indexes anew, and the rows for the limit."""
    bench.database.reset()
    builds_after = rebuilds_indexes(bench, sample.dataset, lambda: load_sample(bench, sample))
    return builds_after, prepare(bench.database, sample.dataset, bench.folder / f"{sample.dataset.name}.copy")


def rebuilds_indexes(bench: Bench, dataset: Dataset, load: Callable[[], object]) -> bool:
    """Whether a load sets the secondary indexes aside: those that are there afterwards are others, of the same names.

    Raises:
        RuntimeError: an index is missing afterwards.
    """
    before = bench.database.secondary_indexes(dataset)
    load()
    after = bench.database.secondary_indexes(dataset)
    if [index.name for index in before] != [index.name for index in after]:
        raise RuntimeError(f"The load changed which indexes {dataset.table} has: {before} became {after}")
    return before != after
