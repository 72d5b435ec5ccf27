"""A file taken out and asked for again, through every process there is."""

import json

import pytest

from tests.end_to_end.conftest import Installation, wait_for

pytestmark = pytest.mark.slow

LOGS = [{"log_id": f"L{n}", "vehicle_id": "V1", "trip_date": f"2024-03-0{n}", "mileage": 10} for n in range(1, 4)]
WRONG = [{"log_id": "L1", "vehicle_id": "V1", "trip_date": "2024-03-01", "mileage": 999}]


def test_a_wrong_file_is_unloaded_and_the_one_it_had_overwritten_comes_back(running: Installation) -> None:
    running.drop("vehicle_logs/march.json", LOGS)
    _wait_for_mileage(running, 30)
    running.drop("vehicle_logs/wrong.json", WRONG)
    running.drop("shipments/cut off.json", b'[{"shipment_id": "S9", "origin": "Lyon", "des')
    _wait_for_mileage(running, 1019)
    wait_for(lambda: running.get("/api/system/status")["files"]["failed"] == 1, 60, "the cut-off file has failed")

    unloaded = running.run("unload", "vehicle_logs/wrong.json")
    assert unloaded.returncode == 0, unloaded.stderr
    assert "logistics retry vehicle_logs/march.json" in unloaded.stderr
    _wait_for_mileage(running, 20)

    retried = running.run("retry", "vehicle_logs/march.json", "--wait", "--json")
    assert retried.returncode == 0, retried.stderr
    (document,) = (json.loads(line) for line in retried.stdout.splitlines())
    assert (document["file"], document["state"], document["loaded"]) == ("vehicle_logs/march.json", "loaded", 3)
    _wait_for_mileage(running, 30)
    assert running.get("/api/system/status")["files"]["unloaded"] == 1

    failed = running.run("retry", "--failed", "--wait")
    assert failed.returncode == 1
    assert "shipments/cut off.json: FAILED" in failed.stderr


def _wait_for_mileage(running: Installation, mileage: int) -> None:
    def look() -> bool:
        vehicles = running.get("/api/vehicles/metrics", start="2024-03-01", end="2024-03-31")
        return [vehicle["total_mileage"] for vehicle in vehicles] == [mileage]

    wait_for(look, 120, f"the API counts {mileage} km")
