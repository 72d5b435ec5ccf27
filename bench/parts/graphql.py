"""What GraphQL costs: this API beside Strawberry and PostGraphile, on the same table."""

import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from shutil import rmtree
from statistics import median
from urllib.parse import quote, urlencode

import httpx2
from psycopg.conninfo import conninfo_to_dict

from bench.comparing import spread
from bench.loading import load_path
from bench.part import Bench, Part
from bench.peers import Environment
from bench.results import Cell, Column, Findings, Table, Target
from bench.run_clients import Order
from bench.serving import Served, api_of, bare_server, clients, server_of
from logistics_pipeline.analytics.refresh import refresh
from logistics_pipeline.demo.generator import generate
from logistics_pipeline.local.supervisor import free_port

WANTED_ROWS_MS, WANTED_KEPT = 0.4, 1.8
ROWS, FIELDS = 210, 8
_RECORDS = 20_000
_REQUESTS, _TURNS = 600, 10
_REPETITIONS = 5

_COLUMNS = "shipmentId origin destination weight cost deliveryTime logId recordNo"
OURS = "{ shipments(first: 210) { nodes { shipmentId origin destination weight cost deliveryTime logId day } } }"
STRAWBERRY = f"{{ shipments(first: {ROWS}) {{ nodes {{ {_COLUMNS} }} }} }}"
POSTGRAPHILE = f"{{ allShipments(first: {ROWS}) {{ nodes {{ {_COLUMNS} }} }} }}"
FIGURES = (
    "{ shipmentsMetrics(metrics: [REVENUE, SHIPMENTS], by: [ORIGIN], grain: DAY, limit: 210) "
    "{ rows { period origin revenue shipments } } }"
)

_PEERS = Path(__file__).parent.parent / "peers"
_PROBE = f"/graphql?{urlencode({'query': '{ __typename }'})}"
_STRAWBERRY = Environment("strawberry_server", "Strawberry", "strawberry-graphql")
_POSTGRAPHILE = "4.14.1"


@dataclass(frozen=True)
class _Case:
    name: str
    server: Served
    path: str

    def outcome(self, requests: int) -> Order:
        return Order(self.server.port, [self.path], requests, clients=4, pid=self.server.pid)


def _measure(bench: Bench) -> Findings:
    _load(bench, bench.records(_RECORDS))
    with ExitStack() as servers:
        cases, notes = _cases(bench, servers)
        rounds = [_round(cases) for _ in range(bench.repetitions(_REPETITIONS))]
    rows: list[list[Cell]] = []
    cpu = {}
    for number, case in enumerate(cases):
        found = spread([each[number][0] for each in rounds])
        latency = median(each[number][1] for each in rounds)
        cpu[case.name] = found.median
        rows.append([case.name, found.median, str(found), latency])
    columns = [
        Column("server", "text"),
        Column("CPU per request, ms", "ms"),
        Column("from–to", "text"),
        Column("median latency with 4 clients, ms", "ms"),
    ]
    kept = median(each[1][0] / each[0][0] for each in rounds)
    targets = [
        Target("210 rows × 8 fields, not kept: CPU of the API", "ms", "at most", WANTED_ROWS_MS, cpu[cases[2].name]),
        Target("kept answer: CPU / bare server", "ratio", "at most", WANTED_KEPT, kept),
    ]
    return Findings([Table("GraphQL: CPU of the server and latency", columns, rows)], targets, notes)


def _load(bench: Bench, records: int) -> None:
    bench.database.reset()
    folder = bench.folder / "graphql"
    made = generate(folder, logs=records, shipments=records, bad_every=None)
    written = sum(file.records for file in made)
    load_path(bench, folder, written, written)
    rmtree(folder)
    refresh(bench.database.url, full=True)


