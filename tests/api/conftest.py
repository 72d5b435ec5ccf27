"""A real PostgreSQL, a real HTTP server, and rows put straight into the tables: the loader is not needed here."""

import itertools
import json
import re
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from decimal import Decimal
from functools import lru_cache
from typing import Any

import httpx2
import psycopg
import pytest
import uvicorn
from fastapi import FastAPI
from fastapi.routing import APIRoute
from pydantic import TypeAdapter

from logistics_api.__main__ import listen
from logistics_api.app import create_app
from logistics_api.database.limits import Limits
from logistics_api.errors import MEDIA_TYPE, ProblemBody
from logistics_api.http.http_protocol import HttpProtocol
from logistics_core.database_contract.roles import READER
from logistics_core.database_contract.schema import API_READS
from logistics_core.settings import Settings
from logistics_pipeline.database.connections import with_database

COLUMNS = {
    "vehicles": "vehicle_id, name, total_mileage",
    "vehicle_logs": "log_id, vehicle_id, trip_date, mileage, fuel_used",
    "shipments": "shipment_id, origin, destination, weight, cost, delivery_time, log_id",
}

Rows = Sequence[Sequence[Any]]


@pytest.fixture(scope="session")
def template(server_url: str, template: str) -> str:
    """A migrated database in which the API's role may read only the columns of the contract, so that every test of the
    API proves that it reads no others."""
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE template_api TEMPLATE {template} STRATEGY file_copy")
    with psycopg.connect(with_database(server_url, "template_api"), autocommit=True) as connection:
        connection.execute(
            "REVOKE SELECT ON ALL TABLES IN SCHEMA ingest, analytics, access, forecast, identity, models, alert, "
            f"notify FROM {READER}"
        )
        for table, columns in API_READS.items():
            connection.execute(f"GRANT SELECT ({', '.join(columns)}) ON {table} TO {READER}")
    return "template_api"


