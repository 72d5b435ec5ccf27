"""Sources against servers that others have written: json-server, Datasette, oauth2-mock-server.

They are packages for Node.js and Python, in the folder that LOGISTICS_TEST_SOURCE_PEERS names; .ci/run fills it.
"""

import json
import os
import shutil
import sqlite3
import subprocess
from base64 import urlsafe_b64decode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
from typer.testing import CliRunner

from logistics_pipeline.cli import app
from logistics_pipeline.sources.pulls import PullState
from tests.ports import free_port
from tests.sources.servers.fleet import Fleet, Trip, fleet_of, utc
from tests.sources.servers.fleet_api import FleetApi
from tests.sources.servers.http import ApiServer, Request, Response, json_response, wait_until
from tests.sources.site import Site

pytestmark = pytest.mark.slow

PEERS = "LOGISTICS_TEST_SOURCE_PEERS"
COLUMNS = ("vehicle_id", "started_at", "distance_km", "status", "updated_at")
FIELDS = {
    "vehicle_id": "vehicle_id", "started_at": "started_at", "distance_km": "distance_km", "status": "status",
    "updated_at": "updated_at",
}  # fmt: skip


@pytest.fixture(scope="module")
def peers() -> Path:
    folder = os.environ.get(PEERS)
    if folder is None:
        pytest.skip(f"{PEERS} does not say where the servers are")
    return Path(folder)


