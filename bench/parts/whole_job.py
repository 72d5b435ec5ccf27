"""From two files to figures in an empty database: a million logs and a million shipments, loaded and refreshed."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from statistics import median
from typing import Any

from bench.comparing import in_turns, seconds, spread
from bench.datasets import SHIPMENTS, VEHICLE_LOGS
from bench.loading import loader_command, read_account
from bench.part import Bench, Part
from bench.processes import run
from bench.results import Cell, Column, Findings, Table, Target
from bench.samples import Sample, make_sample
from logistics_pipeline.analytics.refresh import refresh

WANTED_SECONDS = 8
_RECORDS = 1_000_000
_REPETITIONS = 3

_COLUMNS = [
    Column("files", "text"),
    Column("logs and shipments, each", "count"),
    Column("runs", "count"),
    Column("loaded, s", "seconds"),
    Column("first refresh, s", "seconds"),
    Column("together, s", "seconds"),
    Column("from–to", "text"),
    Column("CPU s: loaders", "seconds"),
    Column("server", "seconds"),
]


@dataclass(frozen=True)
class _Job:
    """What one whole job took."""

    load_seconds: float
    refresh_seconds: float
    loader_cpu_seconds: float
    server_cpu_seconds: float

    @property
    def seconds(self) -> float:
        return self.load_seconds + self.refresh_seconds


def _measure(bench: Bench) -> Findings:
    records = bench.records(_RECORDS)
    samples = [make_sample(bench.folder, dataset, records) for dataset in (VEHICLE_LOGS, SHIPMENTS)]
    bench.say(f"{records:,} logs and {records:,} shipments, one file after the other and both at once, in turns")
    ways = {"one after the other": 1, "both at once": len(samples)}
    contenders = [partial(_run, bench, samples, loaders) for loaders in ways.values()]
    jobs = in_turns(contenders, bench.repetitions(_REPETITIONS))
    rows: list[list[Cell]] = []
    for way, done in zip(ways, jobs, strict=True):
        together = spread([job.seconds for job in done])
        rows.append([
            way, records, len(done),
            median(job.load_seconds for job in done), median(job.refresh_seconds for job in done),
            together.median, str(together),
            median(job.loader_cpu_seconds for job in done), median(job.server_cpu_seconds for job in done),
        ])  # fmt: skip
    for sample in samples:
        sample.remove()
    what = f"{records:,} logs and shipments, both files at once: loaded and refreshed"
    target = Target(what, "seconds", "at most", WANTED_SECONDS, median(job.seconds for job in jobs[-1]))
    return Findings([Table("from files to figures", _COLUMNS, rows)], [target] if bench.scale == 1 else [])


def _run(bench: Bench, samples: Sequence[Sample], loaders: int) -> _Job:
    """Loads the files with so many loaders at a time, each a process of its own, then refreshes for the first time."""
    bench.database.reset()
    bench.database.forget_figures()
    server_before = bench.database.cpu_seconds()
    with ThreadPoolExecutor(loaders) as pool:
        accounts = list(pool.map(partial(_load, bench), samples))
    refresh_seconds = seconds(lambda: refresh(bench.database.url))
    bench.database.wait_until_idle()
    in_turn = sum(account["seconds"] for account in accounts)
    at_once = max(account["ended"] for account in accounts) - min(account["began"] for account in accounts)
    return _Job(
        in_turn if loaders == 1 else at_once,
        refresh_seconds,
        sum(account["cpu_seconds"] for account in accounts),
        bench.database.cpu_seconds() - server_before,
    )


def _load(bench: Bench, sample: Sample) -> dict[str, Any]:
    account = read_account(run(loader_command(bench, sample.path)))
    if account["error"] or account["loaded"] != sample.good:
        raise RuntimeError(f"{sample.path}: expected {sample.good:,} records to be loaded; found {account}")
    return account


PART = Part(
    "whole_job",
    "From files to figures",
    """\
Two JSON arrays, a million logs and a million shipments, are loaded into empty tables and the figures computed for the
first time. The clock of the loaders runs from the call of `load_file` to its return, as for the other parts; where both
run at once, from the first call to the last return: two cores have then no time to be idle.""",
    _measure,
)
