"""Files in, figures out, through every process there is."""

import signal
import socket
from typing import Any

import psycopg
import pytest

from logistics_pipeline.database.connections import with_database
from tests.end_to_end.conftest import PATIENCE, Installation, wait_for

VEHICLES = [{"vehicle_id": "V1", "name": "Truck"}, {"vehicle_id": "V2"}]
LOGS = [
    {"log_id": "L1", "vehicle_id": "V1", "trip_date": "2024-03-05", "mileage": 120.5, "fuel_used": 30},
    {"log_id": "L2", "vehicle_id": "V2", "trip_date": "2024-03-06T10:00:00Z", "mileage": "80"},
]
SHIPMENTS: list[dict[str, Any]] = [
    {"shipment_id": "S1", "origin": "Lyon", "destination": "Turin", "cost": 100.25, "delivery_time": 5, "log_id": "L1"},
    {"shipment_id": "S2", "origin": "Lyon", "destination": "Turin", "cost": 50, "delivery_time": 8, "log_id": "L2"},
    {"shipment_id": "S3", "origin": "Lyon", "destination": "Turin", "cost": -1, "log_id": "L1"},
    {"shipment_id": "S4", "origin": "Lyon", "destination": "Turin", "cost": 7, "log_id": "not yet"},
]
RANGE = {"start": "2024-03-01", "end": "2024-03-31"}

FAILED_PARTITIONS = """
query($key: AssetKeyInput!) { assetNodeOrError(assetKey: $key) { ... on AssetNode {
    assetPartitionStatuses { ... on DefaultPartitionStatuses { failedPartitions materializedPartitions } } } } }
"""
BACKFILL = """
mutation($parameters: LaunchBackfillParams!) { launchPartitionBackfill(backfillParams: $parameters) {
    __typename ... on LaunchBackfillSuccess { backfillId } ... on PythonError { message } } }
"""


def test_dropped_files_become_figures_and_a_failed_file_is_mended_by_a_backfill(running: Installation) -> None:
    running.drop("vehicles.json", VEHICLES)
    running.drop("vehicle_logs/march.json", LOGS)
    running.drop("shipments/march.json", SHIPMENTS)
    running.drop("shipments/cut off.json", b'[{"shipment_id": "S9", "origin": "Lyon", "des')

    all_ended = {"loaded": 3, "failed": 1}
    wait_for(lambda: _files(running) == all_ended, 120, "three files are loaded and one has failed")
    figures = _wait_for_shipments(running, 2)
    assert figures["total_revenue"] == 150.25
    assert figures["active_vehicles"] == 2
    assert figures["avg_delivery_time"] == 6.5
    status = running.get("/api/system/status")
    assert status["unassigned_shipments"] == 1
    assert status["records"] == {"read": 8, "loaded": 7, "superseded": 0, "rejected": 1}
    rejected = (running.data_dir / "failed/shipments/shipments.rejected.march.records.json").read_text()
    assert '"shipment_id": "S3"' in rejected

    cut_off = ["shipments/cut off.json"]
    wait_for(lambda: _partitions(running, "failedPartitions") == cut_off, 60, "its partition has failed")
    _mend(running, "shipments/cut off.json")
    _backfill_failed(running)
    wait_for(lambda: not _partitions(running, "failedPartitions"), 120, "the backfill has mended the partition")
    assert _wait_for_shipments(running, 3)["total_revenue"] == 159.25

    running.drop("vehicle_logs/late.json", [{"log_id": "not yet", "vehicle_id": "V1", "trip_date": "2024-03-07"}])
    assert _wait_for_shipments(running, 4)["total_revenue"] == 166.25


def _files(running: Installation) -> dict[str, int]:
    files = running.get("/api/system/status")["files"]
    return {state: number for state, number in files.items() if number}


def _wait_for_shipments(running: Installation, count: int) -> Any:
    def look() -> Any:
        figures = running.get("/api/dashboard", **RANGE)
        return figures if figures["total_shipments"] == count else None

    return wait_for(look, 120, f"the API counts {count} shipments")


def _partitions(running: Installation, kind: str) -> list[str]:
    node = running.graphql(FAILED_PARTITIONS, key={"path": ["raw", "shipments"]})["assetNodeOrError"]
    found: list[str] = node["assetPartitionStatuses"][kind]
    return found


def _mend(running: Installation, name: str) -> None:
    record = {"shipment_id": "S9", "origin": "Lyon", "destination": "Turin", "cost": 9, "log_id": "L1"}
    running.drop(name, [record])


def _backfill_failed(running: Installation) -> None:
    """What the UI's dialog does for "failed partitions"."""
    parameters = {
        "assetSelection": [{"path": ["raw", "shipments"]}],
        "partitionNames": ["shipments/cut off.json"],
        "fromFailure": False,
    }
    done = running.graphql(BACKFILL, parameters=parameters)["launchPartitionBackfill"]
    assert done["__typename"] == "LaunchBackfillSuccess", done


@pytest.mark.slow
def test_the_demo_shows_figures_and_a_second_one_loads_nothing_twice(installation: Installation) -> None:
    small = ("--vehicles", "20", "--logs", "6000", "--shipments", "6000")
    first = installation.run("demo", "--once", *small)
    assert first.returncode == 0, first.stderr
    assert "Figures from 2024-01-0" in first.stdout
    wait_for(lambda: not installation.processes(), 15, "no process is left")
    ledger = installation.run("files", "--json").stdout

    second = installation.run("demo", "--once", *small)

    assert second.returncode == 0, second.stderr
    assert "exists already" in second.stderr
    assert _figures(second.stdout) == _figures(first.stdout)
    assert installation.run("files", "--json").stdout == ledger


@pytest.mark.slow
def test_a_database_of_ones_own_is_made_and_brought_up_to_date(installation: Installation, server_url: str) -> None:
    installation.database_url = with_database(server_url, "of_ones_own")

    done = installation.run("demo", "--once", "--vehicles", "5", "--logs", "500", "--shipments", "500")

    assert done.returncode == 0, done.stderr
    assert not (installation.data_dir / "postgres").exists()
    with psycopg.connect(with_database(server_url, "of_ones_own_dagster")) as connection:
        assert connection.execute("SELECT count(*) > 0 FROM runs WHERE status = 'SUCCESS'").fetchone() == (True,)


def _figures(output: str) -> list[str]:
    return [line for line in output.splitlines() if line.startswith(("  ", "Of "))]


@pytest.mark.slow
def test_ctrl_c_stops_every_process_that_was_started(installation: Installation) -> None:
    process = installation.start("up")
    wait_for(lambda: installation.get("/ready")["status"] == "ready", 90, "the API is ready")
    assert len(installation.processes()) > 4

    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=60 * PATIENCE)

    assert process.returncode == 0
    assert output.rstrip().endswith("Stopped.")
    wait_for(lambda: not installation.processes(), 15, "no process is left")


@pytest.mark.slow
def test_a_taken_port_is_a_sentence(installation: Installation) -> None:
    with socket.create_server(("127.0.0.1", installation.api_port)):
        for command in ("up", "demo"):
            done = installation.run(command)
            assert done.returncode == 1
            assert f"Port {installation.api_port} for the API is in use" in done.stderr
            assert "LOGISTICS_API_PORT" in done.stderr
            assert "Traceback" not in done.stderr
