"""Other tools on the same file: how fast, how large, and what becomes of bad records, second deliveries and kills."""

import json
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from bench.comparing import in_turns, rate_ratios
from bench.datasets import VEHICLE_LOGS
from bench.loading import Run, load_sample, loader_command
from bench.part import Bench, Part
from bench.peers import PEERS, Peer
from bench.processes import kill_group, run, started
from bench.results import Cell, Column, Findings, Table
from bench.samples import Sample, make_sample

_RECORDS = 1_000_000
_REPETITIONS = 3
_BEHAVIOUR_RECORDS = 100_000
_BAD_EVERY = 100
_WORK = "peer"
"""Folder for what a tool keeps between its runs."""

_SPEED = [
    Column("tool", "text"),
    Column("version", "text"),
    Column("records", "count"),
    Column("runs", "count"),
    Column("rows/s", "rate"),
    Column("of the loader's rate", "ratio"),
    Column("from–to", "text"),
    Column("peak RSS, MiB", "MiB"),
]
_BEHAVIOUR = [
    Column("tool", "text"),
    Column("1 % bad: rows stored", "count"),
    Column("and the rest", "text"),
    Column("same file again: rows", "count"),
    Column("killed half-way: rows", "count"),
    Column("and started again: rows", "count"),
]


@dataclass(frozen=True)
class _Tool:
    """A peer or the loader itself, to be put through the same."""

    title: str
    table: str
    command: Callable[[Bench, Path], list[str]]


_LOADER = _Tool("this loader", "raw.vehicle_logs", loader_command)


def _tool(peer: Peer) -> _Tool:
    return _Tool(peer.title, peer.table, lambda bench, path: _command(peer, bench, path))


def _command(peer: Peer, bench: Bench, path: Path) -> list[str]:
    return peer.command(bench.database.url, path, bench.folder / _WORK)


def _measure(bench: Bench) -> Findings:
    for peer in PEERS:
        peer.install()
    rows: list[list[Cell]] = []
    loader_rates, loader_peaks = [], []
    for peer in PEERS:
        bench.say(peer.title)
        sample = make_sample(bench.folder, VEHICLE_LOGS, bench.records(round(_RECORDS * peer.share)))
        peer_runs, loader_runs = in_turns(
            [_loading_by(peer, bench, sample), _loading(bench, sample)], bench.repetitions(_REPETITIONS)
        )
        sample.remove()
        ratio = rate_ratios(peer_runs, loader_runs)
        rate, peak = median(run.rate for run in peer_runs), max(run.memory.rss_mib for run in peer_runs)
        version = f"{peer.package} {peer.version}"
        rows.append([peer.title, version, sample.records, len(peer_runs), rate, ratio.median, str(ratio), peak])
        if peer.share == 1:
            loader_rates += [run.rate for run in loader_runs]
            loader_peaks += [run.memory.rss_mib for run in loader_runs]
    ours: list[Cell] = ["this loader", "", bench.records(_RECORDS), len(loader_rates), median(loader_rates), 1.0, ""]
    tables = [
        Table("Speed and memory: vehicle_logs, JSON array", _SPEED, [[*ours, max(loader_peaks)], *rows]),
        _observe_behaviour(bench),
    ]
    return Findings(tables)


def _loading(bench: Bench, sample: Sample) -> Callable[[], Run]:
    def load() -> Run:
        _reset(bench)
        return load_sample(bench, sample, watch_memory=True)

    return load


def _loading_by(peer: Peer, bench: Bench, sample: Sample) -> Callable[[], Run]:
    def load() -> Run:
        _reset(bench)
        finished = run(_command(peer, bench, sample.path), watch_memory=True)
        if finished.status != 0 or bench.database.count(peer.table) != sample.records:
            raise RuntimeError(f"{peer.title} did not load {sample.records:,} records:\n{finished.errors[-2000:]}")
        seconds = json.loads(finished.output.splitlines()[-1])["seconds"]
        return Run(sample.records, seconds, 0.0, 0.0, finished.memory)

    return load


def _reset(bench: Bench) -> None:
    bench.database.reset()
    bench.database.connection.execute("DROP SCHEMA IF EXISTS peer, peer_staging CASCADE")
    bench.database.connection.execute("CHECKPOINT")
    shutil.rmtree(bench.folder / _WORK, ignore_errors=True)
    (bench.folder / _WORK).mkdir()


def _observe_behaviour(bench: Bench) -> Table:
    records = bench.records(_BEHAVIOUR_RECORDS)
    dirty = make_sample(bench.folder, VEHICLE_LOGS, records, bad_every=_BAD_EVERY)
    clean = make_sample(bench.folder, VEHICLE_LOGS, records)
    rows: list[list[Cell]] = []
    for tool in (_LOADER, *map(_tool, PEERS)):
        bench.say(f"{tool.title}: bad records, second delivery, kill")
        rows.append([tool.title, *_load_dirty(bench, tool, dirty), *_load_again(bench, tool, clean)])
    table = Table(f"Behaviour: {records:,} records, of the first file {dirty.bad:,} bad", _BEHAVIOUR, rows)
    dirty.remove()
    clean.remove()
    return table


def _load_dirty(bench: Bench, tool: _Tool, dirty: Sample) -> list[Cell]:
    _reset(bench)
    finished = run(tool.command(bench, dirty.path))
    stored = _rows(bench, tool)
    rejects = bench.database.count("ingest.rejects")
    if rejects:
        return [stored, f"{rejects:,} set aside with reason and raw text"]
    if finished.status != 0:
        return [stored, "the load fails"]
    return [stored, "bad values stored" if stored > dirty.good else "nothing is said"]


def _load_again(bench: Bench, tool: _Tool, clean: Sample) -> list[Cell]:
    """Loads a file twice; then, emptied, kills a load half-way by the time it took, and starts it once more."""
    _reset(bench)
    since = time.perf_counter()
    run(tool.command(bench, clean.path))
    seconds = time.perf_counter() - since
    run(tool.command(bench, clean.path))
    twice = _rows(bench, tool)
    _reset(bench)
    with started(tool.command(bench, clean.path)) as process:
        time.sleep(seconds / 2)
        kill_group(process)
    bench.database.wait_until_idle()
    killed = _rows(bench, tool)
    run(tool.command(bench, clean.path))
    return [twice, killed, _rows(bench, tool)]


def _rows(bench: Bench, tool: _Tool) -> int:
    exists = bench.database.value("SELECT to_regclass(%s) IS NOT NULL", tool.table)
    return bench.database.count(tool.table) if exists else 0


PART = Part(
    "peers",
    "Other tools",
    """\
Each tool is installed from PyPI in its own virtual environment and loads the same file, alternating with this
loader, while the memory of both is watched. DuckDB and the textbook loop write into the same keyed and indexed
table, with no ledger, no rejects and no checkpoint; dlt creates a table of its own, without a key. The clock runs
inside each process and covers only the load, not imports.

The second table shows observed behaviour, not what a data sheet says: a file with one bad record in a hundred, the
same file twice, and a load killed (SIGKILL) half-way through its usual time and started once more. The goal is that
all good rows are there exactly once, and nothing else.""",
    _measure,
)
