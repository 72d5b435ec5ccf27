"""Files that are asked for once more: from the command line through the ledger and the sensor to a run."""

import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster._daemon.types import DaemonHeartbeat

from logistics_pipeline.database.connections import connect
from logistics_pipeline.loading.options import load_options
from logistics_pipeline.loading.unload import unload_file
from logistics_pipeline.orchestration.retry_requests import Outcome, request_retries, wait_for_results
from logistics_pipeline.orchestration.runtime.sensor_daemon import (
    DAEMON,
    HEARTBEAT_TIMEOUT_SECONDS,
    reason_not_watching,
)
from tests.database.forking import run_command
from tests.orchestration.conftest import System, shipment, vehicle_log

CUT_OFF = '[{"shipment_id": "S1", "orig'


def ask(system: System, *paths: str) -> list[Outcome]:
    assert system.settings.database_url is not None
    with connect(system.settings.database_url) as connection:
        return [request.outcome for request in request_retries(connection, paths, system.settings)]


def unload(system: System, path: str) -> None:
    assert system.settings.database_url is not None
    unload_file(system.settings.database_url, path, load_options(system.settings))


def run_all(system: System) -> list[list[str]]:
    """Ticks once, runs what is requested, and returns the ends of each range."""
    requests = system.tick()
    for request in requests:
        system.run(request)
    return [
        [request.tags["dagster/asset_partition_range_start"], request.tags["dagster/asset_partition_range_end"]]
        for request in requests
    ]


def test_exactly_the_files_that_were_asked_for_are_loaded_again_once(system: System) -> None:
    for name in ("a", "b", "c"):
        system.drop(f"shipments/{name}.json", CUT_OFF)
    system.settle()
    assert system.tick() == []

    assert ask(system, "shipments/b.json") == [Outcome.REQUESTED]
    assert ask(system, "shipments/b.json") == [Outcome.UNDER_WAY]

    assert run_all(system) == [["shipments/b.json", "shipments/b.json"]]
    assert system.tick() == []
    assert set(system.status("shipments").values()) == {"FAILED"}


