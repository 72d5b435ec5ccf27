"""What rows cost: pages near the beginning and far behind it, and whole tables beside psql's own \\copy."""

import shutil
import socket
import subprocess
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import httpx2

from bench.comparing import Spread, spread
from bench.limit import find_psql
from bench.loading import load_path
from bench.part import Bench, Part
from bench.processes import Memory, resident_bytes, watching
from bench.results import Cell, Column, Findings, Table, Target
from bench.serving import Served, api_of
from logistics_pipeline.demo.generator import generate

WANTED_SPEED, WANTED_MIB, WANTED_DEPTH = 0.75, 32, 1.3
_RECORDS = 3_000_000
_REPETITIONS = 5
_PAGES = 100
"""Questions for each of two pages, in turns, in one repetition."""
_DEEP_ROWS = 1_000_000
"""Page 10,000 of 100 rows begins here."""
_VARIABLES = {"API_ANONYMOUS": "read,export", "API_RATE": "0", "ACCESS_LOG": "none"}

_ORDERS = {
    "vehicle-logs": ("log_id", "trip_date", "-trip_date"),
    "shipments": ("shipment_id", "-shipment_id", "log_id"),
}
_ROWS = (
    "SELECT shipment_id, origin, destination, weight, cost, delivery_time, log_id, trip_date AS day, vehicle_id "
    "FROM raw.shipments LEFT JOIN raw.vehicle_logs USING (log_id)"
)
"""What an export contains: the day and the vehicle of a shipment are those of its log."""
_COPIES = {
    # Quoting that never happens: the JSON must come out as it is.
    "ndjson": f"(SELECT row_to_json(t) FROM ({_ROWS}) t) TO STDOUT (FORMAT csv, QUOTE E'\\x01', DELIMITER E'\\x02')",
    "csv": f"({_ROWS}) TO STDOUT (FORMAT csv, HEADER)",
}


