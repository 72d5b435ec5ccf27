"""Memory of the loader's processes, for a small and a large file."""

from bench.datasets import VEHICLE_LOGS
from bench.loading import Run, load_sample
from bench.part import Bench, Part
from bench.results import Cell, Column, Findings, Table, Target
from bench.samples import BYTES_PER_LOG, make_sample

WANTED_MIB = 192
WANTED_DIFFERENCE_MIB = 16
_SIZES = ((100_000_000, 3), (2_000_000_000, 1))
"""Bytes of the file, and how often it is loaded."""

_COLUMNS = [
    Column("file, MiB", "MiB"),
    Column("records", "count"),
    Column("runs", "count"),
    Column("processes", "count"),
    Column("peak RSS, MiB", "MiB"),
    Column("peak PSS, MiB", "MiB"),
    Column("rows/s, while watched", "rate"),
]


def _measure(bench: Bench) -> Findings:
    rows: list[list[Cell]] = []
    peaks = []
    for size, usual in _SIZES:
        sample = make_sample(bench.folder, VEHICLE_LOGS, bench.records(size // BYTES_PER_LOG))
        bench.say(f"{sample.bytes:,} bytes, {sample.records:,} records")
        runs: list[Run] = []
        for _ in range(bench.repetitions(usual)):
            bench.database.reset()
            runs.append(load_sample(bench, sample, watch_memory=True))
        highest = max((run.memory for run in runs), key=lambda memory: memory.rss)
        peaks.append(highest.rss_mib)
        size_mib, rate = sample.bytes / 2**20, max(run.rate for run in runs)
        processes = max(run.memory.processes for run in runs)
        rows.append([size_mib, sample.records, len(runs), processes, highest.rss_mib, highest.pss_mib, rate])
        sample.remove()
    return Findings(
        [Table("vehicle_logs, JSON array", _COLUMNS, rows)],
        [
            Target("peak RSS of all loader processes together", "MiB", "at most", WANTED_MIB, max(peaks)),
            Target(
                "difference of peak RSS between a 100 MB and a 2 GB file",
                "MiB",
                "at most",
                WANTED_DIFFERENCE_MIB,
                abs(peaks[1] - peaks[0]),
            ),
        ],
    )


PART = Part(
    "memory",
    "Memory",
    """\
Every process of the loader from start to exit, including Python and imported modules.""",
    _measure,
)
