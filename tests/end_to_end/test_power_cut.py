"""Everything is killed at once in the middle of a load, PostgreSQL included, and started again."""

import json

import pytest

from tests.end_to_end.conftest import PATIENCE, Installation, wait_for

RECORDS = 500_000


@pytest.mark.slow
def test_after_a_power_cut_in_mid_load_the_file_is_loaded_exactly_once(installation: Installation) -> None:
    installation.settings["LOGISTICS_BATCH_RECORDS"] = "600"  # hundreds of commits: the cut falls between two of them
    installation.drop(
        "vehicle_logs.json",
        [
            {"log_id": f"L{n}", "vehicle_id": f"V{n % 50}", "trip_date": "2024-03-05", "mileage": 2}
            for n in range(RECORDS)
        ],
    )
    up = installation.start("up")
    wait_for(lambda: 0 < _records(installation)["read"] < RECORDS, 120, "the load is under way")
    installation.cut_power()
    up.communicate(timeout=30 * PATIENCE)

    up = installation.start("up")
    try:
        wait_for(lambda: _loaded(installation), 120, "the load has been resumed and finished")
        records = _records(installation)
        assert records == {"read": RECORDS, "loaded": RECORDS, "superseded": 0, "rejected": 0}
    finally:
        up.terminate()
        print(up.communicate(timeout=60 * PATIENCE)[0])
    (file,) = (
        json.loads(line)
        for line in installation.run("files", "--json").stdout.splitlines()
        if '"vehicle_logs.json"' in line
    )
    assert (file["state"], file["version"], file["loaded"]) == ("loaded", 1, RECORDS)


def _records(installation: Installation) -> dict[str, int]:
    records: dict[str, int] = installation.get("/api/system/status")["records"]
    return records


def _loaded(installation: Installation) -> bool:
    files = installation.get("/api/system/status")["files"]
    return bool(files["loaded"] == 1 and not files["loading"])
