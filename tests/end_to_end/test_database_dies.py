"""The embedded PostgreSQL is killed under a running system: `logistics up` starts it again, and everything goes on."""

import signal

import psutil
import pytest

from tests.end_to_end.conftest import Installation, wait_for

pytestmark = pytest.mark.slow


def test_a_killed_postmaster_is_started_again_and_files_are_loaded_as_before(running: Installation) -> None:
    pid_file = running.data_dir / "postgres" / "postmaster.pid"
    first = int(pid_file.read_text().split()[0])
    running.drop("vehicles.json", [{"vehicle_id": "V1", "name": "One", "total_mileage": 1}])
    wait_for(lambda: loaded(running) == 1, 120, "the first file is loaded")

    psutil.Process(first).send_signal(signal.SIGKILL)

    wait_for(lambda: running.get("/ready")["status"] == "ready" and postmaster(pid_file) != first, 60, "it is back")
    running.drop("vehicles-2.json", [{"vehicle_id": "V2", "name": "Two", "total_mileage": 1}])
    wait_for(lambda: loaded(running) == 2, 180, "the second file is loaded")


def loaded(running: Installation) -> int:
    count: int = running.get("/api/system/status")["files"]["loaded"]
    return count


def postmaster(pid_file: object) -> int:
    return int(pid_file.read_text().split()[0])  # type: ignore[attr-defined]
