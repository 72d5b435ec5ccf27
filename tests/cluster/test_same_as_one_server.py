"""The same files, corrections and unloads on a cluster and on one server: the same rows, accounts and figures."""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from itertools import count
from pathlib import Path
from random import Random
from typing import Any

import httpx2
import pytest
from psycopg import sql

from logistics_api.graphql.schema import make_schema
from logistics_core.postgres.urls import Address
from logistics_core.reject_threshold import RejectThreshold
from logistics_pipeline import ledger
from logistics_pipeline.analytics.checks import Severity, all_checks
from logistics_pipeline.analytics.checks.runner import run_checks
from logistics_pipeline.analytics.refresh import refresh
from logistics_pipeline.database.connections import Connection, connect
from logistics_pipeline.database.contracts import catalogue_in_force
from logistics_pipeline.database.housekeeping import Retention, run_housekeeping
from logistics_pipeline.files.folder import FoundFile
from logistics_pipeline.loading.unload import unload_file
from logistics_pipeline.migrations import ApiLogins, migrate
from logistics_pipeline.migrations.distribution import distribute
from tests.api.conftest import _serve as serve
from tests.cluster.nodes import OURS, Cluster, database, prepared_folder
from tests.database.conftest import FolderUnderTest
from tests.database.records import Record, log, shipment, vehicle
from tests.database.test_rollups import differing_rollups
from tests.graphql_documents import Documents
from tests.keyed import reading, visit

pytestmark = pytest.mark.slow

RECORDS: dict[str, Callable[..., Record]] = {
    "vehicles": vehicle, "vehicle_logs": log, "shipments": shipment, "readings": reading, "visits": visit,
}  # fmt: skip
MEASURES = {
    "vehicles": "total_mileage", "vehicle_logs": "mileage", "shipments": "cost", "readings": "value",
    "visits": "guests",
}  # fmt: skip
LISTS = [
    "/api/shipments", "/api/vehicle-logs", "/api/readings", "/api/visits", "/api/shipments?sort=-day&limit=7",
    "/api/shipments?vehicle_id=v1&sort=cost", "/api/vehicle-logs/l3", "/api/shipments/s5",
    *(
        f"/api/{path}?start=2024-01-01&end=2024-01-28"
        for path in ("dashboard", "figures/summary", "figures/daily", "route/matrix", "vehicles/metrics")
    ),
]  # fmt: skip
DOCUMENTS = 160
EXPORTS = ["/api/exports/shipments.csv", "/api/exports/readings.ndjson", "/api/exports/visits.csv"]


@dataclass
class Side:
    """A database, with the folder that it is loaded from."""

    folder: FolderUnderTest
    connection: Connection
    found: dict[str, FoundFile]

    @classmethod
    def prepared(cls, url: str, raw_dir: Path) -> "Side":
        return cls(prepared_folder(url, raw_dir), connect(url), {})

    def drop(self, name: str, records: list[Record]) -> None:
        self.found[name] = self.folder.drop(name, records)
        self.folder.load(self.found[name])

    def unload(self, name: str) -> None:
        unload_file(self.folder.url, name, self.folder.options)
        for file in ledger.files_in_order(self.connection):
            if file.is_reload_due and file.path in self.found:
                self.folder.load(self.found[file.path])

    def contents(self) -> dict[str, list[Any]]:
        """All that is to be the same: rows, accounts, figures, pre-aggregates."""
        tables = [f"raw.{name}" for name in RECORDS]
        tables += [f"analytics.{name}" for name in ("daily_vehicles", "daily_routes", "days", "routes")]
        tables += [
            f"rollups.{name}"
            for (name,) in self.connection.execute(
                "SELECT table_name FROM analytics.rollups WHERE replaced_at IS NULL ORDER BY 1"
            ).fetchall()
        ]
        found = {
            table: self.connection.execute(
                sql.SQL("SELECT to_jsonb(each)::text FROM {} AS each ORDER BY 1").format(
                    sql.Identifier(*table.split("."))
                )
            ).fetchall()
            for table in tables
        }
        found["accounts"] = self.connection.execute(
            "SELECT path, version, state, records_read, records_loaded, records_superseded, records_rejected "
            "FROM ingest.files ORDER BY file_id"
        ).fetchall()
        return found


@pytest.fixture
def sides(cluster: Cluster, template: str, tmp_path: Path) -> Iterator[tuple[Side, Side]]:
    """A cluster, and one server: another database of the coordinator, which knows nothing of Citus."""
    with database(cluster, template, f"test_cluster_side_{OURS}") as distributed, _one_server(cluster) as single:
        both = Side.prepared(distributed, tmp_path / "cluster" / "raw"), Side.prepared(single, tmp_path / "one" / "raw")
        placed = {each.dataset: each.column for each in distribute(distributed)}
        assert placed == {
            "vehicles": None, "vehicle_logs": "log_id", "shipments": "log_id", "readings": "slot",
            "visits": "record_no",
        }  # fmt: skip
        yield both
        for side in both:
            side.connection.close()


