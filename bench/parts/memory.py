"""Memory of the loader's processes, for a small and a large file, and for files that are hard on memory."""

from bench.datasets import VEHICLE_LOGS
from bench.hostile import FILES, HostileFile, make_file
from bench.loading import Run, load_sample, loader_command, read_account
from bench.part import Bench, Part
from bench.processes import run
from bench.results import Cell, Column, Findings, Table, Target
from bench.samples import BYTES_PER_LOG, make_sample

WANTED_MIB = 192
WANTED_DIFFERENCE_MIB = 16
WANTED_SECONDS = 60
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

_HOSTILE_COLUMNS = [
    Column("what the file holds", "text"),
    Column("file, MiB", "MiB"),
    Column("loaded", "count"),
    Column("rejected", "count"),
    Column("ends", "text"),
    Column("seconds", "seconds"),
    Column("peak RSS, MiB", "MiB"),
]


def _measure(bench: Bench) -> Findings:
    hostile, hostile_targets = _measure_hostile(bench)
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
        [Table("vehicle_logs, JSON array", _COLUMNS, rows), hostile],
        [
            *hostile_targets,
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


def _measure_hostile(bench: Bench) -> tuple[Table, list[Target]]:
    rows = [_load_hostile(bench, file) for file in FILES]
    seconds, peaks = ([float(str(row[column])) for row in rows] for column in (-2, -1))
    return Table("Files that are hard on memory", _HOSTILE_COLUMNS, rows), [
        Target("peak RSS for a file that is hard on memory", "MiB", "at most", WANTED_MIB, max(peaks)),
        Target("time for such a file", "seconds", "at most", WANTED_SECONDS, max(seconds)),
    ]


def _load_hostile(bench: Bench, file: HostileFile) -> list[Cell]:
    """Loads a file and holds the account to what was expected; at full scale also that it fails, if it must."""
    path = make_file(bench, file)
    bench.say(file.what)
    bench.database.reset()
    finished = run(loader_command(bench, path), watch_memory=True)
    account = read_account(finished)
    if (account["loaded"], account["rejected"]) != (file.loaded, file.rejected):
        raise RuntimeError(f"{file.name}: expected {file.loaded:,} loaded, {file.rejected:,} rejected; found {account}")
    if (account["error"] is not None) != file.fails:
        raise RuntimeError(f"{file.name}: expected {'an error' if file.fails else 'no error'}; found {account}")
    size_mib = path.stat().st_size / 2**20
    path.unlink()
    ends = "failed, with the position" if file.fails else "loaded"
    return [file.what, size_mib, file.loaded, file.rejected, ends, account["seconds"], finished.memory.rss_mib]


PART = Part(
    "memory",
    "Memory",
    """\
Every process of the loader from start to exit, including Python and imported modules. The second table holds files
made to take memory: rows and records close to the 32 MiB that one may have, and quotes that are never closed.""",
    _measure,
)
