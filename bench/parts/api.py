"""What answers of the API cost: kept ones beside a bare server, figures that are not kept, and a mix of it all."""

import re
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from shutil import rmtree
from statistics import median
from time import perf_counter, sleep
from urllib.parse import quote, urlencode

import httpx2

from bench.comparing import spread
from bench.loading import load_path
from bench.part import Bench, Part
from bench.results import Cell, Column, Findings, Table, Target
from bench.run_clients import Order
from bench.serving import Served, api_of, bare_server, clients
from logistics_core.database_contract.channels import Channel
from logistics_pipeline.analytics.refresh import refresh
from logistics_pipeline.database.api_keys import create_key
from logistics_pipeline.demo.generator import generate

WANTED_HIT, WANTED_UNMODIFIED = 1.6, 1.2
WANTED_MONTH_MS, WANTED_ALL_MS = 50, 500
WANTED_FRESH_MS = 100
_RECORDS = 10_000_000
_FIRST_DAY, _DAYS = date(2024, 1, 1), 730
_REQUESTS, _TURNS = 3_000, 20
"""Of each of two servers in one measurement of CPU, and how often they take turns; slow ones are asked less often."""
_REPETITIONS = 10
_ASKED = 12
"""Ranges of each figure, none of them kept."""
_REFRESHES = 30
_MIXED = 20_000

FIGURES = (
    "/api/dashboard",
    "/api/shipments/analytics",
    "/api/shipments/routes",
    "/api/vehicles/metrics",
    "/api/route/reliability",
    "/api/route/cost-value",
    "/api/route/optimization",
    "/api/route/top-performing",
    "/api/costs/overview",
    "/api/figures/summary",
    "/api/figures/daily",
    "/api/route/matrix",
)
ROWS = ("/api/shipments?limit=100", "/api/vehicle-logs?limit=100")
_KEPT = "/api/shipments/routes?start=2024-01-01&end=2024-12-31&page_size=210"

_SOON = "/api/dashboard?start=2024-03-01&end=2024-03-30"
_PUBLISH = """
    UPDATE analytics.status SET data_version = data_version + 1, last_calculated_at = now() RETURNING data_version
"""
_DATABASE_MS = re.compile(r"db;dur=([0-9.]+)")


def _measure(bench: Bench) -> Findings:
    records = bench.records(_RECORDS)
    bench.say(f"{records:,} logs and {records:,} shipments over {_DAYS} days")
    _load(bench, records)
    key, _ = create_key(bench.database.connection, "bench", ["read", "export"], requests_per_second=1e6)
    # A key is needed, as where others can reach the API, and the log names what was not answered from memory.
    variables = {"API_ANONYMOUS": "none", "ACCESS_LOG": "misses", "API_RATE": "0"}
    with ExitStack() as servers:
        api = servers.enter_context(api_of(bench.database.url, bench.folder, **variables))
        client = servers.enter_context(httpx2.Client(base_url=api.url, headers={"X-API-Key": key}, timeout=60))
        bench.say("CPU per request")
        cpu_table, cpu_targets = _cpu(bench, api, client, key, servers)
        bench.say("figures that are not kept")
        database_table, database_targets = _database_time(client)
        bench.say("the first fresh answer")
        fresh_table, fresh_targets = _first_fresh(bench, client)
        bench.say("a mix of it all")
        load_table, load_targets = _mix(bench, api, key)
    targets = [*cpu_targets, *fresh_targets, *load_targets]
    if bench.scale == 1:
        targets += database_targets
    return Findings([cpu_table, database_table, fresh_table, load_table], targets)


def _load(bench: Bench, records: int) -> None:
    bench.database.reset()
    folder = bench.folder / "api"
    made = generate(folder, logs=records, shipments=records, bad_every=None, first_day=_FIRST_DAY, days=_DAYS)
    written = sum(file.records for file in made)
    load_path(bench, folder, written, written)
    rmtree(folder)
    refresh(bench.database.url, full=True)


@dataclass(frozen=True)
class _Case:
    """Something to be asked again and again."""

    name: str
    server: Served
    path: str
    headers: dict[str, str] = field(default_factory=dict)
    status: str = "200"
    share: float = 1.0
    wanted: float | None = None

    def cpu_microseconds(self, bare: "_Case") -> tuple[float, float]:
        """CPU time per request: of the server, and of the bare one at the same time."""
        costs = []
        cases, requests = (self, bare), round(_REQUESTS * self.share)
        for case, outcome in zip(cases, clients(*(case.order(requests) for case in cases), turns=_TURNS), strict=True):
            if outcome.statuses != {case.status: requests}:
                raise RuntimeError(f"{case.name}: {outcome.statuses}")
            costs.append(outcome.cpu_seconds / requests * 1e6)
        return costs[0], costs[1]

    def order(self, requests: int) -> Order:
        return Order(self.server.port, [self.path], requests, headers=self.headers, pid=self.server.pid)


