"""An ephemeral Dagster instance over a real database and a real raw folder; no daemon."""

import json
import os
import shutil
import sqlite3
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import sqlalchemy
from dagster._core.definitions.sensor_definition import SensorExecutionData

from logistics_core.settings import Settings
from logistics_pipeline import ledger
from logistics_pipeline.database.connections import connect
from logistics_pipeline.ledger import LedgerFile
from logistics_pipeline.orchestration.definitions import build_definitions
from logistics_pipeline.orchestration.partitions import partition_status, partitions_name
from logistics_pipeline.orchestration.sensors.raw_files import SENSOR_NAME


def shipment(number: int, **values: Any) -> dict[str, Any]:
    return {"shipment_id": f"S{number}", "origin": "Lyon", "destination": "Turin", "log_id": "L1", **values}


def vehicle_log(number: int, **values: Any) -> dict[str, Any]:
    return {"log_id": f"L{number}", "vehicle_id": "V1", "trip_date": "2024-03-05", **values}


@dataclass
class System:
    """Dagster as the sensor and the runs see it, driven by hand."""

    instance: dg.DagsterInstance
    settings: Settings
    runs: list[dg.ExecuteInProcessResult] = field(default_factory=list)
    cursor: str | None = None
    """The file sensor's, from its last look."""

    def drop(self, name: str, content: object) -> Path:
        """Puts a file into the raw folder: records as JSON, text and bytes as they are."""
        path = self.settings.raw_dir / name
        path.parent.mkdir(parents=True, exist_ok=True)
        data = content if isinstance(content, bytes | str) else json.dumps(content)
        path.write_bytes(data if isinstance(data, bytes) else data.encode())
        long_ago = time.time() - 100
        os.utime(path, (long_ago, long_ago + len(data) / 1e6))
        return path

    def tick(self) -> list[dg.RunRequest]:
        """One look of the file sensor."""
        looked = self.evaluate(SENSOR_NAME, self.cursor)
        self.cursor = looked.cursor
        return list(looked.run_requests or [])

    def refresh_tick(self) -> list[dg.RunRequest]:
        """One look of the refresh sensor."""
        return list(self.evaluate("stale_analytics").run_requests or [])

    def evaluate(self, sensor_name: str, cursor: str | None = None) -> SensorExecutionData:
        """One evaluation of a sensor."""
        definitions = build_definitions(self.settings)
        (sensor,) = (sensor for sensor in definitions.sensors or [] if sensor.name == sensor_name)
        context = dg.build_sensor_context(
            instance=self.instance,
            definitions=definitions,
            resources=definitions.resources,
            sensor_name=sensor_name,
            cursor=cursor,
        )
        assert isinstance(sensor, dg.SensorDefinition)
        return sensor.evaluate_tick(context)

    def run(self, request: dg.RunRequest, job: str | None = None) -> dg.ExecuteInProcessResult:
        """Executes what a sensor requested, in this process."""
        definitions = build_definitions(self.settings)
        result = definitions.resolve_job_def(job or request.job_name or "").execute_in_process(
            instance=self.instance,
            tags=dict(request.tags),
            run_config=request.run_config,
            asset_selection=request.asset_selection,
            raise_on_error=False,
        )
        self.runs.append(result)
        return result

    def settle(self) -> None:
        """Ticks and runs until there is nothing left to do."""
        for _ in range(10):
            requests = self.tick()
            if not requests:
                return
            for request in requests:
                self.run(request)
        raise AssertionError("the sensor never comes to rest")

    def status(self, dataset: str) -> dict[str, str | None]:
        """Dagster's status of every partition."""
        keys = list(self.instance.get_dynamic_partitions(partitions_name(dataset)))
        found = partition_status(self.instance, dataset, keys)
        return {key: found.get(key) for key in keys}

    def materialisations(self, dataset: str, partition: str) -> list[dg.EventLogRecord]:
        records = dg.AssetRecordsFilter(dg.AssetKey(["raw", dataset]), asset_partitions=[partition])
        return list(self.instance.fetch_materializations(records, limit=10).records)

    def observations(self, dataset: str, partition: str) -> list[dg.EventLogRecord]:
        records = dg.AssetRecordsFilter(dg.AssetKey(["raw", dataset]), asset_partitions=[partition])
        return list(self.instance.fetch_observations(records, limit=10).records)

    def ledger(self) -> dict[str, LedgerFile]:
        assert self.settings.database_url is not None
        with connect(self.settings.database_url) as connection:
            return ledger.latest_files(connection)


@pytest.fixture(scope="session", autouse=True)
def _sqlite_does_not_wait_for_the_disk() -> Iterator[None]:
    """Dagster's storage in these tests is SQLite, which else waits for the disk after each of hundreds of events."""

    def turn_off(connection: Any, _: object) -> None:
        if isinstance(connection, sqlite3.Connection):
            connection.execute("PRAGMA synchronous = OFF")

    sqlalchemy.event.listen(sqlalchemy.Engine, "connect", turn_off)
    yield
    sqlalchemy.event.remove(sqlalchemy.Engine, "connect", turn_off)


@pytest.fixture(scope="session")
def empty_storage(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an instance that has made the tables of its storage, which takes half a second."""
    folder = tmp_path_factory.mktemp("dagster")
    with _instance(folder):
        return folder


def _instance(folder: Path) -> AbstractContextManager[dg.DagsterInstance]:
    """An instance that keeps the events of all runs in one database, as PostgreSQL does, not in one for each run."""
    events = {
        "module": "dagster._core.storage.event_log",
        "class": "ConsolidatedSqliteEventLogStorage",
        "config": {"base_dir": str(folder / "events")},
    }
    return dg.instance_for_test(overrides={"event_log_storage": events}, temp_dir=str(folder))


@pytest.fixture
def system(database_url: str, tmp_path: Path, empty_storage: Path) -> Iterator[System]:
    folder = shutil.copytree(empty_storage, tmp_path / "dagster")
    with _instance(folder) as instance:
        settings = Settings(
            database_url=database_url,
            data_dir=tmp_path / "data",
            settle_seconds=1,
            retry_seconds=2,
            long_polling=False,
            refresh_after_load=False,
        )
        settings.raw_dir.mkdir(parents=True)
        yield System(instance, settings)
