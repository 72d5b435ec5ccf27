"""From files in the raw folder to partitions, runs and states, on an ephemeral instance."""

import gzip
import json
import os
import time
from math import inf

import dagster as dg
import pytest

from logistics_pipeline import ledger
from logistics_pipeline.analytics.checks import ledger_states
from logistics_pipeline.database.connections import Connection, connect
from logistics_pipeline.files.folder import RawFolder
from logistics_pipeline.loading.file_lock import file_lock
from logistics_pipeline.loading.loader import load_file
from logistics_pipeline.loading.options import load_options
from logistics_pipeline.loading.rejects.replay import replay_stored
from logistics_pipeline.orchestration.assets import raw
from logistics_pipeline.orchestration.definitions import build_definitions
from logistics_pipeline.orchestration.retry_requests import failed_paths
from logistics_pipeline.orchestration.sensors import raw_files
from tests.orchestration.conftest import System, shipment, vehicle_log


def test_new_files_become_partitions_and_one_run_per_dataset(system: System) -> None:
    system.drop("vehicles.json", [{"vehicle_id": "V1"}])
    system.drop("shipments/june/part-1.json", [shipment(1)])
    system.drop("shipments/june/part-2.json", [shipment(2)])

    requests = system.tick()

    assert {request.job_name for request in requests} == {"load_vehicles", "load_shipments"}
    assert system.status("vehicles") == {"vehicles.json": None}
    assert set(system.status("shipments")) == {"shipments/june/part-1.json", "shipments/june/part-2.json"}
    assert {file.state for file in system.ledger().values()} == {"registered"}


def test_a_file_that_was_just_written_is_left_alone_until_it_has_settled(system: System) -> None:
    system.settings = system.settings.model_copy(update={"settle_seconds": 60})  # longer than a look ever takes
    path = system.drop("vehicles.json", [{"vehicle_id": "V1"}])
    now = time.time()
    os.utime(path, (now, now))

    assert system.tick() == []
    assert system.ledger() == {}

    os.utime(path, (now - 61, now - 61))
    assert len(system.tick()) == 1


def test_hidden_and_unfinished_files_are_not_seen(system: System) -> None:
    for name in (".shipments.json.swp", "shipments.json.part", "shipments.json.tmp"):
        system.drop(name, [shipment(1)])

    assert system.tick() == []


def test_in_one_run_only_the_bad_files_are_red(system: System) -> None:
    for number in range(1, 6):
        system.drop(f"shipments/{number}.json", [shipment(number)])
    system.drop("shipments/6.json", '[{"shipment_id": "S6", "orig')
    system.drop("shipments/7.json", "no json at all")

    (request,) = system.tick()
    result = system.run(request)

    assert not result.success
    status = system.status("shipments")
    assert {key for key, state in status.items() if state == "FAILED"} == {"shipments/6.json", "shipments/7.json"}
    assert list(status.values()).count("MATERIALIZED") == 5


def test_a_failed_file_says_why_on_its_partition_and_in_the_run(system: System) -> None:
    system.drop("shipments.json", '[{"shipment_id": "S6", "orig')
    result = system.run(system.tick()[0])

    (observation,) = system.observations("shipments", "shipments.json")
    assert observation.asset_observation is not None
    reason = str(observation.asset_observation.metadata["error"].value)
    assert "ends in the middle" in reason and "record 1" in reason
    (failure,) = (event for event in result.all_events if event.is_step_failure)
    assert failure.step_failure_data.user_failure_data is not None
    assert failure.step_failure_data.user_failure_data.metadata["error"].value == reason


def test_a_failed_file_is_not_asked_for_again_until_it_changes(system: System) -> None:
    system.drop("shipments.json", '[{"shipment_id": "S1", "orig')
    system.settle()
    assert system.status("shipments") == {"shipments.json": "FAILED"}
    assert system.tick() == []

    system.drop("shipments.json", [shipment(1)])
    system.settle()

    assert system.status("shipments") == {"shipments.json": "MATERIALIZED"}
    assert system.ledger()["shipments.json"].version == 2