def _round(cases: list[_Case]) -> list[tuple[float, float]]:
    """CPU and latency of each case, in milliseconds."""
    outcomes = clients(*(case.outcome(_REQUESTS) for case in cases), turns=_TURNS)
    found = []
    for case, outcome in zip(cases, outcomes, strict=True):
        if outcome.statuses != {"200": _REQUESTS}:
            raise RuntimeError(f"{case.name}: {outcome.statuses}")
        found.append((outcome.cpu_seconds / _REQUESTS * 1e3, outcome.latencies[len(outcome.latencies) // 2] * 1e3))
    return found


def _cases(bench: Bench, servers: ExitStack) -> tuple[list[_Case], list[str]]:
    api = servers.enter_context(api_of(bench.database.url, bench.folder, ACCESS_LOG="none", API_RATE="0"))
    kept = _asked(api, FIGURES)
    body = bench.folder / "body.json"
    body.write_bytes(httpx2.get(api.url + kept).content)
    cases = [
        _Case(f"bare server, {body.stat().st_size:,} bytes", servers.enter_context(bare_server(body)), "/"),
        _Case("this API: figures, kept", api, kept),
        _Case("this API: rows", api, _asked(api, OURS)),
    ]
    notes = []
    for title, start, query in (
        (f"Strawberry {_STRAWBERRY.version}: rows", _strawberry, STRAWBERRY),
        (f"PostGraphile {_POSTGRAPHILE}: rows", _postgraphile, POSTGRAPHILE),
    ):
        try:
            served = servers.enter_context(start(bench))
            cases.append(_Case(title, served, _asked(served, query)))
        except (subprocess.CalledProcessError, OSError, RuntimeError) as error:
            notes.append(f"{title}: could not be installed or started ({error}).")
    return cases, notes


def _asked(server: Served, query: str) -> str:
    """The address of a query that is answered well."""
    address = f"/graphql?{urlencode({'query': query})}"
    found = httpx2.get(server.url + address, headers={"Accept": "application/json"}).raise_for_status().json()
    if "errors" in found:
        raise RuntimeError(str(found["errors"]))
    return address


@contextmanager
def _strawberry(bench: Bench) -> Iterator[Served]:
    _STRAWBERRY.install()
    port = free_port()
    command = [str(_STRAWBERRY.python), str(_PEERS / "strawberry_server.py"), str(port), bench.database.url]
    with server_of(command, port, _PROBE) as served:
        yield served


@contextmanager
def _postgraphile(bench: Bench) -> Iterator[Served]:
    """It takes queries with POST alone: a small server before it would be measured with it, so it reads the address."""
    packages = _PEERS.parent / ".venvs" / "postgraphile"
    packages.mkdir(parents=True, exist_ok=True)
    npm = ["npm", "install", "--silent", "--no-save", "--prefix", str(packages)]
    subprocess.run([*npm, f"postgraphile@{_POSTGRAPHILE}"], check=True)
    port = free_port()
    script = str(_PEERS / "postgraphile_server.mjs")
    with server_of(["node", script, str(packages), str(port), _for_node(bench.database.url)], port, _PROBE) as served:
        yield served


def _for_node(url: str) -> str:
    """The URL as Node.js reads it: the folder of a socket in place of the host."""
    given = conninfo_to_dict(url)
    host = quote(str(given.get("host", "localhost")), safe="")
    return f"postgresql://{given.get('user', '')}@{host}:{given.get('port', 5432)}/{given['dbname']}"


PART = Part(
    name="graphql",
    title="GraphQL beside Strawberry and PostGraphile",
    explanation=f"""
{ROWS} rows of {FIELDS} fields from the same table, by `GET /graphql`, with four clients at once. CPU is that of the
server's serving thread; PostgreSQL is not counted. Strawberry runs under the same server (uvicorn, uvloop) with its
parser and validation caches and a pool of as many connections; PostGraphile runs with its defaults. A kept answer is
one about metrics that a pre-aggregate has answered; the bare server sends as many bytes from memory.
""",
    measure=_measure,
)