@pytest.fixture(scope="session")
def new_database(server_url: str, template: str) -> Callable[[], AbstractContextManager[str]]:
    """Makes a migrated, empty database that lasts as long as the `with` block."""
    numbers = itertools.count()

    @contextmanager
    def make() -> Iterator[str]:
        name = f"api_{next(numbers)}"
        with psycopg.connect(with_database(server_url, "postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy")
            yield with_database(server_url, name)
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")

    return make


@pytest.fixture
def database_url(new_database: Callable[[], AbstractContextManager[str]]) -> Iterator[str]:
    """A migrated, empty database of the test's own."""
    with new_database() as url:
        yield url


@pytest.fixture(scope="session")
def store() -> Callable[..., None]:
    """Replaces the rows of the raw tables, and the ledger's record of the files they came from."""

    def store(url: str, *, vehicles: Rows = (), vehicle_logs: Rows = (), shipments: Rows = ()) -> None:
        rows = {"vehicles": vehicles, "vehicle_logs": vehicle_logs, "shipments": shipments}
        with psycopg.connect(url) as connection:
            connection.execute("DELETE FROM ingest.files")
            for dataset, records in rows.items():
                connection.execute(f"DELETE FROM raw.{dataset}")
                connection.execute(
                    "INSERT INTO ingest.files (dataset, path, size_bytes, modified_ns, state, records_read, "
                    "records_loaded) VALUES (%s, %s, 1, 1, 'loaded', %s, %s)",
                    (dataset, f"{dataset}.json", len(records), len(records)),
                )
                copy = f"COPY raw.{dataset} ({COLUMNS[dataset]}, file_id, record_no) FROM STDIN"
                with connection.cursor().copy(copy) as rows_in:
                    for number, record in enumerate(records, 1):
                        rows_in.write_row((*record, 1, number))

    return store


class Api:
    """A client of a running API that believes nothing: every answer is held against what the OpenAPI declares."""

    def __init__(self, app: FastAPI, client: httpx2.Client) -> None:
        self.app = app
        self.client = client
        self.models = _declared_models(app)

    def request(self, path: str, method: str = "GET", headers: dict[str, str] | None = None, **query: Any) -> Any:
        response = self.client.request(method, path, params=query or None, headers=headers)
        if not response.is_success:
            assert response.headers["content-type"] == MEDIA_TYPE
            if method != "HEAD":
                self.check_problem(response)
        elif (model := self.models.get(self.template(path))) and method != "HEAD":
            assert response.headers["content-type"] == "application/json"
            model.validate_json(response.content, strict=True)
        return response

    def template(self, path: str) -> str:
        """The declared path that answers a path which may hold keys."""
        found = [template for template in self.models if re.fullmatch(re.sub("{[^}]+}", ".+", template), path)]
        return path if path in self.models or not found else max(found, key=len)

    def get(self, path: str, **query: Any) -> Any:
        """The body of an answer that must be a success, its numbers exactly as they were sent."""
        response = self.request(path, **query)
        assert response.status_code == 200, response.text
        return _exact(response)

    def refused(self, status: int, path: str, **query: Any) -> Any:
        """The body of a problem that must have this status."""
        response = self.request(path, **query)
        assert response.status_code == status, response.text
        return response.json()

    @staticmethod
    def check_problem(response: httpx2.Response) -> None:
        body = ProblemBody.model_validate_json(response.content, strict=True)
        assert body.status == response.status_code
        assert body.request_id == response.headers["x-request-id"]
        assert body.instance == response.url.raw_path.partition(b"?")[0].decode()
        if response.status_code == 503:
            assert int(response.headers["retry-after"]) >= 1


def _declared_models(app: FastAPI) -> dict[str, TypeAdapter[Any]]:
    """Path of every operation of the OpenAPI → the model it declares as its answer."""
    found = [route for route in app.routes if isinstance(route, APIRoute) and route.include_in_schema]
    found.sort(key=lambda route: "GET" in route.methods)  # the last one of a path counts
    models = {route.path_format: _adapter(route.response_model) for route in found}
    paths = frozenset(models)
    if paths not in _documented:  # the document takes half a second to make, and most applications have the same paths
        assert paths == app.openapi()["paths"].keys()
        _documented.add(paths)
    return models


@lru_cache(1_000)
def _adapter(model: Any) -> TypeAdapter[Any]:
    return TypeAdapter(model)


_documented: set[frozenset[str]] = set()
"""Sets of paths of which an application's OpenAPI document was found to name all and no others."""


def _exact(response: httpx2.Response) -> Any:
    return json.loads(response.content, parse_float=Decimal)


Serve = Callable[..., AbstractContextManager[Api]]


@contextmanager
def _serve(url: str, limits: Limits | None = None, **settings: Any) -> Iterator[Api]:
    few = limits or Limits(connections=2)  # each one is a process of PostgreSQL to be started
    app = create_app(Settings(**{"api_database_url": None, "database_url": url} | settings), limits=few)
    with listen("127.0.0.1", 0) as listener:
        server = uvicorn.Server(
            uvicorn.Config(
                app,
                http=HttpProtocol,
                lifespan="on",
                log_config=None,
                access_log=False,
                timeout_graceful_shutdown=2,
            )
        )
        thread = threading.Thread(target=server.run, args=([listener],))
        thread.start()
        try:
            _wait_until(lambda: server.started or not thread.is_alive())
            port = listener.getsockname()[1]
            # Else each client reads all certificate authorities, which takes longer than most tests.
            with httpx2.Client(
                base_url=f"http://127.0.0.1:{port}", timeout=60, trust_env=False, verify=False
            ) as client:
                yield Api(app, client)
        finally:
            server.should_exit = True
            thread.join()


def _wait_until(condition: Callable[[], bool], seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


@pytest.fixture(scope="session")
def serve() -> Serve:
    """Serves the API for a database URL over real HTTP, as long as the `with` block lasts."""
    return _serve


@pytest.fixture(scope="session")
def wait_until() -> Callable[..., None]:
    """Waits for a condition, and fails when it does not come true."""
    return _wait_until


@pytest.fixture
def api(database_url: str, serve: Serve) -> Iterator[Api]:
    """The API over the test's own database."""
    with serve(database_url) as running:
        yield running


@pytest.fixture(scope="session", autouse=True)
def _nothing_is_uploaded_into_the_checkout(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Whoever serves the API without saying where its data folder is gets one of the tests' own."""
    folder = tmp_path_factory.mktemp("data")
    (folder / "raw").mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LOGISTICS_DATA_DIR", str(folder))
        yield