def test_materialising_a_failed_partition_again_recovers_a_mended_file(system: System) -> None:
    system.drop("shipments.json", '[{"shipment_id": "S1", "orig')
    system.settle()
    system.drop("shipments.json", [shipment(1), shipment(2)])

    tags = {"dagster/partition": "shipments.json"}
    result = system.run(dg.RunRequest(job_name="load_shipments", tags=tags))

    assert result.success
    assert system.status("shipments") == {"shipments.json": "MATERIALIZED"}
    assert system.tick() == []


def test_a_materialisation_carries_the_files_account(system: System) -> None:
    system.drop("shipments.json", [shipment(1), shipment(1, cost=5), shipment(2, weight=0), shipment(3, colour="red")])
    system.settle()

    (record,) = system.materialisations("shipments", "shipments.json")
    assert record.asset_materialization is not None
    metadata = {key: value.value for key, value in record.asset_materialization.metadata.items()}
    assert metadata["records_read"] == 4
    assert metadata["records_loaded"] == 2
    assert metadata["records_superseded"] == 1
    assert metadata["records_rejected"] == 1
    assert metadata["bytes"] == system.ledger()["shipments.json"].size_bytes
    assert metadata["seconds"] > 0 and metadata["records_per_second"] > 0
    assert metadata["dagster/row_count"] == 2 and metadata["dagster/partition_row_count"] == 2
    assert metadata["unknown_fields"] == "colour"
    assert "weight must be more than 0" in str(metadata["rejects"])