@contextmanager
def serving(command: list[str], url: str) -> Iterator[None]:
    """Runs a server until it answers, and ends it."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def answers() -> bool:
        assert process.poll() is None, process.stdout.read() if process.stdout else ""
        try:
            return httpx2.get(url).status_code < 500
        except httpx2.TransportError:
            return False

    try:
        wait_until(answers, f"{command[0]} to answer", seconds=180)
        yield
    finally:
        process.kill()
        process.communicate()


def flat(trip: Trip) -> dict[str, Any]:
    return {
        "id": trip.number,
        "vehicle_id": trip.vehicle_id,
        "started_at": utc(trip.started_at),
        "distance_km": trip.distance_km,
        "status": trip.status,
        "updated_at": utc(trip.updated_at),
    }


def rows(fleet: Fleet) -> set[tuple[Any, ...]]:
    return {
        (each.vehicle_id, each.started_at, each.distance_km, each.status, each.updated_at)
        for each in fleet.trips.values()
    }


def found(site: Site) -> set[tuple[Any, ...]]:
    listed = site.rows("trips", COLUMNS)
    assert len(set(listed)) == len(listed)
    return {(vehicle, start, float(distance), *others) for vehicle, start, distance, *others in listed}


def a_minute_ago() -> datetime:
    return datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=1)


def pull(site: Site, document: dict[str, Any], name: str) -> PullState:
    pulls = site.pull(site.write_definition(name, document))
    assert [each.error for each in pulls] == [None]
    assert site.contradictions() == []
    return pulls[0].state


def node(peers: Path, package: str, script: str) -> list[str]:
    program = shutil.which("node")
    assert program is not None, f"{PEERS} is set, but node is not installed"
    return [program, str(peers / "node_modules" / package / script)]


@pytest.fixture
def proposed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], str]:
    """What `logistics sources add` writes for an address."""
    monkeypatch.setenv("LOGISTICS_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setattr("logistics_pipeline.sources.proposing.adding._PAUSE_SECONDS", 0.0)

    def run(address: str) -> str:
        result = CliRunner().invoke(app, ["sources", "add", address, "--private", "--name", "peer", "--print"])
        assert result.exit_code == 0, result.output
        return result.stdout

    return run


def test_json_server(peers: Path, site: Site, tmp_path: Path, proposed: Callable[[str], str]) -> None:
    fleet = fleet_of(4, 57)
    database = tmp_path / "db.json"
    database.write_text(json.dumps({"trips": [flat(trip) for trip in fleet.trips_by()]}))
    url = f"http://127.0.0.1:{(port := free_port())}"
    command = [*node(peers, "json-server", "lib/cli/bin.js"), "--quiet", "--port", str(port), str(database)]
    document = {
        "kind": "rest", "baseUrl": url, "private": True,
        "resources": [{
            "name": "trips", "dataset": "trips", "path": "/trips", "totalHeader": "X-Total-Count", "key": ["id"],
            "parameters": {"_page": 1, "_limit": 10, "_sort": "updated_at,id"},
            "pagination": {"type": "linkHeader"},
            "incremental": {"field": "updated_at", "parameter": "updated_at_gte", "start": "2026-01-01"},
            "fields": FIELDS,
        }],
    }  # fmt: skip
    with serving(command, f"{url}/trips"), httpx2.Client(base_url=url) as client:
        assert pull(site, document, "json_server") is PullState.COMPLETE
        assert found(site) == rows(fleet)

        fleet.now = a_minute_ago()
        for trip in fleet.add_trips(5):
            client.post("/trips", json=flat(trip)).raise_for_status()
        fleet.change_trips(6)
        for trip in fleet.trips.values():
            client.put(f"/trips/{trip.number}", json=flat(trip)).raise_for_status()
        assert pull(site, document, "json_server") is PullState.COMPLETE
        assert found(site) == rows(fleet)

        assert pull(site, document, "json_server") is PullState.UNCHANGED
        text = proposed(f"{url}/trips")
    assert "pagination: {type: offset, parameter: _start, sizeParameter: _limit, size: 100}" in text
    assert "field: updated_at, parameter: updated_at_gte" in text


def test_datasette(peers: Path, site: Site, tmp_path: Path, proposed: Callable[[str], str]) -> None:
    fleet = fleet_of(4, 61)
    with sqlite3.connect(tmp_path / "fleet.db") as database:
        database.execute(
            "CREATE TABLE trips (id INTEGER PRIMARY KEY, vehicle_id, started_at, distance_km, status, updated_at)"
        )
    url = f"http://127.0.0.1:{(port := free_port())}"
    command = [str(peers / "datasette" / "bin" / "datasette"), "-p", str(port), str(tmp_path / "fleet.db")]
    document = {
        "kind": "rest", "baseUrl": url, "private": True,
        "resources": [{
            "name": "trips", "dataset": "trips", "path": "/fleet/trips.json", "records": "rows",
            "total": "filtered_table_rows_count", "key": ["id"], "error": "error",
            "parameters": {"_shape": "objects", "_size": 10},
            "pagination": {"type": "nextUrl", "next": "next_url"},
            "incremental": {"field": "updated_at", "parameter": "updated_at__gte", "until": "updated_at__lt",
                            "start": "2026-01-01", "lookback": "1h"},
            "fields": FIELDS,
        }],
    }  # fmt: skip

    def store() -> None:
        statement = "REPLACE INTO trips VALUES (:id, :vehicle_id, :started_at, :distance_km, :status, :updated_at)"
        with sqlite3.connect(tmp_path / "fleet.db") as database:
            database.executemany(statement, [flat(trip) for trip in fleet.trips.values()])

    store()
    with serving(command, f"{url}/-/versions.json"):
        assert pull(site, document, "datasette") is PullState.COMPLETE
        assert found(site) == rows(fleet)

        fleet.now = a_minute_ago()
        fleet.add_trips(15, seconds_between=0)
        fleet.change_trips(6)
        store()
        pull(site, document, "datasette")
        assert found(site) == rows(fleet)
        text = proposed(f"{url}/fleet/trips.json?_shape=objects")
    assert "records: rows" in text
    assert "total: filtered_table_rows_count" in text
    assert "pagination: {type: nextUrl, next: next_url}" in text
    assert "field: updated_at, parameter: updated_at__gte, until: updated_at__lt" in text


def test_oauth2_mock_server(peers: Path, site: Site) -> None:
    fleet = fleet_of(4, 40)
    url = f"http://127.0.0.1:{(port := free_port())}"
    command = [*node(peers, "oauth2-mock-server", "dist/oauth2-mock-server.mjs"), "-a", "127.0.0.1", "-p", str(port)]
    seen: set[str] = set()
    api = FleetApi(fleet, "cursor", size=10)

    def handle(request: Request) -> Response:
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        parts = token.split(".")
        claims = json.loads(urlsafe_b64decode(parts[1] + "==")) if len(parts) == 3 else {}
        if claims.get("iss") != f"http://localhost:{port}" or claims.get("scope") != "trips:read":
            return json_response({"error": "invalid_token"}, 401)
        seen.add(token)
        return api(request)

    with serving(command, f"{url}/.well-known/openid-configuration"), ApiServer(handle) as server:
        (site.folder / "secret.txt").write_text("s3cret-of-client")
        document = {
            "kind": "rest", "baseUrl": server.url, "private": True,
            "authentication": {
                "type": "oauth2ClientCredentials", "tokenUrl": f"{url}/token", "clientId": "fleet",
                "clientSecret": f"file:{site.folder / 'secret.txt'}", "scope": "trips:read",
            },
            "resources": [{
                "name": "trips", "dataset": "trips", "path": "/trips", "records": "data",
                "pagination": {"type": "cursor", "parameter": "cursor", "next": "meta.nextCursor"},
                "fields": {
                    "vehicle_id": "vehicle.id", "started_at": "startedAt", "status": "status",
                    "distance_km": {"path": "distanceMeters", "unit": "m to km"}, "updated_at": "updatedAt",
                },
            }],
        }  # fmt: skip
        assert pull(site, document, "fleet") is PullState.COMPLETE
    assert found(site) == rows(fleet)
    assert len(seen) == 1, "one token serves all pages"
