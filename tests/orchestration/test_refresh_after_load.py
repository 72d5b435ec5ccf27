"""The run that loads the last file that waits also refreshes the figures; what it leaves is left to the sensor."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace

import dagster as dg
import pytest
from dagster._core.definitions.run_request import InstigatorType
from dagster._core.remote_origin import GrpcServerCodeLocationOrigin, RemoteRepositoryOrigin
from dagster._core.scheduler.instigation import InstigatorState, InstigatorStatus, SensorInstigatorData

from logistics_core.catalogue import built_in_catalogue
from logistics_core.database_contract.file_states import FileState
from logistics_core.database_contract.locks import REFRESH_LOCK
from logistics_pipeline.analytics.checks import all_checks
from logistics_pipeline.analytics.refresh import refresh
from logistics_pipeline.database.connections import advisory_lock, connect
from logistics_pipeline.orchestration.assets import refresh_after_load
from logistics_pipeline.orchestration.assets.analytics import ANALYTICS_KEYS, REFRESH_SENSOR
from logistics_pipeline.orchestration.assets.checks import check_key
from logistics_pipeline.orchestration.assets.raw import REQUESTED_BY_SENSOR
from tests.orchestration.conftest import System, shipment, vehicle_log


@pytest.fixture
def refreshing(system: System) -> System:
    """A system whose loads refresh, after the first refresh of its empty tables."""
    refresh(url_of(system), full=True)
    return replace(system, settings=system.settings.model_copy(update={"refresh_after_load": True}))


def url_of(system: System) -> str:
    assert system.settings.database_url is not None
    return system.settings.database_url


def execute(system: System, statement: str) -> None:
    with connect(url_of(system)) as connection:
        connection.execute(statement.encode())


def days(system: System) -> int:
    with connect(url_of(system)) as connection:
        row = connection.execute("SELECT count(*) FROM analytics.days").fetchone()
    assert row is not None
    return int(row[0])


def refreshed_by(run: dg.ExecuteInProcessResult) -> set[dg.AssetKey]:
    """The analytics tables that a run has materialised."""
    return {event.asset_key for event in run.all_events if event.is_step_materialization and event.asset_key} & set(
        ANALYTICS_KEYS
    )


def load_one_file(system: System) -> dg.ExecuteInProcessResult:
    system.drop("vehicle_logs.json", [vehicle_log(1)])
    (request,) = system.tick()
    run = system.run(request)
    assert run.success
    assert system.status("vehicle_logs") == {"vehicle_logs.json": "MATERIALIZED"}
    assert system.ledger()["vehicle_logs.json"].state is FileState.LOADED
    return run


def test_the_run_of_a_load_refreshes_and_checks_all_tables(refreshing: System) -> None:
    run = load_one_file(refreshing)

    assert days(refreshing) == 1
    assert refreshed_by(run) == set(ANALYTICS_KEYS)
    assert refreshing.refresh_tick() == []
    checks = all_checks(built_in_catalogue(), refreshing.settings.warn_threshold)
    assert {each.asset_check_key for each in run.get_asset_check_evaluations()} == {*map(check_key, checks)}


def test_many_loads_lead_to_one_refresh(refreshing: System) -> None:
    refreshing.drop("vehicle_logs.json", [vehicle_log(1)])
    refreshing.drop("shipments.json", [shipment(1, cost=10)])

    first, second = [refreshing.run(request) for request in refreshing.tick()]

    assert refreshed_by(first) == set()
    assert refreshed_by(second) == set(ANALYTICS_KEYS)
    assert refreshing.refresh_tick() == []


@contextmanager
def another_refresh(system: System) -> Iterator[None]:
    with connect(url_of(system)) as connection, advisory_lock(connection, REFRESH_LOCK):
        yield


@contextmanager
def long_refreshes(system: System) -> Iterator[None]:
    execute(system, f"UPDATE analytics.status SET seconds = {refresh_after_load.LONGEST_SECONDS + 1}")
    yield


@contextmanager
def refused_by_the_database(system: System) -> Iterator[None]:
    execute(system, "ALTER TABLE analytics.days RENAME TO days_elsewhere")
    yield
    execute(system, "ALTER TABLE analytics.days_elsewhere RENAME TO days")


@contextmanager
def sensor_turned_off(system: System) -> Iterator[None]:
    location = GrpcServerCodeLocationOrigin(host="localhost", port=1)
    origin = RemoteRepositoryOrigin(location, "repository").get_instigator_origin(REFRESH_SENSOR)
    state = InstigatorState(origin, InstigatorType.SENSOR, InstigatorStatus.STOPPED, SensorInstigatorData())
    system.instance.add_instigator_state(state)
    yield


@pytest.mark.slow
@pytest.mark.parametrize("hindrance", [another_refresh, long_refreshes, refused_by_the_database, sensor_turned_off])
def test_what_hinders_the_refresh_hinders_no_load_and_the_sensor_requests_it(
    refreshing: System, hindrance: Callable[[System], AbstractContextManager[None]]
) -> None:
    with hindrance(refreshing):
        run = load_one_file(refreshing)

    assert refreshed_by(run) == set()
    assert len(refreshing.refresh_tick()) == 1
    assert refresh(url_of(refreshing)).days == 1


def test_a_refresh_that_is_interrupted_takes_no_file_with_it(
    refreshing: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(_: str) -> None:
        raise dg.DagsterExecutionInterruptedError

    monkeypatch.setattr(refresh_after_load, "refresh_unless_one_runs", interrupt)
    refreshing.drop("vehicle_logs.json", [vehicle_log(1)])
    (request,) = refreshing.tick()

    assert not refreshing.run(request).success

    assert refreshing.status("vehicle_logs") == {"vehicle_logs.json": "MATERIALIZED"}
    assert refreshing.ledger()["vehicle_logs.json"].state is FileState.LOADED
    assert refreshing.tick() == []
    assert len(refreshing.refresh_tick()) == 1


def test_a_load_that_somebody_requested_in_dagster_does_not_refresh(refreshing: System) -> None:
    refreshing.drop("vehicle_logs.json", [vehicle_log(1)])
    (request,) = refreshing.tick()
    tags = {name: value for name, value in request.tags.items() if name != REQUESTED_BY_SENSOR}

    assert refreshed_by(refreshing.run(request.with_replaced_attrs(tags=tags))) == set()
    assert len(refreshing.refresh_tick()) == 1