def test_a_load_that_was_given_up_goes_on_where_it_stopped(system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    records = [shipment(n, weight=-1 if n < 1_200 else 1) for n in range(2_000)]
    system.drop("shipments.json", records)
    system.settle()
    assert system.ledger()["shipments.json"].state == "failed"

    system.settings.__dict__["max_rejects"] = "100%"
    ask(system, "shipments.json")
    system.settle()

    file = system.ledger()["shipments.json"]
    assert (file.state, file.records_loaded, file.records_rejected, file.version) == ("loaded", 800, 1_200, 1)
    assert system.status("shipments") == {"shipments.json": "MATERIALIZED"}


def test_an_unloaded_file_is_left_alone_by_the_sensor_until_it_is_asked_for(system: System) -> None:
    path = system.drop("shipments.json", [shipment(1), shipment(2)])
    system.settle()

    unload(system, "shipments.json")
    assert system.tick() == []
    os.utime(path, (1_600_000_000, 1_600_000_000))  # touched
    system.settle()
    assert system.ledger()["shipments.json"].state == "unloaded"

    assert ask(system, "shipments.json") == [Outcome.REQUESTED]
    system.settle()
    file = system.ledger()["shipments.json"]
    assert (file.state, file.version, file.records_loaded, file.retry_requested_at) == ("loaded", 1, 2, None)


def test_an_unloaded_file_that_dagster_never_saw_is_left_alone_too(system: System) -> None:
    system.drop("shipments.json", [shipment(1)])
    (request,) = system.tick()
    system.run(request)
    unload(system, "shipments.json")
    system.instance.delete_dynamic_partition("shipments_files", "shipments.json")
    system.instance.wipe_assets([dg.AssetKey(["raw", "shipments"])])

    assert system.tick() == []
    assert system.status("shipments") == {"shipments.json": None}


def test_an_unloaded_file_is_loaded_by_materialising_it_and_by_changing_it(system: System) -> None:
    system.drop("shipments/a.json", [shipment(1)])
    system.drop("shipments/b.json", [shipment(2)])
    system.settle()
    unload(system, "shipments/a.json")
    unload(system, "shipments/b.json")

    system.run(dg.RunRequest(job_name="load_shipments", tags={"dagster/partition": "shipments/a.json"}))
    system.drop("shipments/b.json", [shipment(2), shipment(3)])
    system.settle()

    assert {path: (file.state, file.version) for path, file in system.ledger().items()} == {
        "shipments/a.json": ("loaded", 1),
        "shipments/b.json": ("loaded", 2),
    }


def test_an_older_file_brings_its_rows_back_when_it_is_asked_for(system: System) -> None:
    system.drop("vehicle_logs/1.json", [vehicle_log(1), vehicle_log(2)])
    system.settle()
    system.drop("vehicle_logs/2.json", [vehicle_log(1, mileage=999)])
    system.settle()
    assert ask(system, "vehicle_logs/1.json") == [Outcome.LOADED]

    unload(system, "vehicle_logs/2.json")
    assert system.tick() == [], "not by itself"
    assert system.ledger()["vehicle_logs/1.json"].records_loaded == 1
    assert ask(system, "vehicle_logs/1.json") == [Outcome.REQUESTED]
    system.settle()

    assert system.ledger()["vehicle_logs/1.json"].records_loaded == 2
    assert ask(system, "vehicle_logs/1.json") == [Outcome.LOADED]


def test_what_cannot_be_loaded_again_is_answered_with_the_reason(system: System, tmp_path: Path) -> None:
    system.drop("drivers.json", [])
    system.drop("shipments/new.json", [shipment(1)])
    gone = system.drop("shipments/gone.json", CUT_OFF)
    system.settle()
    gone.unlink()
    system.drop("shipments/waiting.json", [shipment(2)])
    system.tick()

    paths = ("nonsense", "drivers.json", "shipments/gone.json", "shipments/new.json", "shipments/waiting.json")
    assert ask(system, *paths) == [
        Outcome.UNKNOWN,
        Outcome.UNRECOGNISED,
        Outcome.MISSING,
        Outcome.LOADED,
        Outcome.UNDER_WAY,
    ]


def test_results_are_told_as_the_loads_end(system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("a", "b"):
        system.drop(f"shipments/{name}.json", CUT_OFF)
    system.settle()
    ask(system, "shipments/a.json", "shipments/b.json")
    system.drop("shipments/b.json", [shipment(1)])
    waits: list[float] = []

    def runs_meanwhile(seconds: float) -> None:
        waits.append(seconds)
        system.settle()

    assert system.settings.database_url is not None
    with connect(system.settings.database_url) as connection:
        paths = ["shipments/b.json", "shipments/a.json", "shipments/a.json"]
        ended = list(wait_for_results(connection, paths, runs_meanwhile, pause_seconds=0))

    assert [(file.path, file.version, file.state) for file in ended] == [
        ("shipments/b.json", 2, "loaded"),
        ("shipments/a.json", 1, "failed"),
    ]
    assert len(waits) == 1


# -- whether Dagster looks -----------------------------------------------------------------------------------------


def give_sign_of_life(instance: dg.DagsterInstance, seconds_ago: float) -> None:
    instance.add_daemon_heartbeat(DaemonHeartbeat(time.time() - seconds_ago, DAEMON, "an id", []))


def test_a_daemon_that_gives_no_sign_of_life_does_not_look(system: System) -> None:
    assert "daemon does not run" in str(reason_not_watching(system.instance))
    give_sign_of_life(system.instance, HEARTBEAT_TIMEOUT_SECONDS + 1)
    assert "daemon does not run" in str(reason_not_watching(system.instance))
    give_sign_of_life(system.instance, 1)
    assert reason_not_watching(system.instance) is None


# -- the command ---------------------------------------------------------------------------------------------------

Run = Callable[..., Any]


@pytest.fixture
def logistics(system: System, tmp_path: Path) -> Run:
    def run(*arguments: str) -> Any:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("LOGISTICS_")}
        environment |= {
            "LOGISTICS_DATABASE_URL": str(system.settings.database_url),
            "LOGISTICS_DATA_DIR": str(system.settings.data_dir),
        }
        done = run_command(arguments, environment, tmp_path)
        assert "Traceback" not in done.stderr
        return done

    return run


@pytest.mark.slow
def test_all_failed_files_are_asked_for_or_those_of_one_dataset(system: System, logistics: Run) -> None:
    system.drop("shipments/bad.json", CUT_OFF)
    system.drop("shipments/good.json", [shipment(1)])
    system.drop("vehicle_logs/bad.json", "not json")
    system.settle()

    done = logistics("retry", "--failed", "--dataset", "vehicle_logs", "--json")

    assert done.returncode == 0
    (document,) = (json.loads(line) for line in done.stdout.splitlines())
    assert (document["file"], document["answer"]) == ("vehicle_logs/bad.json", "requested")
    assert "Warning: Dagster's d" in done.stderr, "no daemon runs in this test"
    assert run_all(system) == [["vehicle_logs/bad.json", "vehicle_logs/bad.json"]]
    both = logistics("retry", "--failed")
    assert (both.returncode, both.stdout) == (0, "")
    assert "shipments/bad.json: requested" in both.stderr and "vehicle_logs/bad.json: requested" in both.stderr


def test_where_nothing_has_failed_that_is_what_it_says(logistics: Run) -> None:
    done = logistics("retry", "--failed")

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "No file has failed.\n")


def test_a_file_that_cannot_be_loaded_again_makes_the_exit_code_1(system: System, logistics: Run) -> None:
    system.drop("shipments.json", [shipment(1)])
    system.settle()

    done = logistics("retry", "nonsense.json", str(system.settings.raw_dir / "shipments.json"))

    assert done.returncode == 1
    assert "nonsense.json: the ledger has no such file" in done.stderr
    assert "shipments.json: is loaded: there is nothing to retry" in done.stderr


@pytest.mark.slow
def test_waiting_for_a_dagster_that_does_not_run_ends_at_once(system: System, logistics: Run) -> None:
    system.drop("shipments.json", CUT_OFF)
    system.settle()

    done = logistics("retry", "shipments.json", "--wait")

    assert done.returncode == 1
    assert "There is nothing to wait for: Dagster's d" in done.stderr
    assert system.ledger()["shipments.json"].retry_requested_at is not None


@pytest.mark.parametrize("arguments", [(), ("--failed", "a.json"), ("a.json", "--dataset", "shipments")])
def test_what_is_meant_must_be_clear(arguments: tuple[str, ...], logistics: Run) -> None:
    done = logistics("retry", *arguments)

    assert done.returncode == 2
    assert "--failed" in done.stderr
