"""One run of the loader, in a process of its own, so that its time, CPU and memory are counted cleanly."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.part import Bench
from bench.processes import Finished, Memory, python_module, run
from bench.samples import Sample


@dataclass(frozen=True)
class Run:
    """What one run took, of whatever put the records into the table."""

    records: int
    seconds: float
    cpu_seconds: float
    """Of the processes that put them there."""
    server_cpu_seconds: float
    memory: Memory

    @property
    def rate(self) -> float:
        """Records per second."""
        return self.records / self.seconds

    @property
    def total_cpu_seconds(self) -> float:
        """Of all processes that took part."""
        return self.cpu_seconds + self.server_cpu_seconds

    def per_million(self, seconds: float) -> float:
        return seconds / self.records * 1_000_000


def loader_command(bench: Bench, path: Path | str, *, reference_parser: bool = False) -> list[str]:
    options = ["--reference-parser"] if reference_parser else []
    return python_module("bench.run_loader", bench.database.url, str(bench.folder), str(path), *options)


def load_sample(bench: Bench, sample: Sample, *, reference_parser: bool = False, watch_memory: bool = False) -> Run:
    """Loads a file of which every record is read and every good one is in the table at the end."""
    return load_path(
        bench,
        sample.path,
        sample.records,
        sample.good,
        reference_parser=reference_parser,
        watch_memory=watch_memory,
    )


def load_path(
    bench: Bench,
    path: Path | str,
    records: int,
    good: int,
    *,
    reference_parser: bool = False,
    watch_memory: bool = False,
) -> Run:
    """Loads a file or all files of a folder, and holds the account to what was expected.

    Raises:
        RuntimeError: the load failed, or its account is not that of the sample: its time would mean nothing.
    """
    before = bench.database.cpu_seconds()
    finished = run(loader_command(bench, path, reference_parser=reference_parser), watch_memory=watch_memory)
    account = read_account(finished)
    if account["error"] or (account["read"], account["loaded"]) != (records, good):
        raise RuntimeError(f"{path}: expected {good:,} of {records:,} records to be loaded; found {account}")
    bench.database.wait_until_idle()
    server = bench.database.cpu_seconds() - before
    return Run(records, account["seconds"], account["cpu_seconds"], server, finished.memory)


def read_account(finished: Finished) -> dict[str, Any]:
    """What `bench.run_loader` printed."""
    if finished.status != 0:
        raise RuntimeError(f"The loader ended with status {finished.status}:\n{finished.errors[-2000:]}")
    account: dict[str, Any] = json.loads(finished.output)
    return account