def _cpu(bench: Bench, api: Served, client: httpx2.Client, key: str, servers: ExitStack) -> tuple[Table, list[Target]]:
    bare, *cases = _cases(bench.folder, api, client, key, servers)
    rounds = [[case.cpu_microseconds(bare) for case in cases] for _ in range(bench.repetitions(_REPETITIONS))]
    rows: list[list[Cell]] = [[bare.name, median(theirs for pairs in rounds for _, theirs in pairs), 1, "–"]]
    targets = []
    for case, pairs in zip(cases, zip(*rounds, strict=True), strict=True):
        ratio = spread([ours / theirs for ours, theirs in pairs])
        rows.append([case.name, median(ours for ours, _ in pairs), ratio.median, str(ratio)])
        if case.wanted is not None:
            targets.append(Target(f"{case.name}: CPU / bare server", "ratio", "at most", case.wanted, ratio.median))
    columns = [
        Column("request", "text"),
        Column("CPU µs", "count"),
        Column("of the bare one", "ratio"),
        Column("from–to", "text"),
    ]
    return Table("CPU of the server per request", columns, rows), targets


def _cases(folder: Path, api: Served, client: httpx2.Client, key: str, servers: ExitStack) -> list[_Case]:
    """The bare server first; each of the kept answers was asked for once before."""
    keyed = {"X-API-Key": key}
    plain = client.get(_KEPT, headers={"Accept-Encoding": "identity"}).raise_for_status()
    client.get(_KEPT, headers={"Accept-Encoding": "zstd"}).raise_for_status()
    body = folder / "body.json"
    body.write_bytes(plain.content)
    bare = servers.enter_context(bare_server(body))
    etag = {"If-None-Match": plain.headers["etag"]}
    cases = [
        _Case(f"bare server, {len(plain.content):,} bytes", bare, "/", keyed),
        _Case("kept figure", api, _KEPT, keyed, wanted=WANTED_HIT),
        _Case(
            "kept figure, zstd", api, _KEPT, keyed | {"Accept-Encoding": "gzip, deflate, br, zstd"}, wanted=WANTED_HIT
        ),
        _Case("kept figure, 304", api, _KEPT, keyed | etag, "304", wanted=WANTED_UNMODIFIED),
        _Case("/health, through FastAPI", api, "/health", keyed, share=0.2),
        _Case("/api/system/status, one statement", api, "/api/system/status", keyed, share=0.1),
    ]
    for path in ROWS:
        if client.get(path).status_code == 200:
            cases.append(_Case(path, api, path, keyed, share=0.1))
    return cases


def _database_time(client: httpx2.Client) -> tuple[Table, list[Target]]:
    """Each figure over many ranges that nobody asked for before."""
    rows: list[list[Cell]] = []
    slowest = {30: 0.0, _DAYS: 0.0}
    for name, path in (*zip(FIGURES, FIGURES, strict=True), *_of_one(client)):
        cells: list[Cell] = [name]
        for days in slowest:
            times = [_asked_ms(client, path, number, days) for number in range(_ASKED)]
            found = spread([milliseconds for milliseconds in times if milliseconds is not None] or [0.0])
            slowest[days] = max(slowest[days], found.median)
            cells += [found.median, str(found)]
        rows.append(cells)
    columns = [Column("path", "text")]
    for days in slowest:
        columns += [Column(f"{days} days, ms", "ms"), Column("from–to" + " " * (days != 30), "text")]
    targets = [
        Target("figure over 30 days, the slowest: time of the database", "ms", "at most", WANTED_MONTH_MS, slowest[30]),
        Target(
            "figure over all days, the slowest: time of the database", "ms", "at most", WANTED_ALL_MS, slowest[_DAYS]
        ),
    ]
    return Table("Time of the database for figures that are not kept", columns, rows), targets


def _of_one(client: httpx2.Client) -> list[tuple[str, str]]:
    """The figures of one route and of one vehicle: what to call them, and their addresses."""
    days = {"start": str(_FIRST_DAY), "end": str(_FIRST_DAY + timedelta(days=_DAYS - 1))}
    (route,) = client.get("/api/shipments/routes", params=days | {"page_size": "1"}).raise_for_status().json()["data"]
    places = urlencode({key: route[key] for key in ("origin", "destination")})
    (log,) = client.get("/api/vehicle-logs", params={"limit": 1}).raise_for_status().json()["data"]
    return [
        ("/api/route/details, one route", f"/api/route/details?{places}"),
        ("/api/vehicles/{id}/details", f"/api/vehicles/{quote(log['vehicle_id'])}/details"),
    ]


