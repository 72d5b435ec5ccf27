"""Many small files through one call of the loader."""

from bench.comparing import spread
from bench.datasets import VEHICLE_LOGS
from bench.loading import load_path
from bench.part import Bench, Part
from bench.results import Column, Findings, Table, Target
from bench.samples import make_sample, split_sample

WANTED_MS = 10
_FILES = 1_000
_RECORDS_PER_FILE = 100
_REPETITIONS = 5


def _measure(bench: Bench) -> Findings:
    files = max(10, round(_FILES * bench.scale))
    records = files * _RECORDS_PER_FILE
    bench.say(f"{files:,} files of {_RECORDS_PER_FILE} records")
    folder = split_sample(make_sample(bench.folder, VEHICLE_LOGS, records, format="ndjson"), files)
    runs = []
    for _ in range(bench.repetitions(_REPETITIONS)):
        bench.database.reset()
        runs.append(load_path(bench, folder, records, records))
    per_file = spread([run.seconds / files * 1_000 for run in runs])
    cpu = spread([run.cpu_seconds / files * 1_000 for run in runs])
    table = Table(
        "vehicle_logs, JSON arrays",
        [
            Column("files", "count"),
            Column("records each", "count"),
            Column("runs", "count"),
            Column("ms per file", "ms"),
            Column("from–to", "text"),
            Column("of it CPU of the loader, ms", "ms"),
        ],
        [[files, _RECORDS_PER_FILE, len(runs), per_file.median, str(per_file), cpu.median]],
    )
    what = f"{files:,} files of {_RECORDS_PER_FILE} records in one call: per file"
    return Findings([table], [Target(what, "ms", "at most", WANTED_MS, per_file.median)])


PART = Part(
    "small",
    "Many small files",
    """\
All files in one call of the loader. Each is still registered, loaded in its own transaction, hashed, checked once
more and completed with a correct balance, so a file costs a few round trips and commits whatever it contains.""",
    _measure,
)
