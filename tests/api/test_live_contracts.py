"""Datasets that come, change and go while the API serves: no restart, no dropped request, nothing of a dataset that is
gone."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import psycopg
import pytest

from logistics_api import app as application
from logistics_api.database import watcher
from logistics_api.database.limits import Limits
from logistics_core.database_contract.channels import Channel
from logistics_pipeline.contracts.accepting import accept_contract
from logistics_pipeline.contracts.retiring import retire_dataset
from logistics_pipeline.contracts.texts import contract_of_text
from logistics_pipeline.contracts.versions import add_version
from logistics_pipeline.database.connections import Connection, connect
from tests.contract_texts import FUEL, STATION, with_station

SECONDS = 20.0


@pytest.fixture
def connection(database_url: str) -> Iterator[Connection]:
    with connect(database_url) as connection:
        yield connection


@pytest.fixture
def api(serve: Any, database_url: str, tmp_path: Path) -> Iterator[Any]:
    with serve(database_url, Limits(connections=2, statement_seconds=60), data_dir=tmp_path, api_rate=0) as api:
        yield api


def accept(connection: Connection, text: str = FUEL) -> None:
    accept_contract(connection, contract_of_text(text, "the test"), accepted_by="a test", may_break=True)


def wait_until(condition: Callable[[], bool]) -> float:
    """Seconds until it held."""
    since = time.monotonic()
    while not condition():
        assert time.monotonic() - since < SECONDS, "waited in vain"
        time.sleep(0.005)
    return time.monotonic() - since


def status(api: Any, path: str, **query: Any) -> int:
    return int(api.client.get(path, params=query).status_code)


def add_row(connection: Connection, number: int) -> None:
    connection.execute(
        "INSERT INTO ingest.files (path, dataset, size_bytes, modified_ns, state, records_read, records_loaded) "
        "VALUES (%s, 'fuel', 1, 1, 'loaded', 1, 1)",
        (f"fuel/{number}.csv",),
    )
    connection.execute(
        "INSERT INTO raw.fuel (payment, paid_on, litres, file_id, record_no) "
        "SELECT %s, '2024-05-13', 12.5, max(file_id), 1 FROM ingest.files",
        (f"P-{number}",),
    )


def test_a_new_dataset_is_served_without_a_restart_with_all_that_follows_from_it(
    api: Any, connection: Connection
) -> None:
    assert status(api, "/api/fuel") == 404
    assert "/api/fuel" not in api.client.get("/openapi.json").json()["paths"]

    accept(connection)
    since = time.process_time()  # the API runs in this process
    wait_until(lambda: status(api, "/api/fuel") == 200)

    assert time.process_time() - since < 5  # measured: 0.2 to 0.7 s, questions of this test included
    add_row(connection, 1)
    row = {"payment": "P-1", "paid_on": "2024-05-13", "litres": 12.5}
    assert api.client.get("/api/fuel").json()["data"] == [row]
    assert api.client.get("/api/fuel/P-1").json() == row
    assert json.loads(api.client.get("/api/exports/fuel.ndjson?trailer=false").text) == row
    assert "fuel" in [each["name"] for each in api.get("/api/datasets")["datasets"]]
    assert api.client.get("/api").json()["fuel_record_rows"] == "/api/fuel"
    assert "/api/fuel" in api.client.get("/openapi.json").json()["paths"]
    assert "Fuel cards" in api.client.get("/").text
    assert "fuel" in [each["dataset"] for each in api.get("/api/quality")["datasets"]]
    assert 'dataset="fuel"' in api.client.get("/metrics").text
    assert [each["is_served"] for each in api.get("/api/contracts")["datasets"]] == [True] * 4
    assert api.get("/api/system/status")["contracts_problem"] is None


@pytest.mark.slow
def test_a_changed_contract_changes_filters_and_columns_and_a_retired_dataset_is_gone(
    api: Any, connection: Connection
) -> None:
    accept(connection)
    wait_until(lambda: status(api, "/api/fuel") == 200)
    page, described = api.client.get("/").headers["etag"], api.client.get("/api/datasets").headers["etag"]
    openapi = api.client.get("/openapi.json").headers["etag"]
    assert status(api, "/api/fuel", station="X") == 422

    accept(connection, with_station())
    wait_until(lambda: status(api, "/api/fuel", station="X") == 200)

    assert api.client.get("/", headers={"if-none-match": page}).status_code == 200
    assert api.client.get("/api/datasets", headers={"if-none-match": described}).status_code == 200
    assert api.client.get("/openapi.json", headers={"if-none-match": openapi}).status_code == 200

    retire_dataset(connection, "fuel", retired_by="a test")
    wait_until(lambda: status(api, "/api/fuel") == 404)
    assert status(api, "/api/exports/fuel.csv") == 404
    assert "/api/fuel" not in api.client.get("/openapi.json").json()["paths"]
    assert "Fuel cards" not in api.client.get("/").text

    accept(connection, with_station())  # used again
    wait_until(lambda: status(api, "/api/fuel") == 200)


@pytest.mark.slow
def test_requests_that_run_during_changes_are_all_answered(api: Any, connection: Connection, database_url: str) -> None:
    accept(connection)
    wait_until(lambda: status(api, "/api/fuel") == 200)
    base, text, stop = str(api.client.base_url), FUEL, threading.Event()
    failures: list[Any] = []
    counts: list[int] = []
    paths = (
        "/api/fuel",
        "/api/figures/summary?start=2024-01-01&end=2024-01-31",
        "/api/datasets",
        "/",
        "/api/shipments",
    )

    def ask() -> None:
        with httpx2.Client(base_url=base, timeout=60, trust_env=False, verify=False) as client:
            number = 0
            while not stop.is_set():
                try:
                    response = client.get(paths[number % len(paths)])
                    if response.status_code != 200:
                        failures.append((paths[number % len(paths)], response.status_code, response.text[:200]))
                except httpx2.HTTPError as error:
                    failures.append((paths[number % len(paths)], repr(error)))
                number += 1
            counts.append(number)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    try:
        for number in range(5):  # each version has one field more, so that rows fit the versions before
            text = text.replace("datedBy:", STATION.replace("station", f"station{number}") + "datedBy:")
            accept(connection, text)
            wait_until(lambda name=f"station{number}": status(api, "/api/fuel", **{name: "X"}) == 200)
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert failures == []
    assert sum(counts) > 20
    with psycopg.connect(database_url) as other:
        row = other.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        ).fetchone()
    assert row is not None and row[0] <= 10, "the successors use the pool that is there"


@pytest.mark.slow
def test_a_request_under_way_is_finished_by_the_application_that_it_began_with(
    api: Any, connection: Connection, database_url: str
) -> None:
    accept(connection)
    wait_until(lambda: status(api, "/api/fuel") == 200)
    add_row(connection, 1)
    answers: list[Any] = []
    with psycopg.connect(database_url) as holder:
        holder.execute("LOCK TABLE raw.fuel IN ACCESS EXCLUSIVE MODE")
        thread = threading.Thread(
            target=lambda: answers.append(httpx2.get(f"{api.client.base_url}/api/fuel", timeout=30))
        )
        thread.start()
        wait_until(lambda: _is_waiting(connection))
        connection.execute("UPDATE catalogue.datasets SET retired_at = now() WHERE dataset = 'fuel'")
        wait_until(lambda: "/api/fuel" not in api.get("/openapi.json")["paths"])  # its rows would wait for the lock
        holder.rollback()
        thread.join()
    assert answers[0].status_code == 200 and answers[0].json()["data"][0]["payment"] == "P-1"


def _is_waiting(connection: Connection) -> bool:
    row = connection.execute("SELECT count(*) FROM pg_locks WHERE NOT granted").fetchone()
    return row is not None and row[0] > 0


def test_a_contract_that_cannot_be_served_leaves_the_others_in_service_and_is_said(
    api: Any, connection: Connection, caplog: pytest.LogCaptureFixture
) -> None:
    accept(connection)
    wait_until(lambda: status(api, "/api/fuel") == 200)
    taken = FUEL.replace("name: fuel\n", "name: cards\nsingular: file\n")  # read_file is an operation of the API
    accept(connection, taken)
    wait_until(lambda: api.get("/api/system/status")["contracts_problem"] is not None)

    assert "cards" in api.get("/api/system/status")["contracts_problem"]
    assert any("cards" in record.getMessage() for record in caplog.records if record.levelname == "ERROR")
    assert status(api, "/api/fuel") == 200 and status(api, "/api/cards") == 404
    assert {each["dataset"]: each["is_served"] for each in api.get("/api/contracts")["datasets"]}["cards"] is False

    accept(connection, taken.replace("singular: file\n", "singular: card\n"))
    wait_until(lambda: status(api, "/api/cards") == 200)
    assert api.get("/api/system/status")["contracts_problem"] is None


def test_a_contract_of_another_version_of_the_program_is_said_as_well(api: Any, connection: Connection) -> None:
    text = FUEL
    document = contract_of_text(text, "the test").document | {"mystery": 1}
    add_version(connection, "fuel", text, document, changes=[], is_compatible=True, accepted_by="a test")
    wait_until(lambda: api.get("/api/system/status")["contracts_problem"] is not None)
    assert "mystery" in api.get("/api/system/status")["contracts_problem"]
    assert status(api, "/api/shipments") == 200


def test_answers_kept_before_the_change_are_not_sent_after_it(api: Any, connection: Connection) -> None:
    path = "/api/figures/summary?start=2024-01-01&end=2024-01-31"
    assert api.client.get(path).status_code == 200
    cache = api.app.state.cache
    assert len(cache) == 1
    accept(connection)
    wait_until(lambda: status(api, "/api/fuel") == 200)
    assert len(cache) == 0 and cache.generation == 1
    assert api.client.get(path).status_code == 200
    assert len(cache) == 1


def test_without_notifications_the_change_is_found_by_polling(
    serve: Any, database_url: str, connection: Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def deaf(_: Any) -> None: ...

    monkeypatch.setattr(watcher, "listen", deaf)
    with serve(database_url, data_dir=tmp_path) as api:
        accept(connection)
        wait_until(lambda: status(api, "/api/fuel") == 200)


def test_datasets_of_the_folder_give_way_to_those_of_the_database_once_it_answers(
    serve: Any, database_url: str, connection: Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "contracts").mkdir()
    (tmp_path / "contracts" / "cards.yaml").write_text(FUEL.replace("name: fuel", "name: cards"))
    accept(connection)
    monkeypatch.setattr(application, "read_contracts", lambda _: None)
    with serve(database_url, data_dir=tmp_path) as api:
        wait_until(lambda: status(api, "/api/fuel") == 200 and status(api, "/api/cards") == 404)


def test_changes_reach_the_event_stream(api: Any, connection: Connection) -> None:
    with api.client.stream("GET", "/api/events") as stream:
        lines = stream.iter_lines()
        next(lines)
        accept(connection)
        found: dict[str, str] = {}
        name = ""
        for line in lines:
            if line.startswith("event: "):
                name = line.removeprefix("event: ")
            elif line.startswith("data: "):
                found.setdefault(name, line.removeprefix("data: "))
            if "datasets" in found:
                break
    assert json.loads(found[Channel.CONTRACTS])["dataset"] == "fuel"
    assert json.loads(found["datasets"])[-1] == "fuel"