def _asked_ms(client: httpx2.Client, path: str, number: int, days: int) -> float | None:
    """Milliseconds of the database, None where there is no such path. No two questions are the same."""
    if days == _DAYS:
        start, end = _FIRST_DAY - timedelta(days=number), _FIRST_DAY + timedelta(days=days - 1)
    else:
        start = _FIRST_DAY + timedelta(days=40 + 29 * number)
        end = start + timedelta(days=days - 1)
    response = client.get(httpx2.URL(path).copy_merge_params({"start": str(start), "end": str(end)}))
    if response.status_code == 404:
        return None
    timing = _DATABASE_MS.search(response.raise_for_status().headers["server-timing"])
    assert timing is not None, f"{path} was answered from memory"
    return float(timing[1])


def _first_fresh(bench: Bench, client: httpx2.Client) -> tuple[Table, list[Target]]:
    found = spread([_until_fresh_ms(bench, client) for _ in range(_REFRESHES)])
    columns = [Column("refreshes", "count"), Column("ms", "ms"), Column("from–to", "text")]
    table = Table(
        "From the commit of a refresh to the first answer that is of it",
        columns,
        [[_REFRESHES, found.median, str(found)]],
    )
    return table, [
        Target(
            "commit of a refresh to the first fresh answer, at worst", "ms", "at most", WANTED_FRESH_MS, found.highest
        )
    ]


def _until_fresh_ms(bench: Bench, client: httpx2.Client) -> float:
    """Publishes as `logistics refresh` does, without computing anything: only the commit counts here."""
    client.get(_SOON).raise_for_status()
    with bench.database.connection.transaction():
        version = bench.database.value(_PUBLISH)
        bench.database.connection.execute("SELECT pg_notify(%s, %s)", (Channel.DATA_VERSION, str(version)))
    committed = perf_counter()
    while client.get(_SOON).headers["data-version"] != str(version):
        sleep(0.001)
    return (perf_counter() - committed) * 1000


def _mix(bench: Bench, api: Served, key: str) -> tuple[Table, list[Target]]:
    """What a room full of dashboards asks: mostly the same figures, some of their own, rows, the state of things."""
    with httpx2.Client(base_url=api.url, headers={"X-API-Key": key}, timeout=60) as client:
        paths = [path for path in _mixed_paths() if client.get(path).status_code == 200]
    requests = max(1_000, round(_MIXED * min(1.0, bench.scale * 10)))
    (outcome,) = clients(Order(api.port, paths, requests, clients=16, headers={"X-API-Key": key}))
    wrong = sum(count for status, count in outcome.statuses.items() if status != "200")
    latencies = [seconds * 1000 for seconds in outcome.latencies]
    columns = [
        *(Column(name, "count") for name in ("paths", "requests", "errors", "requests per second")),
        *(Column(name, "ms") for name in ("p50, ms", "p99, ms", "slowest, ms")),
    ]
    row: list[Cell] = [len(paths), requests, wrong, requests / outcome.seconds]
    row += [_percentile(latencies, 50), _percentile(latencies, 99), latencies[-1]]
    return Table("16 clients without a pause, a mix of paths", columns, [row]), [
        Target("mix of paths: errors", "count", "at most", 0, wrong)
    ]


def _mixed_paths() -> Sequence[str]:
    paths = []
    for number in range(12):
        start = _FIRST_DAY + timedelta(days=30 * number)
        span = urlencode({"start": str(start), "end": str(start + timedelta(days=89))})
        paths += [f"{path}?{span}" for path in FIGURES]
        paths += [*ROWS, "/api/system/status", "/health"]
    return paths


def _percentile(ascending: list[float], percent: int) -> float:
    return ascending[min(len(ascending) - 1, len(ascending) * percent // 100)]


PART = Part(
    "api",
    "The API",
    f"""\
`python -m logistics_api` with its defaults, in one process, over {_RECORDS:,} logs and as many shipments of {_DAYS}
days. It requires a key; request ids, Server-Timing and metrics are on; requests not answered from memory are
logged.

*CPU per request* is the user and system time of the server's process, divided by the requests it answered
meanwhile. The server alternates every few milliseconds with the bare server: a three-line ASGI application, under
the same uvicorn, uvloop and httptools, that sends the same bytes to everyone. *Time of the database* is what the
response's own Server-Timing reports (`db`), from sending the statement to its last row, for ranges not requested
before. The clients are separate processes on the same machine: rates and latencies show how the API behaves when
everything is busy, not how fast it could be. A *kept figure* is a cached response.""",
    _measure,
)