def test_a_run_of_many_files_counts_the_table_at_its_end_and_not_for_every_file(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each count adds up all files of the dataset: together they would cost the square of their number."""
    monkeypatch.setattr(raw, "COUNT_SECONDS", inf)
    for name in "abc":
        system.drop(f"shipments/{name}.json", [shipment(ord(name))])
    system.settle()

    counts = [
        record.asset_materialization.metadata.get("dagster/row_count")
        for name in "abc"
        for record in system.materialisations("shipments", f"shipments/{name}.json")
        if record.asset_materialization is not None
    ]
    assert [count and count.value for count in counts] == [1, None, 3]


def test_bad_input_of_every_kind_is_a_red_or_green_partition_and_stops_nothing(system: System) -> None:
    fails = {
        "empty": b"",
        "truncated": b'[{"shipment_id": "A", "origin": "x"',
        "not json": b"hello there",
        "wrong shape": b'{"foo": 1}',
        "scalar": b'"text"',
        "rubbish": bytes(range(256)) * 10,
        "cut gzip": gzip.compress(json.dumps([shipment(1)]).encode())[:-9],
        "mostly odd records": json.dumps([5, None, "x", ["y"], shipment(10, origin="a\0b"), shipment(11)]).encode(),
        "lone surrogate": b'[{"shipment_id":"S12","origin":"\\ud800","destination":"x","log_id":"L"}]',
    }
    loads = {
        "empty array": b"[]",
        "odd records": json.dumps([5, None, *map(shipment, (10, 11))]).encode(),
        "numeric strings": json.dumps([shipment(13, weight="12.5", cost=" 7 ")]).encode(),
        "20 MB record": json.dumps([shipment(14, origin="x" * 20_000_000), shipment(15)]).encode(),
        "a, b; c|d 'e' \"f\" Ünï 東京 100% #[1]": json.dumps([shipment(16)]).encode(),
        "north/same": json.dumps([shipment(17)]).encode(),
        "south/same": json.dumps([shipment(18)]).encode(),
    }
    for name, content in (fails | loads).items():
        system.drop(f"shipments/{name}.json", content)

    system.settle()

    status = system.status("shipments")
    red = {key.removeprefix("shipments/").removesuffix(".json") for key, state in status.items() if state == "FAILED"}
    assert red == set(fails)
    assert list(status.values()).count("MATERIALIZED") == len(loads)
    for name in fails:
        assert system.ledger()[f"shipments/{name}.json"].error
    assert all(file.is_balanced for file in system.ledger().values())


def test_a_file_that_vanishes_between_sensor_and_run_is_a_red_partition_with_the_reason(system: System) -> None:
    path = system.drop("shipments/a.json", [shipment(1)])
    system.drop("shipments/b.json", [shipment(2)])
    (request,) = system.tick()
    path.unlink()

    system.run(request)

    assert system.status("shipments") == {"shipments/a.json": "FAILED", "shipments/b.json": "MATERIALIZED"}
    assert "removed or renamed" in (system.ledger()["shipments/a.json"].error or "")
    assert system.tick() == []


def test_a_file_that_is_touched_or_written_to_while_it_waits_is_not_taken_for_gone(system: System) -> None:
    path = system.drop("shipments.json", [shipment(1)])
    assert len(system.tick()) == 1
    now = time.time()
    os.utime(path, (now, now))

    system.tick()

    assert system.ledger()["shipments.json"].state == "registered"


def test_a_registered_file_that_disappears_is_closed_with_the_reason(system: System) -> None:
    path = system.drop("shipments.json", [shipment(1)])
    system.tick()
    path.unlink()

    system.tick()

    entry = system.ledger()["shipments.json"]
    assert entry.state == "failed" and "removed or renamed" in (entry.error or "")


def test_a_file_that_was_gone_for_a_moment_is_loaded_when_it_is_back(system: System) -> None:
    """As where a network folder is not mounted for a while."""
    path = system.drop("shipments/a.json", [shipment(1)])
    elsewhere = system.settings.data_dir / "elsewhere"
    (request,) = system.tick()
    path.rename(elsewhere)
    system.run(request)
    assert system.status("shipments") == {"shipments/a.json": "FAILED"}

    elsewhere.rename(path)
    system.settle()

    assert system.status("shipments") == {"shipments/a.json": "MATERIALIZED"}
    assert (system.ledger()["shipments/a.json"].version, system.ledger()["shipments/a.json"].error) == (1, None)


@pytest.mark.parametrize("name", ["shipments.json.part", "../elsewhere/shipments.json"])
def test_a_file_that_only_the_command_line_loads_is_left_to_it_and_failed_when_that_was_killed(
    system: System, connection: Connection, name: str
) -> None:
    path = system.drop(name, [shipment(1)])
    found = RawFolder(system.settings.raw_dir).look_at(path, "shipments")
    assert found is not None
    with file_lock(connection, found.key):  # as its loader holds it
        ledger.begin(connection, ledger.register(connection, found).file_id, None)
        assert ledger.staleness(connection).is_loading
        system.tick()
        assert system.ledger()[found.key].state == "loading"

    assert not ledger.staleness(connection).is_loading
    system.tick()

    entry = system.ledger()[found.key]
    assert entry.state == "failed" and f"logistics load {found.key}" in (entry.error or "")


def test_a_file_whose_time_lies_in_the_future_is_left_alone_until_it_was_seen_unchanged(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = system.drop("vehicles.json", [{"vehicle_id": "V1"}])
    ahead = time.time() + 1000
    os.utime(path, (ahead, ahead))
    assert system.tick() == []

    later_ns = time.time_ns() + 2_000_000_000
    monkeypatch.setattr(raw_files.time, "time_ns", lambda: later_ns)

    assert len(system.tick()) == 1


def cancel(system: System, request: dg.RunRequest) -> None:
    """Somebody terminates the run in the queue."""
    job = build_definitions(system.settings).resolve_job_def(request.job_name or "")
    run = system.instance.create_run_for_job(job, tags=dict(request.tags), status=dg.DagsterRunStatus.NOT_STARTED)
    system.instance.report_run_canceled(run)


def test_files_whose_run_was_terminated_before_it_began_are_left_alone_until_somebody_asks(
    system: System, connection: Connection
) -> None:
    system.drop("shipments/a.json", [shipment(1)])
    (request,) = system.tick()
    cancel(system, request)

    assert system.tick() == []
    entry = system.ledger()["shipments/a.json"]
    assert entry.state == "failed" and "terminated" in (entry.error or "")

    assert ledger.request_retry(connection, entry.file_id)
    (request,) = system.tick()
    cancel(system, request)
    assert system.tick() == []

    system.drop("shipments/a.json", [shipment(1), shipment(2)])
    system.settle()
    assert system.status("shipments") == {"shipments/a.json": "MATERIALIZED"}


def test_a_file_whose_run_was_terminated_by_killing_it_is_left_alone(system: System, connection: Connection) -> None:
    system.drop("shipments/a.json", [shipment(1)])
    system.drop("shipments/b.json", [shipment(2)])
    (request,) = system.tick()
    cancel(system, request)
    (run,) = system.instance.get_runs()
    ledger.begin(connection, system.ledger()["shipments/a.json"].file_id, run.run_id)

    assert system.tick() == []

    assert {file.state for file in system.ledger().values()} == {"failed"}


def test_a_file_that_belongs_to_no_dataset_is_in_the_ledger_and_nowhere_else(system: System) -> None:
    system.drop("invoices.json", [{"invoice": 1}])

    assert system.tick() == []
    entry = system.ledger()["invoices.json"]
    assert entry.state == "unrecognised"
    assert "names no dataset" in (entry.error or "")


@pytest.mark.parametrize("name", ["vehicles.json", "invoices.json"])
def test_a_failed_or_unrecognised_file_that_was_deleted_is_dismissed_until_it_returns(
    system: System, name: str
) -> None:
    path = system.drop(name, "[{")
    system.settle()
    state = system.ledger()[name].state
    assert state in ("failed", "unrecognised") and system.ledger()[name].dismissed_at is None

    path.unlink()
    system.settle()

    entry = system.ledger()[name]
    assert (entry.state, entry.dismissed_at is not None) == (state, True)
    with connect(system.settings.database_url or "") as connection:
        assert failed_paths(connection) == []
        assert ledger_states(connection) == {}

    system.drop(name, "[{")
    system.settle()
    assert (system.ledger()[name].state, system.ledger()[name].dismissed_at) == (state, None)


def test_a_file_loaded_by_the_command_line_becomes_green_without_being_loaded_again(system: System) -> None:
    path = system.drop("shipments.json", [shipment(1)])
    found = RawFolder(system.settings.raw_dir).look_at(path)
    assert found is not None and system.settings.database_url is not None
    load_file(system.settings.database_url, found, load_options(system.settings))
    before = system.ledger()["shipments.json"]

    system.settle()

    assert system.status("shipments") == {"shipments.json": "MATERIALIZED"}
    assert system.ledger()["shipments.json"] == before


def test_a_touched_file_is_looked_at_and_not_loaded_again(system: System) -> None:
    path = system.drop("shipments.json", [shipment(1)])
    system.settle()
    os.utime(path, (1_600_000_000, 1_600_000_000))

    system.settle()

    assert system.ledger()["shipments.json"].version == 1
    assert len(system.runs) == 2


def test_a_load_that_died_is_asked_for_again_and_given_up_after_so_many_runs(system: System) -> None:
    system.drop("shipments.json", [shipment(1)])
    (request,) = system.tick()
    entry = system.ledger()["shipments.json"]
    assert system.settings.database_url is not None
    # What a run leaves behind that was killed in mid-load: a failed partition, and "loading" in the ledger.
    system.settings.raw_dir.joinpath("shipments.json").rename(system.settings.data_dir / "aside")
    system.run(request)
    (system.settings.data_dir / "aside").rename(system.settings.raw_dir / "shipments.json")
    asked = 0
    with connect(system.settings.database_url) as connection:
        connection.execute("UPDATE ingest.files SET attempts = 0")
        for attempt in range(10):
            ledger.begin(connection, entry.file_id, f"run {attempt}")
            if not system.tick():
                break
            asked += 1

    assert asked == system.settings.load_attempts - 1
    assert "died 3 times" in (system.ledger()["shipments.json"].error or "")
    assert system.tick() == []


def loaded_but_red(system: System) -> None:
    """Leaves what a run does that is killed between the commit that ends a file and telling Dagster."""
    path, aside = system.drop("shipments.json", [shipment(1)]), system.settings.data_dir / "aside"
    (request,) = system.tick()
    path.rename(aside)
    system.run(request)
    aside.rename(path)
    found = RawFolder(system.settings.raw_dir).look_at(path)
    assert found is not None and system.settings.database_url is not None
    load_file(system.settings.database_url, found, load_options(system.settings))
    assert system.ledger()["shipments.json"].state == "loaded"
    assert system.status("shipments") == {"shipments.json": "FAILED"}


def test_a_run_that_died_when_its_file_was_loaded_but_unreported_does_not_leave_it_red(system: System) -> None:
    loaded_but_red(system)
    before = system.ledger()["shipments.json"]

    (request,) = system.tick()
    assert system.run(request).success

    assert system.status("shipments") == {"shipments.json": "MATERIALIZED"}
    assert system.ledger()["shipments.json"].records_read == before.records_read == 1
    assert system.ledger()["shipments.json"].seconds == before.seconds
    assert system.tick() == []


def test_runs_that_die_before_they_report_a_loaded_file_are_not_asked_for_for_ever(system: System) -> None:
    loaded_but_red(system)

    asked = 0
    while system.tick():
        asked += 1
        assert asked < 10

    assert asked == system.settings.load_attempts
    assert system.ledger()["shipments.json"].state == "loaded"


def test_a_load_that_gets_on_with_every_run_is_not_given_up_however_often_its_run_dies(system: System) -> None:
    system.drop("shipments.json", [shipment(number) for number in range(10)])
    system.tick()
    entry = system.ledger()["shipments.json"]
    assert system.settings.database_url is not None
    with connect(system.settings.database_url) as connection:
        for run in range(system.settings.load_attempts + 2):
            ledger.begin(connection, entry.file_id, f"run {run}")
            assert ledger.advance(connection, entry.file_id, ledger.Progress(run, 1, 1, 0, 0, run + 1, [], 0.1))
            # The run dies here: the attempt was not in vain, so the next ones are counted from its batch on.
            assert system.ledger()["shipments.json"].attempts == 0
            assert system.tick() != []


def test_files_are_registered_in_the_order_they_were_written_whatever_their_dataset_or_name(system: System) -> None:
    for name, age in (("shipments/b.json", 50), ("vehicle_logs.json", 60), ("shipments/a.json", 40)):
        content = [vehicle_log(1)] if "logs" in name else [shipment(1)]
        path = system.drop(name, content)
        os.utime(path, (time.time() - age, time.time() - age))

    system.tick()

    in_order = sorted(system.ledger().values(), key=lambda file: file.file_id)
    assert [file.path for file in in_order] == ["vehicle_logs.json", "shipments/b.json", "shipments/a.json"]


def test_many_small_files_are_few_runs(system: System) -> None:
    system.settings = system.settings.model_copy(update={"files_per_run": 20})
    for number in range(45):
        system.drop(f"shipments/{number:03}.json", [shipment(number)])

    requests = system.tick()

    assert [request.tags["logistics/files"] for request in requests] == ["20", "20", "5"]


def test_a_path_too_long_is_told_and_keeps_no_other_file_waiting(system: System) -> None:
    system.drop("/".join(["shipments", *["x" * 200] * 15, "deep.json"]), [shipment(1)])
    system.drop("shipments.json", [shipment(2)])

    assert len(system.tick()) == 1

    (entry,) = [file for file in system.ledger().values() if file.state == "unrecognised"]
    assert "longer than 1,000 bytes" in (entry.error or "")
    system.tick()
    assert len(system.ledger()) == 2


def test_a_file_that_failed_by_its_rejects_is_green_once_a_replay_has_loaded_them(system: System) -> None:
    system.drop("vehicles.json", [{"vehicle_id": "V1", "total_mileage": -number} for number in range(1, 4)])
    (request,) = system.tick()
    system.run(request)
    assert system.status("vehicles") == {"vehicles.json": "FAILED"}
    url = system.settings.database_url
    assert url is not None
    with connect(url) as connection:
        connection.execute('UPDATE ingest.rejects SET raw = \'{"vehicle_id": "V1"}\'')
    assert replay_stored(url, load_options(system.settings), dataset="vehicles").accepted == 3

    (request,) = system.tick()

    assert system.run(request).success
    assert system.status("vehicles") == {"vehicles.json": "MATERIALIZED"}
    assert system.ledger()["vehicles.json"].error is None
