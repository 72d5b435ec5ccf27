"""What it costs to pull an API page by page: this beside dlt's REST client, on the same server."""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from tempfile import mkdtemp
from typing import Any

import httpx2

from bench.comparing import spread
from bench.part import Bench, Part
from bench.peers import Environment
from bench.results import Cell, Column, Findings, Table, Target
from logistics_pipeline.local.supervisor import free_port

WANTED_MS, WANTED_RATIO = 1.0, 2.5
_RECORDS, _PER_PAGE = 100_000, 100
_REPETITIONS = 5
_ROOT = Path(__file__).parent.parent.parent
_PEER = _ROOT / "bench" / "peers" / "dlt_rest.py"
_DLT = Environment("dlt_rest", "dlt, REST client", "dlt")


def _measure(bench: Bench) -> Findings:
    pages = bench.records(_RECORDS) // _PER_PAGE
    notes = []
    with _server(pages) as url:
        commands: dict[str, Callable[[], Mapping[str, Any]]] = {
            "this: fetched, archived, counted, committed": lambda: _pull(bench, url)
        }
        try:
            _DLT.install()
            commands[f"{_DLT.title} {_DLT.version}: fetched, counted"] = lambda: _run(
                [str(_DLT.python), str(_PEER), url]
            )
        except (subprocess.CalledProcessError, OSError) as error:
            notes.append(f"{_DLT.title}: could not be installed ({error}).")
        rounds = [[command() for command in commands.values()] for _ in range(bench.repetitions(_REPETITIONS))]
    rows = [_row(name, [each[number] for each in rounds], pages) for number, name in enumerate(commands)]
    rows.insert(1, _landing_row([each[0] for each in rounds], pages))
    ours = median(each[0]["cpu"] for each in rounds) / pages * 1e3
    targets = [Target("CPU per page of 100 records: fetched, archived, counted", "ms", "at most", WANTED_MS, ours)]
    if len(commands) > 1:
        faster = spread([each[1]["seconds"] / each[0]["seconds"] for each in rounds])
        cheaper = spread([each[1]["cpu"] / each[0]["cpu"] for each in rounds])
        targets.append(Target("pages per second, ours / dlt", "ratio", "at least", WANTED_RATIO, faster.median))
        notes.append(f"Ours / dlt within the repetitions: rate {faster}, CPU {cheaper} times less.")
    columns = [
        Column("who", "text"),
        Column("CPU per page, ms", "ms"),
        Column("time per page, ms", "ms"),
        Column("records/s", "rate"),
    ]
    return Findings([Table(f"{pages:,} pages of {_PER_PAGE} records", columns, rows)], targets, notes)


def _row(name: str, found: Sequence[Mapping[str, Any]], pages: int) -> list[Cell]:
    seconds = median(each["seconds"] for each in found)
    cpu = median(each["cpu"] for each in found)
    return [name, cpu / pages * 1e3, seconds / pages * 1e3, found[0]["records"] / seconds]


def _landing_row(found: list[Mapping[str, Any]], pages: int) -> list[Cell]:
    landed = [
        {"records": each["records"], "seconds": each["landing_seconds"], "cpu": each["landing_cpu"]} for each in found
    ]
    return _row("this: mapped and landed, in addition", landed, pages)


def _pull(bench: Bench, url: str) -> Mapping[str, Any]:
    folder = mkdtemp(prefix="pulled-", dir=bench.folder)  # ext4 makes files slowly where many were deleted just before
    bench.database.connection.execute("TRUNCATE source.pulls CASCADE")
    return _run([sys.executable, "-m", "bench.run_pull", url, bench.database.url, folder])


def _run(command: list[str]) -> Mapping[str, Any]:
    done = subprocess.run(command, cwd=_ROOT, check=True, capture_output=True, text=True)
    found: Mapping[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


@contextmanager
def _server(pages: int) -> Iterator[str]:
    port = free_port()
    command = [sys.executable, "-m", "bench.run_source_server", str(port), str(pages)]
    process = subprocess.Popen(command, cwd=_ROOT)
    try:
        yield _ready(f"http://127.0.0.1:{port}")
    finally:
        process.terminate()
        process.wait(10)


def _ready(url: str) -> str:
    for _ in range(100):
        try:
            httpx2.get(f"{url}/trips", trust_env=False)
        except httpx2.TransportError:
            time.sleep(0.1)
        else:
            return url
    raise RuntimeError("the server of pages did not start")


PART = Part(
    name="sources",
    title="Sources",
    explanation=f"""\
A local server answers with pages of {_PER_PAGE} records, made before; each page names the cursor of the next. One
process pulls them all: it archives each page (SHA-256, zstd, a file), counts its records and commits it with the
checkpoint to PostgreSQL. dlt's REST client, in an environment of its own, asks the same server, selects the records
and counts them; it keeps nothing. Both in turns, {_REPETITIONS} times; medians. The clock starts before the first
request and ends with the last page; mapping the records and landing the file is a row of its own, as dlt's client does
nothing of the kind.""",
    measure=_measure,
)