def _measure(bench: Bench) -> Findings:
    records = bench.records(_RECORDS)
    bench.say(f"{records:,} logs and {records:,} shipments")
    bench.database.reset()
    folder = bench.folder / "rows"
    made = generate(folder, logs=records, shipments=records, bad_every=None)
    written = sum(file.records for file in made)
    load_path(bench, folder, written, written)
    shutil.rmtree(folder)
    bench.database.connection.execute("VACUUM ANALYZE raw.vehicle_logs, raw.shipments")
    with api_of(bench.database.url, bench.folder, **_VARIABLES) as api:
        bench.say("pages")
        pages, page_targets = _pages(bench, api, min(_DEEP_ROWS, records // 2))
        bench.say("exports")
        exports, export_targets = _exports(bench, api)
    return Findings([pages, exports], [*page_targets, *export_targets] if bench.scale == 1 else [])


def _pages(bench: Bench, api: Served, deep_rows: int) -> tuple[Table, list[Target]]:
    rows: list[list[Cell]] = []
    targets = []
    with httpx2.Client(base_url=api.url, timeout=60, trust_env=False) as client:
        for dataset, orders in _ORDERS.items():
            for order in orders:
                cursor = _cursor_behind(client, dataset, order, deep_rows)
                query = {"sort": order, "limit": "100"}
                first, deep, ratios = [], [], []
                for _ in range(bench.repetitions(_REPETITIONS)):
                    times = [
                        (_ask(client, dataset, query), _ask(client, dataset, query | {"cursor": cursor}))
                        for _ in range(_PAGES)
                    ]
                    near, far = (spread([pair[which] for pair in times]).median for which in (0, 1))
                    first.append(near * 1000)
                    deep.append(far * 1000)
                    ratios.append(far / near)
                ratio = spread(ratios)
                near, far = spread(first).median, spread(deep).median
                rows.append([dataset, order, len(ratios), near, far, ratio.median, str(ratio)])
                what = f"{dataset} by {order}: page {deep_rows // 100 + 1:,} against page 1"
                targets.append(Target(what, "ratio", "at most", WANTED_DEPTH, ratio.median))
    columns = [
        Column("rows", "text"),
        Column("order", "text"),
        Column("runs", "count"),
        Column("page 1, ms", "ms"),
        Column(f"page {deep_rows // 100 + 1:,}, ms", "ms"),
        Column("deep / first", "ratio"),
        Column("from–to", "text"),
    ]
    return Table("Pages of 100 rows", columns, rows), targets


def _cursor_behind(client: httpx2.Client, dataset: str, order: str, rows: int) -> str:
    """Walks there in large pages: a cursor fits pages of any size."""
    query = {"sort": order, "limit": "1000", "count": "none", "fields": "record_no"}
    for _ in range(rows // 1000):
        answer = client.get(f"/api/{dataset}", params=query).raise_for_status().json()
        query["cursor"] = answer["next_cursor"]
    return query["cursor"]


def _ask(client: httpx2.Client, dataset: str, query: dict[str, str]) -> float:
    since = time.perf_counter()
    client.get(f"/api/{dataset}", params=query).raise_for_status()
    return time.perf_counter() - since


def _exports(bench: Bench, api: Served) -> tuple[Table, list[Target]]:
    psql = find_psql()
    if psql is None:
        raise RuntimeError("The wheel of the embedded server has no psql to compare with")
    rows: list[list[Cell]] = []
    targets = []
    _export(api, "/api/exports/vehicles.parquet")  # what is imported and allocated once
    for format in ("ndjson", "csv", "parquet"):
        before = resident_bytes(api.pid)
        memory, ours, theirs, cpu, ratios = Memory(), [], [], [], []
        for _ in range(bench.repetitions(_REPETITIONS)):
            if format in _COPIES:
                size, seconds = _timed(partial(_copy, psql, bench.database.url, _COPIES[format]))
                theirs.append(size / seconds / 1e6)
            cpu_before = api.cpu_seconds()
            with watching(api.pid, memory):
                size, seconds = _timed(partial(_export, api, f"/api/exports/shipments.{format}"))
            cpu.append(api.cpu_seconds() - cpu_before)
            ours.append(size / seconds / 1e6)
            if theirs:
                ratios.append(ours[-1] / theirs[-1])
        grown = (memory.rss - before) / 2**20
        ratio: Spread | None = spread(ratios) if ratios else None
        rows.append(
            [
                format,
                len(ours),
                f"{spread(theirs).median:.0f}" if theirs else "–",
                f"{spread(ours).median:.0f}",
                ratio.median if ratio else None,
                str(ratio) if ratio else "–",
                spread(cpu).median,
                grown,
            ]
        )
        if format == "ndjson" and ratio:
            targets.append(Target("NDJSON export against psql \\copy", "ratio", "at least", WANTED_SPEED, ratio.median))
        targets.append(Target(f"{format}: memory of the server while it exports", "MiB", "at most", WANTED_MIB, grown))
    columns = [
        Column("shipments as", "text"),
        Column("runs", "count"),
        Column("psql, MB/s", "text"),
        Column("export, MB/s", "text"),
        Column("export / psql", "ratio"),
        Column("from–to", "text"),
        Column("CPU of the API, s", "seconds"),
        Column("its memory grows by", "MiB"),
    ]
    return Table("Exports of all shipments", columns, rows), targets


def _timed(work: Callable[[], int]) -> tuple[int, float]:
    since = time.perf_counter()
    size = work()
    return size, time.perf_counter() - since


def _copy(psql: Path, url: str, copy: str) -> int:
    """Bytes that psql writes."""
    command = [str(psql), "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", url, "-c", f"\\copy {copy}"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, bufsize=0) as process:
        assert process.stdout is not None
        buffer, size = bytearray(1 << 20), 0
        while count := process.stdout.readinto(buffer):  # type: ignore[attr-defined]
            size += count
    if process.returncode != 0:
        raise RuntimeError(f"psql ended with status {process.returncode}")
    return size


def _export(api: Served, path: str) -> int:
    """Bytes of an answer, the marks of its chunks included. Read raw, to cost as little as reading from psql."""
    with socket.create_connection(("127.0.0.1", api.port)) as client:
        client.sendall(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{api.port}\r\nConnection: close\r\n\r\n".encode())
        buffer, size, head, tail = bytearray(1 << 20), 0, b"", b""
        while count := client.recv_into(buffer):
            head = head or bytes(buffer[:64])
            tail = (tail + buffer[:count])[-64:]
            size += count
    if b" 200 " not in head or not tail.endswith(b"\r\n0\r\n\r\n"):
        raise RuntimeError(f"The export of {path} failed or was cut off: {head!r} … {tail!r}")
    return size


PART = Part(
    "exports",
    "Rows and exports",
    f"""\
Pages of 100 rows of {_RECORDS:,} `vehicle_logs` and `shipments`, requested over HTTP in turns: the first page, and
the one after {_DEEP_ROWS:,} rows.

Exports of all shipments, alternating with `psql \\copy` of the same columns in the same format (`row_to_json` for
NDJSON), both read by the same program, which discards the bytes. Memory is that of the API's process: its peak
compared with its memory after a small export before.""",
    _measure,
)
