"""Sources: what is pulled, how far it is, its pulls with their pages, and requests to pull now."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.api.conftest import Api, Serve
from tests.source_pulls import DEPOT, FLEET, add_page, add_pull, complete_pull, define

PATH = "vehicle_logs/fleet/trips/1.ndjson.zst"
REFUSED_FILE = "kind: rest\nbaseUrl: https://api.example.com\nresorces: []\n"


@pytest.fixture(scope="module")
def url(
    new_database: Callable[[], AbstractContextManager[str]], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    with new_database() as made:
        problems = define(made, tmp_path_factory.mktemp("sources"), fleet=FLEET, depot=DEPOT, broken=REFUSED_FILE)
        assert len(problems) == 1
        yield made


@pytest.fixture(scope="module")
def api(url: str, serve: Serve) -> Iterator[Api]:
    with serve(url) as running:
        yield running


@pytest.fixture
def connection(url: str) -> Iterator[psycopg.Connection[Any]]:
    """Everything that a test adds is gone after it."""
    with psycopg.connect(url, autocommit=True) as connected:
        yield connected
        for table in ("pulls", "totals", "failures", "requests", "due"):
            connected.execute(f"DELETE FROM source.{table}".encode())
        connected.execute("DELETE FROM ingest.files")


def resource(api: Api, name: str) -> Any:
    (found,) = [each for each in api.get("/api/sources/fleet")["resources"] if each["resource"] == name]
    return found


def test_sources_are_listed_with_what_their_definitions_say(api: Api, connection: Any) -> None:
    broken, depot, fleet = api.get("/api/sources")["sources"]
    assert (fleet["source"], fleet["title"], fleet["kind"], fleet["is_in_force"]) == (
        "fleet", "Fleet management", "rest", True,
    )  # fmt: skip
    assert fleet["url"] == "https://api.example.com/v1"
    assert [each["resource"] for each in fleet["resources"]] == ["vehicles", "trips", "orders"]
    trips = fleet["resources"][1]
    assert (trips["title"], trips["dataset"], trips["parent"], trips["schedule"], trips["mode"]) == (
        "Trips", "vehicle_logs", "vehicles", "every 15m", "changes",
    )  # fmt: skip
    assert (trips["state"], trips["latest_pull"], trips["behind_seconds"]) == ("never", None, None)
    assert (depot["kind"], depot["url"], depot["resources"]) == ("files", "s3://depot/exports", [])
    assert not broken["is_in_force"] and broken["kind"] is None
    assert "resorces" in broken["problem"] and "resources" in broken["problem"]
    response = api.request("/api/sources")
    assert response.headers["Cache-Control"] == "no-store" and "Data-Version" in response.headers


def test_a_definition_is_shown_with_references_to_its_secrets(api: Api) -> None:
    found = api.get("/api/sources/fleet")
    assert found["definition"]["authentication"] == {"type": "bearer", "token": "env:FLEET_TOKEN"}
    assert list(found["definition"])[:3] == ["kind", "title", "description"], "in the order of the file"
    assert len(found["sha256"]) == 64
    assert api.get("/api/sources/broken")["definition"] is None


def test_a_resource_says_how_far_it_is(api: Api, connection: Any) -> None:
    connection.execute("INSERT INTO source.due VALUES ('fleet', 'trips', '2030-01-01T00:15:00Z')")
    complete_pull(connection)
    found = resource(api, "trips")
    assert (found["state"], found["next_pull_at"]) == ("current", "2030-01-01T00:15:00+00:00")
    assert 4 <= found["behind_seconds"] < 60
    assert found["last_success_at"] == found["latest_pull"]["finished_at"]
    assert (found["totals"]["complete"], found["totals"]["pages"], found["totals"]["records"]) == (1, 3, 250)

    add_pull(connection, "trips", "unchanged", requests=1)
    add_pull(connection, "trips", "complete", is_backfill=True, pages=5, window_end=datetime.now(UTC))
    failure = {"error": "The server has answered 500.", "advice": "Ask its operator.", "error_kind": "server"}
    failed = add_pull(connection, "trips", "failed", pages=2, records=200, requests=9, **failure)
    found = resource(api, "trips")
    assert (found["state"], found["latest_pull"]["pull_id"]) == ("failed", failed)
    assert (found["latest_pull"]["error"], found["latest_pull"]["advice"]) == (failure["error"], failure["advice"])
    totals = found["totals"]
    assert (totals["complete"], totals["unchanged"], totals["failures"]) == (3, 1, 1)
    assert (totals["pages"], totals["records"], totals["requests"]) == (10, 450, 14)
    assert found["behind_seconds"] < 60, "since the last success that was no backfill"

    connection.execute("UPDATE source.pulls SET state = 'running', error = NULL WHERE pull_id = %s", (failed,))
    connection.execute("UPDATE source.pulls SET state = 'failed', error = 'Again' WHERE pull_id = %s", (failed,))
    connection.execute("UPDATE source.pulls SET state = 'abandoned' WHERE pull_id = %s", (failed,))
    connection.execute("DELETE FROM source.pulls")
    found = resource(api, "trips")
    assert (found["state"], found["latest_pull"]) == ("never", None)
    assert totals["failures_by_kind"] == {"server": 1}
    assert found["totals"] == totals | {"failures": 2, "failures_by_kind": {"server": 2}}, (
        "sums stay when pulls are deleted"
    )


def test_a_paused_pull_says_when_it_goes_on(api: Api, connection: Any) -> None:
    until = datetime.now(UTC) + timedelta(hours=1)
    add_pull(connection, "orders", "paused", paused_until=until)
    found = resource(api, "orders")
    assert found["state"] == "paused"
    assert datetime.fromisoformat(found["latest_pull"]["paused_until"]) == until


def test_a_pull_accounts_for_its_records_down_to_the_ledger(api: Api, connection: Any) -> None:
    pull_id = complete_pull(connection, PATH, run_id="7d1f5a2c")
    (found,) = api.get("/api/sources/fleet/pulls")["items"]
    assert found["records"] == {"read": 250, "landed": 249, "unmapped": 1, "vanished": None, "expected": 250}
    assert found["unmapped"] == {"trip_id is missing": 1}
    assert found["file"] == {"path": PATH, "file_id": None, "state": None, "records": None}
    assert (found["requests"], found["retries"], found["rate_limited"], found["bytes"]) == (4, 1, 1, 21_000)
    assert 89 < found["lag_seconds"] < 100
    assert found["run_url"].endswith("/runs/7d1f5a2c")
    row = connection.execute(
        "INSERT INTO ingest.files (dataset, path, size_bytes, modified_ns, state, records_read, records_loaded, "
        "records_superseded, records_rejected) VALUES ('vehicle_logs', %s, 1, 1, 'loaded', 249, 240, 5, 4) "
        "RETURNING file_id",
        (PATH,),
    ).fetchone()
    found = api.get(f"/api/sources/fleet/pulls/{pull_id}")["pull"]
    records = {"read": 249, "loaded": 240, "superseded": 5, "rejected": 4}
    assert found["file"] == {"path": PATH, "file_id": row[0], "state": "loaded", "records": records}


def test_pulls_are_filtered_and_paged(api: Api, connection: Any) -> None:
    made = [add_pull(connection, name, state) for name in ("trips", "orders") for state in ("complete", "unchanged")]
    path = "/api/sources/fleet/pulls"
    assert [each["pull_id"] for each in api.get(path)["items"]] == made[::-1]
    assert [each["pull_id"] for each in api.get(path, resource="trips")["items"]] == made[1::-1]
    assert [each["pull_id"] for each in api.get(path, state="unchanged")["items"]] == [made[3], made[1]]
    first = api.get(path, limit=3)
    second = api.get(path, limit=3, cursor=first["next_cursor"])
    assert [each["pull_id"] for each in first["items"] + second["items"]] == made[::-1]
    assert second["next_cursor"] is None
    api.refused(404, path, limit=3, state="failed", cursor=first["next_cursor"])
    api.refused(422, path, state="done")
    api.refused(404, "/api/sources/ships/pulls")
    assert api.get("/api/sources/depot/pulls")["items"] == []


def test_a_pull_shows_its_pages_in_order(api: Api, connection: Any) -> None:
    pull_id = complete_pull(connection)
    add_page(connection, pull_id, 1, part=1, parent="V-2", attempts=3)
    path = f"/api/sources/fleet/pulls/{pull_id}"
    pages = api.get(path)["items"]
    assert [(each["part"], each["number"]) for each in pages] == [(0, 1), (0, 2), (0, 3), (1, 1)]
    assert (pages[3]["parent"], pages[3]["attempts"]) == ("V-2", 3)
    assert pages[0]["headers"] == {"content-type": "application/json"}
    first = api.get(path, limit=3)
    second = api.get(path, limit=3, cursor=first["next_cursor"])
    assert first["items"] + second["items"] == pages
    assert (first["pull"], second["next_cursor"]) == (second["pull"], None)
    assert api.refused(404, f"/api/sources/depot/pulls/{pull_id}")["type"].endswith("unknown-pull")
    api.refused(404, f"/api/sources/fleet/pulls/{pull_id + 1}")


def test_a_pull_can_be_requested(api: Api, connection: Any) -> None:
    response = api.client.post("/api/sources/fleet/pull", params={"resource": "trips"})
    assert response.status_code == 202
    body = response.json()
    assert response.headers["Location"] == body["status_url"] == f"/api/sources/fleet/requests/{body['request_id']}"
    assert (body["source"], body["resource"], body["state"], body["requested_by"]) == (
        "fleet", "trips", "pending", "anonymous",
    )  # fmt: skip
    assert api.client.post("/api/sources/fleet/pull", params={"resource": "trips"}).json() == body, "it is pending"
    assert resource(api, "trips")["pending_request"]["request_id"] == body["request_id"]
    assert resource(api, "orders")["pending_request"] is None
    whole = api.client.post("/api/sources/fleet/pull").json()
    assert (whole["resource"], whole["request_id"] != body["request_id"]) == (None, True)
    assert resource(api, "orders")["pending_request"]["request_id"] == whole["request_id"]
    connection.execute("UPDATE source.requests SET done_at = now(), outcome = 'The run 1 pulls fleet.'")
    done = api.get(body["status_url"])
    assert (done["state"], done["is_final"], done["detail"]) == ("done", True, "The run 1 pulls fleet.")
    api.refused(404, f"/api/sources/depot/requests/{body['request_id']}")


def test_a_place_of_files_is_looked_at_on_request(api: Api, connection: Any) -> None:
    assert api.get("/api/sources/depot")["place"] is None
    connection.execute(
        "INSERT INTO ingest.places (name, url, looked_at, files) VALUES ('depot', 's3://depot/exports', now(), 12)"
    )
    response = api.client.post("/api/sources/depot/pull")
    assert response.status_code == 202
    body = response.json()
    assert (body["state"], body["is_final"]) == ("done", True)
    assert "looks at the place" in body["detail"]
    (asked,) = connection.execute("SELECT look_requested_at IS NOT NULL FROM ingest.places").fetchone()
    assert asked
    place = api.get("/api/sources/depot")["place"]
    assert (place["files"], place["error"], place["next_look_at"]) == (12, None, None)
    connection.execute("DELETE FROM ingest.places")


@pytest.mark.parametrize(("path", "parameters", "status", "kind", "detail"), [
    ("ships", {}, 404, "unknown-source", "ships.yaml"),
    ("fleet", {"resource": "ships"}, 404, "unknown-resource", "vehicles, trips, orders"),
    ("depot", {"resource": "ships"}, 404, "unknown-resource", "Leave out `resource`"),
    ("broken", {}, 409, "cannot-pull", "resorces"),
    ("fleet", {"since": "2024"}, 422, "invalid-parameters", None),
])  # fmt: skip
def test_what_cannot_be_pulled_is_refused_with_advice(
    api: Api, path: str, parameters: dict[str, str], status: int, kind: str, detail: str | None
) -> None:
    response = api.client.post(f"/api/sources/{path}/pull", params=parameters)
    assert response.status_code == status
    api.check_problem(response)
    assert response.json()["type"].endswith(kind)
    assert detail is None or detail in response.json()["detail"]


def test_pulling_takes_the_scope_of_those_who_deliver(url: str, connection: Any, serve: Serve) -> None:
    with serve(url, api_anonymous="read") as api:
        assert api.client.post("/api/sources/fleet/pull").status_code == 401
        assert len(api.get("/api/sources")["sources"]) == 3
    with serve(url, api_anonymous="ingest") as api:
        made = api.client.post("/api/sources/fleet/pull").json()
        assert api.get(made["status_url"])["state"] == "pending"
        api.refused(401, "/api/sources")


def test_a_source_whose_file_is_gone_keeps_its_history(
    new_database: Callable[[], AbstractContextManager[str]], tmp_path: Path, serve: Serve
) -> None:
    with new_database() as url:
        define(url, tmp_path, fleet=FLEET)
        with psycopg.connect(url, autocommit=True) as connection:
            complete_pull(connection)
        (tmp_path / "fleet.yaml").unlink()
        define(url, tmp_path)
        with serve(url) as api:
            assert api.get("/api/sources")["sources"] == []
            assert not api.get("/api/sources/fleet")["is_in_force"]
            assert len(api.get("/api/sources/fleet/pulls")["items"]) == 1
            assert api.client.post("/api/sources/fleet/pull").status_code == 404


def metrics(api: Api) -> dict[str, float]:
    """The figures of /metrics about sources, by name and labels."""
    lines = api.client.get("/metrics").text.splitlines()
    found = [line.rpartition(" ") for line in lines if line.startswith("logistics_source_")]
    return {name: float(value) for name, _, value in found if 'resource="' not in name or 'resource="trips"' in name}


def test_pulls_are_counted_for_prometheus(url: str, connection: Any, serve: Serve) -> None:
    complete_pull(connection)
    add_pull(connection, "trips", "failed", pages=2, requests=9, error="No.", error_kind="server")
    labels = 'resource="trips",source="fleet"'
    with serve(url) as api:
        found = metrics(api)
    assert found["logistics_source_problems"] == 1
    expected = {
        "source_pages_total": 5, "source_records_total": 250, "source_requests_total": 13, "source_retries_total": 1,
        "source_rate_limited_total": 1, "source_bytes_total": 21_000, "source_pull_seconds_total": 3.25,
        "source_waited_seconds_total": 1.5, "source_retrying_seconds_total": 0.5, "source_failing": 1,
    }  # fmt: skip
    assert {name: found[f"logistics_{name}{{{labels}}}"] for name in expected} == expected
    assert found[f'logistics_source_pulls_total{{outcome="complete",{labels}}}'] == 1
    assert found[f'logistics_source_failures_total{{kind="server",{labels}}}'] == 1
    assert 4 <= found[f"logistics_source_behind_seconds{{{labels}}}"] < 60
    assert found[f"logistics_source_newest_record_timestamp_seconds{{{labels}}}"] > 1.7e9
    connection.execute("DELETE FROM source.pulls WHERE state = 'complete'")
    with serve(url) as api:
        assert metrics(api)[f"logistics_source_pages_total{{{labels}}}"] == 5, "counters never go back"


def test_ingestion_statistics_hold_what_pulls_have_brought_and_cost(api: Api, connection: Any) -> None:
    complete_pull(connection, PATH)
    add_pull(connection, "trips", "failed", requests=9, error="No.", error_kind="server")
    add_pull(connection, "orders", "complete", finished_at=datetime.now(UTC) - timedelta(days=2), records=7)
    add_pull(connection, "vehicles", "paused", paused_until=datetime.now(UTC), finished_at=None)
    connection.execute(
        "INSERT INTO ingest.files (dataset, path, size_bytes, modified_ns, state, records_read, records_loaded, "
        "records_superseded, records_rejected) VALUES ('vehicle_logs', %s, 1, 1, 'loaded', 249, 240, 5, 4)",
        (PATH,),
    )
    found = api.get("/api/ingestion/stats")["pulls"]
    assert (found["sources"], found["problems"], found["running"], found["paused"], found["failing"]) == (2, 1, 0, 1, 1)
    day = found["last_day"]
    assert (day["complete"], day["failed"], day["pages"], day["requests"], day["retries"]) == (1, 1, 3, 13, 1)
    assert day["records"] == {"pulled": 250, "landed": 249, "unmapped": 1}
    assert day["errors"] == {"server": 1}
    assert found["loaded_from_them"] == {"read": 249, "loaded": 240, "superseded": 5, "rejected": 4}


def test_graphql_answers_what_rest_does(api: Api, connection: Any) -> None:
    complete_pull(connection, PATH)
    query = (
        "{ sources { source kind problem resources { resource state behindSeconds totals { pages } "
        "latestPull { pullId state unmapped records { read landed } file { path fileId } } } } }"
    )
    found = api.client.post("/graphql", json={"query": query}).json()
    assert "errors" not in found, found
    _, _, fleet = found["data"]["sources"]
    trips = fleet["resources"][1]
    assert (fleet["kind"], trips["state"], trips["totals"]) == ("rest", "current", {"pages": 3})
    pull = trips["latestPull"]
    assert pull["records"] == {"read": 250, "landed": 249} and pull["file"]["path"] == PATH
    assert pull["unmapped"] == {"trip_id is missing": 1}


def test_a_thousand_requests_are_enough(api: Api, connection: Any) -> None:
    connection.execute(
        "INSERT INTO source.requests (source, resource, requested_by) "
        "SELECT 'fleet', 'r' || n, 'somebody' FROM generate_series(1, 1000) AS n"
    )
    response = api.client.post("/api/sources/fleet/pull")
    assert (response.status_code, response.json()["type"]) == (503, "urn:logistics:problem:too-many-requests-pending")
    api.check_problem(response)