@contextmanager
def _one_server(cluster: Cluster) -> Iterator[str]:
    name = f"test_one_side_{OURS}"
    cluster.drop(name)
    migrate(cluster.url(name))
    try:
        yield cluster.url(name)
    finally:
        cluster.drop(name)


@pytest.mark.parametrize("seed", range(3))
def test_files_corrections_and_unloads_end_the_same_to_the_last_digit(sides: tuple[Side, Side], seed: int) -> None:
    chance, numbers = Random(seed), count()
    for _ in range(14):
        dataset = chance.choice([*RECORDS, "shipments", "vehicle_logs"])
        records = [_record(chance, dataset) for _ in range(chance.randrange(1, 30))]
        known = sorted(name for name in sides[0].found if name.startswith(f"{dataset}/"))
        if known and chance.random() < 0.2:
            name = chance.choice(known)
            for side in sides:
                side.unload(name)
        else:
            is_changed = bool(known) and chance.random() < 0.3
            name = chance.choice(known) if is_changed else f"{dataset}/{next(numbers)}.json"
            for side in sides:
                side.drop(name, records)
        if chance.random() < 0.4:
            for side in sides:
                refresh(side.folder.url)
    for side in sides:
        refresh(side.folder.url)
        assert not differing_rollups(side.connection)
    assert sides[0].contents() == sides[1].contents()


def test_the_api_checks_and_housekeeping_say_the_same(cluster: Cluster, sides: tuple[Side, Side]) -> None:
    chance = Random(1)
    for dataset in RECORDS:
        for number in range(3):
            records = [_record(chance, dataset) for _ in range(40)]
            for side in sides:
                side.drop(f"{dataset}/{number}.json", records)
    answers = []
    for side in sides:
        refresh(side.folder.url)
        with _served(side) as client:
            get = partial(_get, client)
            lists = [(path, json.loads(get(path))) for path in LISTS]
            exports = [(path, sorted(get(path).splitlines())) for path in EXPORTS]
        catalogue = catalogue_in_force(side.connection)
        results = run_checks(side.folder.url, all_checks(catalogue, RejectThreshold.parse("1%")), whole=True)
        found = sorted((check.full_name, finding.passed, finding.sentence) for check, finding in results)
        assert all(finding.passed or finding.severity is not Severity.ERROR for _, finding in results), found
        run_housekeeping(side.folder.url, Retention(batches_days=0, resolved_rejects_days=0))
        answers.append([*lists, *exports, *found])
    for of_cluster, of_one_server in zip(*answers, strict=True):
        assert of_cluster == of_one_server
    assert len(answers[0]) > 30


def test_graphql_says_the_same_or_that_a_cluster_cannot(sides: tuple[Side, Side]) -> None:
    chance = Random(2)
    for dataset in RECORDS:
        records = [_record(chance, dataset) for _ in range(40)]
        for side in sides:
            side.drop(f"{dataset}.json", records)
    for side in sides:
        refresh(side.folder.url)
    schema = make_schema(catalogue_in_force(sides[0].connection))
    values = ["v1", "l3", "s5", "2024-01-09", "7", 7, 3, True]
    drawn = list[dict[str, Any]]()
    for seed in range(DOCUMENTS):
        documents = Documents(schema, lambda random, *_: random.choice(values), lambda *_: None, Random(seed))
        document = {"query": documents.draw(), "variables": documents.variables}
        if "total" not in str(document):  # a cluster estimates otherwise
            drawn.append(document)
    answers = []
    for side in sides:
        with _served(side) as client:
            answers.append([client.post("/graphql", json=document) for document in drawn])
    same = 0
    for document, of_cluster, of_one_server in zip(drawn, *answers, strict=True):
        if of_cluster.status_code == HTTPStatus.NOT_IMPLEMENTED:
            assert "distributed over the servers of a cluster" in of_cluster.text
        else:
            assert of_cluster.json() == of_one_server.json(), document
            same += "data" in of_cluster.json()
    assert same > 5, "the others were all refused"


def _record(chance: Random, dataset: str) -> Record:
    number = chance.randrange(24)
    changes: Record = {MEASURES[dataset]: chance.randrange(-1, 40)}  # a negative one is against the contract
    if dataset == "shipments":
        changes["log_id"] = f"l{chance.randrange(30)}"
    return RECORDS[dataset](number, **changes)


@contextmanager
def _served(side: Side) -> Iterator[httpx2.Client]:
    """Over a login of the API's own: with it, the coordinator asks the nodes as well."""
    address = Address.parse(side.folder.url)
    reader = address.set(username="cluster_reader", password="secret").url()
    migrate(side.folder.url, api_logins=ApiLogins(reader=reader))
    with ExitStack() as stack:
        yield stack.enter_context(serve(side.folder.url, api_database_url=reader)).client


def _get(client: httpx2.Client, path: str) -> str:
    response = client.get(path)
    assert response.status_code == 200, (path, response.text)
    return str(response.text)
